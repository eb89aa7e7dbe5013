"""A plan to look at: a picture of area, tasks and parts, and the parts as GeoJSON."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from orchestrator.core.files import fill_whole, write_whole
from orchestrator.model.grid import Window
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.plan.budget import MIB, part_bytes_bound
from orchestrator.plan.reproject import LONLAT, densify, parse_crs, shift_longitude, transformer_between, unwrapped
from orchestrator.raster.arrays import Floats

INK, PAPER, LAND = "#22303c", "#f3f0e9", "#14232f"
# Quiet colours of similar lightness, ordered so that tasks with neighbouring numbers differ.
TASK_COLOURS = (
    "#8fb8de", "#f2b880", "#9fcf9f", "#d9a0b8", "#c3b1e1", "#e8d38a",
    "#86c5c0", "#e69f8a", "#b5c99a", "#a9b7c6", "#d8b4a0", "#9ad0ec",
)  # fmt: skip
WIDTH_INCHES = 9.0
DOTS_PER_INCH = 130
# An outline finer than a dot of the picture cannot be seen, and takes seconds to draw.
MAX_DRAWN_VERTICES = 50_000
MAX_CURVED_PARTS = 1_000
# The lines round so many are a quarter of a point wide, and four points from each other.
MAX_OUTLINED_PARTS = 10_000
# Features written at a time; each takes a few KiB meanwhile.
WRITTEN_AT_ONCE = 4_096


def draw_plan(plan: Plan, path: Path, title: str) -> None:
    """
    Write a PNG of `plan` to `path`: tasks in colours, parts outlined, the area's border, the numbers below.

    What lies in the grid but in no part is hatched: it is never exported. Axes are in units of the grid's
    CRS. The file appears whole or not at all.
    """
    # matplotlib loads in a second that commands without pictures need not wait; the object interface leaves
    # no figure behind in pyplot's global list and works in any thread.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    left, bottom, right, top = plan.grid.bounds()
    shape = min(max((top - bottom) / (right - left), 0.3), 1.6)
    figure = Figure(figsize=(WIDTH_INCHES, WIDTH_INCHES * shape * 0.86 + 2.1), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.11, 1.55 / figure.get_figheight(), 0.86, 1 - 2.1 / figure.get_figheight()))
    _draw_unasked(axes, plan)
    _draw_tasks(axes, plan)
    _draw_area(axes, plan)
    _dress(axes, plan, title)
    figure.text(
        0.11, 0.72 / figure.get_figheight(), _caption(plan),
        fontsize=9, color=INK, va="center", ha="left", linespacing=1.6,
    )  # fmt: skip
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    write_whole(path, file.getvalue())


def _draw_unasked(axes: Any, plan: Plan) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    left, bottom, right, top = plan.grid.bounds()
    axes.add_patch(
        Rectangle(
            (left, bottom), right - left, top - bottom,
            facecolor=PAPER, edgecolor="#d9d4c7", hatch="///", linewidth=0.0, zorder=0,
        )
    )  # fmt: skip


def _draw_tasks(axes: Any, plan: Plan) -> None:
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    count = plan.part_count + len(plan.direct)
    parts = [(task.index, part) for task in plan.tasks for part in _outlined(task, many=count > MAX_OUTLINED_PARTS)]
    parts += enumerate(plan.direct, len(plan.tasks))
    # Lines grow thinner with the number of parts, so that colours still show where there are thousands.
    line = min(0.9, 25.0 / max(count, 1) ** 0.5)
    colours = [TASK_COLOURS[owner * 5 % len(TASK_COLOURS)] for owner, _part in parts]
    corners = _corners(plan, [part for _owner, part in parts])
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colours, edgecolors="white", linewidths=line, zorder=1)
    )
    axes.add_collection(
        PolyCollection(
            list(_corners(plan, plan.windows)),
            facecolors="none", edgecolors=INK, linewidths=min(1.1, 2.2 * line), zorder=2,
        )
    )  # fmt: skip


def _outlined(task: TaskPlan, *, many: bool) -> tuple[Window, ...]:
    """Return what is coloured of a task: each part, with a line round it; the whole, where nobody would see these."""
    return (task.window,) if many else task.parts()


def _draw_area(axes: Any, plan: Plan) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    area = shapely.from_wkb(plan.area_wkb)
    left, bottom, right, top = plan.grid.bounds()
    if shapely.get_num_coordinates(area) > MAX_DRAWN_VERTICES:
        area = area.simplify(max(right - left, top - bottom) / 2000, preserve_topology=False)
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(area)), return_index=True)
    rings = np.split(xy, np.flatnonzero(np.diff(ring)) + 1)
    axes.add_collection(LineCollection(rings, colors="white", linewidths=2.6, alpha=0.8, zorder=3))
    axes.add_collection(LineCollection(rings, colors=LAND, linewidths=1.3, zorder=4))


def _dress(axes: Any, plan: Plan, title: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415

    left, bottom, right, top = plan.grid.bounds()
    margin = 0.02 * max(right - left, top - bottom)
    axes.set_xlim(left - margin, right + margin)
    axes.set_ylim(bottom - margin, top + margin)
    axes.set_aspect("equal", adjustable="box", anchor="C")
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", color=INK, pad=10)
    crs = parse_crs(plan.grid.crs)
    unit = crs.axis_info[0].unit_name
    first, second = ("longitude", "latitude") if crs.is_geographic else ("easting", "northing")
    axes.set_xlabel(f"{first} ({unit}, {_short_crs(plan)})", color=INK, fontsize=9)
    axes.set_ylabel(f"{second} ({unit})", color=INK, fontsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:,.10g}"))
    axes.tick_params(colors=INK, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color("#b8b3a6")


def _caption(plan: Plan) -> str:
    grid, a, e = plan.grid, plan.grid.transform[0], plan.grid.transform[4]
    first = plan.tasks[0] if plan.tasks else None
    sides = f"{first.part_height:,} × {first.part_width:,} px" if first else "none"
    share = plan.area_pixels / grid.pixels
    bands = ", ".join(plan.pixels.bands) if len(plan.pixels.bands) <= 6 else f"{len(plan.pixels.bands)} bands"
    what = (
        f"Grid {grid.height:,} rows × {grid.width:,} columns of {a:.6g} × {-e:.6g} in {_short_crs(plan)}; "
        f"{plan.area_pixels:,} pixels ({share:.0%}) in the area"
    )
    how = (
        f"{len(plan.tasks):,} tasks (colours), {plan.part_count:,} parts of {sides}, "
        f"none above {plan.max_part_bytes / MIB:,.3g} MiB as a file; hatched: never exported"
    )
    if plan.direct:
        how = (
            f"{len(plan.direct):,} requests (colours), and {how}"
            if plan.tasks
            else (f"{len(plan.direct):,} requests (colours); hatched: never asked for")
        )
    weight = (
        f"{bands} as {plan.pixels.dtype}; at most {_gigabytes(plan.bucket_bytes)} in the bucket and "
        f"{_gigabytes(plan.disk_bytes)} on disk; about {plan.memory_bytes / MIB:,.0f} MiB of memory"
    )
    return f"{what}\n{how}\n{weight}"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _short_crs(plan: Plan) -> str:
    return plan.grid.crs if len(plan.grid.crs) <= 20 else parse_crs(plan.grid.crs).name


def _corners(plan: Plan, windows: Sequence[Window]) -> Floats:
    """Return the corners of `windows` in units of the CRS, as (window, 4 corners, x and y)."""
    a, _b, c, _d, e, f = plan.grid.transform
    edges = np.array([(w.row, w.col, w.bottom, w.right) for w in windows], dtype=np.float64).reshape(-1, 4)
    top, left, bottom, right = f + e * edges[:, 0], c + a * edges[:, 1], f + e * edges[:, 2], c + a * edges[:, 3]
    return np.stack(
        [np.stack(pair, axis=1) for pair in ((left, top), (right, top), (right, bottom), (left, bottom))], axis=1
    )


def write_parts(plan: Plan, path: Path) -> None:
    """Write `parts_geojson` of a plan to `path`, whole or not at all."""
    fill_whole(path, partial(_fill, plan))


def _fill(plan: Plan, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_collection(plan, None))


def parts_geojson(plan: Plan, learned_bytes_per_pixel: float | None = None) -> dict[str, Any]:
    """
    Return the parts as a GeoJSON FeatureCollection in EPSG:4326 (longitude, latitude).

    Each feature carries `part` (numbered through the plan from 0), `task`, `row`, `col`, `height`, `width` (its
    window on the grid) and `max_bytes`, which its file cannot exceed; what comes in the answer to a request has no
    `task`. A part across longitude 180 has
    longitudes beyond 180; one round a pole reaches from -180 to 180 and to the pole.
    """
    collection: dict[str, Any] = json.loads("".join(_collection(plan, learned_bytes_per_pixel)))
    return collection


def _collection(plan: Plan, learned: float | None) -> Iterator[str]:
    """Yield a FeatureCollection as text, a feature a line."""
    yield '{"type": "FeatureCollection", "features": ['
    before = "\n"
    for feature in _features(plan, learned):
        yield f"{before}{feature}"
        before = ",\n"
    yield "\n]}\n"


def _features(plan: Plan, learned: float | None) -> Iterator[str]:
    exported: Iterator[tuple[int | None, Window]] = ((task.index, part) for task in plan.tasks for part in task.parts())
    parts = enumerate(itertools.chain(exported, ((None, window) for window in plan.direct)))
    bound = cache(partial(part_bytes_bound, pixels=plan.pixels, learned_bytes_per_pixel=learned))
    curved = plan.part_count + len(plan.direct) < MAX_CURVED_PARTS
    while some := list(itertools.islice(parts, WRITTEN_AT_ONCE)):
        outlines = _lonlat_outlines(plan, [part for _number, (_task, part) in some], curved=curved)
        for (number, (task, part)), outline in zip(some, outlines, strict=True):
            about = {
                "part": number,
                "task": task,
                "row": part.row,
                "col": part.col,
                "height": part.height,
                "width": part.width,
                "max_bytes": min(plan.max_part_bytes, bound(part.height, part.width)),
            }
            yield f'{{"type": "Feature", "properties": {json.dumps(about)}, "geometry": {outline}}}'


def _lonlat_outlines(plan: Plan, parts: Sequence[Window], *, curved: bool) -> list[str]:
    source = parse_crs(plan.grid.crs)
    transformer = transformer_between(source, parse_crs(LONLAT))
    # Straight edges of the grid are curved in degrees; with thousands of parts each is too short for it to show.
    shapes: Any = shapely.polygons(_corners(plan, parts))
    shapes = shapely.orient_polygons(densify(shapes, source) if curved else shapes)
    shapes = shapely.transform(shapes, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])).round(7))
    left, _bottom, right, _top = shapely.bounds(shapes).T
    for index in np.flatnonzero(right - left > 180):
        shapes[index] = unwrapped(shapes[index])
    beyond = shapely.bounds(shapes)[:, 0] < -180
    shapes[beyond] = shift_longitude(shapes[beyond], 360.0)
    return list(shapely.to_geojson(shapes))

"""Tiles to look at: a picture of the footprints, coloured by a value of each."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import Series

SPLIT = "split"
INK, PAPER = "#22303c", "#f3f0e9"
NONE_COLOUR = "#c9c5ba"
# What tells training from the rest has one colour everywhere.
SPLIT_COLOURS = MappingProxyType(
    {"train": "#4c78a8", "val": "#f2a93b", "validation": "#f2a93b", "test": "#59a14f", "gap": "#8c8c8c"}
)
COLOURS = (
    "#4c78a8", "#f2a93b", "#59a14f", "#b279a2", "#e45756", "#72b7b2",
    "#9c755f", "#eeca3b", "#ff9da6", "#79706e", "#88d27a", "#d6a5c9",
)  # fmt: skip
WIDTH_INCHES, DOTS_PER_INCH = 9.0, 130
# Characters in a line of the title of the legend, of its labels, above the picture; beside the scale, per inch of it.
_TITLE, _LABEL, _HEAD, _BAR = 26, 18, 66, 10
_FINE = 5_000  # more tiles than these are drawn without lines between them
MOST_LISTED = 12  # more numbers than these are a scale, not a list
_MAX_DRAWN_VERTICES = 50_000
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Colouring:
    """
    A value for each tile: what a picture is coloured by, and what is burnt into pixels.

    Attributes:
        name: What it is, for a legend.
        series: In the order of the tiles; missing where there is none. Numbers, or texts of categories.
        names: What a category is called, by its text, where somebody said it.
        colours: Of a category, by its text, where somebody said it; what is no colour is passed over.
    """

    name: str
    series: Series
    names: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    colours: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @property
    def is_scale(self) -> bool:
        """Whether they are numbers, and more of them than a legend lists."""
        return self.series.dtype.kind in "iuf" and self.series.nunique() > MOST_LISTED


def draw_tiles(
    frame: GeoDataFrame, title: str, colouring: Colouring | None = None, outline: BaseGeometry | None = None
) -> bytes:
    """
    Return a PNG of tiles.

    Axes are in kilometres from the lower left corner, in the tiles' own CRS where it is projected, else in an
    equal-area projection about their middle.

    Args:
        frame: Tiles in any CRS.
        title: Above the picture.
        colouring: By what; one colour without.
        outline: Of the area, in degrees.
    """
    # matplotlib loads in a second that commands without pictures need not wait; the object interface leaves
    # no figure behind in pyplot's global list and works in any thread.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    plane, rings, width, height = _on_a_plane(frame, outline)
    shape = min(max(height / max(width, 1e-9), 0.3), 1.6)
    figure = Figure(figsize=(WIDTH_INCHES, WIDTH_INCHES * shape * 0.72 + 1.2), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.75 / figure.get_figheight(), 0.66, 1 - 1.2 / figure.get_figheight()))
    _draw(axes, plane, colouring)
    _draw_outline(axes, rings)
    _dress(axes, width, height, title)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _on_a_plane(
    frame: GeoDataFrame, outline: BaseGeometry | None
) -> tuple[NDArray[np.object_], list[Any], float, float]:
    """Return tiles and the rings of the outline in kilometres from their lower left corner, and how wide and high."""
    import geopandas as gpd  # noqa: PLC0415  heavy

    crs = frame.crs
    if not crs.is_projected:
        lonlat = frame.geometry.to_crs("EPSG:4326")
        west, south, east, north = lonlat.total_bounds
        lon = 180.0 if east - west > 180 else (west + east) / 2
        crs = f"+proj=laea +lat_0={(south + north) / 2:.6f} +lon_0={lon:.6f} +units=m +type=crs"
    tiles = frame.geometry.to_crs(crs).to_numpy()
    lines = np.array([], dtype=object)
    if outline is not None:
        if shapely.get_num_coordinates(outline) > _MAX_DRAWN_VERTICES:
            outline = outline.simplify(0.001, preserve_topology=False)
        lines = shapely.boundary(gpd.GeoSeries([outline], crs="EPSG:4326").to_crs(crs).to_numpy())
    left, bottom, right, top = shapely.total_bounds([*tiles, *lines])
    moved = [shapely.transform(each, lambda xy: (xy - (left, bottom)) / 1000) for each in (tiles, lines)]
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_parts(moved[1])]
    return moved[0], rings, float(right - left) / 1000, float(top - bottom) / 1000


def _draw(axes: Any, plane: NDArray[np.object_], colouring: Colouring | None) -> None:
    if colouring is None:
        _add(axes, plane, facecolors=COLOURS[0])
        _legend(axes, [(COLOURS[0], f"{len(plane):,} tiles")], "")
    elif colouring.is_scale:
        _draw_scale(axes, plane, colouring)
    else:
        _draw_categories(axes, plane, colouring)


def _draw_categories(axes: Any, plane: NDArray[np.object_], colouring: Colouring) -> None:
    values = colouring.series.astype(object).to_numpy()
    known = colouring.series.notna().to_numpy()
    texts = np.where(known, [_text(value) for value in values], "")
    counted = colouring.series[known].map(_text).value_counts()
    listed = _in_order(list(counted.index))
    shown = listed[:MOST_LISTED] if len(listed) <= MOST_LISTED else listed[: MOST_LISTED - 1]
    entries, colours = [], np.full(len(plane), NONE_COLOUR, dtype=object)
    for at, text in enumerate(shown):
        colour = _colour(colouring, text) or COLOURS[at % len(COLOURS)]
        colours[texts == text] = colour
        named = colouring.names.get(text)
        entries.append((colour, f"{_within(f'{text} {named}' if named else text, _LABEL)}  {counted[text]:,}"))
    if rest := listed[len(shown) :]:
        entries.append((NONE_COLOUR, f"{len(rest)} others  {int(counted[rest].sum()):,}"))
    if missing := int((~known).sum()):
        entries.append((NONE_COLOUR, f"none  {missing:,}"))
    _add(axes, plane, facecolors=list(colours))
    _legend(axes, entries, colouring.name)


def _colour(colouring: Colouring, text: str) -> str | None:
    from matplotlib.colors import is_color_like, to_hex  # noqa: PLC0415  reads every way in which colours are written

    told = colouring.colours.get(text)
    return to_hex(told) if is_color_like(told) else SPLIT_COLOURS.get(text)


def _draw_scale(axes: Any, plane: NDArray[np.object_], colouring: Colouring) -> None:
    values = colouring.series.astype(float).to_numpy()
    drawn = _add(axes, plane, array=np.ma.masked_invalid(values), cmap="viridis")
    bar = axes.figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.03)
    told = np.isfinite(values)
    label = f"{colouring.name}  ({int(told.sum()):,} of {len(values):,} tiles)"
    bar.set_label(_within(label, int(axes.figure.get_figheight() * _BAR)), fontsize=9, color=INK, parse_math=False)
    bar.formatter.set_useOffset(False)  # 0.40992, rather than 0.4099 above and 2e-5 beside the mark
    bar.update_ticks()
    bar.ax.tick_params(colors=INK, labelsize=8)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_order(texts: list[str]) -> list[str]:
    """Return categories as people expect them: train before val before test, numbers by size, else by the alphabet."""
    first = ("train", "val", "validation", "test")

    def place(text: str) -> tuple[int, float, str]:
        if text in first:
            return 0, first.index(text), ""
        try:
            return 1, float(text), ""
        except ValueError:
            return 2, 0.0, text

    return sorted(texts, key=place)


def _add(axes: Any, plane: NDArray[np.object_], **how: Any) -> Any:
    """Draw polygons by their outer rings, all at once."""
    from matplotlib.collections import PolyCollection  # noqa: PLC0415

    parts, owners = shapely.get_parts(plane, return_index=True)
    for name in ("facecolors", "array"):
        if name in how and not isinstance(how[name], str):
            how[name] = how[name][owners] if name == "array" else [how[name][owner] for owner in owners]
    xy, owner = shapely.get_coordinates(shapely.get_exterior_ring(parts), return_index=True)
    rings = np.split(xy, np.flatnonzero(np.diff(owner)) + 1)
    # Lines grow thinner with the number of tiles, so that colours still show where there are thousands.
    line = 0.0 if len(parts) > _FINE else min(0.8, 25.0 / len(parts) ** 0.5)
    how |= {"edgecolors": "face" if line == 0 else "white", "linewidths": line or 0.1, "antialiaseds": line > 0}
    drawn = PolyCollection(rings, zorder=1, **how)
    axes.add_collection(drawn)
    return drawn


def _legend(axes: Any, entries: Sequence[tuple[str, str]], title: str) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415

    legend = axes.legend(
        [Patch(facecolor=colour) for colour, _ in entries], [label for _, label in entries],
        title=_within(title, _TITLE) or None, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0,
        fontsize=9, title_fontsize=9, frameon=False, labelcolor=INK, alignment="left",
    )  # fmt: skip
    legend.get_title().set_color(INK)
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_parse_math(False)  # names of other people, in which a $ is a $


def _within(text: str, width: int, lines: int = 3) -> str:
    """Return a text in lines of so many characters; what is left after the last is left out."""
    return "\n".join(textwrap.wrap(text, width, max_lines=lines, placeholder=" …"))


def _draw_outline(axes: Any, rings: Sequence[Any]) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    axes.add_collection(LineCollection(rings, colors="white", linewidths=2.4, alpha=0.8, zorder=3))
    axes.add_collection(LineCollection(rings, colors=INK, linewidths=1.1, zorder=4))


def _dress(axes: Any, width: float, height: float, title: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415

    margin = 0.03 * max(width, height, 1e-6)
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(-2 * margin, height + margin)
    axes.set_aspect("equal", adjustable="box", anchor="NW")
    axes.set_facecolor(PAPER)
    axes.set_title(
        _within(title, _HEAD, 2), loc="left", fontsize=12, fontweight="bold", color=INK, pad=6, parse_math=False
    )
    axes.set_xlabel("km to the east", color=INK, fontsize=9)
    axes.set_ylabel("km to the north", color=INK, fontsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(FuncFormatter(lambda value, _at: f"{value:,.6g}"))
    axes.tick_params(colors=INK, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color("#b8b3a6")
    _scale_bar(axes, width, margin)


def _scale_bar(axes: Any, width: float, margin: float) -> None:
    """Draw a bar of 1, 2 or 5 times a power of ten kilometres, at most a fifth of the width."""
    wanted = max(width / 5, 1e-6)
    power = 10.0 ** np.floor(np.log10(wanted))
    length = power * max(step for step in (1, 2, 5) if step * power <= wanted)
    label = f"{length:,.6g} km" if length >= 1 else f"{length * 1000:,.6g} m"
    axes.plot([0, length], [-margin, -margin], color=INK, linewidth=3, solid_capstyle="butt", zorder=5)
    axes.annotate(
        label, (length, -margin), xytext=(5, 0), textcoords="offset points", fontsize=8, color=INK, va="center"
    )

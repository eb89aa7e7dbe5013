"""A plan as SVG: small enough to stand inside a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.model.grid import Window
    from orchestrator.model.plan import Plan

WIDTH = 420.0  # of the drawing, in pixels of the screen
TALLEST = 420.0
# What a browser draws at once, and what a notebook keeps without weight.
MOST_PARTS = 1_500
MOST_POINTS = 2_000
_COLOURS = ("#8fb8de", "#f2b880", "#9fcf9f", "#d9a0b8", "#c3b1e1", "#e8d38a", "#86c5c0", "#e69f8a")


def plan_svg(plan: Plan) -> str:
    """Return a drawing of tasks (colours), parts (lines) and the area's outline; what stays paper is never exported."""
    grid = plan.grid
    scale = min(WIDTH / grid.width, TALLEST / grid.height)
    width, height = grid.width * scale, grid.height * scale
    shapes = [*_rectangles(plan, scale), *_outline(plan, scale)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" role="img" aria-label="tasks and parts of the plan over the area">'
        f'<rect width="100%" height="100%" fill="#f3f0e9"/>{"".join(shapes)}</svg>'
    )


def _rectangles(plan: Plan, scale: float) -> Iterator[str]:
    many = plan.part_count > MOST_PARTS
    for task in plan.tasks[:MOST_PARTS]:
        colour = _COLOURS[task.index * 5 % len(_COLOURS)]
        for window in (task.window,) if many else task.parts():
            yield _rectangle(window, scale, colour)
    for index, window in enumerate(plan.direct[:MOST_PARTS], len(plan.tasks)):
        yield _rectangle(window, scale, _COLOURS[index * 5 % len(_COLOURS)])


def _rectangle(window: Window, scale: float, colour: str) -> str:
    x, y, width, height = (value * scale for value in (window.col, window.row, window.width, window.height))
    where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {where} fill="{colour}" stroke="white" stroke-width="0.7"/>'


def _outline(plan: Plan, scale: float) -> Iterator[str]:
    import shapely  # noqa: PLC0415  with a plan there was an area, and it is loaded

    area = shapely.from_wkb(plan.area_wkb)
    if shapely.get_num_coordinates(area) > MOST_POINTS:
        a = plan.grid.transform[0]
        area = area.simplify(a / scale, preserve_topology=False)  # one pixel of the screen
    paths = [_path(ring, plan, scale) for part in shapely.get_parts([area]) for ring in shapely.get_rings(part)]
    yield f'<path d="{" ".join(paths)}" fill="none" stroke="#14232f" stroke-width="1.3"/>'


def _path(ring: Any, plan: Plan, scale: float) -> str:
    import shapely  # noqa: PLC0415

    a, _b, c, _d, e, f = plan.grid.transform
    points = (f"{(x - c) / a * scale:.1f},{(y - f) / e * scale:.1f}" for x, y in shapely.get_coordinates(ring).tolist())
    return f"M{' '.join(points)}Z"

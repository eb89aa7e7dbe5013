"""Whether parts that come from somewhere cover a raster: what is missing, and what is there twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.model.grid import Window
from orchestrator.products.mosaic.parts.survey import EARTH_ENGINE, Found, Survey
from orchestrator.raster.spans import SpanTable

NAMED_AT_MOST = 12


def uncovered(whole: Window, windows: Sequence[Window]) -> list[Window]:
    """Return the pixels of `whole` that no window covers, as few disjoint rectangles, from top to bottom."""
    edges = sorted({whole.row, whole.bottom}.union(*({w.row, w.bottom} for w in windows)))
    coming = sorted(windows, key=lambda w: w.row, reverse=True)
    here: list[Window] = []
    growing: dict[tuple[int, int], int] = {}  # gap (first column, column after it) -> first row
    found = []
    for top in edges:
        here = [w for w in here if w.bottom > top]
        while coming and coming[-1].row == top:
            here.append(coming.pop())
        gaps = set(_gaps(whole, here)) if top < whole.bottom else set()
        for gap in [gap for gap in growing if gap not in gaps]:
            row = growing.pop(gap)
            found.append(Window(row, gap[0], top - row, gap[1] - gap[0]))
        growing |= {gap: top for gap in gaps if gap not in growing}
    return sorted(found)


def _gaps(whole: Window, here: Sequence[Window]) -> Iterator[tuple[int, int]]:
    col = whole.col
    for window in sorted(here, key=lambda w: w.col):
        if window.col > col:
            yield col, window.col
        col = max(col, window.right)
    if col < whole.right:
        yield col, whole.right


def overlapping(parts: Sequence[tuple[Window, Found]]) -> Iterator[tuple[tuple[Window, Found], tuple[Window, Found]]]:
    """Yield pairs of parts, in the order of their windows, that share a pixel."""
    active: list[tuple[Window, Found]] = []
    for part in parts:
        active = [other for other in active if other[0].bottom > part[0].row]
        for other in active:
            if other[0].intersection(part[0]):
                yield other, part
        active.append(part)


def refuse_overlap(one: tuple[Window, Found], other: tuple[Window, Found]) -> None:
    """
    Say that two parts share pixels.

    Raises:
        UserError: Always.
    """
    shared = one[0].intersection(other[0])
    what = "cover the same pixels and differ" if one[0] == other[0] else f"both cover {shared}"
    raise UserError(
        f"{one[1].path.name} and {other[1].path.name} {what}; which one counts cannot be known: take one of them away"
    )


def reached(spans: SpanTable, window: Window) -> Window | None:
    """Return the smallest window that holds the area's pixels in `window`, or None where it has none."""
    low, high = int(spans.first[window.row]), int(spans.first[window.bottom])
    start, stop = spans.start[low:high], spans.stop[low:high]
    near = (start < window.right) & (stop > window.col)
    if not near.any():
        return None
    rows = np.searchsorted(spans.first, np.flatnonzero(near)[[0, -1]] + low, side="right") - 1
    left, right = max(window.col, int(start[near].min())), min(window.right, int(stop[near].max()))
    return Window(int(rows[0]), left, int(rows[1] - rows[0]) + 1, right - left)


def missing(survey: Survey, spans: SpanTable) -> list[str]:
    """Return the parts that are not there though the area reaches into them: names, or windows of the grid."""
    gaps = uncovered(survey.grid.window, [window for window, _found in survey.parts])
    lattice = _lattice(survey)
    cells = [cell for gap in gaps for cell in (_cells(gap, *lattice) if lattice else [gap])]
    return [_name(survey, cell, by_name=bool(lattice)) for cell in cells if reached(spans, cell)]


def _lattice(survey: Survey) -> tuple[int, int] | None:
    """Return rows and columns of a part where parts are named by their place and lie on a lattice, else None."""
    if survey.parts[0][1].named is None:
        return None
    height, width = (max(getattr(w, side) for w, _found in survey.parts) for side in ("height", "width"))
    regular = all(not (w.row % height or w.col % width) for w, _found in survey.parts)
    return (height, width) if regular else None


def _cells(gap: Window, height: int, width: int) -> Iterator[Window]:
    """Cut a gap along the lattice."""
    for row in range(gap.row // height * height, gap.bottom, height):
        for col in range(gap.col // width * width, gap.right, width):
            cell = gap.intersection(Window(row, col, height, width))
            if cell is not None:
                yield cell


def _name(survey: Survey, cell: Window, *, by_name: bool) -> str:
    path = survey.parts[0][1].path
    match = EARTH_ENGINE.fullmatch(path.name)
    if by_name and match:
        return f"{match['prefix']}{match['dash']}{cell.row:010d}-{cell.col:010d}{path.suffix}"
    left, bottom, right, top = survey.grid.bounds(cell)
    rows, cols = f"rows {cell.row} to {cell.bottom - 1}", f"columns {cell.col} to {cell.right - 1}"
    return f"{rows}, {cols} ({left:.9g},{bottom:.9g},{right:.9g},{top:.9g})"


def listed(names: Sequence[str]) -> str:
    """Return names in a line, at most NAMED_AT_MOST of them."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")

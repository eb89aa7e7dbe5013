"""Cover the touched cells of a lattice with few disjoint rectangles, and cut rectangles that are too large."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.model.grid import Window


def decompose(touched: NDArray[np.bool_]) -> tuple[Window, ...]:
    """
    Return disjoint rectangles of cells that together are exactly the true cells of `touched` (row, col).

    Runs along rows are merged downwards while the next row has the very same run; the same is tried along
    columns, and the smaller of the two results is kept. That is at most a small factor above the fewest possible
    (finding the fewest needs a matching over all concave corners, for a gain of a few short tasks).
    Rectangles come from the top left to the bottom right.
    """
    along_rows = _merge_runs(touched)
    along_cols = [Window(w.col, w.row, w.width, w.height) for w in _merge_runs(touched.T)]
    return tuple(sorted(along_rows if len(along_rows) <= len(along_cols) else along_cols))


def _merge_runs(touched: NDArray[np.bool_]) -> list[Window]:
    done: list[Window] = []
    open_since: dict[tuple[int, int], int] = {}
    for row in range(touched.shape[0] + 1):
        runs = _runs(touched[row]) if row < touched.shape[0] else set()
        for first, last in [run for run in open_since if run not in runs]:
            start = open_since.pop((first, last))
            done.append(Window(start, first, row - start, last - first))
        for run in runs:
            open_since.setdefault(run, row)
    return done


def _runs(cells: NDArray[np.bool_]) -> set[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], cells, [False])).astype(np.int8)))
    return {(int(first), int(last)) for first, last in edges.reshape(-1, 2)}


def cut_in_two(rectangle: Window, cell_height: int, cell_width: int) -> tuple[Window, Window]:
    """
    Cut `rectangle` (in cells) in the middle of the side that is longer in pixels and has more than one cell.

    Raises:
        ValueError: If it is a single cell.
    """
    if rectangle.pixels == 1:
        raise ValueError(f"{rectangle!r} is a single cell and cannot be cut between cells")
    row, col, height, width = rectangle.row, rectangle.col, rectangle.height, rectangle.width
    by_rows = width == 1 or (height > 1 and height * cell_height >= width * cell_width)
    if by_rows:
        half = (height + 1) // 2
        return Window(row, col, half, width), Window(row + half, col, height - half, width)
    half = (width + 1) // 2
    return Window(row, col, height, half), Window(row, col + half, height, width - half)


def cut_down(
    rectangles: Sequence[Window], *, max_cells: int, min_count: int, cell_height: int, cell_width: int
) -> tuple[Window, ...]:
    """
    Halve the largest rectangle until none has more than `max_cells` cells and there are `min_count` of them.

    Stops earlier only when every rectangle is a single cell. The result covers the same cells, each once.
    """
    heap = [(-rectangle.pixels, rectangle) for rectangle in rectangles]
    heapq.heapify(heap)
    while heap and -heap[0][0] > 1 and (-heap[0][0] > max_cells or len(heap) < min_count):
        _, largest = heapq.heappop(heap)
        for half in cut_in_two(largest, cell_height, cell_width):
            heapq.heappush(heap, (-half.pixels, half))
    return tuple(sorted(rectangle for _, rectangle in heap))

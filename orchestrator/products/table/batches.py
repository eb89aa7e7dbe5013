"""
How the pairs of places and images are cut into requests.

A window stands for pairs: its rows are places, its columns are images. A request is of one grid: of images of one
lattice, and places of one zone; of an area's pixels they are whole rows of the grid, or a part of one, so that a
rectangle holds them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from orchestrator.model.grid import Window
from orchestrator.model.table import TableLimits
from orchestrator.model.unit import Cell, UnitPlan
from orchestrator.products.table.document import TablePlan

KIND = "rows"
# What a row takes in memory while its answer is read: its text, and Python's objects of it.
_ROW_BYTES, _VALUE_BYTES = 300, 60


@dataclass(frozen=True, slots=True)
class RequestRoom:
    """
    What one request may hold.

    Attributes:
        pairs: Places × images.
        places: Places.
        images: Images.
        width: Places that a request takes whole or not at all where it holds more than one: a row of pixels.
    """

    pairs: int
    places: int
    images: int
    width: int = 1


def room_of(plan: TablePlan, limits: TableLimits) -> RequestRoom:
    """Return what one request for a table may hold, as the service counts it."""
    if plan.at == "polygons":
        return RequestRoom(limits.rows, limits.places, min(limits.images, limits.rows))
    pairs = max(1, limits.values // max(1, len(plan.bands)))
    if plan.at == "pixels":
        return RequestRoom(pairs, pairs, min(limits.images, pairs), plan.grids[0].width)
    return RequestRoom(pairs, limits.places, min(limits.images, pairs))


def row_units(plan: TablePlan, limits: TableLimits) -> tuple[UnitPlan, ...]:
    """Return a unit for each request; together they hold every pair of a place and an image once."""
    if not plan.places or not plan.pictures or not plan.columns:
        return ()
    room = room_of(plan, limits)
    runs = list(_runs(plan, limits))
    return tuple(
        unit_of(plan, Cell(window, grid=lattice * plan.zones + zone))
        for lattice, images in enumerate(plan.spans)
        for zone, first, last in runs
        for window in cut(first, last, images, room)
    )


def unit_of(plan: TablePlan, cell: Cell) -> UnitPlan:
    """Return the unit of some pairs; its key sorts it by place and image."""
    w = cell.window
    weight = w.pixels * (_ROW_BYTES + _VALUE_BYTES * len(plan.columns))
    key = f"{w.row:09d}-{w.col:06d}-{w.height}x{w.width}"
    return UnitPlan(KIND, key, cell, spec={"bytes": weight})


def _runs(plan: TablePlan, limits: TableLimits) -> Iterator[tuple[int, int, int]]:
    """Yield (zone, first place, the one behind the last) of places that may share a request."""
    if plan.at == "pixels":
        yield 0, 0, plan.places
        return
    edges = [0, *(np.flatnonzero(np.diff(plan.grid)) + 1).tolist(), len(plan.ids)]
    for first, last in pairwise(edges):
        for start, end in _by_vertices(plan.shapes, first, last, limits.vertices):
            yield int(plan.grid[first]), start, end


def _by_vertices(shapes: Sequence[bytes], first: int, last: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of shapes that have at most so many vertices together, or are one."""
    if not shapes:
        yield first, last
        return
    counts = shapely.get_num_coordinates(shapely.from_wkb(list(shapes[first:last])))
    start, held = first, 0
    for at, count in enumerate(counts.tolist(), first):
        if held and held + count > most:
            yield start, at
            start, held = at, 0
        held += count
    yield start, last


def cut(first: int, last: int, images: tuple[int, int], room: RequestRoom) -> list[Window]:
    """Return the fewest windows that hold the places `first` to `last` with a span of images, each within `room`."""
    widths = _widths(last - first, images[1] - images[0], room)
    return min((_tiled(first, last, images, room, width) for width in widths), key=len)


def _widths(places: int, images: int, room: RequestRoom) -> set[int]:
    """Return how many images a request may have: all of them, or as few as the most places leave room for."""
    most = min(images, room.images)
    least = max(1, min(most, room.pairs // max(1, min(room.places, places))))
    return {most, least}


def _tiled(first: int, last: int, images: tuple[int, int], room: RequestRoom, width: int) -> list[Window]:
    """Return windows of at most `width` images, and as many places as that leaves room for, nearly equal ones."""
    spans = equal(*images, width)
    places = min(room.places, room.pairs // max(end - start for start, end in spans))
    return [
        Window(low, start, high - low, end - start)
        for low, high in place_ranges(first, last, max(1, places), room.width)
        for start, end in spans
    ]


def place_ranges(first: int, last: int, most: int, width: int) -> list[tuple[int, int]]:
    """Return ranges of at most `most` places: multiples of `width`, or within one such row where it is longer."""
    if most >= width:
        rows = equal(first // width, -(-last // width), most // width)
        return [(max(first, low * width), min(last, high * width)) for low, high in rows]
    rows = [(max(first, row * width), min(last, (row + 1) * width)) for row in range(first // width, -(-last // width))]
    return [piece for low, high in rows for piece in equal(low, high, most)]


def equal(first: int, last: int, most: int) -> list[tuple[int, int]]:
    """Return the fewest ranges of at most `most`, nearly equal."""
    count = math.ceil((last - first) / most)
    edges = [first + (last - first) * at // count for at in range(count + 1)]
    return list(pairwise(edges))


def smaller(window: Window, pieces: int, width: int) -> list[Window]:
    """
    Return at least `pieces` windows of one that was too much, or as many as it has pairs: places first, then images.

    Places are cut at multiples of `width` where the window has several such rows.
    """
    if window.height > 1:
        most = max(1, window.height // pieces)
        if window.height > width > most:  # whole rows go first
            most = width
        ranges = place_ranges(window.row, window.row + window.height, most, width)
        return [Window(low, window.col, high - low, window.width) for low, high in ranges]
    spans = equal(window.col, window.right, max(1, window.width // pieces))
    return [Window(window.row, low, window.height, high - low) for low, high in spans]

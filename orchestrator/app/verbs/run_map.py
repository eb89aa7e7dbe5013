"""The map of a run: each part or unit that has a window, where it lies, and how far it is."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.engine.stores.contract_marks import PART, How, Mark, Span
from orchestrator.engine.stores.records import Head
from orchestrator.model.grid import Bounds, Grid
from orchestrator.model.plan_json import grid_from
from orchestrator.model.states import PartState, TaskState, UnitState

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

# Between nodes positions are interpolated: a line of 20 km is bent by a map projection by at most
# 20² / (8 · 6371) km = 8 m.
NODE_METRES = 20_000.0
MOST_NODES = 65
# An outline finer than this cannot be told from one that is not, on a screen that shows all of it.
OUTLINE_STEPS = 4_000


class Stage(StrEnum):
    """How far a piece is, in a letter; `WORDS` has them in words. The first is shown where several lie on one place."""

    FAILED = "F"
    AGAIN = "A"
    DOWNLOADING = "D"
    RUNNING = "R"
    QUEUED = "Q"
    EXPORTED = "X"
    VERIFIED = "V"
    WAITING = "W"
    PLACED = "P"
    EMPTY = "E"


WORDS: Mapping[Stage, str] = MappingProxyType(
    {
        Stage.WAITING: "waiting",
        Stage.QUEUED: "queued at the service",
        Stage.RUNNING: "being computed",
        Stage.EXPORTED: "exported, to be downloaded",
        Stage.DOWNLOADING: "being downloaded",
        Stage.VERIFIED: "downloaded and checked",
        Stage.PLACED: "placed in the result",
        Stage.EMPTY: "empty, no data there",
        Stage.AGAIN: "failed, is tried again",
        Stage.FAILED: "failed",
    }
)
_RANK = {stage: rank for rank, stage in enumerate(Stage)}
_TASK: Mapping[str, Stage] = MappingProxyType(
    {
        TaskState.PLANNED: Stage.WAITING,
        TaskState.SUBMITTING: Stage.QUEUED,
        TaskState.QUEUED: Stage.QUEUED,
        TaskState.RUNNING: Stage.RUNNING,
        TaskState.SUCCEEDED: Stage.EXPORTED,  # its files are not listed yet
        TaskState.FAILED: Stage.FAILED,
        TaskState.CANCELLED: Stage.FAILED,
    }
)
_PART: Mapping[str, Stage] = MappingProxyType(
    {
        PartState.EXPORTED: Stage.EXPORTED,
        PartState.DOWNLOADING: Stage.DOWNLOADING,
        PartState.VERIFIED: Stage.VERIFIED,
        PartState.MERGED: Stage.PLACED,
        PartState.CLEANED: Stage.PLACED,
        PartState.EMPTY: Stage.EMPTY,
        PartState.LOST: Stage.AGAIN,
    }
)
_UNIT: Mapping[str, Stage] = MappingProxyType(
    {
        UnitState.WAITING: Stage.WAITING,
        UnitState.CLAIMED: Stage.RUNNING,
        UnitState.BROUGHT: Stage.VERIFIED,
        UnitState.HELD: Stage.WAITING,
        UnitState.DONE: Stage.PLACED,
        UnitState.EMPTY: Stage.EMPTY,
        UnitState.FAILED: Stage.FAILED,
        UnitState.LOST: Stage.AGAIN,
    }
)


@dataclass(frozen=True, slots=True)
class Mesh:
    """
    Where a grid lies on Earth.

    Attributes:
        rows: Pixel rows of the nodes, from 0 to the grid's height.
        cols: Pixel columns of the nodes, from 0 to its width.
        lon: Longitude of each node, degrees within ±180, row by row; None where the grid's CRS has none.
        lat: Latitude, likewise.
    """

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    lon: tuple[float | None, ...]
    lat: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PiecePlaces:
    """
    Where the pieces of a run lie: what stays the same while they get on.

    Attributes:
        run: Its id.
        shape: Names it: where pieces are cut into others, it is another.
        meshes: Of the grids that windows are on, by their index in the plan.
        windows: (grid, row, col, height, width, count): so many windows of this size side by side, from this one to the
            east. Their order is that of `Stages.letters`.
        outline: The area as GeoJSON geometry, degrees, beyond ±180 where it crosses the antimeridian; None where the
            plan has none.
        bounds: West, south, east and north of all, degrees, the east greater than the west; None of nothing.
    """

    run: str
    shape: str
    meshes: Mapping[int, Mesh]
    windows: tuple[tuple[int, int, int, int, int, int], ...]
    outline: Mapping[str, Any] | None
    bounds: Bounds | None


@dataclass(frozen=True, slots=True)
class Stages:
    """
    How far the pieces of a run are.

    Attributes:
        run: Its id.
        shape: Of the `PiecePlaces` that they have.
        version: Names these letters.
        letters: A `Stage` for each window.
    """

    run: str
    shape: str
    version: str
    letters: str

    @property
    def counts(self) -> Mapping[str, int]:
        """How many windows there are of each stage that occurs."""
        return Counter(self.letters)

    def since(self, before: str) -> list[tuple[int, str]]:
        """Return what differs from the letters before: from which window on, and the letters there."""
        if len(before) != len(self.letters):
            return [(0, self.letters)]
        return list(_differing(before, self.letters))


def stage_of(how: How) -> Stage:
    """Return how far a piece is."""
    if how.kind == PART:
        stage = _TASK[how.task] if how.state == PartState.WAITING else _PART[how.state]
    else:
        stage = _UNIT[how.state]
        if how.failed and stage is Stage.EMPTY:  # it was given up for good
            return Stage.FAILED
    return Stage.AGAIN if how.failed and stage is Stage.WAITING else stage


def stages_of(app: Records, name: str) -> Stages:
    """
    Return how far the pieces of a run are.

    Raises:
        UserError: No run is called so, or several are.
    """
    run = find_head(app.store, name).id
    windows, letters = _windows(app.store.marks.of(run))
    return Stages(run, _shape(windows), _named(letters), letters)


def places_of(app: Records, name: str) -> PiecePlaces:
    """
    Return where the pieces of a run lie, and the outline of its area.

    Raises:
        UserError: No run is called so, or several are.
    """
    head = find_head(app.store, name)
    windows, _ = _windows(app.store.marks.of(head.id))
    grids, area = _planned(app, head)
    used = {window[0] for window in windows}
    meshes = {number: _mesh(grid) for number, grid in enumerate(grids) if number in used}
    outline = _outline(area, grids[0].crs) if area and grids else None
    bounds = outline.bounds if outline is not None else _reach(windows, grids)
    runs = tuple(_side_by_side(windows))
    return PiecePlaces(head.id, _shape(windows), meshes, runs, _geojson(outline), bounds)


# ---------------------------------------------------------------- windows


def _windows(marks: Iterable[Mark]) -> tuple[list[Span], str]:
    """Return each window once, and the stage that is shown of the pieces there, such as a cube's dates."""
    spans: list[Span] = []
    letters: list[Stage] = []
    known: dict[How, Stage] = {}
    last = None
    for span, how in marks:
        stage = known.get(how) or known.setdefault(how, stage_of(how))
        if span != last:
            spans.append(span)
            letters.append(stage)
            last = span
        elif _RANK[stage] < _RANK[letters[-1]]:
            letters[-1] = stage
    return spans, "".join(letters)


def _side_by_side(windows: Sequence[Span]) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Yield runs of windows of one size that follow each other to the east."""
    begin = 0
    for end in range(1, len(windows) + 1):
        grid, row, col, height, width = windows[end - 1]
        if end == len(windows) or windows[end] != (grid, row, col + width, height, width):
            yield (*windows[begin], end - begin)
            begin = end


def _differing(before: str, now: str) -> Iterator[tuple[int, str]]:
    begin = None
    for index, (old, new) in enumerate(zip(before, now, strict=True)):
        if old != new and begin is None:
            begin = index
        elif old == new and begin is not None:
            yield begin, now[begin:index]
            begin = None
    if begin is not None:
        yield begin, now[begin:]


def _shape(windows: Sequence[Span]) -> str:
    return f"{hash(tuple(windows)) & (1 << 64) - 1:016x}"  # numbers alone: it is the same in every process


def _named(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# ---------------------------------------------------------------- places


def _planned(app: Records, head: Head) -> tuple[list[Grid], bytes]:
    """Return the grids of a plan's windows, and its area in the CRS of the first; nothing before it is planned."""
    text = app.store.runs.get(head.id).plan
    plan: dict[str, Any] = json.loads(text) if text else {}
    # A product calls its one grid `grid`, several `zones` or `grids`.
    one = plan.get("grid")
    told = [one] if isinstance(one, dict) else plan.get("zones") or plan.get("grids") or []
    grids = [grid_from(each) for each in told if isinstance(each, dict)]
    return grids, bytes.fromhex(plan.get("area_wkb", ""))


def _mesh(grid: Grid) -> Mesh:
    import numpy as np  # noqa: PLC0415  who only asks for letters needs neither

    from orchestrator.plan.reproject import (  # noqa: PLC0415
        LONLAT,
        parse_crs,
        transformer_between,
        units_per_metre,
    )

    crs = parse_crs(grid.crs)
    a, _b, c, _d, e, f = grid.transform
    step = NODE_METRES * units_per_metre(crs)
    rows, cols = _nodes(grid.height, -e, step), _nodes(grid.width, a, step)
    x, y = np.meshgrid(c + a * np.array(cols), f + e * np.array(rows))
    lon, lat = transformer_between(crs, parse_crs(LONLAT)).transform(x.ravel(), y.ravel())
    lon = np.where(np.isfinite(lon), (lon + 180) % 360 - 180, np.nan)
    return Mesh(rows, cols, _rounded(lon), _rounded(lat))


def _nodes(size: int, pixel: float, step: float) -> tuple[int, ...]:
    count = max(1, min(MOST_NODES - 1, size, math.ceil(size * pixel / step)))
    return tuple(round(size * node / count) for node in range(count + 1))


def _rounded(values: Iterable[float]) -> tuple[float | None, ...]:
    return tuple(round(float(value), 7) if math.isfinite(value) else None for value in values)


def _outline(area_wkb: bytes, crs: str) -> BaseGeometry:
    import shapely  # noqa: PLC0415

    from orchestrator.plan.reproject import to_lonlat  # noqa: PLC0415

    area = shapely.from_wkb(area_wkb)
    left, bottom, right, top = area.bounds
    step = max(right - left, top - bottom) / OUTLINE_STEPS
    return to_lonlat(area.simplify(step), crs)


def _geojson(outline: BaseGeometry | None) -> Mapping[str, Any] | None:
    import shapely  # noqa: PLC0415

    if outline is None:
        return None
    rounded = shapely.transform(outline, lambda xy: xy.round(6))
    found: dict[str, Any] = json.loads(shapely.to_geojson(rounded))
    return found


def _reach(windows: Sequence[Span], grids: Sequence[Grid]) -> Bounds | None:
    """Return what windows reach over, where no area says it."""
    import shapely  # noqa: PLC0415

    from orchestrator.plan.reproject import to_lonlat  # noqa: PLC0415

    boxes = []
    for number, there in groupby(windows, key=lambda window: window[0]):
        if number < len(grids):
            a, _b, c, _d, e, f = grids[number].transform
            edges = [(row, col, row + height, col + width) for _, row, col, height, width in there]
            top, left = min(edge[0] for edge in edges), min(edge[1] for edge in edges)
            bottom, right = max(edge[2] for edge in edges), max(edge[3] for edge in edges)
            box = shapely.box(c + a * left, f + e * bottom, c + a * right, f + e * top)
            boxes += shapely.get_parts(to_lonlat(box, grids[number].crs)).tolist()
    if not boxes:
        return None
    west, south, east, north = to_lonlat(shapely.MultiPolygon(boxes), "EPSG:4326").bounds
    return (float(west), float(south), float(east), float(north))

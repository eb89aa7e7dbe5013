"""
Scenes of a collection, page by page: `table:computeFeatures` over images that became features.

A collection is believed to be read when its pages hold as many scenes as `size()` counts, each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import ee

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.core.errors import IntegrityError, PermanentError, TransientError
from orchestrator.model.scene import PropertyFilter

PAGE = 1_000  # what the service gives where nothing is said (REST reference, projects.table.computeFeatures)
MOST = 4_999  # "Collection query aborted after accumulating over 5000 elements."
MAX_PAGES = 10_000  # of one part; the service may send empty ones
READINGS = 3  # of a collection that changes while it is read


@dataclass(frozen=True, slots=True)
class SceneRequest:
    """
    What is asked of one collection of Earth Engine.

    Attributes:
        collection: Its id.
        region: GeoJSON in degrees that the scenes touch.
        start_ms: Milliseconds since 1970, UTC.
        end_ms: The same; a scene of this moment is not wanted.
        conditions: On properties.
        band: Whose grid is told; the first one where it is empty.
        properties: Names of properties that are told.
    """

    collection: str
    region: Mapping[str, Any]
    start_ms: int
    end_ms: int
    conditions: tuple[PropertyFilter, ...] = ()
    band: str = ""
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SceneRow:
    """
    What the service tells of a scene.

    Attributes:
        collection: Its id.
        index: Of the scene in it (`system:index`).
        time_ms: `system:time_start`, milliseconds since 1970, UTC; None where it has none.
        geometry: Its footprint as GeoJSON in degrees; None is nowhere.
        crs: Of the band.
        transform: Of the band, affine order a, b, c, d, e, f.
        properties: Those that were asked for; what the scene has not is None.
    """

    collection: str
    index: str
    time_ms: int | None
    geometry: Mapping[str, Any] | None
    crs: str
    transform: tuple[float, ...]
    properties: Mapping[str, Any]


@dataclass(slots=True)
class SceneClient:
    """
    Asks one Earth Engine which scenes there are.

    Attributes:
        engine: Signed in.
        say: Told how far it is.
        most: Scenes that are listed in one piece; more are cut by time.
        notes: What a person should know of what was read.
    """

    engine: EarthEngine
    say: Callable[[str], None]
    most: int = MOST
    notes: list[str] = field(default_factory=list)

    def count(self, requests: Sequence[SceneRequest]) -> list[int]:
        """Return how many scenes fit each of the requests, in one call."""
        names = " and ".join(dict.fromkeys(request.collection for request in requests))
        self.say(f"counting {names}")
        found: list[int] = self.engine.value(ee.List([_images(one).size() for one in requests]))
        return found

    def count_having(self, requests: Sequence[SceneRequest], names: Sequence[str]) -> list[int]:
        """Return for each of some properties how many scenes of all requests have it, in one call."""
        found: list[int] = self.engine.value(
            ee.List(
                [
                    ee.List([_images(one).filter(ee.Filter.notNull([name])).size() for one in requests]).reduce(
                        ee.Reducer.sum()
                    )
                    for name in names
                ]
            )
        )
        return found

    def read(self, request: SceneRequest, count: int) -> list[SceneRow]:
        """
        Return every scene that fits a request, in the order of time; `count` says how many there are.

        Raises:
            IntegrityError: The pages do not hold as many scenes as there are, or hold one twice.
            TransientError: The collection changed each time it was read.
        """
        for _ in range(READINGS if count else 0):
            rows = self._reading(request, count)
            if len(rows) == count:
                return rows
            now = self.count([request])[0]
            if now == count:
                raise IntegrityError(
                    f"{request.collection}: its pages held {len(rows):,} scenes, and there are {count:,}; nothing is "
                    "made of a part, ask again"
                )
            self.notes.append(
                f"{request.collection} changed while it was read, from {count:,} to {now:,} scenes; it was read again"
            )
            count = now
        if count:
            raise TransientError(f"{request.collection} changed each of {READINGS} times it was read; ask again later")
        return []

    def _reading(self, request: SceneRequest, count: int) -> list[SceneRow]:
        rows: list[SceneRow] = []
        for part in self._parts(request, count):
            self.say(f"reading {request.collection}: {len(rows):,} of {count:,} scenes")
            for page in self._pages(part):
                rows += page
                if len(rows) > count:  # it would go on for ever, perhaps
                    break
                self.say(f"reading {request.collection}: {len(rows):,} of {count:,} scenes")
        _check_once(request, rows, count)
        return sorted(rows, key=lambda row: (row.time_ms or 0, row.index))

    def _parts(self, request: SceneRequest, count: int) -> Iterator[SceneRequest]:
        """Cut a request by time until no part has more scenes than are listed in one piece."""
        if count <= self.most:
            yield request
            return
        if request.end_ms - request.start_ms < 2:
            raise PermanentError(
                f"{request.collection} has {count:,} scenes of one moment, and no more than {self.most:,} can be "
                "listed at once; name a smaller area, or a filter"
            )
        parts = _cut(request, 2 * -(-count // self.most))
        counts = self.count(parts)
        self.say(f"reading {request.collection}: cut by time, more than {self.most:,} scenes are not listed at once")
        for part, held in zip(parts, counts, strict=True):
            if held:
                yield from self._parts(part, held)

    def _pages(self, request: SceneRequest) -> Iterator[list[SceneRow]]:
        expression, seen = _features(request), {""}
        token = ""
        while True:
            asked = {"expression": expression, "pageSize": PAGE} | ({"pageToken": token} if token else {})
            answer = self.engine.call(lambda asked=asked: ee.data.computeFeatures(dict(asked)))  # type: ignore[misc]
            yield [_row(one, request) for one in _listed(answer)]
            token = str(answer.get("nextPageToken") or "")
            if not token:  # an empty page with a token is no end
                return
            if token in seen or len(seen) > MAX_PAGES:
                raise TransientError(f"{request.collection}: the pages of its scenes go round in circles; ask again")
            seen.add(token)


def _cut(request: SceneRequest, pieces: int) -> list[SceneRequest]:
    """Return a request for each of so many periods of the same length."""
    length = request.end_ms - request.start_ms
    pieces = min(pieces, length)
    edges = [request.start_ms + length * number // pieces for number in range(pieces + 1)]
    return [replace(request, start_ms=start, end_ms=end) for start, end in pairwise(edges)]


def _check_once(request: SceneRequest, rows: Sequence[SceneRow], count: int) -> None:
    different = len({row.index for row in rows})
    if different != len(rows):
        raise IntegrityError(
            f"{request.collection}: its pages held {len(rows):,} scenes, only {different:,} of them different, and "
            f"there are {count:,}; ask again"
        )


def _images(request: SceneRequest) -> Any:
    images = ee.ImageCollection(request.collection).filterBounds(ee.Geometry(dict(request.region)))
    images = images.filterDate(request.start_ms, request.end_ms)
    for condition in request.conditions:
        images = images.filter(_filter(condition))
    return images


def _filter(condition: PropertyFilter) -> Any:
    values = list(condition.values)
    one: Mapping[str, Callable[..., Any]] = {
        "==": ee.Filter.eq, "!=": ee.Filter.neq, "<": ee.Filter.lt, "<=": ee.Filter.lte, ">": ee.Filter.gt,
        ">=": ee.Filter.gte, "has": ee.Filter.listContains,
    }  # fmt: skip
    if condition.operator == "in":
        return ee.Filter.inList(condition.key, values)
    return one[condition.operator](condition.key, values[0])


def _features(request: SceneRequest) -> Any:
    def feature(image: Any) -> Any:
        image = ee.Image(image)
        told = {f"p{number}": image.get(name) for number, name in enumerate(request.properties)}
        grid = image.select([request.band] if request.band else [0]).projection()
        told |= {"index": image.get("system:index"), "time": image.get("system:time_start"), "grid": grid}
        return ee.Feature(image.geometry(), told)

    return ee.FeatureCollection(_images(request).map(feature))


def _listed(answer: Any) -> list[Mapping[str, Any]]:
    features = answer.get("features", []) if isinstance(answer, Mapping) else None
    if not isinstance(features, list) or not all(isinstance(one, Mapping) for one in features):
        raise TransientError("Earth Engine's answer to a question for scenes is no page of features")
    return features


def _row(feature: Mapping[str, Any], request: SceneRequest) -> SceneRow:
    told = feature.get("properties") or {}
    grid, time = told.get("grid"), told.get("time")
    if not isinstance(grid, Mapping) or not isinstance(told.get("index"), str):
        raise IntegrityError(f"{request.collection}: Earth Engine names a scene without its id or without its grid")
    return SceneRow(
        collection=request.collection,
        index=told["index"],
        time_ms=None if time is None else int(time),
        geometry=feature.get("geometry"),
        crs=str(grid.get("crs") or grid.get("wkt") or ""),
        transform=tuple(float(number) for number in grid.get("transform") or ()),
        properties={name: told.get(f"p{number}") for number, name in enumerate(request.properties)},
    )

"""From a question to the scenes that answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import shapely
from shapely.geometry.base import BaseGeometry

from orchestrator.clients.earthengine import EarthEngine
from orchestrator.clients.scenes import SceneClient, SceneRequest, SceneRow
from orchestrator.core.errors import NotFoundError, UserError
from orchestrator.core.nearest import hint
from orchestrator.model.ports import RefusedError
from orchestrator.model.scene import PropertyFilter, Scene, SceneQuery, moment
from orchestrator.plan.region import ee_region
from orchestrator.queries.catalogue import CATALOGUE, CLOUD_PROBABILITY, SceneSource, find_source
from orchestrator.queries.frame import Placed, frame_of, place, scene_of, without_duplicates

if TYPE_CHECKING:
    import geopandas as gpd

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundScenes:
    """
    Scenes in the order of time.

    Attributes:
        query: What was asked.
        source: Where they are from.
        scenes: Those that touch the area.
        notes: What a person should know, a sentence each.
        cloudless: Indices of scenes that have cloud probabilities; None where that was not asked.
    """

    query: SceneQuery
    source: SceneSource
    scenes: tuple[Placed, ...]
    notes: tuple[str, ...]
    extra: tuple[str, ...] = ()
    cloudless: frozenset[str] | None = None

    def frame(self) -> gpd.GeoDataFrame:
        """Return them as a table, see `frame_of`; local times are in the zone of the question's start, else UTC."""
        zone: tzinfo | None = getattr(self.query.start, "tzinfo", None)
        return frame_of(
            self.scenes, self.source, extra=self.extra, cloudless=self.cloudless, **({"zone": zone} if zone else {})
        )

    def listed(self) -> list[Scene]:
        """Return what a cube needs to know of them."""
        return [scene_of(one, self.source) for one in self.scenes]


def check(query: SceneQuery, *, s2cloudless: bool = False) -> SceneSource:
    """
    Return the source of a question; nobody is asked.

    Raises:
        UserError: The question cannot be asked of this collection.
    """
    source = find_source(query.collection)
    if query.max_cloud < 100 and not source.cloud:
        raise UserError(
            f"{query.collection} has no cloud cover that is known here; leave the limit out, or write a filter on "
            "the property that tells it, such as `CLOUDS <= 20`"
        )
    if s2cloudless and not source.s2cloudless:
        raise UserError(f"{query.collection} has no s2cloudless: only scenes of Sentinel-2 have; leave it out")
    return source


def search(
    query: SceneQuery,
    engine: Callable[[], EarthEngine],
    say: Callable[[str], None],
    *,
    extra: Sequence[str] = (),
    s2cloudless: bool = False,
) -> FoundScenes:
    """
    Ask Earth Engine which scenes there are.

    Args:
        query: What is asked.
        engine: Signs in; called when the question is known to be good.
        say: Told how far it is.
        extra: Names of properties that the table shall tell.
        s2cloudless: Whether the table shall tell which scenes have cloud probabilities.

    Raises:
        UserError: The question cannot be asked; the collection is unknown.
        IntegrityError: The service does not tell as many scenes as it counts.
    """
    source = check(query, s2cloudless=s2cloudless)
    area = shapely.from_wkb(query.area_wkb)
    client = SceneClient(engine(), say)
    requests = _requests(query, source, area, extra)
    with _explaining(source):
        rows = _read(client, requests)
        if not rows:
            client.notes.append(_nothing(client, query, source, requests))
    placed, notes = place(rows, source, area)
    if rows and not placed and not notes:
        client.notes.append(f"no scene of {query.collection} touches the area itself, only the region around it")
    scenes = without_duplicates(placed, source, area) if query.unique else placed
    cloudless = _cloudless(client, query, area, scenes) if s2cloudless else None
    return FoundScenes(query, source, tuple(scenes), (*client.notes, *notes), tuple(extra), cloudless)


def _requests(query: SceneQuery, source: SceneSource, area: BaseGeometry, extra: Sequence[str]) -> list[SceneRequest]:
    conditions = (*source.conditions, *query.conditions())
    if query.max_cloud < 100:
        conditions += (PropertyFilter(source.cloud, "<=", (query.max_cloud,)),)
    names = tuple(dict.fromkeys(name for name in (source.title, source.cloud, *source.columns, *extra) if name))
    return [_request(query, area, collection, conditions, source.band, names) for collection in source.collections]


def _request(
    query: SceneQuery,
    area: BaseGeometry,
    collection: str,
    conditions: tuple[PropertyFilter, ...] = (),
    band: str = "",
    names: tuple[str, ...] = (),
) -> SceneRequest:
    region = ee_region(area, "EPSG:4326")
    return SceneRequest(collection, region, _ms(query.start), _ms(query.end), conditions, band, names)


def _ms(day: date) -> int:
    return (moment(day) - EPOCH) // timedelta(milliseconds=1)


def _read(client: SceneClient, requests: Sequence[SceneRequest]) -> list[SceneRow]:
    counts = client.count(requests)
    return [row for request, count in zip(requests, counts, strict=True) for row in client.read(request, count)]


def _nothing(client: SceneClient, query: SceneQuery, source: SceneSource, requests: Sequence[SceneRequest]) -> str:
    """Say that there is no scene, and whether there would be without conditions."""
    asked = requests[0].conditions[len(source.conditions) :]
    bare = [replace(request, conditions=source.conditions) for request in requests]
    others = sum(client.count(bare)) if asked else 0
    when = f"from {query.start} to {query.end}, the end not included"
    if not others:
        return f"no scene of {query.collection} touches the area {when}"
    names = list(dict.fromkeys(one.key for one in asked))
    for name, having in zip(names, client.count_having(bare, names), strict=True):
        if not having:
            near = hint(name, [one for one in (source.cloud, *source.columns) if one])
            return f"none of the {others:,} scenes of {query.collection} has the property {name}; {near}"
    told = " and ".join(map(str, asked))
    return f"none of the {others:,} scenes of {query.collection} that touch the area {when}, fulfils {told}"


@contextmanager
def _explaining(source: SceneSource) -> Iterator[None]:
    """Add the nearest name to the service's answer, where it does not know a collection."""
    try:
        yield
    except (NotFoundError, RefusedError) as error:
        unknown = next((name for name in source.collections if name in str(error)), "")
        if not unknown or "not found" not in str(error):
            raise
        known = sorted({one for each in CATALOGUE.values() for one in (each.name, *each.collections)})
        raise UserError(f"{error}; {hint(unknown, known)}") from None


def _cloudless(client: SceneClient, query: SceneQuery, area: BaseGeometry, scenes: Sequence[Placed]) -> frozenset[str]:
    if not scenes:
        return frozenset()
    request = _request(query, area, CLOUD_PROBABILITY)
    return frozenset(row.index for row in _read(client, [request]))

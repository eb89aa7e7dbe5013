"""From a job to its scenes: what the catalogue is asked, and what of its answer is wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_count
from orchestrator.model.files import FileRoute, ProductQuery
from orchestrator.model.job import Job
from orchestrator.model.ports import Stop
from orchestrator.model.product import Settled
from orchestrator.model.unit import UnitPlan
from orchestrator.products.scenes.document import DownloadPlan
from orchestrator.products.scenes.keys import NEWEST, SceneKeys
from orchestrator.products.scenes.selecting import FoundScene, Selected, select, without_footprints
from orchestrator.products.scenes.steps import LIST, ROOM, list_key
from orchestrator.products.scenes.tiles import coverage

_TYPES = {"L1C": "S2MSI1C", "L2A": "S2MSI2A"}
LICENCE = "https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice"


def scene_keys(job: Job) -> SceneKeys:
    """Return the keys of a job's table."""
    return SceneKeys.model_validate(dict(job.keys))


def check_scenes(job: Job) -> SceneKeys:
    """
    Look at what can be told without asking anybody.

    Raises:
        UserError: It is not said where; or the job has something that only pixels have.
    """
    keys = scene_keys(job)
    if not keys.tiles and not job.area.source:
        raise UserError("which scenes? Give --tile T33UWQ or --area FILE; in a job file tiles in [scenes], or area")
    if job.bands:
        raise UserError("a job of scenes has no `bands`; name them in [scenes]: l1c_bands, l2a_bands")
    return keys


def find_scenes(job: Job, route: FileRoute, today: date, stop: Stop | None = None) -> Selected:
    """
    Ask the catalogue which scenes a job means.

    Raises:
        UserError: It cannot be asked so.
        TransientError: The answer did not become complete.
    """
    keys = check_scenes(job)
    stop = stop or threading.Event()
    products = {product.id: product for query in queries_of(job, keys, today) for product in route.search(query, stop)}
    return select(products.values(), keys, coverage)


def queries_of(job: Job, keys: SceneKeys, today: date) -> Iterator[ProductQuery]:
    """Yield what the catalogue is asked: for each level, and each tile where some are named."""
    first, end = job.dates(today)
    start, before = _moment(first, keys.not_before, max), _moment(end, keys.before, min)
    if start >= before:
        raise UserError(f"nothing lies from {start.isoformat()} to {before.isoformat()}: look at not_before and before")
    area = _area(job)
    main = keys.levels[0] if len(keys.levels) == 1 else "L1C"
    for level in keys.levels:
        # Cloud is asked of one level: its estimate in the other differs, and pairs would be torn.
        clouds = (keys.cloud_min, keys.cloud_max) if level == main else (None, None)
        for tile in keys.tiles or ("",):
            query = ProductQuery(start, before, (_TYPES[level],), tile, area, *clouds, orbit=keys.orbit or None)
            yield query if keys.baseline == NEWEST else replace(query, name_parts=(_baseline_part(keys.baseline),))


def _baseline_part(baseline: str) -> str:
    return f"_N{baseline.replace('.', '')}_"


def _moment(day: date, said: str, narrower: Any) -> datetime:
    midnight = datetime.combine(day, time(), UTC)
    return narrower(midnight, datetime.fromisoformat(said)) if said else midnight


def _area(job: Job) -> Mapping[str, Any] | None:
    if not job.area.source:
        return None
    import shapely  # noqa: PLC0415  geometries are heavy

    from orchestrator.plan.declared import area_of  # noqa: PLC0415
    from orchestrator.plan.reproject import to_lonlat, within_180  # noqa: PLC0415

    area = area_of(job)
    shape: Mapping[str, Any] = shapely.geometry.mapping(within_180(to_lonlat(area.geometry, area.crs)))
    return shape


def settle_scenes(job: Job, route: FileRoute, today: date) -> Settled:
    """
    Settle which scenes a run brings; its first units ask each product for the list of its files.

    Raises:
        UserError: There is no such scene.
    """
    plan = plan_for(job, route, today)
    lists = [
        UnitPlan(LIST, list_key(number, level), spec=MappingProxyType({"scene": number, "level": level}))
        for number, scene in enumerate(plan.scenes)
        for level in plan.roles
        if scene.product(level) is not None
    ]
    room = UnitPlan(ROOM, "room", needs=tuple((unit.kind, unit.key) for unit in lists))
    years = sorted({scene.key.sensing[:4] for scene in plan.scenes})
    when = years[0] if len(years) == 1 else f"{years[0]}-{years[-1]}"
    facts = {
        "attribution": f"Contains modified Copernicus Sentinel data [{when}]",
        "licence": LICENCE,
        "scenes": len(plan.scenes),
        "planned": f"{format_count(len(plan.scenes), 'scene')}, {format_count(len(lists), 'product')}",
        "notes": list(plan.notes),
    }
    return Settled(plan.to_json(), facts=facts, units=(*lists, room))


def plan_for(job: Job, route: FileRoute, today: date, stop: Stop | None = None) -> DownloadPlan:
    """
    Return which scenes a job brings, and which of their files.

    Raises:
        UserError: There is no such scene.
    """
    return plan_of(job, wanted_scenes(job, route, today, stop))


def wanted_scenes(job: Job, route: FileRoute, today: date, stop: Stop | None = None) -> Selected:
    """
    Return the scenes that a job brings, as the catalogue has them.

    Raises:
        UserError: There is no such scene.
    """
    keys = scene_keys(job)
    selected = find_scenes(job, route, today, stop)
    if not selected.scenes:
        said = f" ({selected.notes[0]})" if selected.notes else ""
        raise UserError(f"the catalogue has no scene of {_asked_words(job, keys)}{said}; look at the conditions")
    return selected


def plan_of(job: Job, selected: Selected) -> DownloadPlan:
    """Return which files of some scenes a job brings."""
    keys = scene_keys(job)
    kept = selected.scenes if keys.footprints else tuple(map(without_footprints, selected.scenes))
    return DownloadPlan(
        tuple(found.scene for found in kept),
        MappingProxyType({level: keys.roles(level) for level in keys.levels}),
        MappingProxyType(_query_json(job, keys)),
        MappingProxyType({n: one.passed_over for n, one in enumerate(kept) if one.passed_over}),
        (*selected.notes, *_lacking_notes(kept, keys)),
    )


def _lacking_notes(found: tuple[FoundScene, ...], keys: SceneKeys) -> tuple[str, ...]:
    notes = []
    for level in keys.levels:
        names = [one.scene.name for one in found if one.scene.product(level) is None]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            notes.append(f"the catalogue has no {level} of {', '.join(names[:3])}{more}")
    return tuple(notes)


def _query_json(job: Job, keys: SceneKeys) -> dict[str, Any]:
    asked = {"tiles": [f"T{tile}" for tile in keys.tiles], "area": job.area.source}
    dates = {"start_date": job.start_date, "end_date": job.end_date}
    said = keys.model_dump(mode="json", exclude_defaults=True, exclude={"tiles", "attempts", "table"})
    return {name: value for name, value in asked.items() if value} | dates | said


def _asked_words(job: Job, keys: SceneKeys) -> str:
    where = ", ".join(f"T{tile}" for tile in keys.tiles[:3]) or job.area.source[:80]
    more = f" and {format_count(len(keys.tiles) - 3, 'more tile')}" if len(keys.tiles) > 3 else ""
    clouds = "" if keys.cloud_max is None else f", cloud up to {keys.cloud_max:g} %"
    return f"{where}{more} from {job.start_date} to {job.end_date}{clouds}"

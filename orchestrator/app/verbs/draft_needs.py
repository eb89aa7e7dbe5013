"""What a draft needs, in words, and where its parts lie: by product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.app.display import format_eecu
from orchestrator.app.verbs.busy import Tell
from orchestrator.app.verbs.drafts import GENERAL, DraftError
from orchestrator.app.verbs.plans import PlanReport, cost_words, find_earlier, plan_job
from orchestrator.core.errors import AreaError, PlanError, RecipeError, UserError
from orchestrator.core.units import format_bytes, format_count, format_seconds
from orchestrator.model.job import Job
from orchestrator.model.states import RunState
from orchestrator.products.registry import DEFAULT

if TYPE_CHECKING:
    from orchestrator.app.application import Application

# Rectangles that a map shows at once; of more, the exports are shown instead of their parts.
MOST_SHOWN = 10_000
_MOST_EARLIER = 20

# (What, words) of each thing; a sentence each; GeoJSON in degrees, None where it is not known before a run.
Needs = tuple[tuple[tuple[str, str], ...], tuple[str, ...], Mapping[str, Any] | None]


def needs_of(app: Application, job: Job, say: Tell) -> Needs:
    """
    Return what a job needs, what a person should know, and the rectangles that it asks for.

    Raises:
        DraftError: It cannot be planned.
    """
    try:
        if job.product == DEFAULT:
            return _mosaic(app, job)
        if job.product == "cube":
            return _cube(app, job)
        if job.product == "scenes":
            return _scenes(app, job, say)
        dated = job.dated(app.clock.now().date())
        if job.product == "chips":
            return _chips(app, dated, say)
        if job.product == "table":
            return _table(app, dated, say)
        return (), tuple(app.product(dated, say).check(dated)), None
    except UserError as error:
        raise DraftError({_field_of(error): str(error)}) from None


def _field_of(error: UserError) -> str:
    """Return which field a refusal of a plan is about; words, recipe and area were looked at before."""
    kinds = ((AreaError, "area.source"), (PlanError, "grid.scale"), (RecipeError, "start_date"))
    return next((field for kind, field in kinds if isinstance(error, kind)), GENERAL)


def _tiles(job: Job) -> Mapping[str, Any]:
    """Return the tiles that chips are cut for, as a map shows them."""
    import shapely  # noqa: PLC0415  geometries are heavy

    from orchestrator.products.chips.choosing import chosen_tiles  # noqa: PLC0415
    from orchestrator.tiling.degrees import in_degrees  # noqa: PLC0415

    shapes = list(in_degrees(chosen_tiles(job).frame))[:MOST_SHOWN]
    features = [
        {"type": "Feature", "properties": {"part": number}, "geometry": shapely.geometry.mapping(shape)}
        for number, shape in enumerate(shapes)
    ]
    return {"type": "FeatureCollection", "features": features}


def _chips(app: Application, job: Job, say: Tell) -> Needs:
    from orchestrator.app.verbs.chips import plan_chips  # noqa: PLC0415

    report = plan_chips(app, job, say)
    pixels = report.plan.pixels
    heaviest = max(chip.window.pixels for chip in report.plan.chips) * pixels.bytes_per_pixel
    rows = (
        ("Chips", f"{len(report.plan.chips):,}, the heaviest {format_bytes(heaviest)}"),
        ("Bands", f"{', '.join(pixels.bands)}: {pixels.dtype}"),
        ("Requests", f"{report.requests:,}, each brings its pixels in the answer"),
        ("On disk", f"{format_bytes(report.raw_bytes)} uncompressed"),
        ("Compute", cost_words(report.cost, report.cost_source)),
        ("Time", _time_words(app, job, report.requests)),
    )
    return rows, report.notes, _tiles(job)


def _table(app: Application, job: Job, say: Tell) -> Needs:
    """Return what is known before anybody was asked which images there are: they decide rows, bytes and cost."""
    from orchestrator.products.table.settle import local_table  # noqa: PLC0415  geopandas is heavy

    local = local_table(job, app.product_context(job.route, say))
    told = f"{len(local.places.ids):,} {local.keys.at}" if local.places else "every pixel of the area"
    rows = (
        ("Places", told),
        ("Rows", "one for each place and image; which images there are is asked when it begins"),
        ("Compute", "not known before its images are"),
        ("Time", _earlier_words(app, job) or "not known before a first run of this name"),
    )
    return rows if local.keys.collection else (rows[0], ("Rows", told), *rows[2:]), local.notes, None


def _mosaic(app: Application, job: Job) -> Needs:
    from orchestrator.plan.picture import parts_geojson  # noqa: PLC0415

    report = plan_job(app, job)
    shown = report.plan
    if shown.part_count > MOST_SHOWN:
        whole = tuple(replace(t, part_height=t.window.height, part_width=t.window.width) for t in shown.tasks)
        shown = replace(shown, tasks=whole)
    return tuple(_mosaic_rows(app, job, report)), report.notes, parts_geojson(shown)


def _mosaic_rows(app: Application, job: Job, report: PlanReport) -> Iterator[tuple[str, str]]:
    made, grid, facts = report.plan, report.plan.grid, report.facts()
    a, _b, _c, _d, e, _f = grid.transform
    yield "Grid", f"{grid.width:,} × {grid.height:,} pixels of {a:g} × {-e:g} in {grid.crs[:60]}"
    yield "Area", f"{made.area_pixels:,} pixels, {made.area_pixels / grid.pixels:.0%} of the grid"
    yield "Bands", f"{', '.join(made.pixels.bands)}: {made.pixels.dtype}, {format_bytes(report.raw_bytes)} uncompressed"
    if made.tasks:
        side = f"at most {facts['part_width']} × {facts['part_height']} pixels"
        under = f"{side}, each under {format_bytes(made.max_part_bytes)}"
        yield "Exports", f"{format_count(len(made.tasks), 'task')}, {format_count(made.part_count, 'part')} of {under}"
        yield "In the bucket", f"at most {format_bytes(made.bucket_bytes)}"
    if made.direct:
        yield "Requests", f"{len(made.direct):,}, each brings its pixels in the answer"
    yield "On disk", f"at most {format_bytes(made.disk_bytes)} at the fullest moment"
    yield "Memory", f"about {format_bytes(made.memory_bytes)}"
    yield "Compute", cost_words(report.cost, report.cost_source, report.tier_hours)
    yield "Time", _time_words(app, job, made.part_count + len(made.direct))


def _time_words(app: Application, job: Job, parts: int) -> str:
    """Say what it will take by what earlier runs took: of the same name, else of the same recipe and service."""
    if told := _earlier_words(app, job):
        return told
    paces = list(_paces(app, job))
    if not paces:
        return "not known before a first run of this recipe"
    low, high = (format_seconds(max(1.0, pace * parts)) for pace in (min(paces), max(paces)))
    between = low if low == high else f"{low} to {high}"
    return f"about {between}, by {format_count(len(paces), 'earlier run')} of this recipe"


def _earlier_words(app: Application, job: Job) -> str:
    """Say what the newest run of the same name took; nothing where there is none."""
    earlier = find_earlier(app, job.base_name)
    if earlier is None:
        return ""
    cost = f"{format_seconds(earlier.seconds)} and {format_eecu(earlier.eecu_seconds)}"
    pieces = f" for {format_count(earlier.parts, 'part')}" if earlier.parts else ""
    return f"run {earlier.run} of this name took {cost}{pieces}"


def _paces(app: Application, job: Job) -> Iterator[float]:
    """Yield seconds a part of finished runs of the same recipe."""
    if not app.has_state():
        return
    for head in app.store.runs.latest([RunState.CLEANED], _MOST_EARLIER):
        of = Job.from_json(head.job)
        parts = sum(held.parts for held in app.store.parts.tally(head.id).values())
        took = (datetime.fromisoformat(head.updated) - datetime.fromisoformat(head.created)).total_seconds()
        if (of.product, of.recipe, of.service) == (job.product, job.recipe, job.service) and parts and took > 0:
            yield took / parts


def _cube(app: Application, job: Job) -> Needs:
    from orchestrator.app.verbs.cubes import plan_cube  # noqa: PLC0415

    report = plan_cube(app, job)
    plan, grid = report.plan, report.plan.grid
    days = [moment.solar_day for moment in plan.moments]
    a, _b, _c, _d, e, _f = grid.transform
    rows = (
        ("Grid", f"{grid.width:,} × {grid.height:,} pixels of {a:g} × {-e:g} in {grid.crs[:60]}"),
        ("Area", f"{plan.area_pixels:,} pixels"),
        ("Bands", f"{', '.join(plan.labels)}: {plan.pixels.dtype}"),
        ("Dates", f"{format_count(len(days), 'date')}, {days[0]} to {days[-1]}" if days else "none"),
        ("Requests", f"{report.requests:,}, the heaviest {format_bytes(report.heaviest_bytes)}"),
        ("On disk", f"{format_bytes(plan.raw_bytes)} uncompressed"),
        ("Time", _time_words(app, job, report.requests)),
    )
    return rows, tuple(plan.notes), None


def _scenes(app: Application, job: Job, say: Tell) -> Needs:
    from orchestrator.app.verbs.copernicus import preview  # noqa: PLC0415

    found = preview(app, job, say)
    facts = found.facts()
    rows = (
        ("Scenes", f"{facts['scenes']:,}"),
        ("Files", f"{facts['files']:,}, {facts['here']:,} of them are in the folder already"),
        ("To fetch", format_bytes(found.to_fetch_bytes)),
        ("Time", f"about {format_seconds(found.seconds)} at the service's own pace"),
    )
    return rows, (*found.plan.notes, *(f"missing: {name}: {why}" for name, why in found.failed)), None

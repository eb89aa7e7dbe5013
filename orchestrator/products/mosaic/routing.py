"""Which pixels of a plan come in the answers to requests, and which by batch export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.core.errors import PlanError
from orchestrator.core.units import format_count
from orchestrator.model.direct import DirectLimits
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan, TaskPlan
from orchestrator.plan.requests import RequestSize, plan_requests

if TYPE_CHECKING:
    from orchestrator.raster.spans import SpanTable

# A job of so few requests is done before a batch export would have begun: at eight requests at once of five minutes at
# the most, ten minutes; a task waits for minutes to begin, and Earth Engine runs about two at a time.
FEW_REQUESTS = 16
# A table of so many pixels takes longer than an array by an amount that a person notices; see docs/howto/routes.md.
FEW_PIXELS = 16_384
DIRECT_ROUTES = frozenset({"pixels", "region", "auto"})


def routed(plan: Plan, job: Job, limits: DirectLimits, *, batch: bool) -> Plan:
    """
    Return the plan with its windows divided between requests and tasks, and the rule in its notes.

    `pixels` and `region` ask for everything directly. `auto` does where the whole area needs at most 16 requests, or
    where nothing can be exported, for want of a bucket or since no part could be small enough; otherwise directly what
    one request holds of a task's rectangle, and the rest by export.

    Args:
        plan: As for batch exports alone.
        job: Whose route it is.
        limits: Of the direct route.
        batch: Whether there is a place to export to.

    Raises:
        PlanError: No request can hold a pixel of all bands.
    """
    if job.route not in DIRECT_ROUTES:
        return plan
    size, spans = RequestSize.of(plan.pixels, limits), _spans(plan, all_touched=job.options.all_touched)
    everything = plan_requests(plan.grid, spans, size)
    if job.route != "auto":
        return _advised(_with(plan, (), everything, size, f"route {job.route}"), job.route)
    if not batch:
        return _with(plan, (), everything, size, "route auto: no bucket is named, so nothing is exported")
    if not plan.tasks:
        return _with(plan, (), everything, size, "route auto: no exported part can hold a block of these bands")
    if len(everything) <= FEW_REQUESTS:
        return _with(plan, (), everything, size, f"route auto: at most {FEW_REQUESTS} requests bring the whole area")
    tasks, direct = _divided(plan, spans, size)
    return _with(plan, tasks, direct, size, "route auto: directly what one request holds of a task's rectangle")


def _advised(plan: Plan, route: str) -> Plan:
    """Add to the notes that arrays are faster, where a table of many pixels is asked for."""
    asked = sum(window.pixels for window in plan.direct)
    if route != "region" or asked <= FEW_PIXELS:
        return plan
    advice = (
        f"--route pixels would bring these {asked:,} pixels faster: a table of {FEW_PIXELS:,} took 1.7 s and 0.84 MiB "
        "where it was measured, an array 0.05 s and 0.03 MiB, and the ratio grows."
    )
    return replace(plan, notes=(*plan.notes, advice))


def _spans(plan: Plan, *, all_touched: bool) -> SpanTable:
    import shapely  # noqa: PLC0415  heavy

    from orchestrator.raster.spans import SpanTable  # noqa: PLC0415

    return SpanTable.from_geometry(shapely.from_wkb(plan.area_wkb), plan.grid, all_touched=all_touched)


def _divided(plan: Plan, spans: SpanTable, size: RequestSize) -> tuple[tuple[TaskPlan, ...], tuple[Window, ...]]:
    tasks: list[TaskPlan] = []
    direct: list[Window] = []
    for task in plan.tasks:
        needed = plan_requests(plan.grid, spans, size, task.window) if _may_fit(task.window) else ()
        if len(needed) == 1:
            direct += needed
        else:
            tasks.append(replace(task, index=len(tasks)))
    return tuple(tasks), tuple(direct)


def _may_fit(window: Window) -> bool:
    return window.row % 256 == 0 and window.col % 256 == 0


def _with(plan: Plan, tasks: tuple[TaskPlan, ...], direct: Sequence[Window], size: RequestSize, rule: str) -> Plan:
    from orchestrator.plan.budget import output_bytes_bound, total_bytes_bound  # noqa: PLC0415

    heaviest = max((size.count(window) for window in direct), default=0)
    counted = sum(size.count(window) for window in direct)
    parts = [part for task in tasks for part in task.parts()]
    asked = (
        f"{format_count(len(direct), 'request')}, {size.told(counted)} as Earth Engine counts them, the heaviest "
        f"{size.told(heaviest)} of {size.told(size.most)}"
    )
    exported = f"{format_count(len(tasks), 'task')} of {format_count(len(parts), 'part')} by export"
    note = f"{rule}: {'; '.join(([asked] if direct else []) + ([exported] if tasks else []))}."
    bucket = total_bytes_bound(parts, plan.pixels)
    output = output_bytes_bound(plan.grid, [*parts, *direct], plan.pixels)
    return replace(
        plan,
        tasks=tasks,
        direct=tuple(direct),
        bucket_bytes=bucket,
        disk_bytes=bucket + 2 * output,
        notes=(*plan.notes, note),
    )


def whole_of(plan: Plan, window: Window, limits: DirectLimits) -> tuple[Window, ...]:
    """Return requests for every pixel of a rectangle, or none where they would be more than a few."""
    from orchestrator.raster.spans import SpanTable  # noqa: PLC0415

    try:
        size = RequestSize.of(plan.pixels, limits)
    except PlanError:
        return ()
    if size.count(window) > FEW_REQUESTS * size.most:
        return ()
    here = plan_requests(plan.grid.crop(window), SpanTable.full(plan.grid.crop(window)), size)
    moved = tuple(Window(w.row + window.row, w.col + window.col, w.height, w.width) for w in here)
    return moved if len(moved) <= FEW_REQUESTS else ()

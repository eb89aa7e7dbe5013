"""`simulate`: how long a job would take, what it would cost and what would hold it up, before anything is done."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.costs import eecu_limits
from orchestrator.app.planner import cut_task
from orchestrator.app.simulation.bounds import MOST_COG_PIXELS, RoomLeft, breaking_limits
from orchestrator.app.simulation.cells import USUAL_SIDE, cells_of_area
from orchestrator.app.simulation.costs import KnownCosts, read_costs
from orchestrator.app.simulation.doubling import uses_with_twice
from orchestrator.app.simulation.learning import learn_costs
from orchestrator.app.simulation.report import SimulationReport, strips_of
from orchestrator.app.simulation.several import RunSeries, simulate_series
from orchestrator.app.simulation.simulator import SimulatedRun, SimulationSetting, simulate_run
from orchestrator.app.simulation.steady import simulate_long
from orchestrator.app.simulation.subject import SIMULATED, SimulatedJob, plan_for_simulation
from orchestrator.app.verbs.busy import Busy, unwatched
from orchestrator.core.errors import PlanError, UserError
from orchestrator.core.files import free_bytes
from orchestrator.core.units import format_seconds
from orchestrator.engine.batch.feedback import HEAVIEST
from orchestrator.engine.stores.sharing import USUAL_SLOTS
from orchestrator.model.eecu import HOUR
from orchestrator.model.job import Job

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.plan.area import Area

# What a shorter run takes is mostly what is not modelled of it: programs that start, looks that come late.
SHORT_SECONDS = 120.0
MOST_WORKERS, MOST_SLOTS, MOST_TIMES = 10_000, 3000, 1_000_000


@dataclass(frozen=True, slots=True)
class SimulationOrder:
    """
    What is to be simulated.

    Attributes:
        workers: Machines that share the run.
        slots: Exports that Earth Engine runs at once; 0 is two, as is usual.
        request_seconds: How long a request for pixels takes; None is what the costs say.
        bandwidth: Bytes a second that one machine receives; None likewise.
        costs: A file of costs; None is the defaults.
        measured: Whether costs are learned from finished runs first.
        cells: Side of the cells that the area is cut into, in pixels; 0 is no cells, but where it is too large for one.
        times: How many jobs alike are done.
        picture: Where it is drawn; None is nowhere.
    """

    workers: int = 1
    slots: int = 0
    request_seconds: float | None = None
    bandwidth: float | None = None
    costs: Path | None = None
    measured: bool = False
    cells: int = 0
    times: int = 1
    picture: Path | None = None

    def __post_init__(self) -> None:
        _check_count("--workers", self.workers, 1, MOST_WORKERS)
        _check_count("--slots", self.slots, 0, MOST_SLOTS)
        _check_count("--times", self.times, 1, MOST_TIMES)
        for name, value in (("--latency", self.request_seconds), ("--bandwidth", self.bandwidth)):
            if value is not None and not (math.isfinite(value) and value >= 0 and (value > 0 or name == "--latency")):
                raise UserError(f"{name} is {value:g}; give a number above 0")
        if self.times > 1 and self.cells:
            raise UserError("--times and --cells both make several runs of one job; give one of them")


def _check_count(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UserError(f"{name} is {value}; give {least} to {most:,}")


def known_costs(app: Application, order: SimulationOrder, product: str = "") -> KnownCosts:
    """
    Return what steps take: defaults, then what runs told, then a file, then what was said.

    Raises:
        UserError: The file is none, or there are no runs to learn from.
    """
    known = KnownCosts()
    if order.measured:
        known = learn_costs(app, known, products=[product] if product else SIMULATED)
    if order.costs is not None:
        known = read_costs(order.costs, known)
    return known.but("as said", request_seconds=order.request_seconds, bandwidth=order.bandwidth)


def simulate_job(app: Application, job: Job, order: SimulationOrder, busy: Busy = unwatched) -> SimulationReport:
    """
    Simulate a run of a job, or of the cells that its area is cut into; nothing remote is asked.

    Raises:
        UserError: The job cannot be done as declared, or what is asked for is no simulation.
    """
    known = known_costs(app, order, job.product)
    cut = _cut(job, order, busy)
    with busy(f"planning {cut.largest.base_name}"):
        subject = plan_for_simulation(app, cut.largest)
    around = _setting(app, subject, order)
    with busy(f"simulating {cut.largest.base_name}"):
        run = simulate_long(subject, known.costs, around, simulate_run)
    room = RoomLeft(free_bytes(job.output), app.settings.budget.tier_eecu_hours * HOUR)
    series = simulate_series(run, cut.weights, app.settings.serve.slots)
    uses = series.uses
    if series.count == 1:
        with busy(f"simulating {cut.largest.base_name} with twice of what was busy"):
            uses = uses_with_twice(subject, known.costs, around, run, simulate_run)
    report = SimulationReport(
        base_name=job.base_name,
        runs=series.count,
        workers=order.workers,
        slots=around.slots,
        run=series.run,
        uses=uses,
        limits=breaking_limits(subject, run, around, room),
        strips=strips_of(run.occupations, run.makespan / run.stretched),
        pixels=round(subject.asked_pixels * sum(cut.weights)),
        known=known,
        notes=(*cut.notes, *_notes_of(series, app), *_short(series.run, app), *(() if cut.notes else subject.notes)),
    )
    if order.picture is None:
        return report
    from orchestrator.app.simulation.picture import draw_simulation  # noqa: PLC0415  matplotlib is heavy

    draw_simulation(replace(report, run=run), order.picture)
    return replace(report, picture=order.picture)


def _notes_of(series: RunSeries, app: Application) -> tuple[str, ...]:
    if series.count == 1:
        return ()
    return (
        (
            f"{series.count:,} runs, {app.settings.serve.slots} at a time ([serve] slots); the largest was simulated: "
            "the course and what breaks first are its; the others are counted by their pixels"
        ),
    )


def _short(run: SimulatedRun, app: Application) -> tuple[str, ...]:
    if run.held or run.makespan >= SHORT_SECONDS:
        return ()
    limits = app.backoff
    return (
        (
            f"less than {format_seconds(SHORT_SECONDS)} is told to some ten seconds only: exports are looked at every "
            f"{limits.poll_min_seconds:g} to {limits.poll_max_seconds:g} s, and the command's own start comes before"
        ),
    )


def _setting(app: Application, subject: SimulatedJob, order: SimulationOrder) -> SimulationSetting:
    settings = app.settings
    return SimulationSetting(
        workers=order.workers,
        slots=order.slots or USUAL_SLOTS,
        downloads=settings.transfer.downloads,
        direct=app.direct_limits(subject.job.route),
        live_tasks=settings.ee.live_tasks,
        bucket_bytes=settings.gcs.max_bytes,
        backoff=app.backoff,
        eecu=eecu_limits(settings),
        cut=cut_task,
        refit=app.refit,
        lessons=_lessons(app),
    )


def _lessons(app: Application) -> Callable[[str], float | None]:
    """Return what looks up how heavy earlier runs found pixels of a kind; nothing is made where there is no state."""
    if not app.has_state():
        return lambda _kind: None
    return lambda kind: app.store.lessons.get(kind, HEAVIEST)


@dataclass(frozen=True, slots=True)
class _Cut:
    """What of a job is simulated: the largest of its runs, and what each of all weighs beside it."""

    largest: Job
    weights: tuple[float, ...]
    notes: tuple[str, ...] = ()


def _cut(job: Job, order: SimulationOrder, busy: Busy) -> _Cut:
    """Cut a mosaic's area into cells where that was asked for, or where it is too large for one raster."""
    from orchestrator.plan.declared import area_of  # noqa: PLC0415  geopandas is heavy

    if job.product != "mosaic":
        if order.cells:
            raise UserError(f"--cells cuts the area of a mosaic, and {job.base_name} is a {job.product}; see --times")
        return _Cut(job, (1.0,) * order.times)
    with busy("reading the area"):
        area = area_of(job)
        too_large = _too_large(job, area)
    if not order.cells and not too_large:
        return _Cut(job, (1.0,) * order.times)
    side, notes = order.cells, tuple[str, ...]()
    if not side:
        side = USUAL_SIDE
        notes = (f"{too_large}: cut into cells of {side:,} pixels a side, a job each; --cells says otherwise",)
    with busy("cutting the area into cells"):
        cells = cells_of_area(job, area, side)
    return _Cut(cells[0].job, tuple(cell.pixels / cells[0].pixels for cell in cells), notes)


def _too_large(job: Job, area: Area) -> str:
    """Say why an area is too large for one raster, in a sentence without an end; empty where it is not."""
    from orchestrator.plan.align import fix_grid  # noqa: PLC0415  heavy

    grid = job.grid
    try:
        fixed, _ = fix_grid(
            area.geometry,
            area.crs,
            scale=grid.scale,
            out_crs=grid.crs or None,
            crs_transform=grid.crs_transform,
        )
    except PlanError as error:
        return f"no one raster: {error}"
    if fixed.pixels <= MOST_COG_PIXELS:
        return ""
    most = MOST_COG_PIXELS / 1e9
    return f"one raster of {fixed.pixels / 1e9:,.0f} gigapixels is more than the {most:.0f} of a file that is read well"

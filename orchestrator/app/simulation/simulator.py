"""One run of a job in virtual time: the engine's own work, over a model of what takes time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.app.simulation.costs import RunCosts
from orchestrator.app.simulation.earth_engine import ExportModel, SimulatedExports
from orchestrator.app.simulation.machines import Machine, Machines, Occupation, SharedLine, Station
from orchestrator.app.simulation.seams import AtOnce, SteppedWatch, VirtualPlacing, VirtualPool, VirtualWake
from orchestrator.app.simulation.subject import SimulatedJob
from orchestrator.app.simulation.virtual_time import VirtualClock, VirtualStop
from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError
from orchestrator.engine.batch.accounts import Accounts
from orchestrator.engine.batch.exports import Cut, Exports, Refit
from orchestrator.engine.batch.feedback import HEAVIEST, kind_of
from orchestrator.engine.batch.project import Project
from orchestrator.engine.batch.work import BatchWork
from orchestrator.engine.claims import MEMORY_BYTES
from orchestrator.engine.context import Backoff, Clients, ProcessContext, RunContext
from orchestrator.engine.limits import Limits
from orchestrator.engine.progress import Progress
from orchestrator.engine.runner import UnitWork
from orchestrator.engine.steps import UnitContext
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.stores.work_records import Part
from orchestrator.engine.waiting import Waits
from orchestrator.engine.work import Work, carry_all
from orchestrator.model.direct import DirectLimits
from orchestrator.model.eecu import EecuLimits
from orchestrator.model.product import RunSnapshot
from orchestrator.model.states import RunState
from orchestrator.model.unit import Cell, Done, Outcome, Unit

# What waits for room in the bucket is looked at so often in the time that the exports take: 0.1 % later, at most.
_LOOKS = 1000
# Nobody dies in a simulation: no claim is ever over, and no thread keeps it good meanwhile.
_LEASE_SECONDS = 1e8
# The engine starts requests a little wider apart than evenly; see `engine.request_limits`.
_SPREAD = 1.1


@dataclass(frozen=True, slots=True)
class SimulationSetting:
    """
    What a run is simulated with: machines, the project's limits, the settings.

    Attributes:
        workers: Machines that share the run.
        slots: Exports that Earth Engine runs at once.
        downloads: Parts that one machine downloads at once.
        direct: What requests for pixels are held to.
        live_tasks: See `[ee] live_tasks`.
        bucket_bytes: See `[gcs] max_bytes`.
        backoff: How long is waited.
        eecu: What may be spent.
        cut: Halves a task.
        refit: Makes parts as large as may be.
        lessons: Bytes for each pixel of the heaviest part of this kind of pixels, where earlier runs told them.
    """

    workers: int
    slots: int
    downloads: int
    direct: DirectLimits
    live_tasks: int
    bucket_bytes: float
    backoff: Backoff
    eecu: EecuLimits
    cut: Cut
    refit: Refit
    lessons: Callable[[str], float | None] = field(default=lambda _kind: None)


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """
    How a simulated run went. Seconds from the command.

    Attributes:
        makespan: Until the result is published.
        held: Why it does not get there; empty where it does.
        pieces_done: When the last piece was placed.
        tasks: Exports, as they came to be.
        parts: Files of them, as they came to be.
        requests: Requests for pixels.
        eecu_seconds: Of all of them.
        bytes: That machines received.
        result_bytes: What the pieces weigh together.
        bucket_bytes: At its fullest.
        disk_bytes: On the fullest machine.
        longest_task: Seconds that the longest export has its slot.
        most_queued: Tasks with Earth Engine at once.
        occupations: How busy everything was.
        stretched: How many times longer the run is than what `occupations` show; see `steady.py`.
    """

    makespan: float
    held: str
    pieces_done: float
    tasks: int
    parts: int
    requests: int
    eecu_seconds: float
    bytes: float
    result_bytes: float
    bucket_bytes: float
    disk_bytes: float
    longest_task: float
    most_queued: int
    occupations: tuple[Occupation, ...]
    stretched: float = 1.0


def in_memory(clock: Clock) -> SqlStore:
    """Return a state that is gone when it is closed."""
    return SqlStore("sqlite://", clock)


def simulate_run(
    subject: SimulatedJob,
    costs: RunCosts,
    around: SimulationSetting,
    open_store: Callable[[Clock], SqlStore] = in_memory,
) -> SimulatedRun:
    """Carry a run of `subject` from its command to its result in virtual time; the same each time."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-simulate-") as folder:
        return _Simulation(subject, costs, around, Path(folder), open_store).run()


class _Simulation:
    """One simulation: the parts of a process joined over virtual time. Used once."""

    def __init__(
        self,
        subject: SimulatedJob,
        costs: RunCosts,
        around: SimulationSetting,
        folder: Path,
        open_store: Callable[[Clock], SqlStore],
    ) -> None:
        self._subject, self._costs, self._around, self._folder = subject, costs, around, folder
        self._clock = clock = VirtualClock()
        self._store = open_store(clock)
        self._raw = subject.pixels.bytes_per_pixel
        published = subject.rate.expected if subject.rate else 0.0
        self._model = ExportModel(costs, costs.task_eecu_per_pixel or published, self._raw)
        self._request_rate = costs.request_eecu_per_pixel or published
        self._slots = Station("exports", around.slots, clock)
        self._bucket = Occupation("bucket", 0, clock)
        self._exports = SimulatedExports(self._model, self._slots, self._bucket, clock)
        self._requests = Station(
            "requests", around.direct.at_once, clock, spacing_seconds=_SPREAD / around.direct.per_second
        )
        self._machines = Machines(tuple(self._machine(number) for number in range(around.workers)))
        self._finishing = Station("finishing", 1, clock)
        self._at: dict[Cell, Machine] = {}
        self._placed_bytes = 0.0
        project = Project(self._store, clock)
        self._watch = SteppedWatch(
            self._exports.operations,
            clock,
            around.backoff.poll_min_seconds,
            around.backoff.poll_max_seconds,
            seen=lambda operations: project.listed(operations, lambda: around.slots),
            heard=Accounts(self._store.usage, clock).hear,
        )
        self._wake = VirtualWake(clock, self._watch, self._exports.has_news, self._look_seconds())

    def _machine(self, number: int) -> Machine:
        line = SharedLine(f"line {number + 1}", self._costs.bandwidth, self._clock)
        return Machine(line, Station(f"placing {number + 1}", 1, self._clock))

    def _look_seconds(self) -> float:
        """How often a run is looked at while parts come: of one that lasts days, less often than it would be."""
        work = sum(self._model.seconds(task.window.pixels) for task in self._subject.tasks) / self._around.slots
        return max(1.0, work / _LOOKS)

    # ------------------------------------------------------------------ the run

    def run(self) -> SimulatedRun:
        subject, clock = self._subject, self._clock
        clock.advance(self._costs.begin_seconds)
        run_id = self._admitted()
        held = ""
        try:
            works = self._works(run_id)
            if works:
                context = self._context
                carry_all(works, context.wake, context.obey)
        except OrchestratorError as error:
            held = str(error)
        pieces_done = clock.monotonic()
        if not held:
            self._finish()
        parts = sum(tally.parts for tally in self._store.parts.tally(run_id).values())
        tasks = self._store.tasks.of(run_id)
        requested = sum(unit.cell.window.pixels for unit in subject.units if unit.cell is not None)
        spent = self._store.usage.of([run_id]).get(run_id, 0.0) + requested * self._request_rate
        longest = max((self._model.seconds(task.plan.window.pixels) for task in tasks), default=0.0)
        received = sum(machine.line.bytes for machine in self._machines.each)
        self._store.close()
        return SimulatedRun(
            makespan=clock.monotonic(),
            held=held,
            pieces_done=pieces_done,
            tasks=len(tasks),
            parts=parts,
            requests=len(subject.units),
            eecu_seconds=spent,
            bytes=received,
            result_bytes=self._placed_bytes,
            bucket_bytes=self._exports.objects.highest,
            disk_bytes=self._disk_bytes(),
            longest_task=longest,
            most_queued=self._exports.most_queued,
            occupations=tuple(self._occupations()),
        )

    def _admitted(self) -> str:
        """Enter the run and its plan, as the engine would."""
        subject, store = self._subject, self._store
        job = subject.job
        run = store.runs.admit(Admission(job.base_name, "", job.fingerprints(), job.to_json(), product=job.product))
        store.runs.save_plan(run.id, "{}", "", "{}", subject.tasks, subject.units)
        store.runs.set_state(run.id, RunState.EXPORTING)
        return run.id

    def _works(self, run_id: str) -> list[Work]:
        subject, around = self._subject, self._around
        self._context = context = self._joined(run_id)
        placing = VirtualPlacing(self._place)
        works: list[Work] = []
        if subject.plan is not None and subject.tasks:
            kind = kind_of(subject.job, subject.plan)
            if (heaviest := around.lessons(kind)) is not None:
                self._store.lessons.learn(kind, HEAVIEST, heaviest)
            refit = around.refit if subject.job.split == "blocks" else None
            exports = Exports(
                subject.plan,
                "",
                kind,
                around.cut,
                refit,
                rate=subject.rate,
                max_eecu_hours=subject.job.max_eecu_hours,
            )
            works.append(BatchWork(context, exports, placing, self._watch, self._folder / "parts"))
        if subject.units:
            works.append(UnitWork(self._unit_context(run_id, placing)))
        return works

    def _unit_context(self, run_id: str, placing: VirtualPlacing) -> UnitContext:
        subject, context = self._subject, self._context
        return UnitContext(
            run=RunSnapshot(run_id, subject.job),
            steps=dict.fromkeys({unit.kind for unit in subject.units}, _done),
            units=context.store.units,
            process=context.process,
            folder=self._folder,
            sink_folder=self._folder / "sink",
            record=context.record,
            progress=context.progress,
            placer=placing,
            wake=context.wake,
            memory_bytes=MEMORY_BYTES * self._around.workers,
        )

    def _joined(self, run_id: str) -> RunContext:
        around, clock, store = self._around, self._clock, self._store

        def record(name: str, facts: Mapping[str, Any]) -> None:
            store.events.record(run_id, name, facts)

        process = ProcessContext(
            owner="simulated",
            work_dir=None,
            keep_parts=True,
            downloads=around.downloads * around.workers,
            backoff=around.backoff,
            limits=Limits(around.live_tasks, around.bucket_bytes, store.limits, clock),
            clock=clock,
            stop=VirtualStop(clock),
            requests=around.direct.at_once * around.workers,
            eecu=around.eecu,
            together_seconds=0.0,
            pool=self._pool,
            unit_lease_seconds=_LEASE_SECONDS,
        )
        clients = Clients(_NO_PRODUCT, self._exports, self._exports.operations, lambda: around.slots)
        return RunContext(run_id, store, clients, process, record, Waits(clock), Progress(), wake=self._wake)

    # ------------------------------------------------------------- what takes time

    def _pool(self, places: int, name: str) -> Executor:
        if name == "moves":
            return AtOnce()
        return VirtualPool(places, self._fetch_part if name == "download" else self._fetch_unit)

    def _fetch_part(self, given: tuple[Any, ...], then: Callable[[], None]) -> None:
        """Let the time pass that a part takes to come to the machine that fetches it."""
        part = next(one for one in given if isinstance(one, Part))
        size = part.source.size if part.source else 0
        machine = self._at[part.cell] = self._machines.take()
        self._clock.after(self._costs.download_seconds, lambda: machine.line.send(size, then))

    def _fetch_unit(self, given: tuple[Any, ...], then: Callable[[], None]) -> None:
        """Let the time pass that a request takes: its turn, the service, the line, its place."""
        unit = next(one for one in given if isinstance(one, Unit))
        pixels = unit.plan.cell.window.pixels if unit.plan.cell else 0
        size = pixels * self._raw * self._costs.file_share
        machine = self._machines.take()
        seconds = self._costs.request_seconds + pixels / 1e6 * self._costs.request_seconds_per_megapixel

        def placed() -> None:
            self._placed_bytes += size
            machine.pieces -= 1
            then()

        def sent() -> None:
            machine.placing.serve(self._costs.unit_seconds + self._placing_seconds(size), placed)

        self._requests.serve(seconds, lambda: machine.line.send(size, sent))

    def _placing_seconds(self, size: float) -> float:
        return size / 1e9 * self._costs.place_seconds_per_gb

    def _place(self, cell: Cell, durable: Callable[[], None]) -> None:
        """Let the time pass that a part takes to be checked and spliced."""
        machine = self._at[cell]
        pixels = cell.window.pixels

        def placed() -> None:
            self._placed_bytes += self._model.file_bytes(pixels)
            machine.pieces -= 1
            self._wake.moved()
            durable()

        machine.placing.serve(self._placing_seconds(self._model.file_bytes(pixels)), placed)

    def _finish(self) -> None:
        costs = self._costs
        seconds = costs.finish_seconds + self._placed_bytes / 1e9 * costs.finish_seconds_per_gb
        if self._subject.job.product == "chips":
            seconds += len(self._subject.units) * costs.finish_seconds_per_unit
        self._finishing.serve(seconds, lambda: None)
        self._clock.advance(self._clock.monotonic() + seconds)

    def _disk_bytes(self) -> float:
        """Parts stay until the result is published; the result is spooled, then written."""
        if self._subject.job.product == "chips":
            return self._placed_bytes
        parts = max(machine.line.bytes for machine in self._machines.each)
        return parts + 2 * self._placed_bytes * _WITH_OVERVIEWS

    def _occupations(self) -> list[Occupation]:
        used = [self._slots.occupation] if self._subject.tasks else []
        used += [self._requests.occupation] if self._subject.units else []
        used += [machine.line.occupation for machine in self._machines.each]
        used += [machine.placing.occupation for machine in self._machines.each]
        return [*used, self._finishing.occupation, self._bucket]


# Overviews of halves add 1/4 + 1/16 + ... to what lies in a result.
_WITH_OVERVIEWS = 4 / 3


class _NoProduct:
    """No product is asked for anything while its pieces are brought."""


_NO_PRODUCT: Any = _NoProduct()


def _done(_context: object, unit: Unit) -> Outcome:
    """Be done: the time has passed before this is called."""
    pixels = unit.plan.cell.window.pixels if unit.plan.cell else 0
    return Done({"bytes": pixels})

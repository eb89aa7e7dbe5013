"""One run from its present state to its end. Killed anywhere and begun again, it goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import (
    CredentialError,
    IntegrityError,
    OrchestratorError,
    QuotaError,
    SpaceError,
    Stopped,
    TransientError,
    UserError,
)
from orchestrator.core.files import LockedError, make_folder, remove_tree
from orchestrator.engine.batch.ending import cancel_exports
from orchestrator.engine.batch.exports import Cut, Exports, Refit
from orchestrator.engine.batch.feedback import kind_of
from orchestrator.engine.batch.ladder import starting_rung
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.batch.work import BatchWork
from orchestrator.engine.cleanup import Cleaned, clean_cloud, clean_local
from orchestrator.engine.context import Clients, ProcessContext, RunContext
from orchestrator.engine.ownership import OutputLock, check_owner, claimant
from orchestrator.engine.placing import Placing
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import Publication, prove_result
from orchestrator.engine.runner import UnitContext, UnitWork
from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.records import Head, Run
from orchestrator.engine.waiting import Waits
from orchestrator.engine.work import CancelledByUserError, HoldError, Work, carry_all
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.product import OutputLostError, RunSnapshot, Settled, Sink
from orchestrator.model.states import (
    PART_DONE,
    RUN_FINAL,
    RUN_TRANSITIONS,
    PartState,
    RunState,
    TaskState,
    Who,
)

_CANCELLED = RunState.CANCELLED
# How often a run that is held looks whether its user wants something else.
_LOOK_SECONDS = 2.0
# The longest hold is for a quota that returns with the day.
LONGEST_HOLD_SECONDS = 26 * 3600.0


class Execution:
    """Carries one run. The caller holds the run's lock."""

    def __init__(
        self,
        run_id: str,
        *,
        store: Store,
        clients: Clients,
        process: ProcessContext,
        watch: OperationsWatch,
        cut: Cut,
        refit: Refit,
        progress: Progress | None = None,
    ) -> None:
        self._id = run_id
        self._store = store
        self._clients = clients
        self._process = process
        self._watch = watch
        self._cut = cut
        self._refit = refit
        self.progress = progress or Progress()
        self._sink: Sink | None = None
        self._lock: OutputLock | None = None
        self._uncancelled = False  # whether the service could not be asked to cancel: it is not asked without a pause
        self._waits = Waits(process.clock)
        self._context = RunContext(run_id, store, clients, process, self._record, self._waits, self.progress)
        self._steps: Mapping[RunState, Callable[[Run], None]] = {
            RunState.ADMITTED: self._plan,
            RunState.PLANNED: self._begin_export,
            RunState.EXPORTING: self._export,
            RunState.ASSEMBLING: self._assemble,
            RunState.PUBLISHED: self._clean,
            RunState.HELD: self._resume,
        }

    def work(self) -> Run:
        """
        Take the run to its end, or to a hold: for a person, or until `next_at` of the run that is returned.

        Raises:
            Stopped: The process was asked to stop; the run goes on at the next start.
            UserError: The job cannot be done as declared; the run is FAILED.
        """
        try:
            while True:
                run = self._store.runs.get(self._id)
                self.progress.set(state=run.state, detail=run.reason)
                if run.state in RUN_FINAL or run.needs_person or not self.is_due(run):
                    return run
                crash.point(f"run.{run.state.lower()}")
                self.step(run)
        except OrchestratorError:
            raise
        except Exception:
            self._give_output_up()  # a fault of ours, with which the run ends
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Let another process go on with the run, and give up the connections; work may be taken up again."""
        self._clients.route.close()
        self._clients.product.close()
        if self._lock is not None:
            self._lock.leave()
            self._lock = None

    def follow(self) -> Run:
        """Take the run to its end, or to a hold for a person, and wait where it is held for time. Errors as `work`."""
        while True:
            run = self.work()
            if run.state is not RunState.HELD or run.needs_person:
                return run
            self.progress.set(state=run.state, detail=run.reason)
            while not self.is_due(held := self._store.runs.head(self._id)):
                if self._process.stop.wait(min(self._left(held), _LOOK_SECONDS)):
                    raise Stopped("stopped while held; the same command continues this run")

    def is_due(self, run: Head) -> bool:
        """Tell whether there is something to do for a run now: a held one is looked at when its time has come."""
        cancel_requested = run.request == "cancel" and not self._uncancelled
        return run.state is not RunState.HELD or cancel_requested or self._left(run) <= 0

    def _left(self, run: Head) -> float:
        return self._waits.left(f"hold {run.updated}", run.next_at, LONGEST_HOLD_SECONDS)

    def step(self, run: Run) -> None:
        """Do what the state of `run`, as just read, asks for, and write down how it went. Errors as `work`."""
        try:
            self._take_output(run)
            act = self._give_up if _to_be_cancelled(run) else self._steps[run.state]
            act(run)
        except CancelledByUserError:
            self._give_up(run)
        except Stopped:
            raise
        except OSError as error:  # a disk that fails or has become read-only: nothing is given up for it
            self._sink = None  # its folder may be gone: what can be brought again is brought again
            self._hold(error)
        except OrchestratorError as error:
            if self._wait_for(run, error):
                return
            self._fail(error)
            if isinstance(error, (UserError, CredentialError)):
                raise

    def _take_output(self, run: Run) -> None:
        """Become the one owner of the run's output; until it is free, the run waits."""
        if run.state is RunState.HELD or _to_be_cancelled(run):
            return
        self._lock = self._lock or self._output_lock(run)
        try:
            self._lock.take()
        except LockedError as error:
            raise HoldError(str(error), alone=True) from None
        if run.state is not RunState.ADMITTED:  # one of an earlier version, or one that another has followed since
            self._or_hold(run, self._claim)

    def _output_lock(self, run: Run) -> OutputLock:
        return OutputLock(self._files(run)[-1], run, self._process.owner, self._store)

    def _files(self, run: Run) -> tuple[Path, ...]:
        """Return every path that the result may take, the one that makes it last."""
        return self._clients.product.files(Job.from_json(run.job))

    def _claim(self, run: Run) -> None:
        """Make the final path the run's, unless something lies there that its job did not make."""
        files = self._files(run)
        final = str(files[-1])
        row = self._store.outputs.at(final)
        if row is None or row.run_id != run.id:
            check_owner(files, claimant(run), self._store)
            self._store.outputs.claim(final, run.id, run.declaration)

    def _give_output_up(self) -> None:
        if self._lock is not None:
            self._lock.end()
            self._lock = None

    def _wait_for(self, run: Run, error: OrchestratorError) -> bool:
        """Hold the run where somebody, or time, can mend what is wrong; tell whether that is so."""
        begun = run.state not in (RunState.ADMITTED, RunState.PLANNED)
        if isinstance(error, HoldError):
            self._hold(error, who=Who.TIME if error.alone else Who.PERSON, until=error.until)
        elif isinstance(error, QuotaError):
            self._hold(error, until=error.again_at.timestamp())
        elif isinstance(error, (TransientError, SpaceError)) or (isinstance(error, CredentialError) and begun):
            self._hold(error)
        elif run.state is RunState.PUBLISHED and not isinstance(error, UserError):
            # The result is there; only its intermediates could not be taken away.
            self._hold(error, who=Who.PERSON)
        else:
            return False
        return True

    # ----------------------------------------------------------------- steps

    def _plan(self, run: Run) -> None:
        self._claim(run)
        settled = self._clients.product.prepare(Job.from_json(run.job))
        crash.point("run.prepared")
        facts = json.dumps(dict(settled.facts))
        self._store.runs.save_plan(run.id, settled.document, settled.image, facts, settled.tasks, settled.units)
        self._record_plan(self._store.runs.get(run.id), settled)
        if settled.tasks and (rung := starting_rung(self._store, settled.image)):
            tasks = self._store.tasks.of(run.id)
            self._store.tasks.change(run.id, {task.key: TaskChange(rung=rung) for task in tasks})

    def _record_plan(self, run: Run, settled: Settled) -> None:
        facts = {"tasks": len(settled.tasks), "parts": sum(len(task.parts()) for task in settled.tasks)}
        if plan := self._clients.product.exports(snapshot_of(run)):
            facts |= {"height": plan.grid.height, "width": plan.grid.width}
        self._record("run.planned", facts)

    def _begin_export(self, run: Run) -> None:
        self._store.runs.set_state(run.id, RunState.EXPORTING)

    def _export(self, run: Run) -> None:
        self.progress.count(self._store.parts.tally(run.id), self._store.tasks.of(run.id))
        sink = self._open(run)
        with nullcontext() if sink is None else Placing(sink, self._process.stop) as placing:
            carry_all(self._works(run, placing), self._context.wake, self._context.obey)
        crash.point("run.exported")
        self._store.runs.set_state(run.id, RunState.ASSEMBLING)

    def _works(self, run: Run, placing: Placing | None) -> list[Work]:
        """Return what is to be done until the run can be finished."""
        product, snapshot = self._clients.product, snapshot_of(run)
        works: list[Work] = []
        if placing is not None and (plan := product.exports(snapshot)) is not None:
            works.append(self._batch(run, plan, placing))
        if steps := product.steps(snapshot):
            works.append(UnitWork(UnitContext(self._context, snapshot, steps, placing, self._folders(run)[0])))
        return works

    def _batch(self, run: Run, plan: Plan, placing: Placing) -> BatchWork:
        job = Job.from_json(run.job)
        refit = self._refit if job.split == "blocks" else None
        product, snapshot = self._clients.product, snapshot_of(run)
        exports = Exports(
            plan, run.image, kind_of(job, plan), self._cut, refit, lambda window: product.instead(snapshot, window)
        )
        return BatchWork(self._context, exports, placing, self._watch, self._parts_folder(run))

    def _assemble(self, run: Run) -> None:
        try:
            main = self._publication(run).work(self._open(run)).main
        except OutputLostError as error:
            self._begin_output_anew(run, error)
            self._store.runs.set_state(run.id, RunState.EXPORTING)
        else:
            self._store.outputs.publish(str(main.path), run.id, main.sha256, main.bytes)
            self._store.runs.set_state(run.id, RunState.PUBLISHED)

    def _publication(self, run: Run) -> Publication:
        return Publication(
            run, snapshot_of(run), self._sink_folder(run), self._context, check=lambda: self._check_owner(run)
        )

    def _check_owner(self, run: Run) -> None:
        """Hold the run when a file that is not its job's has appeared where its result goes: nothing is lost."""
        now = self._store.runs.get(run.id)  # the consent to overwrite may have come meanwhile
        self._or_hold(now, lambda run: check_owner(self._files(run), claimant(run), self._store))

    def _or_hold(self, run: Run, act: Callable[[Run], None]) -> None:
        """Do something that looks at the output's owner; what is refused holds a run that has begun."""
        try:
            act(run)
        except UserError as error:
            raise HoldError(f"{error}; `orchestrator retry {run.id}` then goes on", alone=False) from None

    def _clean(self, run: Run) -> None:
        self._sink = None
        prove_result(run, self._process.stop, self._say)
        self._say("taking away the intermediates")
        clean_cloud(run, store=self._store, clients=self._clients, process=self._process, record=self._record)
        crash.point("run.cloud_cleaned")
        clean_local(self._folders(run))
        done = [part.window for part in self._store.parts.of(run.id, PART_DONE)]
        self._store.parts.move_all(run.id, done, PartState.CLEANED)
        # In this order: a crash in between must not leave an owner of a run that has ended.
        self._give_output_up()
        self._store.runs.set_state(run.id, RunState.CLEANED)
        self._record("run.done", {"path": str(self._files(run)[-1])})

    def _resume(self, run: Run) -> None:
        """Look again from the state that was interrupted."""
        self._store.runs.set_state(run.id, run.resume or RunState.ADMITTED)

    def sweep(self, run: Run) -> Cleaned:
        """
        Take away what an ended run left: cloud objects and working folders, never its result.

        Raises:
            UserError: The run has not ended.
        """
        if run.state not in RUN_FINAL:
            raise UserError(f"run {run.id} is {run.state}; cancel it first, or let it end, then clean")
        cancel_exports(self._context)
        cleaned = clean_cloud(run, store=self._store, clients=self._clients, process=self._process, record=self._record)
        clean_local(self._folders(run))
        self._end_elsewhere()
        return cleaned

    # ------------------------------------------------------------------ ends

    def _hold(self, why: Exception | str, *, who: Who = Who.TIME, until: float = 0.0) -> None:
        """Leave the run waiting in its row: for a person, or until a time."""
        now = self._process.clock.now().timestamp()
        next_at = 0.0 if who is Who.PERSON else until or now + self._process.backoff.hold_seconds
        self._store.runs.set_state(self._id, RunState.HELD, str(why), who=who, next_at=next_at)
        self._record("run.held", {"reason": str(why), "who": who, "next_at": next_at})

    def _give_up(self, _run: Run) -> None:
        """Cancel, as the user asked; when the service does not answer, hold and cancel later."""
        try:
            self.cancel()
        except (TransientError, CredentialError) as error:
            self._uncancelled = True
            self._hold(f"it is to be cancelled, but {error}")

    def _fail(self, error: Exception) -> None:
        # A service that cannot be asked now is asked again by `clean`.
        with suppress(TransientError, CredentialError):
            cancel_exports(self._context)
        self._give_output_up()
        self._store.runs.set_state(self._id, RunState.FAILED, str(error))
        self._record("run.failed", {"reason": str(error)})

    def cancel(self) -> None:
        """
        End the run: cancel what runs in Earth Engine, keep everything else until it is cleaned.

        A result that is being published is published: half of its files have their names.
        """
        run = self._store.runs.get(self._id)
        if RunState.ASSEMBLING in (run.state, run.resume) and self._publication(run).begun():
            self._publish_after_all(run)
            return
        cancel_exports(self._context)
        # In this order: a crash in between leaves a run that is still to be cancelled, and no owner of an ended one.
        self._end_elsewhere()
        self._store.runs.set_state(self._id, RunState.CANCELLED, "cancelled by request")
        self._store.runs.request(self._id, "")
        self._record("run.cancelled", {})

    def _publish_after_all(self, run: Run) -> None:
        self._store.runs.request(self._id, "")
        self._record("cancel.too_late", {"path": str(self._files(run)[-1])})
        if run.state is RunState.HELD:
            self._store.runs.set_state(self._id, RunState.ASSEMBLING)
        run = self._store.runs.get(self._id)
        self._take_output(run)
        self._assemble(run)

    def _end_elsewhere(self) -> None:
        """Give up the output that another process of this installation may have begun, where nobody works on it."""
        lock = self._lock or self._output_lock(self._store.runs.get(self._id))
        with suppress(LockedError):
            lock.take()
            lock.end()
        self._lock = None

    # ---------------------------------------------------------------- inside

    def _open(self, run: Run) -> Sink | None:
        """Open the output once per process; what was placed before is in it."""
        if self._sink is None:
            product, folder, snapshot = self._clients.product, self._sink_folder(run), snapshot_of(run)
            make_folder(folder)
            try:
                self._sink = product.open(snapshot, folder)
            except IntegrityError as error:
                self._begin_output_anew(run, error)
                make_folder(folder)
                self._sink = product.open(snapshot, folder)
        return self._sink

    def _begin_output_anew(self, run: Run, why: Exception) -> None:
        """Give the unfinished output up; its parts are on disk or in the cloud until a result is published."""
        self._sink = None
        remove_tree(self._sink_folder(run))
        self._record("output.lost", {"reason": str(why)})

    def _sink_folder(self, run: Run) -> Path:
        return self._folders(run)[0] / self._clients.product.name

    def _folders(self, run: Run) -> list[Path]:
        """Return the run's own folders: beside the output, where a rename is atomic, and the one for parts."""
        output = Path(Job.from_json(run.job).output) / ".orchestrator" / run.id
        work = self._process.work_dir
        return [output] if work is None else [output, work / ".orchestrator" / run.id]

    def _parts_folder(self, run: Run) -> Path | None:
        return self._folders(run)[-1] / "parts" if self._process.keep_parts else None

    def _say(self, detail: str) -> None:
        self.progress.set(detail=detail)

    def _record(self, name: str, facts: Mapping[str, Any]) -> None:
        self._store.events.record(self._id, name, facts)
        self._process.notify(name, self._id, facts)


def _to_be_cancelled(run: Run) -> bool:
    """Tell whether the user wants the end of a run now; a held one first gets out of its hold, to ask the service."""
    return run.request == "cancel" and run.state is not RunState.HELD and _CANCELLED in RUN_TRANSITIONS[run.state]


def snapshot_of(run: Run) -> RunSnapshot:
    """Return what a product is told of a run."""
    facts = json.loads(run.facts or "{}")
    return RunSnapshot(run.id, Job.from_json(run.job), run.logical_date, run.plan, run.image, facts)


def retry_run(run: Run, store: Store) -> Run:
    """Take a failed, cancelled or held run up again where it stopped; failed tasks get a new attempt."""
    if run.state not in (RunState.FAILED, RunState.CANCELLED, RunState.HELD):
        raise UserError(f"run {run.id} is {run.state}; only a failed, cancelled or held run can be retried")
    for task in store.tasks.of(run.id):
        if task.state in (TaskState.FAILED, TaskState.CANCELLED):
            store.tasks.reset(run.id, task.key, TaskChange())
    store.tasks.forgive(run.id)
    store.units.forgive(run.id)
    store.runs.request(run.id, "")
    store.events.record(run.id, "run.retried", {})
    return store.runs.set_state(run.id, run.resume or RunState.ADMITTED)

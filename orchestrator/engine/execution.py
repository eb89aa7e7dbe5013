"""One run from its present state to its end. Killed anywhere and begun again, it goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.errors import (
    ConfigError,
    CredentialError,
    ExtraError,
    FencedError,
    OrchestratorError,
    StateError,
    Stopped,
    TransientError,
    UserError,
)
from orchestrator.engine.batch.ending import cancel_exports
from orchestrator.engine.batch.exports import Cost, Cut, Refit
from orchestrator.engine.batch.ladder import starting_rung
from orchestrator.engine.batch.watch import OperationsWatch
from orchestrator.engine.cleanup import Cleaned, clean_cloud, clean_local
from orchestrator.engine.context import Clients, ProcessContext, RunContext, unleased
from orchestrator.engine.deadlines import INTERRUPTIBLE
from orchestrator.engine.delivery import clear_made, leave_folder, prove_delivered
from orchestrator.engine.exporting import Exporting
from orchestrator.engine.holds import Holds
from orchestrator.engine.output import RunOutput, snapshot_of
from orchestrator.engine.progress import Progress
from orchestrator.engine.publication import Publication, is_file, prove_result
from orchestrator.engine.stores.contract import Store, TaskChange
from orchestrator.engine.stores.records import Head, Run
from orchestrator.engine.waiting import Waits
from orchestrator.engine.work import CancelledByUserError, HoldError, LeaveError
from orchestrator.model.job import Job
from orchestrator.model.plan import Plan
from orchestrator.model.product import OutputLostError, Settled
from orchestrator.model.result import Result
from orchestrator.model.states import (
    RUN_FINAL,
    RUN_TRANSITIONS,
    RunState,
    TaskState,
    Who,
)

_CANCELLED = RunState.CANCELLED
# How often a run that is held looks whether its user wants something else.
_LOOK_SECONDS = 2.0


def _unknown(_job: Job, _plan: Plan) -> None:
    """Of what a job costs nothing is published."""


class Execution:
    """Carries one run. The caller holds the run, and hands over the store that carries its lease."""

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
        check_lease: Callable[[], None] = unleased,
        check_prefix: Callable[[], None] = unleased,
        leave_prefix: Callable[[], None] = unleased,
        cost: Cost = _unknown,
    ) -> None:
        self._id = run_id
        self._store = store
        self._clients = clients
        self._process = process
        self.progress = progress or Progress()
        self._leaves = False  # whether it was asked to leave its slot, and did
        self._context = RunContext(
            run_id,
            store,
            clients,
            process,
            self._record,
            Waits(process.clock),
            self.progress,
            check_lease=check_lease,
            check_prefix=check_prefix,
            leave_prefix=leave_prefix,
        )
        self._output = RunOutput(self._context)
        self._exporting = Exporting(self._context, self._output, watch, cut, refit, cost)
        self._holds = Holds(self._context, self._output.folders)
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
        Take the run to its end, or to a hold: for a person, until `next_at` of the run that is returned, or for another
        that has its slot first.

        Raises:
            Stopped: The process was asked to stop; the run goes on at the next start.
            FencedError: Another process has the run by now; nothing more was changed.
            UserError: The job cannot be done as declared; the run is FAILED.
        """
        self._leaves = False
        try:
            while True:
                run = self._store.runs.get(self._id)
                self.progress.set(state=run.state, detail=run.reason)
                if run.state in RUN_FINAL or self._leaves or not self.is_due(run):
                    return run
                crash.point(f"run.{run.state.lower()}")
                self.step(run)
        except OrchestratorError:
            raise
        except Exception:
            self._output.end()  # a fault of ours, with which the run ends
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Let another process go on with the run, and give up the connections; work may be taken up again."""
        self._clients.close()
        self._output.leave()

    def follow(self) -> Run:
        """
        Take the run to its end, or to a hold for a person, and wait where it is held for time. Errors as `work`.

        A run that is held already is looked at first: who calls this has perhaps mended what held it.
        """
        self._holds.look_at_once()
        while True:
            run = self.work()
            if run.state is not RunState.HELD or run.needs_person:
                return run
            self.progress.set(state=run.state, detail=run.reason)
            while not self.is_due(held := self._store.runs.head(self._id)):
                if self._process.stop.wait(min(self._holds.left(held), _LOOK_SECONDS)):
                    raise Stopped("stopped while held; the same command continues this run")

    def is_due(self, run: Head) -> bool:
        """Tell whether there is something to do for a run now; see `Holds.is_due`."""
        return self._holds.is_due(run)

    def step(self, run: Run) -> None:
        """Do what the state of `run`, as just read, asks for, and write down how it went. Errors as `work`."""
        try:
            if run.state in INTERRUPTIBLE:
                self._process.interrupts.obey(self._id)
            self._take_output(run)
            act = self._give_up if _to_be_cancelled(run) else self._steps[run.state]
            act(run)
        except CancelledByUserError:
            self._give_up(run)
        except (Stopped, FencedError, StateError):
            raise
        except OSError as error:  # a disk that fails or has become read-only: nothing is given up for it
            self._output.forget()  # its folder may be gone: what can be brought again is brought again
            self._holds.begin_for_disk(run, error)
        except OrchestratorError as error:
            if self._holds.begin_for(run, error):
                self._leaves = isinstance(error, LeaveError)
                return
            self._fail(error)
            if isinstance(error, (UserError, CredentialError)):
                raise

    def _take_output(self, run: Run) -> None:
        """Become the one owner of the run's output; until it is free, the run waits."""
        if run.request == "cancel" and _CANCELLED in RUN_TRANSITIONS[run.state]:
            return
        self._output.take(run)  # a held run goes on when it has it, and otherwise stays as it is
        if run.state not in (RunState.ADMITTED, RunState.HELD):
            self._output.claim_again(run)

    # ----------------------------------------------------------------- steps

    def _plan(self, run: Run) -> None:
        self._output.claim(run)
        crash.point("run.claimed")
        settled = self._clients.product.prepare(Job.from_json(run.job))
        crash.point("run.prepared")
        facts = json.dumps(dict(settled.facts))
        self._store.runs.save_plan(run.id, settled.document, settled.image, facts, settled.tasks, settled.units)
        self._record_plan(self._store.runs.get(run.id), settled)
        if settled.tasks and (rung := starting_rung(self._store, settled.image)):
            tasks = self._store.tasks.of(run.id)
            self._store.tasks.change(run.id, {task.key: TaskChange(rung=rung) for task in tasks})

    def _record_plan(self, run: Run, settled: Settled) -> None:
        facts = {"tasks": len(settled.tasks), "parts": sum(task.part_count for task in settled.tasks)}
        facts["requests"] = len(settled.units)
        if plan := self._clients.product.exports(snapshot_of(run)):
            facts |= {"height": plan.grid.height, "width": plan.grid.width}
        if words := settled.facts.get("planned"):
            facts["planned"] = words
        self._record("run.planned", facts)

    def _begin_export(self, run: Run) -> None:
        self._store.runs.set_state(run.id, RunState.EXPORTING)

    def _export(self, run: Run) -> None:
        self._exporting.carry(run)
        crash.point("run.exported")
        self._store.runs.set_state(run.id, RunState.ASSEMBLING)

    def _assemble(self, run: Run) -> None:
        try:
            main = self._published(run).main
        except OutputLostError as error:
            self._output.begin_anew(run, error)
            self._store.runs.set_state(run.id, RunState.EXPORTING)
        else:
            self._store.outputs.publish(str(main.path), run.id, main.sha256, main.bytes)
            self._store.runs.set_state(run.id, RunState.PUBLISHED)

    def _published(self, run: Run) -> Result:
        """Return the result, made and brought to where it shall lie; what was done before a crash is done."""
        delivery = self._output.delivery(run)
        if delivery is not None and run.result and delivery.is_there(known := Result.from_json(run.result)):
            return known
        return self._output.deliver(run, self._publication(run).work(self._output.open(run)))

    def _publication(self, run: Run) -> Publication:
        return Publication(
            run, snapshot_of(run), self._output.sink_folder(run), self._context, check=lambda: self._check_output(run)
        )

    def _check_output(self, run: Run) -> None:
        self._context.check_lease()
        self._output.check(run)

    def _clean(self, run: Run) -> None:
        if run.request == "cancel":  # it came too late; kept, it would wake the run from every hold
            self._store.runs.request(run.id, "")
            self._record("cancel.too_late", {"path": str(self._output.files(run)[-1])})
        self._output.forget()
        result = Result.from_json(run.result)
        if (delivery := self._output.delivery(run)) is not None:
            prove_delivered(delivery, result)
        else:
            prove_result(run, self._process.stop, self._say)
        self._say("taking away the intermediates")
        clean_cloud(run, self._context)
        self._context.leave_prefix()  # once the run is over, nobody looks whether it was given up
        crash.point("run.cloud_cleaned")
        self._context.check_lease()
        clean_local(self._output.folders(run))
        if result.place:
            clear_made([file.path for file in result.files])
        self._store.parts.clean(run.id)
        # In this order: a crash in between must not leave an owner of a run that has ended.
        self._output.end()
        crash.point("run.output_ended")
        if result.place:
            leave_folder(Path(result.made_in))
        self._store.runs.set_state(run.id, RunState.CLEANED)
        self._record("run.done", {"path": result.address_of(result.main)})

    def _resume(self, run: Run) -> None:
        """Look again from the state that was interrupted, unless room is lacking still."""
        if not self._holds.still_lacks_room(run):
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
        cleaned = clean_cloud(run, self._context)
        clean_local(self._output.folders(run))
        self._clear_undelivered(run)
        self._output.end_elsewhere(self._store.runs.head(self._id))
        if (job := Job.from_json(run.job)).deliver:
            leave_folder(Path(job.output))
        return cleaned

    def _clear_undelivered(self, run: Run) -> None:
        """Take away what an ended run has named in the folder where it made what it did not deliver."""
        if run.result and run.state is not RunState.CLEANED and (made := Result.from_json(run.result)).place:
            clear_made([file.path for file in made.files if is_file(file)])

    # ------------------------------------------------------------------ ends

    def _give_up(self, _run: Run) -> None:
        """Cancel, as the user asked; when the service does not answer, hold and cancel later."""
        try:
            self.cancel()
        except (TransientError, CredentialError, HoldError) as error:
            self._holds.begin_uncancelled(error)

    def _fail(self, error: Exception) -> None:
        # A service that cannot be asked now is asked again by `clean`; what another copy of the state began is its own.
        with suppress(TransientError, CredentialError, HoldError):
            cancel_exports(self._context)
        self._output.end()
        # What is wrong with the declaration itself stays wrong: only a person who declares something else can help.
        settled = isinstance(error, UserError) and not isinstance(error, (ConfigError, ExtraError))
        self._store.runs.set_state(self._id, RunState.FAILED, str(error), who=Who.PERSON if settled else Who.NOBODY)
        self._record("run.failed", {"reason": str(error)})

    def cancel(self) -> None:
        """
        End the run: cancel what runs in Earth Engine, keep everything else until it is cleaned.

        A result that is being published is published: half of its files have their names. Where that cannot be, the
        run is held with what must be done first.
        """
        run = self._store.runs.get(self._id)
        if RunState.ASSEMBLING in (run.state, run.resume) and self._publication(run).begun():
            self._publish_after_all(run)
            return
        cancel_exports(self._context)
        # In this order: a crash in between leaves a run that is still to be cancelled, and no owner of an ended one.
        self._output.end_elsewhere(self._store.runs.head(self._id))
        self._store.runs.set_state(self._id, RunState.CANCELLED, "cancelled by request")
        self._store.runs.request(self._id, "")
        self._record("run.cancelled", {})

    def _publish_after_all(self, run: Run) -> None:
        """Go on with a publication; where that cannot be, the run is held as it always is."""
        self._store.runs.request(self._id, "")
        self._record("cancel.too_late", {"path": str(self._output.files(run)[-1])})
        if run.state is RunState.HELD:
            self._store.runs.set_state(self._id, RunState.ASSEMBLING)
        self.step(self._store.runs.get(self._id))

    # ---------------------------------------------------------------- inside

    def _say(self, detail: str) -> None:
        self.progress.set(detail=detail)

    def _record(self, name: str, facts: Mapping[str, Any]) -> None:
        self._store.events.record(self._id, name, facts)
        self._process.notify(name, self._id, facts)


def _to_be_cancelled(run: Run) -> bool:
    """Tell whether the user wants the end of a run now; a held one first gets out of its hold, to ask the service."""
    return run.request == "cancel" and run.state is not RunState.HELD and _CANCELLED in RUN_TRANSITIONS[run.state]


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

"""A run's output until it is published: its one owner, its working folders, and the sink that pieces go into."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from orchestrator.core.errors import CredentialError, IntegrityError, PermanentError, UserError
from orchestrator.core.files import make_folder, remove_tree
from orchestrator.core.locks import LockedError
from orchestrator.engine.context import RunContext, unleased
from orchestrator.engine.delivery import ResultDelivery, objects_there, told_of
from orchestrator.engine.output_lock import OutputLock
from orchestrator.engine.ownership import Claimant, check_owner, check_place, claimant
from orchestrator.engine.stores.records import Head, Run
from orchestrator.engine.work import HoldError, OutputTakenError
from orchestrator.model.job import Job
from orchestrator.model.product import Recognising, RunSnapshot, Sink
from orchestrator.model.result import Result


class RunOutput:
    """The output of one run. Used by the run's own thread."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._product = context.clients.product
        self._process = context.process
        self._store = context.store
        self._lock: OutputLock | None = None
        self._sink: Sink | None = None

    # ----------------------------------------------------------------- owner

    def take(self, run: Head) -> None:
        """
        Become its one owner.

        Raises:
            OutputTakenError: Another run is; it is waited for.
        """
        self._lock = self._lock or self._new_lock(run)
        try:
            self._take(self._lock)
        except LockedError as error:
            raise OutputTakenError(str(error)) from None

    def _take(self, lock: OutputLock) -> None:
        try:
            lock.take()
        except LockedError:
            if self._context.check_lease is unleased:
                raise
            self._context.check_lease()  # a process that was stopped may have the file still
            if not lock.take_over():
                raise

    def claim(self, run: Head) -> None:
        """
        Make the final path the run's.

        Raises:
            UserError: Something lies there that its job did not make.
        """
        files = self.files(run)
        final = str(files[-1])
        row = self._store.outputs.at(final)
        if row is None or row.run_id != run.id:
            check_owner(files, self._claimant(run), self._store)
            if (place := self._context.clients.place) is not None:
                place.check_access()
                there = objects_there(place, names_in(Job.from_json(run.job), files))
                check_place(place, there, self._claimant(run), self._store)
            self._store.outputs.claim(final, run.id, run.declaration)

    def claim_again(self, run: Head) -> None:
        """
        Claim for a run that has begun: one of an earlier version, or one that another has followed since.

        Raises:
            HoldError: Something lies there that its job did not make; a person must decide.
        """
        self._or_hold(run, self.claim)

    def check(self, run: Head) -> None:
        """
        Look whether a file that is not the job's has appeared where the result goes: nothing is lost.

        Raises:
            HoldError: One has.
        """
        now = self._store.runs.head(run.id)  # the consent to overwrite may have come meanwhile
        self._or_hold(now, lambda run: check_owner(self.files(run), self._claimant(run), self._store))

    def deliver(self, run: Head, result: Result) -> Result:
        """
        Bring a finished result to its place, where it has one, and return it with where its files lie.

        Raises:
            HoldError: Something lies there that its job did not make, or the place is gone; a person must decide.
        """
        delivery = self.delivery(run)
        if delivery is None or delivery.is_there(result):
            return result
        try:
            done = delivery.work(result)
        except CredentialError:
            raise
        except (UserError, PermanentError) as error:
            raise HoldError(f"{error}; `orchestrator retry {run.id}` then goes on", alone=False) from None
        self._context.record("output.delivered", told_of(done))
        return done

    def delivery(self, run: Head) -> ResultDelivery | None:
        """Return what brings the run's result to its place; None where it stays where it is made."""
        place, context = self._context.clients.place, self._context
        if place is None:
            return None
        who = self._claimant(self._store.runs.head(run.id))  # the consent to overwrite may have come meanwhile
        say = lambda what: context.progress.set(detail=what)  # noqa: E731
        return ResultDelivery(place, who, self._store, context.process.stop, say, context.check_lease)

    def leave(self) -> None:
        """Stop working on it, and stay its owner."""
        if self._lock is not None:
            self._lock.leave()
            self._lock = None

    def end(self) -> None:
        """Give it up: the run has ended."""
        if self._lock is not None:
            self._lock.end()
            self._lock = None

    def end_elsewhere(self, run: Head) -> None:
        """Give up what another process of this installation may have begun, where nobody works on it."""
        self._lock = self._lock or self._new_lock(run)
        with suppress(LockedError):
            self._lock.take()
            self._lock.end()
        self._lock = None

    def _new_lock(self, run: Head) -> OutputLock:
        return OutputLock(self.files(run)[-1], run, self._process.owner, self._store)

    def _claimant(self, run: Head) -> Claimant:
        product, final = self._product, str(self.files(run)[-1])
        if not isinstance(product, Recognising):
            return claimant(run, final=final)
        return claimant(run, partial(product.whose, Job.from_json(run.job)), final)

    def _or_hold(self, run: Head, act: Callable[[Head], None]) -> None:
        try:
            act(run)
        except UserError as error:
            raise HoldError(f"{error}; `orchestrator retry {run.id}` then goes on", alone=False) from None

    # ------------------------------------------------------- files and folders

    def files(self, run: Head) -> tuple[Path, ...]:
        """Return every path that the result may take, the one that makes it last."""
        return self._product.files(Job.from_json(run.job))

    def folders(self, run: Head) -> list[Path]:
        """Return the run's own folders: beside the output, where a rename is atomic, and the one for parts."""
        output = folder_of(run)
        work = self._process.work_dir
        return [output] if work is None else [output, work / ".orchestrator" / run.id]

    def sink_folder(self, run: Head) -> Path:
        """Return where the unfinished output lies."""
        return self.folders(run)[0] / self._product.name

    def parts_folder(self, run: Head) -> Path | None:
        """Return where parts lie until they are placed; None where they touch no disk."""
        return self.folders(run)[-1] / "parts" if self._process.keep_parts else None

    # ------------------------------------------------------------------ sink

    def open(self, run: Run) -> Sink | None:
        """Open the sink once per process; what was placed before is in it."""
        if self._sink is None:
            folder, snapshot = self.sink_folder(run), snapshot_of(run)
            make_folder(folder)
            try:
                self._sink = self._product.open(snapshot, folder)
            except IntegrityError as error:
                self.begin_anew(run, error)
                make_folder(folder)
                self._sink = self._product.open(snapshot, folder)
        return self._sink

    def forget(self) -> None:
        """Open the sink anew when it is needed again: its folder may be gone."""
        self._sink = None

    def begin_anew(self, run: Head, why: Exception) -> None:
        """Give what is unfinished up; its pieces are on disk or in the cloud until a result is published."""
        self._sink = None
        remove_tree(self.sink_folder(run))
        self._context.record("output.lost", {"reason": str(why)})


def names_in(job: Job, files: Sequence[Path]) -> list[str]:
    """Return what the files of a job's result are called at its place."""
    return [path.relative_to(job.output).as_posix() for path in files]


def folder_of(run: Head) -> Path:
    """Return the run's own folder beside its output, where a rename is atomic."""
    return Path(Job.from_json(run.job).output) / ".orchestrator" / run.id


def snapshot_of(run: Run) -> RunSnapshot:
    """Return what a product is told of a run."""
    facts = json.loads(run.facts or "{}")
    return RunSnapshot(run.id, Job.from_json(run.job), run.logical_date, run.plan, run.image, facts, run.overwrite)

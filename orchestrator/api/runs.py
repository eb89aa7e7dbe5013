"""Runs of jobs, in Python: begun, waited for, looked at, ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from orchestrator.api.connection import Connection, current
from orchestrator.api.job import Job, checked
from orchestrator.api.results import Result
from orchestrator.api.showing import showing
from orchestrator.api.work import RunThread, Until, carry_here
from orchestrator.app.heartbeat import find_daemon
from orchestrator.app.verbs import events, reasons, reports
from orchestrator.engine.stores.records import Run as Row
from orchestrator.model.audit import WINDOWS, AuditReport
from orchestrator.model.states import RUN_FINAL, RunState

if TYPE_CHECKING:
    from orchestrator.app import Application


class Run:
    """
    One execution of a job, as the state remembers it; every look reads it anew.

    Attributes:
        id: Content-addressed; the command line takes it too.
        name: Of its job.
    """

    def __init__(self, connection: Connection, run_id: str, name: str, work: RunThread | None = None) -> None:
        self.id = run_id
        self.name = name
        self._connection = connection
        self._work = work

    @property
    def state(self) -> RunState:
        """Where it is: a text like `EXPORTING`, `HELD`, or `CLEANED` when it is done."""
        return self.report.state

    @property
    def report(self) -> reports.RunReport:
        """How it stands: state, reason, parts, pace, result."""
        records = self._connection.records
        return reports.report_run(records.store, self.id, records.clock.now())

    def why(self, unit: str = "") -> reasons.Why:
        """
        Return what it waits for, and what happens next; printed, it is sentences.

        `unit` is a piece of it: the key of a task, a request or a chip, or `ROW,COL` of a part.
        """
        return reasons.why(self._connection.records, self.id, unit)

    def wait(self, *, progress: bool | None = None, timeout: float | None = None) -> Result:
        """
        Wait until the run has ended, and return its result.

        Where nobody works on it, and no daemon will, it is carried on here, as `orc.run` does. An interrupt of a run
        that was submitted ends only the wait.

        Args:
            progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
            timeout: Seconds to wait at most. A run that is carried on in the wait itself is stopped then, cleanly.

        Raises:
            TimeoutError: The time is over, and the run has not ended; it is as after an interrupt.
            LockedError: Another process began to work on it meanwhile.
            RunFailed: It failed or was cancelled.
            NeedsPerson: It is held for something that will not pass by itself.
        """
        until = Until(timeout)
        if self._work is not None:
            self._work.wait(progress, until)
        elif not self._has_ended():
            if self._is_elsewhere():
                self._follow(progress, until)
            else:
                with self._connection.lent() as app:
                    carry_here(self._connection, app, self._row(), progress, until)
        return self.result

    @property
    def result(self) -> Result:
        """What it has delivered; errors as `wait`."""
        return Result.of(self._row())

    def audit(self, windows: int = WINDOWS, *, seed: int | None = None) -> AuditReport:
        """
        Ask for windows of the result once more, without an export, and compare them with the file, value by value.

        The outcome is written into the proof, and returned: `equal`, `differences`, `first`, ...

        Args:
            windows: How many.
            seed: What they are drawn with; by default a number that follows from the run's id.

        Raises:
            UserError: Its product is not audited, or its files are not those that were published.
            RunFailed: It has no result.
        """
        from orchestrator.app.verbs.audit import audit  # noqa: PLC0415  who only looks does not need it

        with self._connection.lent() as app:
            return audit(app, self.id, windows=windows, seed=seed).report

    def cancel(self) -> bool:
        """
        End the run: its tasks in Earth Engine are cancelled; what it left is kept until `clean`.

        Return False where it has ended, or its result is there, or on its way so far that it was completed instead.

        Raises:
            UserError: It was begun on another service.
            NeedsPerson: Half of its files have their names, and the others cannot get theirs; it is held for that.
        """
        from orchestrator.app.verbs.endings import cancel  # noqa: PLC0415  who only looks does not need it

        if self.state in {*RUN_FINAL, RunState.PUBLISHED}:
            return False
        ended = cancel(self._connection.records, self.id, self._connection.lent)
        return ended.elsewhere or ended.state is RunState.CANCELLED

    def retry(
        self, *, min_valid: float | None = None, accept_audit: bool = False, eecu_hours: float | None = None
    ) -> None:
        """
        Take a failed, cancelled or held run up again where it stopped; `wait` or a daemon then carries it on.

        Args:
            min_valid: Publish it with this share of valid pixels, 0 to 1, or more.
            accept_audit: Publish it whatever its audit finds; the proof says so.
            eecu_hours: What it may cost in all, EECU-hours; 0 for no limit.

        Raises:
            UserError: It is in no state to be retried, or has cost more than that already.
        """
        from orchestrator.app.verbs.endings import retry  # noqa: PLC0415

        retry(self._connection.records, self.id, min_valid, accept_audit=accept_audit, eecu_hours=eecu_hours)
        self._work = None

    def clean(self) -> None:
        """
        Take away what an ended run left in the cloud and on disk; never its result, never what is not ours.

        Raises:
            UserError: It has not ended.
        """
        from orchestrator.app.verbs.endings import clean  # noqa: PLC0415

        with self._connection.lent() as app:
            clean(app, self.id)

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.name}: {self.state}>"

    def _row(self) -> Row:
        return self._connection.records.store.runs.get(self.id)

    def _has_ended(self) -> bool:
        return events.has_ended(self._connection.records.store.runs.heads(run_id=self.id)[0])

    def _is_elsewhere(self) -> bool:
        records = self._connection.records
        return reasons.is_worked_on(records, self.id) or _has_daemon(self._connection)

    def _follow(self, progress: bool | None, until: Until) -> None:
        seen, pause = events.Followed(self._connection.records, self.id), threading.Event()
        with showing(seen.look, self.name, progress) as update:
            while not self._has_ended():
                update()
                until.check(self.id)
                pause.wait(until.at_most(events.LOOK_SECONDS))


def run(
    job: Job,
    *,
    again: bool = False,
    overwrite: bool = False,
    progress: bool | None = None,
    connection: Connection | None = None,
) -> Result:
    """
    Bring a job to its result, and wait for it.

    After a crash, or an interrupt, the same job continues; when the result is there already, it is returned.

    Args:
        job: What to do.
        again: Do it once more although it is done.
        overwrite: Replace files at the result's place that this job did not make.
        progress: False shows nothing; None shows it in a notebook and in a terminal; True everywhere.
        connection: Where; by default the one that this thread opened last.

    Raises:
        UserError: The job cannot be done as declared, or another service is at work in this process; nothing remote
            has happened.
        LockedError: Another process, or another thread, works on the run or makes the same output.
        RunFailed: It failed, in a way that trying again does not mend.
        NeedsPerson: It is held for something that will not pass by itself.
        KeyboardInterrupt: It was interrupted, and stopped cleanly.
    """
    checked(job)
    connection = connection or current()
    with connection.lent() as app:
        row = _begun(app, job, again=again, overwrite=overwrite)
        if row.state is not RunState.CLEANED:
            carry_here(connection, app, row, progress)
        return Result.of(app.store.runs.get(row.id))


def submit(job: Job, *, again: bool = False, overwrite: bool = False, connection: Connection | None = None) -> Run:
    """
    Begin a job and return at once.

    A daemon (`orchestrator serve`) of the same state folder carries it, where one lives; otherwise a thread of this
    process does, which stops cleanly with the connection, or with the program. Arguments and errors are those of `run`.
    """
    checked(job)
    connection = connection or current()
    with connection.working():
        app = connection.shared
        row = _begun(app, job, again=again, overwrite=overwrite)
        here = row.state is not RunState.CLEANED and not _has_daemon(connection)
        return Run(connection, row.id, row.job_name, RunThread(connection, app, row) if here else None)


def runs(name: str = "", limit: int = 20, *, connection: Connection | None = None) -> list[Run]:
    """
    Return the latest runs, newest first.

    Args:
        name: Only those whose job or base name is this, or whose id begins with it.
        limit: How many at most.
        connection: Of which; by default the one that this thread opened last.
    """
    connection = connection or current()
    records = connection.records
    if not records.has_state():
        return []
    heads = records.store.runs.named(name, limit) if name else records.store.runs.heads(limit)
    return [Run(connection, head.id, head.job_name) for head in heads]


def _begun(app: Application, job: Job, *, again: bool, overwrite: bool) -> Row:
    from orchestrator.app.verbs.runs import begin  # noqa: PLC0415

    declared = job.settled(app).declared(app)
    app.check_service(declared.product)
    return begin(app, declared, again=again, overwrite=overwrite)


def _has_daemon(connection: Connection) -> bool:
    return find_daemon(connection.records.store, connection.records.clock)[0] is not None

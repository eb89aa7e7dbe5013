"""A run that is carried in a thread, so that whoever waits for it can be interrupted without harm to it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestrator.api.connection import Connection
from orchestrator.api.showing import LOOK_SECONDS, showing
from orchestrator.config import JobTable, explain
from orchestrator.core.errors import UserError
from orchestrator.engine.progress import Progress
from orchestrator.model.states import RunState

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.engine.stores.records import Run as Row
    from orchestrator.model.job import Job


class Until:
    """When a wait is over: so many seconds from now, or never."""

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float))):
            raise UserError(f"timeout is {seconds!r}; give seconds, or None to wait for the end")
        self._seconds = seconds
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def at_most(self, seconds: float) -> float:
        """Return `seconds`, or what is left where that is less."""
        return max(0.0, min(seconds, self._end - time.monotonic()))

    def check(self, run_id: str) -> None:
        """Raise TimeoutError when the time is over."""
        if time.monotonic() >= self._end:
            raise TimeoutError(
                f"run {run_id} has not ended within {self._seconds:g} s; wait once more to go on with it"
            )


_NEVER = Until(None)


def carry_job(
    content: Mapping[str, Any],
    connection: Connection,
    app: Application,
    progress: bool | None,
    *,
    again: bool,
    overwrite: bool,
    tell: Callable[[str], None],
) -> Row:
    """
    Carry a job to its end, whose result is one; a run of it that is there goes on, or has ended.

    Args:
        content: As a file of a job has it.
        connection: Where.
        app: As `connection` lends it.
        progress: Whether it is shown.
        again: Do it once more although it is done.
        overwrite: Replace what this job did not make.
        tell: Is told what was found on the way.

    Raises:
        UserError: The job is none.
        KeyboardInterrupt: See `carry_here`.
    """
    from orchestrator.app.verbs.runs import begin  # noqa: PLC0415  geopandas is heavy

    job = job_of(content, app)
    row = begin(app, job, again=again, overwrite=overwrite, tell=tell)
    if row.state is not RunState.CLEANED:
        carry_here(connection, app, row, progress)
    return app.store.runs.get(row.id)


def job_of(content: Mapping[str, Any], app: Application) -> Job:
    """
    Return the one job that is meant by what a file of it would hold; nobody is asked anything.

    Raises:
        UserError: It is none, or the service of its product is not named.
    """
    from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

    try:
        declared = JobTable.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, str(content.get("product", "job")), JobTable)) from None
    app.check_service(declared.product)
    (job,) = expand(declared.job(Path.cwd(), app.settings.services))
    return job


class RunThread:
    """One run under way in this process. It begins when it is made."""

    def __init__(self, connection: Connection, app: Application, row: Row) -> None:
        self._app = app
        self._row = row
        self._progress = Progress()
        self._error: BaseException | None = None
        self._thread = connection.start(self._carry, f"run {row.id}")

    def _carry(self) -> None:
        from orchestrator.app.verbs.runs import carry  # noqa: PLC0415  who only looks does not need it

        try:
            carry(self._app, self._row, self._progress)
        except BaseException as error:  # noqa: BLE001  it is raised where somebody waits
            self._error = error

    def join(self) -> None:
        """Wait for the end, however it is."""
        self._thread.join()

    def wait(self, progress: bool | None, until: Until = _NEVER) -> None:
        """Show how far it is until it ends; what went wrong is raised here, and TimeoutError where it is too late."""
        with showing(self._progress.snapshot, self._row.job_name, progress) as update:
            while self._thread.is_alive():
                update()
                until.check(self._row.id)
                self._thread.join(until.at_most(LOOK_SECONDS))
        if self._error is not None:
            raise self._error


def carry_here(
    connection: Connection, app: Application, row: Row, progress: bool | None, until: Until = _NEVER
) -> None:
    """
    Carry a run to its end; an interrupt stops it cleanly, and says how to go on.

    Raises:
        TimeoutError: It was too late; as after an interrupt.
        KeyboardInterrupt: Somebody interrupted; the run's state is committed.
    """
    work = RunThread(connection, app, row)
    try:
        work.wait(progress, until)
    except TimeoutError:
        app.stop.set()
        work.join()
        raise
    except KeyboardInterrupt:
        app.stop.set()
        work.join()  # who is impatient interrupts once more
        raise KeyboardInterrupt(
            f"run {row.id} was stopped and has kept what it had; the same call goes on with it"
        ) from None

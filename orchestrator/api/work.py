"""A run that is carried in a thread, so that whoever waits for it can be interrupted without harm to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.api.connection import Connection
from orchestrator.api.showing import LOOK_SECONDS, showing
from orchestrator.engine.progress import Progress

if TYPE_CHECKING:
    from orchestrator.app import Application
    from orchestrator.engine.stores.records import Run as Row


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

    def wait(self, progress: bool | None) -> None:
        """Show how far it is until it ends; what went wrong is raised here."""
        with showing(self._progress.snapshot, self._row.job_name, progress) as update:
            while self._thread.is_alive():
                update()
                self._thread.join(LOOK_SECONDS)
        if self._error is not None:
            raise self._error


def carry_here(connection: Connection, app: Application, row: Row, progress: bool | None) -> None:
    """
    Carry a run to its end; an interrupt stops it cleanly, and says how to go on.

    Raises:
        KeyboardInterrupt: Somebody interrupted; the run's state is committed.
    """
    work = RunThread(connection, app, row)
    try:
        work.wait(progress)
    except KeyboardInterrupt:
        app.stop.set()
        work.join()  # who is impatient interrupts once more
        raise KeyboardInterrupt(
            f"run {row.id} was stopped and has kept what it had; orc.run(job) with the same job goes on with it"
        ) from None

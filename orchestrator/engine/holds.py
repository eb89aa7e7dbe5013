"""Holds of a run: which errors wait, for a person or for time, until when, and whether that time has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.core.disks import full_disk, is_full
from orchestrator.core.errors import CredentialError, OrchestratorError, QuotaError, SpaceError, TransientError
from orchestrator.engine.context import RunContext
from orchestrator.engine.space import LOOK_SECONDS, DiskWait
from orchestrator.engine.stores.records import Head, Run
from orchestrator.engine.work import HoldError, OutputTakenError
from orchestrator.model.states import RunState, Who

# The lock of another run's output is looked at so often: that costs nothing, and nobody says when it is free.
LOCK_SECONDS = 5.0
# The longest hold is for a quota that returns with the day.
LONGEST_HOLD_SECONDS = 26 * 3600.0


class Holds:
    """The holds of one run. Used by the run's own thread."""

    def __init__(self, context: RunContext, folders: Callable[[Run], Sequence[Path]]) -> None:
        """Take the run, and what returns the folders that it writes to."""
        self._context = context
        self._folders = folders
        self._room = DiskWait(context.process.marks, context.store.limits, context.run_id)
        self._uncancelled = False  # whether the service could not be asked to cancel: it is not asked without a pause

    # --------------------------------------------------------------- looking

    def is_due(self, run: Head) -> bool:
        """
        Tell whether there is something to do for a run now.

        A held one is looked at when its time has come; one that is to be cancelled, at once, whoever it waits for.
        """
        if run.state is not RunState.HELD or (run.request == "cancel" and not self._uncancelled):
            return True
        return not run.needs_person and self.left(run) <= 0

    def left(self, run: Head) -> float:
        """Return in how many seconds a run that is held for time is looked at again."""
        return self._context.waits.left(f"hold {run.updated}", run.next_at, LONGEST_HOLD_SECONDS)

    def look_at_once(self) -> None:
        """Make a hold for time due: whoever asks has perhaps mended what held the run."""
        runs, run_id = self._context.store.runs, self._context.run_id
        run = runs.head(run_id)
        if run.state is RunState.HELD and not run.needs_person:
            runs.set_state(run_id, RunState.HELD, run.reason, who=run.who)

    # ------------------------------------------------------------- beginning

    def begin(self, why: Exception | str, *, who: Who = Who.TIME, until: float = 0.0, wait: float = 0.0) -> None:
        """Leave the run waiting in its row: for a person, until a time, or so many seconds."""
        runs, run_id = self._context.store.runs, self._context.run_id
        usual = self._context.backoff.hold_seconds
        next_at = 0.0 if who is Who.PERSON else until or self._context.now() + min(usual, wait or usual)
        before = runs.head(run_id)
        runs.set_state(run_id, RunState.HELD, str(why), who=who, next_at=next_at)
        if before.state is RunState.HELD and before.reason == str(why):
            return  # it was looked at, and nothing is new
        self._context.record("run.held", {"reason": str(why), "who": who, "next_at": next_at})

    def begin_for(self, run: Run, error: OrchestratorError) -> bool:
        """Hold the run where somebody, or time, can mend what is wrong; tell whether that is so."""
        # Of what a schedule began nobody hears at once; whoever typed a command is told, and mends it.
        begun = run.state not in (RunState.ADMITTED, RunState.PLANNED) or bool(run.logical_date)
        if isinstance(error, OutputTakenError):
            self.begin(error, until=self._context.now() + LOCK_SECONDS)
        elif isinstance(error, HoldError):
            self.begin(error, who=Who.TIME if error.alone else Who.PERSON, until=error.until)
        elif isinstance(error, QuotaError):
            self.begin(error, until=error.again_at.timestamp())
        elif isinstance(error, SpaceError):
            self.begin(error, wait=self._room.begin(error, self._folders(run)))
        elif isinstance(error, TransientError) or (isinstance(error, CredentialError) and begun):
            self.begin(error)
        elif run.state is RunState.PUBLISHED:
            # The result is there; only its intermediates could not be taken away.
            self.begin(error, who=Who.PERSON)
        else:
            return False
        return True

    def begin_for_disk(self, run: Run, error: OSError) -> None:
        """Hold the run for a disk that fails, is full or has become read-only."""
        folders = self._folders(run)
        self.begin(full_disk(error, folders) if is_full(error) else error, wait=self._room.begin(error, folders))

    def begin_uncancelled(self, error: Exception) -> None:
        """Hold a run that is to be cancelled until the service can be asked for that."""
        self._uncancelled = True
        until = error.until if isinstance(error, HoldError) else 0.0
        self.begin(f"it is to be cancelled, but {error}", until=until)

    def still_lacks_room(self, run: Run) -> bool:
        """Hold a run on, for which its disks lack room still; tell whether that is so."""
        if not self._room.lacking(self._folders(run)):
            return False
        self.begin(run.reason, wait=LOOK_SECONDS)
        return True

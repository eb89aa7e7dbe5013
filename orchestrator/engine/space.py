"""Room on the disks of a run: below one mark nothing more is brought; what lacked room goes on above another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.core.disks import free_at, is_full
from orchestrator.core.errors import SpaceError
from orchestrator.core.units import format_bytes
from orchestrator.engine.standing import LOCAL
from orchestrator.engine.stores.contract_limits import SharedLimits
from orchestrator.engine.stores.limit_records import Grant
from orchestrator.engine.stores.room import FOR_EVER

# A run that lacks room is looked at so often: that costs one look at the disk, and no slot.
LOOK_SECONDS = 15.0
# So much more than is needed must be free: others write, too.
_SPARE = 1.2


@dataclass(frozen=True, slots=True)
class DiskMarks:
    """
    How much of a disk is left alone.

    Attributes:
        stop: With fewer bytes free nothing is handed over or brought.
        resume: With so many bytes free it goes on.
        free: Returns the bytes free where a path lies.
    """

    stop: int = 0
    resume: int = 0
    free: Callable[[Path], int] = field(default=free_at)

    def check(self, folders: Sequence[Path]) -> None:
        """
        Look whether the disks of some folders have room.

        Raises:
            SpaceError: One has too little.
        """
        for folder in folders if self.stop else ():
            free = self.free(folder)
            if free < self.stop:
                raise SpaceError(
                    f"{folder} has {format_bytes(free)} free, and with less than {format_bytes(self.stop)} "
                    f"([limits] disk_stop) nothing is brought: free some; it goes on by itself at "
                    f"{format_bytes(max(self.resume, self.stop))}",
                    max(self.resume, self.stop),
                )


class DiskWait:
    """What one run waits for that lacked room: kept in the state, so that any process looks before it does anything."""

    def __init__(self, marks: DiskMarks, store: SharedLimits, run_id: str) -> None:
        self._marks, self._store, self._run_id = marks, store, run_id

    def begin(self, error: Exception, folders: Sequence[Path]) -> float:
        """
        Wait for the room that was lacking; twice as much as before, where that was there and was not enough.

        Returns seconds until the next look, 0 for the usual wait: other errors of a disk do not mend by themselves.
        """
        if not isinstance(error, SpaceError) and not (isinstance(error, OSError) and is_full(error)):
            return 0.0
        need = float(error.need_bytes if isinstance(error, SpaceError) else 0) or float(self._marks.resume)
        before = self._store.granted(LOCAL, self._run_id)
        if before is not None and self._free(folders) < _SPARE * before.amount:
            need = max(need, 2 * before.amount)
        if need:
            self._store.hold(Grant(LOCAL, self._run_id, need, need, FOR_EVER))
        return LOOK_SECONDS if need else 0.0

    def lacking(self, folders: Sequence[Path]) -> bool:
        """Tell whether the run waits for room that is not there yet; once it is, it waits no more."""
        grant = self._store.granted(LOCAL, self._run_id)
        if grant is None or not grant.wanted:
            return False
        lacks = self._free(folders) < (grant.amount if grant.amount <= self._marks.resume else _SPARE * grant.amount)
        if not lacks:
            self._store.hold(Grant(LOCAL, self._run_id, grant.amount, 0.0, FOR_EVER))
        return lacks

    def _free(self, folders: Sequence[Path]) -> int:
        return min(self._marks.free(folder) for folder in folders)

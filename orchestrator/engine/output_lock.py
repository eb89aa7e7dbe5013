"""
Who works on an output: while its run is unfinished it has one owner, over all installations that share the folder.

A lock that dies with its process, in a file that says whose it is until the run has ended.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.locks import LockedError, LockFile
from orchestrator.engine.ownership import Claimant
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head
from orchestrator.model.states import RUN_FINAL


def check_free(final: Path, who: Claimant, installation: str, store: Store) -> None:
    """
    Make sure that no other unfinished run has begun the output.

    Raises:
        LockedError: One has; the message says which.
    """
    other: dict[str, Any] = {}
    with suppress(OSError):
        other = _told(_lock_path(final).read_bytes())
    if other and other.get("installation") != installation:
        raise LockedError(_refusal(final, other, installation))
    with suppress(UserError):
        run = store.runs.get(str(other.get("run", "")))
        if run.state not in RUN_FINAL and run.fingerprint not in who.fingerprints:
            raise LockedError(
                f"{final} is being made by run {run.id} ({run.job_name}, {run.state}), another job that has not ended: "
                f"the command that began it goes on with it, `orchestrator cancel {run.id}` gives it up"
            )


class OutputLock:
    """
    The one owner of a run's output, in this and every other process that can see the folder.

    Taken by `take`, which may be repeated; `leave` lets another process go on with the run, `end` gives the output up.
    """

    def __init__(self, final: Path, run: Head, installation: str, store: Store) -> None:
        """Take the path that is to be owned, who wants it, for which installation."""
        self._final = final
        self._run = run
        self._installation = installation
        self._store = store
        self._file = LockFile(_lock_path(final))

    def take(self) -> None:
        """
        Become the owner, unless another run is.

        Raises:
            LockedError: Another process, or the unfinished run of another installation, writes the same output.
        """
        if self._file.held:
            return
        self._file.acquire(lambda said: self._refusal(_told(said)))
        self._settle()

    def take_over(self) -> bool:
        """
        Become the owner in the place of a process that has it for this same run, whose lease it has lost.

        Only for who has that lease. Returns whether it was so; errors as `take`.
        """
        other: dict[str, Any] = {}
        with suppress(OSError):
            other = _told(self._file.path.read_bytes())
        if (other.get("run"), other.get("installation")) != (self._run.id, self._installation):
            return False
        self._file.take_over(lambda said: self._refusal(_told(said)))
        self._settle()
        return True

    def _settle(self) -> None:
        """Say whose it is, in the file that is held, unless it is another's."""
        other = _told(self._file.content)
        if other and not self._is_free(other):
            self._file.release()
            raise LockedError(self._refusal(other))
        mine = {"run": self._run.id, "installation": self._installation, "job": self._run.job_name}
        self._file.write(json.dumps(mine | {"host": socket.gethostname(), "pid": os.getpid()}).encode())

    def leave(self) -> None:
        """Stop working on the output, and stay its owner."""
        self._file.release()

    def end(self) -> None:
        """Give the output up: the run has ended."""
        if self._file.held:
            self._file.remove()

    def _is_free(self, other: dict[str, Any]) -> bool:
        """Tell whether the run that a lock file names has ended, or is this one."""
        if other.get("installation") != self._installation:
            return False
        if other.get("run") == self._run.id:
            return True
        with suppress(UserError):
            return self._store.runs.get(str(other.get("run"))).state in RUN_FINAL
        return True

    def _refusal(self, other: dict[str, Any]) -> str:
        return _refusal(self._final, other, self._installation)


def _lock_path(final: Path) -> Path:
    return final.parent / ".orchestrator" / f"{final.stem}.owner"


def _refusal(final: Path, other: dict[str, Any], installation: str) -> str:
    whose = (
        f"run {other.get('run', '?')} ({other.get('job', '?')}, process {other.get('pid', '?')} on "
        f"{other.get('host', '?')}, installation {other.get('installation', '?')})"
    )
    gone = "" if other.get("installation") == installation else f", or delete {_lock_path(final)} if it is gone"
    return f"{final} is being made by {whose}; let that run end, or cancel it there{gone}"


def _told(content: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        told = json.loads(content or b"{}")
        return told if isinstance(told, dict) else {}
    return {}

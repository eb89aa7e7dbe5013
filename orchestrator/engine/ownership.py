"""
Who may write a final path.

A result replaces nothing but an earlier result of the same job: that is looked at before anything is exported, and once
more before anything is replaced. While a run is unfinished its output has one owner, over all installations that share
the folder: a lock that dies with its process, in a file that says whose it is until the run has ended.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.files import LockedError, LockFile, sha256_of
from orchestrator.engine.publication import SUFFIXES, beside, final_path
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import OutputRow, Run
from orchestrator.model.job import Job
from orchestrator.model.states import RUN_FINAL


@dataclass(frozen=True, slots=True)
class Claimant:
    """
    Who wants to write a final path.

    Attributes:
        declaration: Of the job, the same from date to date.
        fingerprints: Of the job with its dates.
        job_name: What people call it.
        run_id: The run, once there is one.
        overwrite: Whether files that the job did not make may be replaced.
    """

    declaration: str
    fingerprints: Sequence[str]
    job_name: str
    run_id: str = ""
    overwrite: bool = False


def claimant(run: Run) -> Claimant:
    """Return who a run is to its output."""
    return Claimant(run.declaration, (run.fingerprint,), run.job_name, run.id, run.overwrite)


def check_owner(final: Path, who: Claimant, store: Store) -> None:
    """
    Make sure that nothing at `final`, or beside it, would be replaced that the job did not make.

    Raises:
        UserError: Something would; the message says whose it is.
    """
    taken = [path for path in (beside(final, suffix) for suffix in SUFFIXES) if os.path.lexists(path)]
    if not taken or who.overwrite:
        return
    row = store.outputs.at(str(final))
    if row is not None and _is_ours(row, who, store) and (final not in taken or _is_as_published(final, row, store)):
        return
    raise UserError(
        f"{taken[0]} exists already and is not this job's: {_maker(final, taken[0])}; choose another --base-name or "
        "--output, or let it be replaced with --overwrite"
    )


def _is_ours(row: OutputRow, who: Claimant, store: Store) -> bool:
    if row.run_id == who.run_id or (row.declaration and row.declaration == who.declaration):
        return True
    if row.declaration:
        return False
    # A result of the first version, which wrote down no declaration: the same job, or a later date of a scheduled one.
    earlier = store.runs.get(row.run_id)
    return earlier.fingerprint in who.fingerprints or bool(earlier.logical_date and earlier.job_name == who.job_name)


def _is_as_published(final: Path, row: OutputRow, store: Store) -> bool:
    """Tell whether the file is what was published there, by a run that may have died before it wrote that down."""
    if final.is_symlink() or not final.is_file():
        return False
    known = [(row.bytes, row.sha256)]
    if result := store.runs.get(row.run_id).result:
        told = json.loads(result)
        known.append((told["bytes"], told["sha256"]))
    size = final.stat().st_size
    return any(size == size_ for size_, _ in known) and (size, sha256_of(final)) in known


def _maker(final: Path, taken: Path) -> str:
    """Say who made the file, as far as it can be told."""
    if taken.is_symlink():
        return "it is a symbolic link"
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        proof: dict[str, Any] = json.loads(beside(final, ".json").read_text(encoding="utf-8"))
        job = proof["job"]
        return (
            f"its proof names run {proof['run']} of {job['base_name']} from {job['start_date']} to {job['end_date']}, "
            "another job, another installation, or a file that was changed since"
        )
    return "no proof of ours lies beside it"


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

    def __init__(self, run: Run, installation: str, store: Store) -> None:
        final = final_path(Job.from_json(run.job))
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

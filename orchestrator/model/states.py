"""What tasks, parts and runs can be, and how they may change. Code asks these tables; it does not repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from orchestrator.core.errors import IntegrityError


class RunState(StrEnum):
    """One execution of a job for one logical date."""

    ADMITTED = "ADMITTED"  # the job's snapshot is stored
    PLANNED = "PLANNED"  # grid, tasks and parts are stored
    EXPORTING = "EXPORTING"  # tasks run, parts are downloaded and placed
    ASSEMBLING = "ASSEMBLING"  # every part is placed; the file is being completed
    PUBLISHED = "PUBLISHED"  # the final file and its proof are durable
    CLEANED = "CLEANED"  # nothing of ours is left but the result
    HELD = "HELD"  # something outside must change; looked at again by itself
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class TaskState(StrEnum):
    """One rectangle on its way through Earth Engine."""

    PLANNED = "PLANNED"
    SUBMITTING = "SUBMITTING"  # the intent is committed; whether the service knows is not known yet
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SPLIT = "SPLIT"  # its children carry on


class PartState(StrEnum):
    """One file on its way to the output."""

    WAITING = "WAITING"
    EXPORTED = "EXPORTED"  # the object is listed, with size, generation and checksum
    DOWNLOADING = "DOWNLOADING"
    VERIFIED = "VERIFIED"  # on local disk, whole
    MERGED = "MERGED"  # its blocks are in the output's journal
    CLEANED = "CLEANED"  # its object and its local file are gone
    EMPTY = "EMPTY"  # the service wrote no file because every pixel is masked
    LOST = "LOST"  # the object went away or was replaced before it was downloaded


class UnitState(StrEnum):
    """The smallest piece of work, where nothing is kept at a service meanwhile."""

    WAITING = "WAITING"
    CLAIMED = "CLAIMED"  # somebody has a lease on it
    BROUGHT = "BROUGHT"  # its piece waits, whole, for the run's holder to place it
    HELD = "HELD"  # it asks the run's holder to hold the run
    DONE = "DONE"
    EMPTY = "EMPTY"  # there was nothing to bring
    FAILED = "FAILED"
    SPLIT = "SPLIT"  # its children carry on
    LOST = "LOST"  # what it brought is gone


class Who(StrEnum):
    """Who must act on a held run; on a failed one, a person where it can only fail again as it was declared."""

    NOBODY = ""
    TIME = "time"  # it is looked at again by itself
    PERSON = "person"


class Failure(StrEnum):
    """Why a task or a call failed, by what must be done about it."""

    THROTTLE = "THROTTLE"  # wait
    TRANSIENT = "TRANSIENT"  # a new attempt
    OUT_OF_MEMORY = "OUT_OF_MEMORY"  # once more unchanged, then as MEMORY: a machine there was too full
    MEMORY = "MEMORY"  # less at once; never repeated unchanged
    TIMEOUT = "TIMEOUT"  # less at once
    SIZE = "SIZE"  # a smaller rectangle
    EMPTY = "EMPTY"  # success without a file: every pixel is masked
    QUOTA = "QUOTA"  # hold until the quota returns
    CANCELLED = "CANCELLED"  # somebody else ended it: hold and ask
    UNKNOWN = "UNKNOWN"  # a sentence we do not know: once more after a pause, then as PERMANENT
    PERMANENT = "PERMANENT"  # stop and say so


_R, _T, _P, _U = RunState, TaskState, PartState, UnitState

RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = MappingProxyType(
    {
        _R.ADMITTED: frozenset({_R.PLANNED, _R.HELD, _R.FAILED, _R.CANCELLED}),
        _R.PLANNED: frozenset({_R.EXPORTING, _R.HELD, _R.FAILED, _R.CANCELLED}),
        _R.EXPORTING: frozenset({_R.ASSEMBLING, _R.HELD, _R.FAILED, _R.CANCELLED}),
        _R.ASSEMBLING: frozenset({_R.PUBLISHED, _R.EXPORTING, _R.HELD, _R.FAILED, _R.CANCELLED}),
        _R.PUBLISHED: frozenset({_R.CLEANED, _R.HELD}),
        _R.CLEANED: frozenset(),
        # A held run goes on from the step it was held in.
        _R.HELD: frozenset(
            {_R.ADMITTED, _R.PLANNED, _R.EXPORTING, _R.ASSEMBLING, _R.PUBLISHED, _R.FAILED, _R.CANCELLED}
        ),
        # `retry` takes a failed or cancelled run up again where it stopped, also when it was held in between.
        _R.FAILED: frozenset({_R.ADMITTED, _R.PLANNED, _R.EXPORTING, _R.ASSEMBLING, _R.PUBLISHED}),
        _R.CANCELLED: frozenset({_R.ADMITTED, _R.PLANNED, _R.EXPORTING, _R.ASSEMBLING, _R.PUBLISHED}),
    }
)

TASK_TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = MappingProxyType(
    {
        _T.PLANNED: frozenset({_T.SUBMITTING, _T.CANCELLED, _T.SPLIT}),  # split: a person asked for it
        _T.SUBMITTING: frozenset({_T.QUEUED, _T.RUNNING, _T.SUCCEEDED, _T.FAILED, _T.PLANNED, _T.CANCELLED}),
        _T.QUEUED: frozenset({_T.RUNNING, _T.SUCCEEDED, _T.FAILED, _T.CANCELLED}),
        _T.RUNNING: frozenset({_T.QUEUED, _T.SUCCEEDED, _T.FAILED, _T.CANCELLED}),
        _T.SUCCEEDED: frozenset({_T.PLANNED}),  # an object was lost: a new attempt
        _T.FAILED: frozenset({_T.PLANNED, _T.SPLIT}),
        _T.CANCELLED: frozenset({_T.PLANNED}),
        _T.SPLIT: frozenset(),
    }
)

PART_TRANSITIONS: Mapping[PartState, frozenset[PartState]] = MappingProxyType(
    {
        _P.WAITING: frozenset({_P.EXPORTED, _P.EMPTY}),
        _P.EXPORTED: frozenset({_P.DOWNLOADING, _P.LOST, _P.CLEANED}),
        _P.DOWNLOADING: frozenset({_P.VERIFIED, _P.EXPORTED, _P.LOST, _P.CLEANED}),
        _P.VERIFIED: frozenset({_P.MERGED, _P.EXPORTED, _P.LOST, _P.CLEANED}),
        _P.MERGED: frozenset({_P.CLEANED, _P.EXPORTED}),  # back: the unfinished output was lost
        _P.EMPTY: frozenset({_P.WAITING, _P.CLEANED}),
        _P.LOST: frozenset({_P.WAITING}),
        _P.CLEANED: frozenset(),
    }
)

UNIT_TRANSITIONS: Mapping[UnitState, frozenset[UnitState]] = MappingProxyType(
    {
        _U.WAITING: frozenset({_U.CLAIMED}),
        # Back: its lease is over, or it is tried again later.
        _U.CLAIMED: frozenset({_U.DONE, _U.EMPTY, _U.FAILED, _U.SPLIT, _U.WAITING, _U.BROUGHT, _U.HELD}),
        _U.BROUGHT: frozenset({_U.DONE, _U.WAITING}),  # back: its piece is gone, or was refused
        _U.HELD: frozenset({_U.WAITING}),  # the run goes on
        _U.DONE: frozenset({_U.LOST}),
        _U.EMPTY: frozenset({_U.LOST}),
        _U.FAILED: frozenset({_U.WAITING}),  # `retry`
        _U.LOST: frozenset({_U.WAITING}),
        _U.SPLIT: frozenset(),
    }
)

RUN_FINAL = frozenset({_R.CLEANED, _R.FAILED, _R.CANCELLED})
TASK_LIVE = frozenset({_T.SUBMITTING, _T.QUEUED, _T.RUNNING})
PART_DONE = frozenset({_P.MERGED, _P.EMPTY, _P.CLEANED})
# The way of a part whose object is listed, step by step.
PART_WAY = (_P.EXPORTED, _P.DOWNLOADING, _P.VERIFIED, _P.MERGED)
UNIT_DONE = frozenset({_U.DONE, _U.EMPTY, _U.SPLIT})

S = TypeVar("S", RunState, TaskState, PartState, UnitState)


def check_transition(table: Mapping[S, frozenset[S]], old: S, new: S) -> None:
    """
    Refuse a change the table does not list; staying the same is always allowed.

    Raises:
        IntegrityError: The change is not in the table.
    """
    if new != old and new not in table[old]:
        allowed = ", ".join(sorted(table[old])) or "nothing"
        raise IntegrityError(f"{type(old).__name__} may not go from {old} to {new}; from there it may become {allowed}")

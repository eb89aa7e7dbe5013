"""The course of a run: how many of its parts were handed over, computed and downloaded, over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.engine.stores.contract_marks import CourseCount
from orchestrator.model.states import PART_DONE, RUN_FINAL, UNIT_DONE, UnitState

SLOTS = 120
LEAST_SECONDS = 1.0  # of a slot
_TROUBLES = ("task.failed", "unit.again", "part.trouble")


@dataclass(frozen=True, slots=True)
class Course:
    """
    How a run got on. Every series has one number for each slot of time, the last of them the one that ends now.

    Attributes:
        run: Its id.
        begin: When the first slot begins, RFC 3339.
        seconds: How long a slot is.
        pieces: How many parts and units the run has.
        queued: Parts that were handed over to the service until the end of each slot.
        computed: Parts that the service has written.
        downloaded: Parts and answers that are here.
        troubles: Failures in each slot, not summed.
        placed: Parts and units that are in the result now; when each of them came there is not written down.
    """

    run: str
    begin: str
    seconds: float
    pieces: int
    queued: tuple[int, ...]
    computed: tuple[int, ...]
    downloaded: tuple[int, ...]
    troubles: tuple[int, ...]
    placed: int


def course_of(app: Records, name: str, slots: int = SLOTS) -> Course:
    """
    Return how a run got on until now, or until it ended.

    Parts of a task that was tried again count once more as handed over, at most as all there are.

    Raises:
        UserError: No run is called so, or several are.
    """
    store, head = app.store, find_head(app.store, name)
    first, last = store.marks.span(head.id)
    begin = datetime.fromisoformat(first or head.created)
    end = datetime.fromisoformat(last) if head.state in RUN_FINAL and last else app.clock.now()
    seconds = max(LEAST_SECONDS, (end - begin).total_seconds() / slots)
    used = max(1, min(slots, int((end - begin) / timedelta(seconds=seconds)) + 1))
    names = ("task.submitted", "task.adopted", "task.exported", "task.empty", "part.downloaded", "request.answered")
    moments = store.marks.course(head.id, (*names, *_TROUBLES), begin.isoformat(), seconds)
    parts, units = store.parts.tally(head.id), store.units.tally(head.id)
    counts = [(state in PART_DONE, tally.parts) for state, tally in parts.items()]
    of_units = [(state, count) for kind in units.values() for state, count in kind.items()]
    counts += [(state in UNIT_DONE, count) for state, count in of_units if state is not UnitState.SPLIT]
    pieces = sum(count for _done, count in counts)

    def summed(*which: str) -> tuple[int, ...]:
        return tuple(min(pieces, each) for each in accumulate(_series(moments, which, used)))

    return Course(
        run=head.id,
        begin=begin.isoformat(),
        seconds=round(seconds, 3),
        pieces=pieces,
        queued=summed("task.submitted", "task.adopted"),
        computed=summed("task.exported", "task.empty"),
        downloaded=summed("part.downloaded", "request.answered"),
        troubles=tuple(_series(moments, _TROUBLES, used)),
        placed=sum(count for done, count in counts if done),
    )


def _series(moments: Sequence[CourseCount], names: Sequence[str], slots: int) -> list[int]:
    counts = [0] * slots
    for moment in moments:
        if moment.name in names:
            counts[min(slots - 1, moment.slot)] += moment.count if moment.name in _TROUBLES else moment.pieces
    return counts

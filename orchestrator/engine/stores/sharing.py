"""How a limit is divided among those who want of it, and how it shrinks and grows with what the service answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.core.errors import LONGEST_ASKED_SECONDS
from orchestrator.engine.stores.limit_records import Complaint, LimitRow

# Facts of the limit of tasks.
SLOTS, OTHERS_QUEUED, OTHERS_RUNNING, RESTRICTED = "slots", "others_queued", "others_running", "restricted"
# "Earth Engine quotas and limits": tasks in the queue; about two at once for a project that does not pay.
QUEUE_TASKS, USUAL_SLOTS = 3000, 2
LEAST_AHEAD = 4
# A project in restricted mode starts a few tasks a day: more in the queue would only be in others' way.
RESTRICTED_TASKS = 2
# Where there are more holders than places, places go round: each has its own for so long.
TURN_SECONDS = 5.0


def shares(total: int, wanted: Mapping[str, int], now: float = 0.0) -> dict[str, int]:
    """
    Return how many of `total` places each holder has: as many as it wants where all can, else as equal as may be.

    What nobody wants is spread as evenly. Of holders that differ by the one place that cannot be divided, others have
    it every few seconds; `now` is the time of day, the same for all processes of a machine.
    """
    order = sorted(wanted)
    first = int(now / TURN_SECONDS) % max(1, len(order))
    order = order[first:] + order[:first]
    found = _level(total, {holder: wanted[holder] for holder in order})
    spare = total - sum(found.values())
    extra = _level(spare, dict.fromkeys(order, spare))
    return {holder: found[holder] + extra[holder] for holder in order}


def _level(total: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """Fill all alike, each up to what it wants; what is left of a last round goes to the first in order."""
    found, open_ = dict.fromkeys(wanted, 0), [holder for holder in wanted if wanted[holder] > 0]
    while total > 0 and open_:
        step = max(1, min(total // len(open_), *(wanted[holder] - found[holder] for holder in open_)))
        for holder in open_[:total]:
            found[holder] += step
            total -= step
        open_ = [holder for holder in open_ if found[holder] < wanted[holder]]
    return found


def is_paused(row: LimitRow | None, now: float) -> bool:
    """Tell whether a pause is not over; one that is longer than any was written by a clock that was set back since."""
    return row is not None and 0 < row.resume - now <= LONGEST_ASKED_SECONDS


def live_limit(row: LimitRow | None, live_tasks: int) -> int:
    """
    Return how many tasks may be with the service at once.

    That is `live_tasks`, or where it is 0 the slots that tasks of others leave, at least one, and a few tasks more, so
    that no slot is idle between two looks. In restricted mode only few, and never more than the queue has room for.
    """
    facts = row.facts if row else {}
    slots = int(facts.get(SLOTS) or USUAL_SLOTS)
    usual = max(1, slots - int(facts.get(OTHERS_RUNNING, 0))) + max(LEAST_AHEAD, slots // 2)
    limit = live_tasks or usual
    if facts.get(RESTRICTED):
        limit = min(limit, RESTRICTED_TASKS)
    return max(0, min(limit, int(row.allowed)) if row else limit)


def grown(row: LimitRow, most: float, successes: int) -> LimitRow:
    """Allow one more for as many successes as are allowed, up to `most`."""
    if successes <= 0:
        return row
    allowed = max(1.0, row.allowed)
    return replace(row, allowed=min(most, allowed + successes / allowed), throttled=0, why="")


def slowed(row: LimitRow, complaint: Complaint, now: float) -> LimitRow:
    """
    Pause, twice as long each time in a row, and allow fewer at once.

    An answer to what was under way at the first such answer is the same complaint: it changes nothing.
    """
    if now < row.resume:
        return row
    pause = min(complaint.longest_seconds, complaint.pause_seconds * 2 ** min(row.throttled, 30))
    wait = max(complaint.wait_seconds, pause * (1 + complaint.chance) / 2)
    allowed = max(1.0, min(row.allowed, complaint.most) * complaint.share)
    return replace(row, allowed=allowed, resume=now + wait, why=complaint.why, throttled=row.throttled + 1)

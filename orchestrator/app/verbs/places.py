"""Whose turn it is: the place of a run among those that wait for a slot of the daemon, and who has the slots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from orchestrator.app.records import Records
from orchestrator.core.units import format_count
from orchestrator.engine.stores.records import Head, ProcessRow, Waiting
from orchestrator.model.states import RunState, Who

_MOST_NAMED = 3


def place_of(app: Records, run: Head, daemon: ProcessRow) -> Iterator[str]:
    """
    Yield who has the daemon's slots, and which runs are taken up before this one, that no process works on.

    The order is that of `engine.turns` as far as it is stored: what is to be cancelled, then by priority, then by who
    became ready first. A run that was looked at in vain lets others go first for a while, which only the daemon knows.
    """
    now = app.clock.now().timestamp()
    waiting = app.store.queue.waiting()
    working = [other for other in waiting if app.worker(other.id)]
    slots = int(daemon.facts.get("slots", 0))
    yield _slots_words(app, slots, working)
    if beside := [other for other in working if other.declaration and other.declaration == run.declaration]:
        yield f"It waits for {_name(app, beside[0].id)}, another date of the same job: one goes after the other."
    ready = sorted((other for other in waiting if other not in working and is_ready(other, now)), key=order)
    before = [other for other in ready if other.id != run.id]
    if run.id not in [other.id for other in ready]:
        return
    mine = next(other for other in ready if other.id == run.id)
    before = ready[: ready.index(mine)]
    waiting_words = "1 run that waits" if len(ready) == 1 else f"{len(ready):,} runs that wait"
    place = f"It is number {len(before) + 1} of {waiting_words} for a slot"
    yield f"{place}; before it {'are' if len(before) > 1 else 'is'} {_names(app, before)}." if before else f"{place}."
    if run.priority:
        yield f"Its priority is {run.priority}; the higher one goes first."
    if run.finish_by:
        yield f"It has to end by {_moment(run.finish_by)}; what it cannot do until then waits for its next window."


def is_ready(run: Waiting, now: float) -> bool:
    if run.request == "cancel":
        return True
    return run.state is not RunState.HELD or (run.who is not Who.PERSON and run.next_at <= now)


def order(run: Waiting) -> tuple[bool, int, float]:
    return run.request != "cancel", -run.priority, max(run.created, run.next_at)


def _slots_words(app: Records, slots: int, working: Sequence[Waiting]) -> str:
    if not working:
        return f"None of its {format_count(slots, 'slot')} is taken by a run."
    have = "has" if len(working) == 1 else "have"
    return f"Of its {format_count(slots, 'slot')}, {_names(app, working)} {have} one."


def _names(app: Records, runs: Sequence[Waiting]) -> str:
    named = [_name(app, run.id) for run in runs[:_MOST_NAMED]]
    more = len(runs) - len(named)
    words = ", ".join(named) if more or len(named) < 2 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{words} and {more} more" if more else words


def _name(app: Records, run_id: str) -> str:
    head = app.store.runs.head(run_id)
    return f"run {run_id} ({head.job_name}, {head.state})"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"

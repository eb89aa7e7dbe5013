"""What is found by looking: a run that is late, and one that gets on again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.engine.recovery import REBUILT
from orchestrator.model.states import RunState, Who


def ended_well(post, minutes):
    """Enter runs of earlier dates that took so many minutes."""
    for n, length in enumerate(minutes):
        run = post.admit("east", f"2026-10-{n + 1:02d}")
        begun = post.clock.at - timedelta(days=30 - n)
        ended = begun + timedelta(minutes=length)
        post.set_run(run.id, state="CLEANED", created=begun.isoformat(), updated=ended.isoformat())


@pytest.mark.parametrize(
    ("earlier", "taken", "late"),
    [
        pytest.param([30, 40, 200], 81, True, id="more than twice the median"),
        pytest.param([30, 40, 200], 79, False, id="less than twice"),
        pytest.param([1, 1, 1], 9, False, id="short jobs have ten minutes more"),
        pytest.param([1, 1, 1], 12, True, id="and no more than that"),
        pytest.param([30, 40], 5000, False, id="two runs say nothing"),
    ],
)
def test_a_run_is_late_by_what_its_job_usually_takes(post, earlier, taken, late):
    ended_well(post, earlier)
    notices = post.notices()
    post.admit("east", "2026-11-01")
    post.clock.move(60 * taken)

    notices.look()

    assert [message.event for message in post.store.outbox.latest()] == ["overdue"] * late


@pytest.mark.parametrize(("minutes", "late"), [(59, False), (61, True)])
def test_a_run_with_a_deadline_is_late_after_it(post, minutes, late):
    """Said once, however long it goes on."""
    notices, run = post.notices(), post.admit()
    post.set_run(run.id, finish_by=post.clock.at.timestamp() + 3600)
    for _ in range(3):
        post.clock.move(60 * minutes / 3)
        notices.look()
    if late:
        post.clock.move(600)
        notices.look()

    messages = post.store.outbox.latest()
    assert [(message.event, message.run_id) for message in messages] == [("overdue", run.id)] * late


def held_and_told(post, notices):
    run_id = post.admit().id
    post.store.runs.set_state(run_id, RunState.HELD, "no room", who=Who.PERSON)
    post.store.events.record(run_id, "run.held", {"reason": "no room", "who": "person"})
    notices.look()
    return run_id


def test_a_run_that_gets_on_after_it_was_told_as_held_is_told(post):
    """Once, with what it had waited for, and only when something was brought."""
    notices = post.notices()
    run_id = held_and_told(post, notices)
    post.store.runs.set_state(run_id, RunState.ADMITTED)
    told = []
    for name in ("run.planned", "part.downloaded", "part.downloaded"):
        post.store.events.record(run_id, name, {})
        post.clock.move(61)
        notices.look()
        told.append([message.event for message in post.store.outbox.latest()])

    assert told == [["held"], ["recovered", "held"], ["recovered", "held"]]


def test_a_run_that_is_held_still_has_not_recovered(post):
    """Whatever arrives of what was under way."""
    notices = post.notices()
    run_id = held_and_told(post, notices)
    post.store.events.record(run_id, "part.downloaded", {})
    post.clock.move(61)

    notices.look()

    assert [message.event for message in post.store.outbox.latest()] == ["held"]


def test_an_end_that_was_rebuilt_is_no_news(post):
    """`recover` writes down that a run was over; nobody is told of its end once more."""
    notices, run = post.notices(events="failed"), post.admit()
    post.store.runs.set_state(run.id, RunState.FAILED)
    post.store.events.record(run.id, REBUILT, {"tasks": 0})
    post.clock.move(120)

    assert notices.look() == 0


def test_a_run_that_was_said_to_be_deferred_is_not_said_to_be_overdue_as_well(post):
    """It is one thing: its window was over."""
    notices, run = post.notices(), post.admit()
    post.set_run(run.id, finish_by=post.clock.at.timestamp() + 3600)
    post.clock.move(3660)
    post.store.events.record(run.id, "run.deferred", {"reason": "its window is over"})
    notices.look()
    post.clock.move(600)
    notices.look()

    assert [message.event for message in post.store.outbox.latest()] == ["overdue"]

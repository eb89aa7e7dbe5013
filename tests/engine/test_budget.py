"""A run's budget of compute time: kept before each task is handed over, whatever happens between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from model_world import TASKS
from story_kit import die_at, exports, finish, go_on

from orchestrator.engine.batch.accounts import Accounts
from orchestrator.engine.batch.budget import set_eecu_hours
from orchestrator.engine.execution import retry_run
from orchestrator.model.eecu import CostRate, EecuLimits
from orchestrator.model.states import RunState, Who

PIXELS = [task.window.pixels for task in TASKS]
PUBLISHED = CostRate(5e-4, 8e-4, 1e-3, "a test")  # at the most 262, 131 and 210 EECU-seconds
HOUR = 3600.0


@pytest.fixture
def begin(story):
    """The run's process, whose limits and published costs a test says; its tasks cost so much a pixel."""

    def begun(rate=PUBLISHED, places=2, costs=1e-3, **limits):
        start, story.costs = story._start, costs

        def again():
            start()
            execution = story.process.execution
            room = replace(execution._process.limits, live_tasks=places, bucket_bytes=10**9)
            story.process.change(eecu=EecuLimits(**limits), limits=room)
            execution._exporting = replace(execution._exporting, cost=lambda _job, _plan: rate)
            execution._exporting.watch.heard = Accounts(story.store.usage, story.clock).hear

        story._start = again
        story.store.close()
        again()
        go_on(story, 3)

    return begun


def work_off(story, rounds=8):
    """Let the service end what it has, at its cost, and the run go on."""
    for _ in range(rounds):
        for name in story.world.live():
            story.world.advance(name)
            cost(story, name, story.costs * story.world.started[name].order.window.pixels)
        go_on(story)
        story.transfer(9)


def cost(story, name, seconds):
    started = story.world.started[name]
    started.operation = replace(started.operation, eecu_seconds=seconds)


def head(story):
    return story.store.runs.head(story.run_id)


def used(story):
    return story.store.usage.of([story.run_id]).get(story.run_id, 0.0)


def test_a_task_that_would_exceed_the_budget_is_not_handed_over(begin, story):
    """Those under way come to their end and are placed; then the run waits for a person, and says what it needs."""
    begin(run=400.0)
    assert exports(story) == 2

    work_off(story)

    assert (exports(story), head(story).state, head(story).who) == (2, RunState.HELD, Who.PERSON)
    assert used(story) == pytest.approx((PIXELS[0] + PIXELS[1]) * 1e-3)
    assert "budget is 0.111 EECU-hours: 0.109 are used" in head(story).reason
    assert f"`orchestrator retry {story.run_id} --eecu-hours " in head(story).reason


@pytest.mark.parametrize("seconds", [400.0, 550.0], ids=["less than is expected", "less than it may be"])
def test_what_is_under_way_counts_at_the_high_end(begin, story, seconds):
    """With room for five tasks, and a budget that one alone would keep."""
    begin(run=seconds, places=5)

    assert exports(story) == 2


def test_the_sentence_names_a_budget_that_is_enough(begin, story):
    """Who follows it has to follow it once."""
    begin(run=400.0)
    work_off(story)
    hours = float(head(story).reason.split("--eecu-hours ")[1].split("`")[0])

    set_eecu_hours(story.store, story.run_id, hours)
    retry_run(story.store.runs.get(story.run_id), story.store)
    work_off(story)
    finish(story)

    assert exports(story) == 3


def test_tasks_that_cost_less_than_published_make_room(begin, story):
    """The forecast of the rest is what the run's own tasks have cost: a tenth, and nothing is held."""
    begin(run=400.0, costs=1e-4)

    work_off(story)
    finish(story)

    assert used(story) == pytest.approx(sum(PIXELS) * 1e-4)


def test_without_a_budget_nothing_is_asked(begin, story):
    """However much it costs."""
    begin(costs=99.0)

    work_off(story)
    finish(story)

    assert exports(story) == 3


def test_where_nothing_is_known_two_tasks_go_first(begin, story):
    """The others wait until they have told; with room for five."""
    begin(rate=None, places=5, run=10_000.0)
    go_on(story, 3)
    assert exports(story) == 2

    work_off(story)
    finish(story)

    assert exports(story) == 3


def test_the_months_budget_holds_until_the_next_month(begin, story):
    """By Pacific time, where it is still the last of May; then the run goes on by itself."""
    begin(month=400.0)
    work_off(story)
    assert (head(story).state, head(story).who) == (RunState.HELD, Who.TIME)
    assert head(story).next_at == datetime(2024, 6, 1, 7, 5, tzinfo=UTC).timestamp()
    assert "the budget of 2024-05 is 0.111 EECU-hours" in head(story).reason

    story.clock.seconds = 7 * HOUR + 400
    work_off(story)
    finish(story)

    assert exports(story) == 3


def test_what_is_reserved_of_the_month_is_given_back(begin, story):
    """As soon as nothing is under way: a run that is held blocks no other."""
    begin(month=400.0)
    assert story.store.usage.in_month("2024-05").reserved > 0

    work_off(story)

    assert story.store.usage.in_month("2024-05").reserved == 0


def test_a_task_that_costs_many_times_its_forecast_is_ended(begin, story):
    """And its run is held for a person, whose consent it then has."""
    begin(task_factor=2.0)
    name = story.world.live()[0]
    story.world.advance(name)
    cost(story, name, 2.1 * PIXELS[0] * PUBLISHED.expected)

    go_on(story, 3)

    assert (name in story.world.live(), head(story).who) == (False, Who.PERSON)
    assert "more than 2 times its forecast of 0.0583, and was ended" in head(story).reason
    retry_run(story.store.runs.get(story.run_id), story.store)
    story.costs = 1.0
    work_off(story, 12)
    finish(story)
    assert exports(story) == 4


@pytest.mark.parametrize(
    "point",
    ["SqlUsage.reserve.uncommitted", "SqlUsage.reserve.committed", "SqlUsage.count.committed"],
)
def test_a_kill_neither_loses_nor_doubles_what_was_used(begin, story, point):
    """Nor hands anything over beyond the budget."""
    begin(run=400.0, month=10_000.0, costs=1e-4)
    story.world.advance(story.world.live()[0])
    cost(story, next(iter(story.world.started)), 20.0)
    before = story.process
    die_at(story, point)
    assert story.process is not before

    work_off(story)
    finish(story)

    total = sum(started.operation.eecu_seconds for started in story.world.started.values())
    assert used(story) == pytest.approx(total)

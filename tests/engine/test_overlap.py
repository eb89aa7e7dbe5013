"""A new date while an earlier run has not ended; a kill between the two; the dates of a job that is paused."""

from __future__ import annotations

import os
import signal

import pytest
from timetable_house import House

from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import RunState, Who


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.store.close()


def runs(house):
    """Return (day, state, what is asked) of every run, oldest first."""
    heads = sorted(house.store.runs.latest(None, 1000), key=lambda head: head.logical_date)
    return [(head.logical_date[8:10], str(head.state), head.request) for head in heads]


def begin(house, state=RunState.EXPORTING):
    """Bring the run that was fired last to a state."""
    (waiting,) = [run for run in house.store.queue.waiting() if run.state is RunState.ADMITTED]
    for step in ("PLANNED", "EXPORTING", "ASSEMBLING", "PUBLISHED"):
        house.store.runs.set_state(waiting.id, RunState(step))
        if step == state:
            return waiting.id
    return waiting.id


def test_with_overlap_replace_the_earlier_run_is_asked_to_end_and_the_new_one_is_there(house):
    """It is cancelled as a person would cancel it; the event says which date takes its place."""
    house.job(overlap="replace").look()
    earlier = begin(house)
    house.look("2026-01-02T01:30")

    assert runs(house) == [("01", "EXPORTING", "cancel"), ("02", "ADMITTED", "")]
    (event,) = house.store.events.latest(earlier)
    assert (event.name, "2026-01-02T01:30+00:00" in event.facts) == ("run.replaced", True)


def test_a_result_that_is_there_already_is_not_replaced(house):
    """Only its intermediates are left to be taken away; then the new one goes on."""
    house.job(overlap="replace").look()
    begin(house, RunState.PUBLISHED)
    house.look("2026-01-02T01:30")

    assert runs(house) == [("01", "PUBLISHED", ""), ("02", "ADMITTED", "")]


def test_a_replaced_run_is_asked_once(house):
    """The third date finds the first still ending, and the second to be ended."""
    house.job(overlap="replace").look()
    begin(house)
    house.look("2026-01-02T01:30")
    house.look("2026-01-03T01:30")

    assert runs(house) == [("01", "EXPORTING", "cancel"), ("02", "ADMITTED", "cancel"), ("03", "ADMITTED", "")]
    assert [facts["logical_date"][8:10] for name, facts in house.told if name == "run.replaced"] == ["01", "02"]


@pytest.mark.parametrize(
    ("point", "overlap", "then"),
    [
        pytest.param("date.replaced", "replace", {"01": "cancel", "03": ""}, id="between the end and the beginning"),
        pytest.param("date.fired", "replace", {"01": "cancel", "03": ""}, id="after the run is there"),
        pytest.param("date.skipped", "queue", {"01": "", "03": ""}, id="after a skipped date is written down"),
    ],
)
def test_killed_in_between_nothing_is_lost_or_doubled(house, point, overlap, then):
    """The next look makes it good: each date has its run or its reason, once."""
    house.job(overlap=overlap).look()
    begin(house)
    child = os.fork()
    if child == 0:
        os.environ["ORCHESTRATOR_CRASH_AT"] = point
        house.store = SqlStore(f"sqlite:///{house.path}", house.clock)
        house.restart()
        house.look("2026-01-03T07:00")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    house.restart()
    house.look("2026-01-03T07:01")
    house.look("2026-01-03T07:02")

    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert {day: asked for day, _, asked in runs(house)} == then
    assert [name[8:10] for name in house.names(skipped=True)] == ["02"]


# ------------------------------------------------------------------------------------------- paused


@pytest.mark.parametrize(
    ("catch_up", "ran"),
    [
        pytest.param("latest", ["01", "05"], id="latest"),
        pytest.param("all", ["01", "02", "03", "04", "05"], id="all"),
        pytest.param("none", ["01"], id="none"),
    ],
)
def test_the_dates_of_a_paused_job_have_a_reason_but_for_those_that_are_caught_up(house, catch_up, ran):
    """Nothing begins while it is paused; then `catch_up` decides, and what is skipped says who wanted it so."""
    house.job(catch_up=catch_up).look("2026-01-01T01:31")
    house.store.job_states.pause("nightly", "the disk is being exchanged")
    for day in range(2, 6):
        house.look(f"2026-01-{day:02d}T02:00")
    before = house.dates(skipped=False)
    house.store.job_states.resume("nightly")
    house.look("2026-01-05T12:00")

    assert [name[8:10] for name in before] == ["01"]
    assert [name[8:10] for name in house.dates(skipped=False)] == ran
    skipped = [row for row in house.store.dates.latest(9) if row.skipped]
    assert sorted(row.logical_date[8:10] for row in skipped) == sorted({"02", "03", "04", "05"} - {*ran})
    assert all("paused since 2026-01-01T01:31Z: the disk is being exchanged" in row.skipped for row in skipped)


def test_a_paused_job_keeps_the_others(house):
    """Only its own dates wait."""
    house.job().job("other")
    house.store.job_states.pause("nightly", "")
    house.look()

    assert (house.dates(skipped=False), house.dates(skipped=False, job="other")) == ([], ["2026-01-01T01:30"])


def test_a_run_that_waits_for_a_person_is_replaced_too(house):
    """Nobody came; its successor does not wait for them."""
    house.job(overlap="replace").look()
    house.store.runs.set_state(begin(house), RunState.HELD, "what is this?", who=Who.PERSON)
    house.look("2026-01-02T01:30")

    assert runs(house) == [("01", "HELD", "cancel"), ("02", "ADMITTED", "")]

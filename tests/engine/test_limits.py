"""What all processes of a state share: live tasks, the bytes of a bucket, pauses."""

from __future__ import annotations

import json
import random
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import FakeClock, the_plan

from orchestrator.engine.limits import Limits, Usage, no_place, taken_by_others
from orchestrator.engine.standing import BYTES, TASKS, standing
from orchestrator.engine.stores.limit_records import Shortage
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sharing import live_limit, shares
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.stores.work_records import Attempt
from orchestrator.model.plan_json import plan_to_json
from orchestrator.model.states import RunState, TaskState, Who


class State:
    """A state with runs of three tasks each, and two processes that work on it."""

    def __init__(self, url, runs="ab"):
        self.clock = FakeClock()
        self.stores = [SqlStore(url, self.clock), SqlStore(url, self.clock)]
        store, plan = self.stores[0], the_plan()
        self.runs = {}
        for name in runs:
            run = store.runs.admit(Admission(name, "", (f"{ord(name):064d}",), "{}"))
            store.runs.save_plan(run.id, plan_to_json(plan), "{}", json.dumps({}), plan.tasks)
            store.runs.set_state(run.id, RunState.EXPORTING)
            self.runs[name] = run.id
        self.next = dict.fromkeys(runs, 0)
        self.keys = [task.key for task in store.tasks.of(self.runs["a"])]

    def limits(self, live_tasks, most=1e9, process=0):
        return Limits(live_tasks, most, self.stores[process].limits, self.clock, random.Random(1))  # noqa: S311

    def begin(self, limits, name, *, process=0, more=1.0, under_way=0.0):
        """Make the next task of a run live, if it fits; return what is in the way."""
        key = self.keys[min(2, self.next[name])]
        attempt = Attempt(key, 1, f"{name}{key}", f"{name}{key}", "p", "", 0.0)
        within = limits.within(Usage(3 - self.next[name], under_way), more)
        short = self.stores[process].tasks.intend(self.runs[name], attempt, within)
        self.next[name] += short is None
        return short

    def close(self):
        for store in self.stores:
            store.close()


@pytest.fixture
def state(store_url):
    with ExitStack() as left:
        made = State(store_url)
        left.callback(made.close)
        yield made


def test_two_processes_never_have_more_tasks_than_the_limit(state):
    """Each asks in the transaction that makes the task live; their shares are alike."""
    one, two = state.limits(4), state.limits(4, process=1)
    said = [state.begin(one, "a"), state.begin(two, "b", process=1)]
    said += [
        state.begin(limits, name, process=p) for _ in range(2) for p, limits, name in ((0, one, "a"), (1, two, "b"))
    ]

    assert said == [None, None, None, None, Shortage.TASKS, Shortage.TASKS]
    assert sorted(state.stores[0].tasks.live().values()) == [2, 2]


def test_a_run_alone_has_every_place(state):
    """Nobody else would hand anything over, so nothing is kept free for anybody."""
    limits = state.limits(3)

    assert [state.begin(limits, "a") for _ in range(3)] == [None] * 3


def test_a_run_that_waits_has_its_share_when_it_comes(state):
    """Of four places two are left to the other, which said that it would have some."""
    one, two = state.limits(4), state.limits(4, process=1)
    two.report(state.runs["b"], Usage(3, 0.0))

    assert [state.begin(one, "a") for _ in range(3)] == [None, None, Shortage.SHARE]


def test_a_wish_of_a_process_that_died_ends_by_itself(state):
    """Otherwise a run that nobody works on would keep places from the others."""
    one, two = state.limits(4), state.limits(4, process=1)
    two.report(state.runs["b"], Usage(3, 0.0))
    state.clock.seconds += 61

    assert [state.begin(one, "a") for _ in range(3)] == [None, None, None]


def test_a_run_that_waits_for_a_person_keeps_nobody_waiting(state):
    """It may wait for months; its tasks and its bytes are not counted meanwhile."""
    limits = state.limits(1, 100.0)
    state.begin(limits, "a", more=90.0)
    assert state.begin(limits, "b") is Shortage.TASKS

    state.stores[0].runs.set_state(state.runs["a"], RunState.HELD, "look", who=Who.PERSON)

    assert state.begin(limits, "b", more=90.0) is None


def test_bytes_of_runs_of_other_processes_count_against_the_bucket(state):
    """What is too heavy goes alone, when nothing else lies there."""
    one, two = state.limits(9, 100.0), state.limits(9, 100.0, process=1)

    assert state.begin(one, "a", more=1000.0) is None
    assert state.begin(two, "b", process=1, more=1.0) is Shortage.BYTES


def test_a_bucket_that_was_full_is_filled_again_below_its_low_mark(state):
    """High is 100, low is 80: at 90 there is room for 10, and nothing is handed over."""
    one, two = state.limits(9, 100.0), state.limits(9, 100.0, process=1)
    assert state.begin(one, "a", more=95.0) is None
    assert two.shortage(state.runs["b"], Usage(3, 0.0), 10.0) is Shortage.BYTES

    said = []
    for left in (90.0, 80.0):
        state.clock.seconds += 3
        one.report(state.runs["a"], Usage(0, left))
        said.append(state.begin(two, "b", process=1, more=10.0))

    assert said == [Shortage.BYTES, None]


def test_a_pause_that_one_process_met_is_everybodys(state):
    """And is over when it is, whatever the sentence was."""
    one, two = state.limits(4), state.limits(4, process=1)
    one.pause(30.0, "Too many tasks already in the queue (3000).")
    seconds, why = two.paused()
    during = state.begin(two, "b", process=1)
    state.clock.seconds += 31.0

    assert (29.0 < seconds <= 30.0, why) == (True, "Too many tasks already in the queue (3000).")
    assert (during, state.begin(two, "b", process=1)) == (Shortage.PAUSED, None)


def test_pauses_grow_until_a_task_is_taken(state):
    """Twice as long each time in a row, spread over the second half; after a success as short as the first."""
    limits, waits = state.limits(4), []
    for _ in range(4):
        limits.pause(8.0, "no")
        waits.append(limits.paused()[0])
        state.clock.seconds += waits[-1] + 0.001
    limits.handed_over()
    limits.pause(8.0, "no")

    assert all(low <= wait <= high for wait, low, high in zip(waits, (8, 8, 16, 32), (8, 16, 32, 64), strict=True))
    assert limits.paused()[0] == 8.0


def test_a_clock_that_was_set_back_stops_nobody(state):
    """A pause that ends further away than any is asked for was written by a clock that was wrong."""
    limits = state.limits(4)
    limits.pause(30.0, "no")
    state.clock.seconds -= 86_400

    assert state.begin(limits, "a") is None


def test_what_an_ended_run_had_is_given_back(state):
    """The table does not grow with the runs there were."""
    limits = state.limits(4, 100.0)
    state.begin(limits, "a", more=90.0)
    state.stores[0].runs.set_state(state.runs["a"], RunState.FAILED, "no")
    limits.report(state.runs["b"], Usage(1, 0.0))
    limits.leave(state.runs["b"])

    assert state.stores[0].limits.granted(BYTES, state.runs["a"]) is None


def test_what_an_ended_run_had_is_not_shown(state):
    """As soon as it has ended, as it counts no more for others: nobody may come for hours who takes it back."""
    state.begin(state.limits(4, 100.0), "a", more=90.0)
    assert standing(state.stores[0].limits, {}, 4, state.clock.now().timestamp()).limits[BYTES].used == 90.0

    state.stores[0].runs.set_state(state.runs["a"], RunState.FAILED, "no")

    assert standing(state.stores[0].limits, {}, 4, state.clock.now().timestamp()).limits[BYTES].used == 0.0


@pytest.mark.parametrize(
    ("allowed", "facts", "setting", "tasks"),
    [
        pytest.param(2990, {}, 0, 6, id="two slots are usual, and four tasks wait behind them"),
        pytest.param(2990, {"slots": 20}, 0, 30, id="as many as the project runs, and half as many waiting"),
        pytest.param(2990, {"slots": 20, "others_running": 12}, 0, 18, id="others have twelve of the slots"),
        pytest.param(2990, {"slots": 2, "others_running": 9}, 0, 5, id="a place in the queue is kept"),
        pytest.param(2990, {"slots": 20}, 8, 8, id="a setting is meant"),
        pytest.param(3, {"slots": 20}, 8, 3, id="the queue has room for three"),
        pytest.param(0, {}, 0, 0, id="the queue is full"),
        pytest.param(2990, {"slots": 20, "restricted": True}, 0, 2, id="restricted mode"),
    ],
)
def test_so_many_tasks_are_with_the_service(state, allowed, facts, setting, tasks):
    state.stores[0].limits.observe(TASKS, allowed, facts)

    assert live_limit(state.stores[0].limits.get(TASKS), setting) == tasks
    assert standing(state.stores[1].limits, {}, setting, 0.0).limits[TASKS].allowed == tasks


@settings(max_examples=200)
@given(
    total=st.integers(0, 50),
    wanted=st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 60), min_size=1),
    now=st.floats(0, 1e6),
)
def test_a_limit_is_divided_without_rest_and_without_favour(total, wanted, now):
    """All of it, never more; who wants less than an equal part has what it wants; the others differ by one at most."""
    found = shares(total, wanted, now)

    assert sum(found.values()) == total
    lacking = [found[holder] for holder in wanted if found[holder] < wanted[holder]]
    assert not lacking or max(found.values()) - min(lacking) <= 1


def test_the_place_that_cannot_be_divided_goes_round():
    """Of two that want the only one, each has it for a while."""
    assert [shares(1, {"a": 3, "b": 3}, now)["a"] for now in (0, 5, 10, 15)] == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("live", "others"),
    [
        pytest.param({"a": 4, "b": 2}, {"a": 4, "b": 2}, id="others have every place"),
        pytest.param({"a": 4, "me": 2}, {}, id="one of the places is its own"),
        pytest.param({"a": 4}, {}, id="a place is free"),
    ],
)
def test_who_has_every_place_is_known(live, others):
    """Only where other runs leave none are they named."""
    assert taken_by_others(live, "me", 6) == others


def test_the_runs_that_have_the_places_are_named():
    """With how many each has, so that somebody can go on with them or cancel them."""
    said = no_place({"aaaa": 4, "bbbb": 2}, 6)

    assert said.startswith("all 6 places")
    assert said.endswith("aaaa (4), bbbb (2)")


def test_a_task_that_does_not_fit_is_as_it_was(state):
    """PLANNED, without an attempt."""
    limits = state.limits(0)
    state.stores[0].limits.observe(TASKS, 0, {})

    assert state.begin(limits, "a") is Shortage.QUEUE
    assert {task.state for task in state.stores[0].tasks.of(state.runs["a"])} == {TaskState.PLANNED}
    assert state.stores[0].tasks.attempts(state.runs["a"]) == []

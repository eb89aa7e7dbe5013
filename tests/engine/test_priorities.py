"""Who gets a slot: by priority, with deadlines, among runs that fail and runs that are held."""

from __future__ import annotations

import os
import threading
from collections import Counter
from itertools import pairwise

import pytest
from house import real_execution

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.interrupts import Interrupts
from orchestrator.engine.turns import Turns
from orchestrator.engine.work import HoldError
from orchestrator.model.states import RunState, Who

SLOTS = 3
JOBS = int(os.environ.get("ORCHESTRATOR_TEST_JOBS", "60"))  # 300 for the whole of it
TENTH = JOBS // 10


def admit(house, name, priority=0, declaration="", finish_by=0.0):
    run_id = house.admit(name, declaration)
    house.store.runs.prioritise(run_id, priority)
    house.store.runs.set_deadline(run_id, finish_by)
    return run_id


def test_the_higher_number_goes_first_and_among_equals_the_longest_ready(house):
    """Whoever was there first, of one priority; nobody is passed over for ever."""
    for n, priority in enumerate([0, 5, -2, 5, 0, 7]):
        admit(house, f"run{n}", priority)

    house.work(slots=1)

    assert house.order == ["run5", "run1", "run3", "run0", "run4", "run2"]


def test_a_priority_that_is_changed_counts_at_the_next_free_slot(house):
    """Said while the first works: the last goes next."""
    for name in ("a", "b", "c"):
        admit(house, name)
    last = next(run_id for run_id, name in house.names.items() if name == "c")
    house.acts["a"] = lambda run_id: (house.store.runs.prioritise(last, 1), house.finish(run_id))

    house.work(slots=1)

    assert house.order == ["a", "c", "b"]


def works_until_asked(house, interrupts, working):
    """Return an act that goes on until the run is asked to leave its slot, and ends when it has it again."""

    def act(run_id):
        if working.is_set():
            house.finish(run_id)
            return
        working.set()
        try:
            for _ in range(10_000):
                interrupts.obey(run_id)
                threading.Event().wait(0.001)
            raise AssertionError("nobody asked")
        except HoldError as hold:
            house.store.runs.set_state(run_id, RunState.HELD, str(hold), who=Who.TIME, next_at=hold.until)
            reasons.append(str(hold))

    reasons: list[str] = []
    return act, reasons


def test_a_run_with_a_deadline_does_not_wait_for_one_of_lower_priority(house):
    """It gives way, says to whom, and goes on when a slot is free again."""
    interrupts, working = Interrupts(), threading.Event()
    low = admit(house, "low")
    act, reasons = works_until_asked(house, interrupts, working)
    house.acts["low"] = act

    def looked(busy, _waiting):
        house.stop.looked(busy, 0)
        if working.is_set() and len(house.names) == 1:
            admit(house, "urgent", 1, finish_by=1e12)

    house.work(slots=1, interrupts=interrupts, looked=looked)

    urgent = next(run_id for run_id, name in house.names.items() if name == "urgent")
    assert house.order == ["low", "urgent", "low"]
    assert reasons == [f"it gives way to run {urgent}, which has a deadline and priority 1"]
    assert house.store.runs.head(low).state is RunState.CLEANED


def test_a_run_that_is_asked_to_leave_its_slot_leaves_it(house):
    """It was to go on at once, where it was: that is the service's to say, or nobody gets the slot."""
    low, interrupts = admit(house, "low"), Interrupts()
    interrupts.ask(low, "test", "it gives way", house.clock.now().timestamp())

    left = real_execution(house, house.store.runs.get(low), interrupts=interrupts).work()

    assert (left.state, left.reason) == (RunState.HELD, "it gives way")


def test_to_whom_a_slot_was_left_is_known_until_the_other_had_one(house):
    """So long it is not taken back."""
    turns = Turns(house.clock)
    low, urgent = admit(house, "low"), admit(house, "urgent", 1, finish_by=1e12)
    turns.give_way(low, urgent)
    turns.ready(house.store.queue.waiting())
    before = turns.gave_way_to(low)
    turns.take(urgent)

    assert (before, turns.gave_way_to(low)) == (urgent, "")


def test_nobody_leaves_a_slot_to_a_run_that_another_process_has(house):
    """Nobody would use it: each look would ask again."""
    interrupts, asked = Interrupts(), []
    admit(house, "urgent", 1, finish_by=1e12)
    low = admit(house, "low")
    house.locked = {"urgent"}

    def act(run_id):
        house.clock.seconds += 10  # it is looked at again
        for _ in range(20):
            threading.Event().wait(0.001)
            try:
                interrupts.obey(run_id)
            except HoldError as hold:
                asked.append(str(hold))
        house.finish(run_id)

    house.acts["low"] = act
    house.work(slots=1, interrupts=interrupts, idle_limit_seconds=0.0)

    assert (asked, house.store.runs.head(low).state) == ([], RunState.CLEANED)


@pytest.mark.parametrize(
    ("priority", "finish_by"),
    [pytest.param(1, 0.0, id="without a deadline"), pytest.param(0, 1e12, id="of the same priority")],
)
def test_nobody_else_is_given_way_to(house, priority, finish_by):
    """A higher priority alone, or a deadline alone, takes the next slot that is free."""
    interrupts, asked = Interrupts(), []
    admit(house, "low")

    def act(run_id):
        admit(house, "other", priority, finish_by=finish_by)
        for _ in range(20):  # looks, meanwhile
            threading.Event().wait(0.001)
            try:
                interrupts.obey(run_id)
            except HoldError as hold:
                asked.append(str(hold))
        house.finish(run_id)

    house.acts["low"] = act
    house.work(slots=1, interrupts=interrupts)

    assert (asked, house.order) == ([], ["low", "other"])


def test_of_several_slots_the_lowest_priority_gives_way(house):
    """One for each that is urgent, not more."""
    interrupts, working = Interrupts(), {name: threading.Event() for name in ("low", "middle")}
    told = {}
    for priority, name in enumerate(working):
        admit(house, name, priority)
        house.acts[name], told[name] = works_until_asked(house, interrupts, working[name])

    def looked(busy, _waiting):
        house.stop.looked(busy, 0)
        if all(event.is_set() for event in working.values()) and len(house.names) == 2:
            admit(house, "urgent", 9, finish_by=1e12)
        if len(told["low"]) == 1 and house.states().get("urgent") == "CLEANED":
            middle = next(run_id for run_id, name in house.names.items() if name == "middle")
            interrupts.ask(middle, "test", "the test is over", house.clock.now().timestamp())

    house.work(slots=2, interrupts=interrupts, looked=looked)

    assert (len(told["low"]), told["middle"]) == (1, ["the test is over"])


def test_what_is_to_be_cancelled_goes_first_and_at_once(house):
    """It makes room: before whatever is due, and although it is held for a person or until tomorrow."""
    for name in ("held", "asks"):
        admit(house, name, -5)
    held, asks = house.names
    house.hold(held, 1e5)
    house.hold(asks, 0, who=Who.PERSON)
    admit(house, "good", 100)
    for run_id in (held, asks):
        house.store.runs.request(run_id, "cancel")
        house.acts[house.names[run_id]] = lambda run_id: house.store.runs.set_state(run_id, RunState.CANCELLED)

    house.work(slots=1)

    assert house.order == ["held", "asks", "good"]


def test_a_run_that_cannot_be_cancelled_now_is_asked_again_when_its_row_says(house):
    """Not at each look: the service that does not answer is asked every five minutes."""
    run_id, tries = admit(house, "held"), []
    house.hold(run_id, 1e5)
    house.store.runs.request(run_id, "cancel")

    def act(run_id):
        tries.append(house.clock.seconds)
        if len(tries) < 3:
            house.hold(run_id, 300.0)
        else:
            house.store.runs.set_state(run_id, RunState.CANCELLED)

    house.acts["held"] = act
    house.work(idle_limit_seconds=1e4)

    assert [round(later - earlier) for earlier, later in pairwise(tries)] == [300, 300]


def test_a_run_that_is_looked_at_in_vain_lets_the_others_go_first(house):
    """However high its priority: a full disk is looked at between the others, not instead of them; yet it is."""
    admit(house, "held", 100)
    house.acts["held"] = lambda run_id: house.hold(run_id, 1.0)

    def good(run_id):
        house.clock.seconds += 50
        house.store.runs.set_state(run_id, RunState.CANCELLED)

    for n in range(20):
        admit(house, f"good{n:02d}")
        house.acts[f"good{n:02d}"] = good

    house.work(slots=1, idle_limit_seconds=0.0)

    looks = [n for n, name in enumerate(house.order) if name == "held"]
    assert 1 <= sum(0 < n < 20 for n in looks) <= 2
    assert [name for name in house.order if name != "held"] == [f"good{n:02d}" for n in range(20)]


def test_among_bad_and_held_ones_the_good_ones_finish_in_their_order_and_no_slot_is_idle(house):
    """
    A tenth always fails, a tenth is held again and again, with priorities like the others.

    A good one goes on only when each slot has one: a slot that is left free, or to what is held, would be missed.
    """
    barrier, guard = threading.Barrier(SLOTS), threading.Lock()
    kinds = {n: "bad" if n % 10 == 3 else "held" if n % 10 == 7 else "good" for n in range(JOBS)}
    priority = {f"{kind}{n}": (n * 7 + n // 10) % 5 for n, kind in kinds.items()}

    def good(run_id):
        barrier.wait(60)
        with guard:
            house.clock.seconds += 5
        house.finish(run_id)

    def bad(run_id):
        if int(house.names[run_id][3:]) % 20 == 3:
            raise IntegrityError("it never works")
        house.store.runs.set_state(run_id, RunState.FAILED, "it never works")

    def held(run_id):
        house.hold(run_id, 60.0, who=Who.PERSON if int(house.names[run_id][4:]) % 20 == 7 else Who.TIME)

    for name, number in priority.items():
        admit(house, name, number)
        house.acts[name] = {"bad": bad, "hel": held, "goo": good}[name[:3]]

    house.work(slots=SLOTS, idle_limit_seconds=60.0)

    goods = [name for name in house.order if name.startswith("good")]
    wanted = sorted((name for name in priority if name.startswith("good")), key=lambda name: -priority[name])
    assert Counter(house.states().values()) == {
        "CLEANED": 8 * TENTH,
        "FAILED": TENTH // 2,
        "HELD": TENTH,
        "ADMITTED": TENTH // 2,
    }
    assert {abs(n - wanted.index(name)) for n, name in enumerate(goods)} <= set(range(SLOTS))  # threads begin together

"""Units of work under faults, kills and restarts: every pixel once, with the origin of what is really there."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import FakeClock
from runner_world import (
    FAULTS,
    MEMORY,
    PLAN,
    POINTS,
    SIDE,
    Output,
    Script,
    World,
    refusal,
)

from orchestrator.core.errors import Stopped
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.work import HoldError
from orchestrator.model.grid import Window
from orchestrator.model.ports import RefusedError
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.unit import Done, Empty, UnitPlan


@pytest.fixture(scope="module")
def store():
    """One for all tests, each of which has a run of its own."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        opened = SqlStore(f"sqlite:///{folder}/state.db", FakeClock())
        yield opened
        opened.close()


@pytest.fixture
def world(tmp_path, store):
    """`world(words, ...)` makes one."""

    def make(words=(), **options):
        return World(tmp_path, options.pop("script", None) or Script(words), store, **options)

    return make


def check_exact(world: World) -> None:
    """Every pixel once, from the piece whose origin is written down, and nothing placed was asked for again."""
    done = world.units(UnitState.DONE)
    cells = [unit.plan.cell for unit in done]
    assert set(cells) == set(world.output.pieces)
    assert sum(cell.window.pixels for cell in cells) == SIDE * SIDE
    assert all(PLAN.grid.window.contains(cell.window) for cell in cells)
    assert not any(a.window.intersection(b.window) for i, a in enumerate(cells) for b in cells[:i])
    for unit in done:
        assert unit.result["reply_sha256"].encode() == world.output.pieces[unit.plan.cell]
    assert set(world.output.times.values()) == {1}


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(st.sampled_from([*FAULTS, "well", "well"]), max_size=12),
    deaths=st.lists(st.sampled_from(POINTS), max_size=6),
    threads=st.integers(1, 3),
)
def test_whatever_fails_and_dies_every_pixel_is_placed_once(store, words, deaths, threads):
    """No pixel is lost, doubled, or told to come from where it does not."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        # None for memory or time after two cuts: a window that is as small as any is not cut further.
        cuts = [index for index, w in enumerate(words) if w in ("memory", "time", "side", "size")]
        late = {index for index in cuts[2:] if words[index] in ("memory", "time")}
        script = Script([w for index, w in enumerate(words) if w != "unknown" and index not in late])
        world = World(Path(folder), script, store, threads=threads, deaths=deaths)
        world.carry()

        check_exact(world)


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_only_what_is_missing_is_asked_for(world, point):
    """A cell that was placed before the kill is never fetched again, and the kill costs no attempt."""
    here = world(deaths=[point])
    here.live()
    placed = {cell.window for cell in here.output.placed()}
    before = len(here.script.asked)

    here.carry()

    assert placed.isdisjoint(here.script.asked[before:])
    assert {unit.attempt for unit in here.units(UnitState.DONE)} == {1}
    check_exact(here)


@pytest.mark.parametrize("word", ["memory", "time", "side"])
def test_a_refusal_cuts_that_window_only(world, word):
    """The first window comes in two; the others as they were planned."""
    here = world([word])

    here.carry()

    first, *others = PLAN.direct
    assert Counter(here.script.asked) == Counter([first, *others, Window(0, 0, 100, 200), Window(100, 0, 100, 200)])


@pytest.mark.parametrize("word", ["throttle", "503"])
def test_a_busy_service_is_asked_for_the_same_window_again(world, word):
    """It is never cut for that."""
    here = world([word] * 3)

    here.carry()

    assert set(here.script.asked) == set(PLAN.direct)
    assert len(here.script.asked) == len(PLAN.direct) + 3
    assert not here.units(UnitState.SPLIT)


def test_throttling_is_no_attempt_of_a_unit(world):
    """However long the service is busy, a window is as good as new."""
    here = world(["throttle"] * 20)

    here.carry()

    assert {unit.attempt for unit in here.units(UnitState.DONE)} == {1}


def test_a_long_pause_holds_the_run_and_says_why(world):
    """Whoever asks why it stands still is told; it is looked at again when the pause is over, in an hour at most."""
    here = world(["for days"])

    with pytest.raises(HoldError, match="come back in eleven days") as held:
        here.live()

    assert held.value.alone
    assert held.value.until - here.clock.now().timestamp() == pytest.approx(3600.0, abs=60.0)


def test_what_a_refusal_says_about_sizes_is_known_from_then_on(world):
    """One request is refused; no other that is as big is sent, whole windows are cut before they are asked for."""
    here = world(script=Script(bytes_per_pixel=6))

    here.carry()

    too_big = [window for window in here.script.asked if window.pixels * 6 > Script.limits.most]
    assert len(too_big) == 1
    check_exact(here)


@pytest.mark.parametrize(
    "sizes",
    [(40_000, 100), (10**17, 200_000), (10**17, 1), (80_000, 1)],
    ids=["a tiny limit", "a pixel without measure", "both", "less than a pixel"],
)
def test_one_sentence_that_cannot_be_true_costs_a_few_requests(world, sizes):
    """Its own window comes in a few pieces; every other is asked for as it was planned."""
    here = world([refusal(Failure.SIZE, sizes)])

    here.carry()

    assert len(here.script.asked) <= len(PLAN.direct) + 16
    assert set(PLAN.direct) <= set(here.script.asked)
    check_exact(here)


def test_a_limit_that_is_really_so_small_is_believed_when_it_is_said_again(world):
    """Not every window is refused before it is cut."""
    here = world(script=Script(bytes_per_pixel=40))  # 5,000 pixels: a twentieth of what is documented

    here.carry()

    refused = [window for window in here.script.asked if window.pixels * 40 > Script.limits.most]
    assert len(refused) < 8
    check_exact(here)


def test_the_lesson_outlives_the_process(world):
    """A process that goes on does not ask for what is known to be too big."""
    here = world(script=Script(bytes_per_pixel=6), deaths=["unit.placed"])

    here.carry()

    assert len([w for w in here.script.asked if w.pixels * 6 > Script.limits.most]) == 1


def test_a_sentence_nobody_knows_is_tried_once_more_and_then_the_end(world):
    """It stops with the service's own sentence."""
    here = world(["unknown"] * 8)

    with pytest.raises(RefusedError, match="the service says UNKNOWN"):
        here.live()

    assert max(Counter(here.script.asked).values()) == 2


def test_what_keeps_failing_holds_the_run(world):
    """For time, with the sentence; the unit is not lost."""
    here = world(["503"] * 30)

    with pytest.raises(HoldError, match="unavailable") as caught:
        here.live()

    assert caught.value.alone
    assert not here.units(UnitState.FAILED)


def test_an_output_that_is_lost_is_brought_again(world):
    """Units whose pieces lie nowhere wait again."""
    here = world()
    here.carry()
    here.output = Output()

    here.carry()

    check_exact(here)


def test_what_one_request_holds_in_memory_bounds_how_many_go_at_once(world):
    """Two that are heavy go one after the other, whatever the number of threads."""
    at_once, most, lock = [0], [0], threading.Lock()

    def step(_context, unit):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        here.store.units.get(here.run_id, unit.kind, unit.key)  # the others come to their turn
        with lock:
            at_once[0] -= 1
        return Done({"key": unit.key})

    here = world(threads=4)
    heavy = [UnitPlan("heavy", f"{n}", spec={"bytes": 100 << 20}) for n in range(6)]
    here.store.units.add(here.run_id, heavy)
    here.live(steps={"heavy": step, "pixels": lambda _context, _unit: Empty()})

    assert most[0] == 1
    assert len([unit for unit in here.units(UnitState.DONE) if unit.kind == "heavy"]) == 6


class Narrow:
    """Takes two units at a time, and does each at once."""

    def __init__(self, world):
        self._world, self.most, self._given = world, 0, 0

    def beginning(self):
        return ""

    def room(self):
        self._given = 0
        return 2

    def submit(self, unit, ended):
        self._given += 1
        self.most = max(self.most, self._given)
        self._world.clock.seconds += 1e-4
        self._world.store.units.finish(unit, UnitState.DONE)
        ended(None)

    def close(self):
        pass


def test_whoever_does_units_is_given_no_more_than_it_has_room_for(world):
    """Of units so quick that many are claimed at once, too."""
    here = world()
    here.store.units.add(here.run_id, [UnitPlan("quick", f"{n:02d}") for n in range(40)])
    executor = Narrow(here)

    here.live(steps=dict.fromkeys(("quick", "pixels"), None), executor=executor)

    assert executor.most == 2
    assert {unit.state for unit in here.units()} == {UnitState.DONE}


def test_a_stop_gives_the_leases_back(world):
    """Whoever starts next begins at once, and nothing was counted."""
    here = world(threads=2)

    def step(context, _unit):
        here.stop.set()
        context.stop.wait(5)
        raise Stopped("stopped")

    def check():
        if here.stop.is_set():
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        here.live(steps={"pixels": step}, check=check)

    assert {(unit.state, unit.attempt) for unit in here.units()} == {(UnitState.WAITING, 0)}

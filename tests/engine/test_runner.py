"""Units of work under faults, kills and restarts: every pixel once, with the origin of what is really there."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, Stopped, ThrottleError, TransientError
from orchestrator.engine.context import Backoff, ProcessContext, RunContext
from orchestrator.engine.limits import Limits
from orchestrator.engine.placing import Placing
from orchestrator.engine.progress import Progress
from orchestrator.engine.runner import UnitContext, UnitWork
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.waiting import Waits
from orchestrator.engine.work import HoldError
from orchestrator.model.direct import DirectLimits, PixelPiece
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan
from orchestrator.model.ports import Diagnosis, RefusedError
from orchestrator.model.product import RunSnapshot
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.unit import Cell, Done, Empty, Unit, UnitPlan
from orchestrator.products.mosaic.fetch import Fetch, units_of
from orchestrator.products.mosaic.routing import size_of

POINTS = ("unit.claimed", "unit.fetched", "unit.noted", "unit.placed", "unit.done")
SIDE = 400
# Where a sync costs nothing: the machine itself is not what dies here.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a folder of our own is made in it
PLAN = Plan(
    grid=Grid("EPSG:32648", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.0), SIDE, SIDE),
    pixels=PixelSpec(("a",), "uint8", 0),
    tasks=(),
    area_wkb=b"",
    area_pixels=SIDE * SIDE,
    max_part_bytes=1,
    bucket_bytes=0,
    disk_bytes=0,
    memory_bytes=0,
    direct=tuple(Window(0, 0, SIDE, SIDE).tiles(200, 200)),
)
JOB = Job("a", "/nowhere", AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")


class DeadError(BaseException):
    """The process was killed: nothing of it goes on."""


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Output:
    """A sink that survives: pieces by cell, each with how often it was placed."""

    def __init__(self) -> None:
        self.pieces: dict[Cell, bytes] = {}
        self.times: Counter[Cell] = Counter()

    def place(self, pieces, on_placed):
        for cell, content in pieces:
            self.pieces[cell] = content
            self.times[cell] += 1
            on_placed(cell)

    def placed(self):
        return frozenset(self.pieces)


class Script:
    """The service: answers each request by the next word of its script, and then well."""

    limits = DirectLimits(max_bytes=200_000, max_side=1000, max_bands=10, at_once=4, per_second=100)
    name = "pixels"

    def __init__(self, words=(), bytes_per_pixel=None) -> None:
        self.words = list(words)
        self.asked: list[Window] = []
        self.number = 0
        self.bytes_per_pixel = bytes_per_pixel

    def fetch(self, request, stop):  # noqa: ARG002  the port's signature
        self.asked.append(request.window)
        word = self.words.pop(0) if self.words else "well"
        if isinstance(word, Exception):
            raise word
        if word in FAULTS:
            raise FAULTS[word](request.window)
        if self.bytes_per_pixel and request.window.pixels * self.bytes_per_pixel > self.limits.max_bytes:
            raise too_big(request.window, self.bytes_per_pixel)
        self.number += 1
        return PixelPiece(f"{self.number}".encode(), f"sent {self.number}", f"{self.number}", 1, "2024-06-01T00:00:00Z")

    def close(self):
        pass


def refusal(failure, sizes=None):
    return RefusedError(f"the service says {failure}", Diagnosis(failure, sizes=sizes))


def too_big(window, bytes_per_pixel):
    return refusal(Failure.SIZE, (window.pixels * bytes_per_pixel, Script.limits.max_bytes))


FAULTS = {
    "throttle": lambda _w: ThrottleError("too many requests"),
    "for days": lambda _w: ThrottleError("come back in eleven days", 999_999.0),
    "503": lambda _w: TransientError("unavailable"),
    "wrong": lambda _w: IntegrityError("a row less"),
    "memory": lambda _w: refusal(Failure.MEMORY),
    "time": lambda _w: refusal(Failure.TIMEOUT),
    "side": lambda _w: refusal(Failure.SIZE),
    "size": lambda w: too_big(w, 10),
    "unknown": lambda _w: refusal(Failure.UNKNOWN),
}


class Dying:
    """What a killed process does with its store: nothing."""

    def __init__(self, inner, dead) -> None:
        self._inner, self._dead = inner, dead

    def __getattr__(self, name):
        if self._dead.is_set():
            raise DeadError
        return getattr(self._inner, name)


_numbers = itertools.count()


class World:
    """One run, its store, its output and the service; processes come and go."""

    def __init__(self, folder: Path, script: Script, store: SqlStore, *, threads: int = 1, deaths=()) -> None:
        self.clock, self.folder, self.script, self.threads = Clock(), folder, script, threads
        self.store = store
        self.run_id = store.runs.admit(Admission("night", "", (f"{next(_numbers):064d}",), "{}")).id
        self.output, self.events, self.deaths = Output(), [], list(deaths)
        self.stop = threading.Event()
        self.store.units.add(self.run_id, units_of(PLAN.direct, size_of(PLAN, script.limits)))
        self.placed_when_asked: list[bool] = []

    def process(self, steps=None):
        """Return the work of a process that is begun now, and the sign of its death."""
        dead = threading.Event()

        def point(name):
            if dead.is_set():
                raise DeadError
            if self.deaths and self.deaths[0] == name:
                self.deaths.pop(0)
                dead.set()
                raise DeadError

        crash.point, self._real = point, crash.point
        around = ProcessContext(
            owner="x", work_dir=None, keep_parts=False, downloads=1, backoff=Backoff(unit_attempts=5),
            limits=Limits(1, 1, dict, self.clock), clock=self.clock, stop=self.stop, requests=self.threads,
            chance=random.Random(1),  # noqa: S311  spreads waits
        )  # fmt: skip
        units = Dying(self.store.units, dead)
        context = RunContext(
            self.run_id, SimpleNamespace(units=units), None, around,
            lambda name, facts: self.events.append((name, dict(facts))), Waits(self.clock), Progress(),
        )  # fmt: skip
        placing = Placing(self.output, self.stop)
        steps = steps or {"pixels": Fetch(self.script, PLAN, "{}")}
        snapshot = RunSnapshot(self.run_id, JOB, image="{}")
        return UnitWork(UnitContext(context, snapshot, steps, placing, self.folder)), context, dead

    def live(self, *, check=lambda: None, **options) -> bool:
        """Let one process work until it is done, held or dead; tell whether it is done."""
        real = crash.point
        work, context, dead = self.process(**options)
        try:
            with work:
                for _ in range(2000):
                    check()
                    if work.round():
                        return True
                    context.wake.wait(0.001 if work._under_way else 0)
                    context.wake.clear()
                    self.clock.seconds += 0 if work._under_way else work.pause_seconds()
                    if dead.is_set():
                        return False
                raise AssertionError("it does not end")
        except DeadError:
            return False
        finally:
            crash.point = real

    def carry(self) -> None:
        """Start processes until one is done."""
        for _ in range(100):
            try:
                if self.live():
                    return
            except HoldError:
                self.clock.seconds += 300
        raise AssertionError("it does not end")

    def units(self, *states) -> list[Unit]:
        return self.store.units.of(self.run_id, states=states or None)


@pytest.fixture(scope="module")
def store():
    """One for all tests, each of which has a run of its own."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        opened = SqlStore(f"sqlite:///{folder}/state.db", Clock())
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
        # None for memory or time after three cuts: a window that is as small as any is not cut further.
        cuts = [index for index, w in enumerate(words) if w in ("memory", "time", "side", "size")]
        late = {index for index in cuts[3:] if words[index] in ("memory", "time")}
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

    too_big = [window for window in here.script.asked if window.pixels * 6 > Script.limits.max_bytes]
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

    refused = [window for window in here.script.asked if window.pixels * 40 > Script.limits.max_bytes]
    assert len(refused) < 8
    check_exact(here)


def test_the_lesson_outlives_the_process(world):
    """A process that goes on does not ask for what is known to be too big."""
    here = world(script=Script(bytes_per_pixel=6), deaths=["unit.placed"])

    here.carry()

    assert len([w for w in here.script.asked if w.pixels * 6 > Script.limits.max_bytes]) == 1


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

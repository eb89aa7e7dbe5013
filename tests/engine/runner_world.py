"""A run of units, its service and its output in memory; its processes die where they are told to."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from model_world import FakeClock

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, ThrottleError, TransientError
from orchestrator.engine.context import Backoff, ProcessContext, RunContext
from orchestrator.engine.limits import Limits
from orchestrator.engine.placing import Placing
from orchestrator.engine.progress import Progress
from orchestrator.engine.runner import UnitWork
from orchestrator.engine.steps import UnitContext
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.waiting import Waits
from orchestrator.engine.work import HoldError
from orchestrator.model.direct import DirectLimits, PixelPiece, PixelRequest
from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.plan import Plan
from orchestrator.model.ports import Diagnosis, RefusedError
from orchestrator.model.product import RunSnapshot
from orchestrator.model.spec import PixelSpec
from orchestrator.model.states import Failure
from orchestrator.model.unit import Cell, Unit
from orchestrator.plan.requests import RequestSize
from orchestrator.products.fetch import Fetch, units_of

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


def asked(cell):
    """What is asked of the service for a cell."""
    return PixelRequest("{}", PLAN.grid, cell.window, PLAN.pixels)


JOB = Job("a", "/nowhere", AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01")


class DeadError(BaseException):
    """The process was killed: nothing of it goes on."""


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

    limits = DirectLimits(most=200_000, max_side=1000, max_bands=10, at_once=4, per_second=100)
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
        if self.bytes_per_pixel and request.window.pixels * self.bytes_per_pixel > self.limits.most:
            raise too_big(request.window, self.bytes_per_pixel)
        self.number += 1
        return PixelPiece(f"{self.number}".encode(), f"sent {self.number}", f"{self.number}", 1, "2024-06-01T00:00:00Z")

    def close(self):
        pass


def refusal(failure, sizes=None):
    return RefusedError(f"the service says {failure}", Diagnosis(failure, sizes=sizes))


def too_big(window, bytes_per_pixel):
    return refusal(Failure.SIZE, (window.pixels * bytes_per_pixel, Script.limits.most))


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


def busy(work: UnitWork) -> bool:
    """Tell whether units are under way."""
    return any(lane.claims.under_way for lane in work._lanes)


class World:
    """One run, its store, its output and the service; processes come and go."""

    def __init__(self, folder: Path, script: Script, store: SqlStore, *, threads: int = 1, deaths=()) -> None:
        self.clock, self.folder, self.script, self.threads = FakeClock(), folder, script, threads
        self.store = store
        self.run_id = store.runs.admit(Admission("night", "", (f"{next(_numbers):064d}",), "{}")).id
        self.output, self.events, self.deaths = Output(), [], list(deaths)
        self.stop = threading.Event()
        self.store.units.add(self.run_id, units_of(map(Cell, PLAN.direct), RequestSize.of(PLAN.pixels, script.limits)))
        self.placed_when_asked: list[bool] = []

    def process(self, steps=None, executor=None):
        """Return the work of a process that is begun now, and the sign of its death; an `executor` does its units."""
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
            limits=Limits(1, 1, self.store.limits, self.clock), clock=self.clock, stop=self.stop, requests=self.threads,
            chance=random.Random(1),  # noqa: S311  spreads waits
        )  # fmt: skip
        units = Dying(self.store.units, dead)
        context = RunContext(
            self.run_id, SimpleNamespace(units=units), None, around,
            lambda name, facts: self.events.append((name, dict(facts))), Waits(self.clock), Progress(),
        )  # fmt: skip
        placing = Placing(self.output, self.stop)
        steps = steps or {"pixels": Fetch(self.script, RequestSize.of(PLAN.pixels, self.script.limits), asked)}
        snapshot = RunSnapshot(self.run_id, JOB, image="{}")
        given = UnitContext(
            snapshot, steps, units, around, self.folder, self.folder, context.record, placer=placing, wake=context.wake,
            shared=frozenset(steps if executor else ()),
        )  # fmt: skip
        return UnitWork(given, executor), context, dead

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
                    context.wake.wait(0.001 if busy(work) else 0)
                    context.wake.clear()
                    self.clock.seconds += 0 if busy(work) else work.pause_seconds()
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

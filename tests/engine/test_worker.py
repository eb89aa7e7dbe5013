"""A worker in one process: what it does with units, what it leaves to the run's holder, and how it ends."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from types import SimpleNamespace

import pytest
from model_world import FakeClock
from runner_world import JOB
from unit_kit import plans, states

from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import (
    CredentialError,
    FencedError,
    PermanentError,
    QuotaError,
    Stopped,
    TransientError,
)
from orchestrator.engine.context import Backoff
from orchestrator.engine.kept_pieces import KeptPieces, NotYetSharedError, UnsharedError
from orchestrator.engine.steps import StepRunner, UnitContext
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.worker import Duty, UnitWorker, WorkerOptions
from orchestrator.model.product import RunSnapshot
from orchestrator.model.states import RunState, UnitState, Who
from orchestrator.model.unit import Again, Done, Hold

DONE, FAILED, HELD, WAITING = UnitState.DONE, UnitState.FAILED, UnitState.HELD, UnitState.WAITING


class House:
    """A store with one run of units, and workers over it, whose step a test names."""

    def __init__(self, folder):
        self.store = SqlStore(f"sqlite:///{folder}/state.db", SystemClock())
        self.run = self.admit("night")
        self.folder, self.drain, self.stop = folder, threading.Event(), threading.Event()
        self.told, self.refusal = [], None

    def admit(self, name):
        run_id = self.store.runs.admit(Admission(name, "", (name[0] * 64,), "{}")).id
        self.store.runs.set_state(run_id, RunState.PLANNED)
        self.store.runs.set_state(run_id, RunState.EXPORTING)
        return run_id

    def add(self, *keys):
        self.store.units.add(self.run, plans(*keys))

    def runner(self, step, units=None, stop=None):
        process = SimpleNamespace(backoff=Backoff(unit_attempts=3), clock=SystemClock(), chance=FixedChance())
        context = UnitContext(
            RunSnapshot(self.run, JOB),
            {"fetch": step},
            units or self.store.units,
            process,
            self.folder,
            self.folder,
            lambda name, facts: self.told.append((name, dict(facts))),
            kept=KeptPieces(self.folder),
        )
        return StepRunner(context, stop or self.stop)

    def of(self, _run_id, _fence):
        if self.refusal is not None:
            raise self.refusal
        return Duty(frozenset({"fetch"}), self._runner, lambda: None, lambda: None)

    def keep(self, _run_ids):
        pass

    def worker(self, step, *, drain_seconds=30.0, at_once=1):
        self._runner = self.runner(step)
        options = WorkerOptions("worker 1", at_once, drain_seconds=drain_seconds)
        notify = lambda name, _run, facts: self.told.append((name, dict(facts)))  # noqa: E731
        return UnitWorker(
            options, units=self.store.units, duties=self, clock=SystemClock(), drain=self.drain, stop=self.stop,
            notify=notify,
        )  # fmt: skip

    def unit(self, key="a"):
        return self.store.units.get(self.run, "fetch", key)


class FixedChance:
    def uniform(self, _low, high):
        return high


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.store.close()


def raising(error):
    def step(_context, _unit):
        raise error

    return step


def test_a_worker_does_what_there_is_and_ends_when_it_is_idle(house):
    """Every unit once, in its name."""
    house.add("a", "b", "c")

    ended = house.worker(lambda _c, _u: Done({"x": 1}), at_once=2).work(until_idle=True)

    assert ended.done == 3
    assert {(unit.state, unit.worker) for unit in house.store.units.of(house.run)} == {(DONE, "worker 1")}


@pytest.mark.parametrize(
    ("step", "state", "said"),
    [
        pytest.param(raising(PermanentError("no such image")), FAILED, "no such image", id="refused for good"),
        pytest.param(raising(ZeroDivisionError("by 0")), FAILED, "ZeroDivisionError: by 0", id="a fault of ours"),
        pytest.param(lambda _c, _u: Hold("look at it"), HELD, "look at it", id="a person must act"),
        pytest.param(raising(QuotaError("used up", FakeClock().now())), HELD, "used up", id="a quota"),
    ],
)
def test_what_only_the_holder_decides_is_written_on_the_unit(house, step, state, said):
    """In the words of what went wrong; the worker goes on with others."""
    house.add("a")

    ended = house.worker(step).work(until_idle=True)

    assert (house.unit().state, house.unit().error, ended.left) == (state, said, {})


def test_a_worker_whose_runs_folder_is_gone_says_that_and_not_which_file_it_missed(house):
    """The run ended while the step was at work; whoever cleaned took the folder away."""
    house.add("a")

    def step(_context, _unit):
        shutil.rmtree(house.folder)
        (house.folder / "0.0.parts.run").write_bytes(b"blocks")

    ended = house.worker(step).work(until_idle=True)

    assert ended.left == {house.run: f"{house.folder} is gone: the run has ended, or somebody took its folder away"}
    assert house.unit().state is WAITING


def test_a_step_can_ask_whether_the_unit_is_still_its_own(house):
    """Before an effect that nobody would take away; from the moment at which another has claimed it, it is not."""
    house.add("a")
    (unit,) = house.store.units.claim(house.run, "fetch", 1, now=0.0, seconds=0.0, worker="worker 1")
    asked = []

    def step(context, _unit):
        context.check()
        asked.append("mine")
        house.store.units.claim(house.run, "fetch", 1, now=2.0, seconds=1e12, worker="worker 2")
        context.check()
        asked.append("mine still")

    house.runner(step).do_for_holder(unit)

    assert asked == ["mine"]
    assert house.unit().worker == "worker 2"


def test_a_unit_that_keeps_failing_asks_for_a_hold(house):
    """After as many tries as are set, as in the holder itself."""
    house.add("a")
    runner = house.runner(raising(TransientError("unavailable")))
    for _ in range(3):
        (unit,) = house.store.units.claim(house.run, "fetch", 1, now=1e12, seconds=1e12, worker="worker 1")
        runner.do_for_holder(unit)

    assert (house.unit().state, house.unit().who) == (HELD, Who.TIME)
    assert house.unit().error == "fetch a failed 3 times: unavailable"


@pytest.mark.parametrize(
    "error", [CredentialError("expired"), OSError("no space left"), UnsharedError("not seen from here")], ids=repr
)
def test_what_is_wrong_with_a_worker_is_not_the_runs(house, error):
    """The unit waits for others as if nobody had tried; the worker says why, once, and leaves the run alone."""
    house.add("a", "b")
    if isinstance(error, UnsharedError):
        house.refusal = error

    ended = house.worker(raising(error)).work(until_idle=True)

    assert states(house.store, house.run) == {"a": WAITING, "b": WAITING}
    assert house.unit().attempt == 0
    assert ended.left == {house.run: str(error)}
    assert [name for name, _ in house.told] == ["worker.left_alone"]


def test_a_run_whose_holder_has_not_made_its_folder_yet_is_looked_at_again_in_silence(house):
    """Its units can be claimed a moment before: a short run is not left alone for that."""
    house.add("a")
    refusals = [NotYetSharedError("no such folder")] * 3
    duty = house.of
    house.of = lambda run, fence: raising(refusals.pop())(run, fence) if refusals else duty(run, fence)

    ended = house.worker(lambda _c, _u: Done()).work(until_idle=True)

    assert (ended.done, ended.left, house.told) == (1, {}, [])


def test_a_folder_that_never_comes_is_said(house, monkeypatch):
    """A worker without the shared file system is no help, and somebody must know."""
    monkeypatch.setattr("orchestrator.engine.worker.YOUNG_SECONDS", 0.0)
    house.add("a")
    house.refusal = NotYetSharedError("not seen from here")

    ended = house.worker(lambda _c, _u: Done()).work(until_idle=True)

    assert ended.left == {house.run: "not seen from here"}


def test_asked_to_end_a_worker_finishes_what_has_begun(house):
    """And begins nothing more."""
    house.add("a", "b")

    def step(_context, _unit):
        house.drain.set()
        return Done()

    ended = house.worker(step).work()

    assert (ended.done, states(house.store, house.run)) == (1, {"a": DONE, "b": WAITING})


def test_what_does_not_end_in_time_is_given_back(house):
    """As if nobody had begun it: another may have it at once."""
    house.add("a")

    def step(context, _unit):
        house.drain.set()
        context.stop.wait(60)
        raise Stopped("stopped")

    house.worker(step, drain_seconds=0.0).work()

    assert (house.unit().state, house.unit().attempt) == (WAITING, 0)


def test_a_database_that_is_away_for_a_moment_costs_no_work(house):
    """What was done is committed when it is back; one whose answer was lost is over then."""
    house.add("a")
    (unit,) = house.store.units.claim(house.run, "fetch", 1, now=0.0, seconds=1e12, worker="worker 1")
    troubles = [TransientError("it restarts"), TransientError("it restarts"), FencedError("over")]
    done = []

    def finish(*_told, **_more):
        done.append(1)
        raise troubles.pop(0)

    at_once = SimpleNamespace(is_set=lambda: False, wait=lambda _seconds: False)
    units = SimpleNamespace(finish=finish, tally=house.store.units.tally)
    steps = []
    house.runner(lambda _c, unit: steps.append(unit) or Done(), units, at_once).do_for_holder(unit)

    assert (len(steps), len(done)) == (1, 3)


def test_a_busy_service_is_waited_for_and_counts_nothing(house):
    """As in the holder."""
    house.add("a")
    (unit,) = house.store.units.claim(house.run, "fetch", 1, now=0.0, seconds=1e12, worker="worker 1")

    house.runner(lambda _c, _u: Again("busy", counted=False)).do_for_holder(unit)

    assert (house.unit().state, house.unit().attempt, house.unit().error) == (WAITING, 0, "busy")


def test_a_step_places_the_piece_of_its_own_cell_only(house):
    """The holder knows of a unit nothing but that."""
    house.add("a")
    (unit,) = house.store.units.claim(house.run, "fetch", 1, now=0.0, seconds=1e12, worker="worker 1")

    def step(context, _unit):
        context.place("elsewhere", b"pixels")

    house.runner(step).do_for_holder(unit)

    assert house.unit().error.startswith("fetch a brings another piece")


def test_a_worker_forgets_what_it_needed_of_runs_that_have_no_units_left(house):
    """A run's plan may weigh megabytes, and a worker lives for months."""
    other = house.admit("day")
    needed, forgotten = {}, []

    def of(run_id, _fence):
        check = lambda: None  # noqa: E731  it lives as long as the duty
        needed[run_id] = weakref.ref(check)
        return Duty(frozenset({"fetch"}), house._runner, check, lambda: None)

    def step(_context, unit):
        if unit.run_id == house.run:
            house.store.units.add(other, plans("b"))
        else:
            gc.collect()
            forgotten.append(needed[house.run]() is None)
        return Done()

    house.add("a")
    house.of = of
    house.worker(step).work(until_idle=True)

    assert forgotten == [True]

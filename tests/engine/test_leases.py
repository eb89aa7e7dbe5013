"""Who has a run: leases with a number that grows, and what a process may still do that has lost its own."""

from __future__ import annotations

import pytest
from house import House, real_execution
from model_world import FakeClock
from sqlalchemy import select, update

from orchestrator.core.errors import FencedError, Stopped
from orchestrator.core.locks import LockedError
from orchestrator.engine.leases import SECONDS, RunLeases, Worker
from orchestrator.engine.stores.contract import TaskChange
from orchestrator.engine.stores.schema import metadata, runs
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.states import PartState, RunState, TaskState
from orchestrator.model.unit import UnitPlan

LONG = 1e9
HERE, THERE = (Worker(host, 7, "2026-11-26T03:00:00+00:00", f"kernel-of-{host}") for host in ("here", "there"))


@pytest.fixture
def house(tmp_path, store_url):
    """Over each kind of database."""
    house = House(tmp_path, store_url)
    yield house
    house.store.close()


@pytest.fixture
def run_id(house):
    return house.admit("a")


def leases(house, worker=HERE):
    return RunLeases(lambda: house.store, house.clock, worker=worker)


def later(house, seconds):
    """Let time go by, by the database's clock, too: that of a file is the house's own."""
    house.clock.seconds += seconds
    if house.store.database().kind == "PostgreSQL":
        set_database_clock(house, seconds)


def set_database_clock(house, seconds):
    """Let a database's clock leap: every lease in it is over so much sooner."""
    with house.store._db.write() as db:
        db.execute(update(runs).values(lease_until=runs.c.lease_until - seconds).where(runs.c.lease_until > 0))


def left(house, run):
    """Return what is left of a lease, as whole as the time that a test takes lets it be."""
    return pytest.approx(house.store.leases.at(run).left_seconds, abs=SECONDS / 3)


def content(house):
    """Return every row of every table."""
    with house.store._db.read() as db:
        return {table.name: set(db.execute(select(table)).all()) for table in metadata.sorted_tables}


def test_a_run_has_one_worker(house, run_id):
    """Another is refused while the lease is good, with the host, the process and the time that it has worked since."""
    with leases(house).hold(run_id), pytest.raises(LockedError) as refused, leases(house, THERE).hold(run_id):
        pass

    assert str(refused.value) == (
        f"run {run_id} is already being worked on by process 7 on here, since 2026-11-26T03:00:00 UTC"
    )


def test_a_lease_that_is_over_is_taken_by_another(house, run_id):
    """Not sooner; and its number grows."""
    mine, yours = leases(house), leases(house, THERE)
    with mine.hold(run_id):
        first = house.store.leases.at(run_id)
        later(house, SECONDS / 2)
        with pytest.raises(LockedError), yours.hold(run_id):
            pass
        later(house, SECONDS / 2)
        with yours.hold(run_id):
            second = house.store.leases.at(run_id)

    assert (first.worker, second.worker) == (str(HERE), str(THERE))
    assert second.fence == first.fence + 1


def test_a_dead_process_of_the_same_kernel_is_not_waited_for(house, run_id):
    """Whoever comes has its lock file, which the kernel freed when it died: after kill -9 a run goes on at once."""
    with leases(house).hold(run_id):
        again = Worker("another-container", 1, "2026-11-26T04:00:00+00:00", HERE.kernel)
        with leases(house, again).hold(run_id):
            assert house.store.leases.at(run_id).worker == str(again)


def test_a_beat_prolongs_every_lease(house):
    """Also of the runs beside one that was lost."""
    mine, names = leases(house), [house.admit(name) for name in "abc"]
    with mine.hold(names[0]), mine.hold(names[1]), mine.hold(names[2]):
        later(house, SECONDS / 2)
        house.store.leases.claim(names[1], str(THERE), seconds=LONG, is_gone=lambda _worker: True)

        mine.beat()

        assert [left(house, run) for run in names] == [SECONDS, LONG, SECONDS]


def test_a_lease_that_was_given_back_is_free(house, run_id):
    """Whoever ends in order keeps nobody waiting."""
    with leases(house).hold(run_id):
        pass

    with leases(house, THERE).hold(run_id) as lease:
        lease.check()


def test_whoever_lost_a_run_cannot_give_it_back(house, run_id):
    """Its end must not free what is another's by now."""
    with leases(house).hold(run_id):
        later(house, SECONDS)
        taken = house.store.leases.claim(run_id, str(THERE), seconds=LONG, is_gone=lambda _worker: False)

    found = house.store.leases.at(run_id)
    assert (found.worker, found.fence) == (taken.worker, taken.fence)
    assert left(house, run_id) == LONG


@pytest.mark.parametrize(("elapsed", "leap"), [(0, 2 * SECONDS), (2 * SECONDS, -LONG)], ids=["database", "mono"])
def test_a_lease_that_is_over_by_either_clock_is_prolonged_before_an_effect(house, run_id, elapsed, leap):
    """A database's that was set forward, or back while the process was stopped: the time of one call is always left."""
    house.clock = FakeClock()  # of the process alone
    with leases(house).hold(run_id) as lease:
        house.clock.seconds += elapsed
        set_database_clock(house, leap)

        lease.check()

        assert left(house, run_id) == SECONDS


def test_no_effect_is_allowed_once_another_has_the_run(house, run_id):
    """The look before a call to a service finds it out."""
    with leases(house).hold(run_id) as lease:
        house.store.leases.claim(run_id, str(THERE), seconds=LONG, is_gone=lambda _worker: True)

        with pytest.raises(FencedError, match=rf"run {run_id} was taken over by another process"):
            lease.check()


W = Window(0, 0, 1, 1)
WRITES = {
    "state": lambda store, run: store.runs.set_state(run, RunState.HELD),
    "plan": lambda store, run: store.runs.save_plan(run, "{}", "", "{}", []),
    "job": lambda store, run: store.runs.save_job(run, "{}"),
    "result": lambda store, run: store.runs.save_result(run, "{}"),
    "amended": lambda store, run: store.runs.amend_result(run, "{}"),
    "request": lambda store, run: store.runs.request(run, "cancel"),
    "tasks": lambda store, run: store.tasks.change(run, {"0000": TaskChange(error="x")}),
    "parts": lambda store, run: store.parts.move_all(run, [W], PartState.LOST),
    "units": lambda store, run: store.units.add(run, [UnitPlan("pixels", "0")]),
    "claims": lambda store, run: store.units.claim(run, "pixels", 1, now=0.0, seconds=1.0),
    "ledger": lambda store, run: store.ledger.own(run, [StoredObject("a", 1, "1", None, None, "")]),
    "events": lambda store, run: store.events.record(run, "run.held", {}),
    "outputs": lambda store, run: store.outputs.claim("/a", run, ""),
    "lessons": lambda store, run: store.lessons.learn(run, "min_valid", 0.5),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_process_that_wakes_up_without_its_lease_writes_nothing(house, run_id, write):
    """Stopped, paused or cut off from its disk for too long: each of its writes is refused, and changes nothing."""
    with leases(house).hold(run_id) as lease:
        later(house, SECONDS)
        house.store.leases.claim(run_id, str(THERE), seconds=LONG, is_gone=lambda _worker: True)
        before = content(house)

        with pytest.raises(FencedError):
            write(lease.store, run_id)

        assert content(house) == before


def is_submitting(store, run):
    return any(task.state is TaskState.SUBMITTING for task in store.tasks.of(run))


def has_parts(store, run):
    return any(part.source for part in store.parts.of(run))


EFFECTS = {
    "submission": (is_submitting, lambda world, _folder: not world.started),
    "placing": (has_parts, lambda _world, folder: not list(folder.rglob("placed/*"))),
    "publication": (
        lambda store, run: store.runs.get(run).result != "",
        lambda _world, folder: not list(folder.glob("*.tif")),
    ),
    "deletion": (
        lambda store, run: store.runs.get(run).state is RunState.PUBLISHED,
        lambda world, _folder: bool(world.blobs),
    ),
}


@pytest.mark.parametrize(("lost_when", "untouched"), EFFECTS.values(), ids=EFFECTS)
def test_nothing_is_done_elsewhere_without_a_lease(house, run_id, lost_when, untouched):
    """Between the commit of an intent and its effect another may take the run: the effect is left to it."""

    def check():
        if lost_when(house.store, run_id):
            raise FencedError("another has it")

    execution = real_execution(house, house.store.runs.get(run_id), check)

    with pytest.raises(FencedError):
        execution.work()

    assert untouched(execution._clients.route.world, house.folder)
    assert house.store.runs.get(run_id).state in (RunState.EXPORTING, RunState.ASSEMBLING, RunState.PUBLISHED)


def test_no_task_is_cancelled_without_a_lease(house, run_id):
    """The exports that run are another's by now."""
    lost = []

    def check():
        if lost:
            raise FencedError("another has it")
        if any(task.operation for task in house.store.tasks.of(run_id)):
            raise Stopped("stopped")

    execution = real_execution(house, house.store.runs.get(run_id), check)
    with pytest.raises(Stopped):
        execution.work()
    lost.append(True)

    with pytest.raises(FencedError):
        execution.cancel()

    assert len(execution._clients.route.world.live()) == 1


def test_the_service_leaves_a_run_alone_that_it_has_lost(house):
    """It neither fails nor holds it, and says so."""

    def execute(run):
        house.store.leases.claim(run.id, str(THERE), seconds=LONG, is_gone=lambda _worker: True)
        return real_execution(house, run, store=mine.held(run.id).store)

    mine = leases(house)
    house.admit("a")

    house.work(execute=execute, lock=mine.hold)

    assert ("run.lease_lost", "a") in house.told
    assert house.states() == {"a": "ADMITTED"}

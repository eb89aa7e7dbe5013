"""Units that any process may do: whose they are, what is handed to the run's holder, and what it decides."""

from __future__ import annotations

import pytest
from model_world import FakeClock
from runner_world import PLAN, Script, World
from unit_kit import OVER, claim, keys, lapse, opened, plans, states

from orchestrator.core.errors import FencedError, PermanentError
from orchestrator.engine.kept_pieces import KeptPieces, NotYetSharedError
from orchestrator.engine.stores.contract_work import MOST_DEATHS
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.work import HoldError
from orchestrator.model.states import Failure, RunState, UnitState, Who
from orchestrator.model.unit import BroughtPiece

BROUGHT, CLAIMED, DONE, FAILED, WAITING = (
    *(UnitState.BROUGHT, UnitState.CLAIMED, UnitState.DONE, UnitState.FAILED, UnitState.WAITING),
)
PIECE = BroughtPiece("pieces/a", 3, "5" * 64, as_bytes=True)


@pytest.fixture
def store(store_url):
    store = opened(store_url)
    yield store
    store.close()


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id


def claimed_by(store, run, worker, limit=1, lease=3600.0):
    return store.units.claim(run, "fetch", limit, now=0.0, seconds=lease, worker=worker)


# --------------------------------------------------------------------- whose they are


def test_a_new_holder_leaves_what_a_worker_has(store, run):
    """It takes back what its dead predecessor had, without a count; a worker goes on, and commits."""
    store.units.add(run, plans("a", "b"))
    claimed_by(store, run, "17@here/1/2")
    (held,) = claimed_by(store, run, "worker 18@there/1/2")

    store.units.release(run)

    assert states(store, run) == {"a": WAITING, "b": CLAIMED}
    store.units.finish(held, DONE)
    assert store.units.get(run, "fetch", "b").worker == "worker 18@there/1/2"


def test_a_unit_that_ends_whoever_works_on_it_is_given_up(store, run):
    """After so many leases in a row that ended without a word; the sentence names the last one."""
    store.units.add(run, plans("a"))
    for death in range(MOST_DEATHS):
        assert len(claimed_by(store, run, f"worker {death}", lease=OVER)) == 1

    assert claimed_by(store, run, "worker next") == []

    unit = store.units.get(run, "fetch", "a")
    assert (unit.state, unit.failure) == (FAILED, Failure.PERMANENT)
    assert f"the last one was worker {MOST_DEATHS - 1}" in unit.error
    store.units.forgive(run)
    assert len(claimed_by(store, run, "worker next")) == 1


def test_a_word_of_a_worker_shows_that_the_unit_does_not_end_it(store, run):
    """Only deaths in a row count: workers that are killed every minute give nothing up."""
    store.units.add(run, plans("a"))
    for death in range(3 * MOST_DEATHS):
        (unit,) = claimed_by(store, run, "worker", lease=OVER)
        if death % 2:
            store.units.again(unit, 0.0, Failure.TRANSIENT, "busy", counted=False)

    assert states(store, run) == {"a": CLAIMED}


# --------------------------------------------------------------------- what is handed over


def test_a_brought_unit_is_nobodys_until_its_piece_is_placed(store, run):
    """It cannot be claimed, what needs it waits, and it keeps result and piece; then it is done."""
    store.units.add(run, [*plans("a"), *plans("m", kind="merge", needs=(("fetch", "a"),))])
    (unit,) = claim(store, run)

    store.units.bring(unit, PIECE, result={"at": "noon"})

    brought = store.units.get(run, "fetch", "a")
    assert (brought.state, brought.piece, brought.result) == (BROUGHT, PIECE, {"at": "noon"})
    lapse(store)
    assert claim(store, run, now=1e9) == []
    assert claim(store, run, kind="merge") == []
    store.units.placed(brought)
    assert (store.units.get(run, "fetch", "a").piece, keys(claim(store, run, kind="merge"))) == (None, ["m"])


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda units, unit: units.bring(unit, PIECE), id="a piece"),
        pytest.param(lambda units, unit: units.hold(unit, "quota", Who.TIME), id="a wish to hold the run"),
    ],
)
def test_whoever_lost_a_unit_hands_nothing_over(store, run, act):
    """As with every other commit, an older number changes nothing."""
    store.units.add(run, plans("a"))
    (late,) = claim(store, run, lease=OVER)
    (now,) = claim(store, run)

    with pytest.raises(FencedError):
        act(store.units, late)

    assert store.units.get(run, "fetch", "a") == now


def test_a_piece_is_placed_once(store, run):
    """Whoever places it a second time, or refuses it then, is told that it does not wait any more."""
    store.units.add(run, plans("a"))
    store.units.bring(claim(store, run)[0], PIECE)
    brought = store.units.get(run, "fetch", "a")
    store.units.placed(brought)

    for act in (store.units.placed, lambda unit: store.units.refuse(unit, "late")):
        with pytest.raises(FencedError):
            act(brought)

    assert states(store, run) == {"a": DONE}


def test_only_runs_at_work_have_units_for_others(store):
    """Not one that is held, being cancelled, or before its plan."""
    for number, (state, request) in enumerate(
        [(RunState.EXPORTING, ""), (RunState.EXPORTING, "cancel"), (RunState.HELD, ""), (RunState.PLANNED, "")]
    ):
        run = store.runs.admit(Admission(f"{number}", "", (f"{number}" * 64,), "{}")).id
        store.units.add(run, plans("a", "b"))
        store.runs.set_state(run, RunState.PLANNED)
        if state is not RunState.PLANNED:
            store.runs.set_state(run, RunState.EXPORTING)
        if state is RunState.HELD:
            store.runs.set_state(run, RunState.HELD, "quota")
        store.runs.request(run, request)
        if number == 0:
            claim(store, run)
            first = run

    (found,) = store.units.open_kinds()

    assert (found.run_id, found.kind, found.waiting, found.claimed, found.brought) == (first, "fetch", 1, 1, 0)


# --------------------------------------------------------------------- what the holder does


@pytest.fixture
def world(tmp_path):
    store = SqlStore(f"sqlite:///{tmp_path}/state.db", FakeClock())
    yield World(tmp_path, Script(), store)
    store.close()


def bring_first(world, content=b"sent elsewhere"):
    """Let another process bring the first window; return its unit."""
    units = world.store.units
    now = world.clock.now().timestamp()
    (unit,) = units.claim(world.run_id, "pixels", 1, now=now, seconds=60, worker="worker 1")
    kept = KeptPieces(world.folder)
    kept.begin(0)
    units.bring(unit, kept.keep(unit, content), result={"reply_sha256": content.decode()})
    return units.get(world.run_id, "pixels", unit.key)


def test_the_holder_places_what_another_brought(world):
    """Nothing is asked for again, the piece is in the output, and its file is gone."""
    unit = bring_first(world)

    assert world.live()

    assert PLAN.direct[0] not in world.script.asked
    assert world.output.pieces[unit.plan.cell] == b"sent elsewhere"
    assert {u.state for u in world.units()} == {DONE}
    assert [path.name for path in (world.folder / "pieces").iterdir()] == ["holder"]


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_piece_that_is_not_what_was_brought_is_brought_again(world, damage):
    """Its checksum was noted: nothing else gets into the output."""
    unit = bring_first(world)
    path = world.folder / unit.piece.name
    path.unlink() if damage == "gone" else path.write_bytes(b"sent elsewherE")

    assert world.live()

    assert PLAN.direct[0] in world.script.asked
    done = world.store.units.get(world.run_id, "pixels", unit.key)
    assert world.output.pieces[unit.plan.cell] == done.result["reply_sha256"].encode() != b"sent elsewhere"


def test_what_a_worker_cannot_decide_holds_the_run(world):
    """With its sentence and until its time; when the run goes on, the unit does, too."""
    now = world.clock.now().timestamp()
    (unit,) = world.store.units.claim(world.run_id, "pixels", 1, now=now, seconds=60, worker="worker 1")
    work, _, _ = world.process()

    with work:
        world.store.units.hold(unit, "the quota is used up", Who.TIME, now + 500)
        with pytest.raises(HoldError, match="the quota is used up") as held:
            work.round()

    assert (held.value.alone, held.value.until) == (True, now + 500)
    assert world.live()


def test_what_failed_for_good_elsewhere_fails_the_run(world):
    """In the service's own sentence."""
    now = world.clock.now().timestamp()
    (unit,) = world.store.units.claim(world.run_id, "pixels", 1, now=now, seconds=60, worker="worker 1")
    world.store.units.finish(unit, FAILED, failure=Failure.PERMANENT, error="no such image")

    with pytest.raises(PermanentError, match="no such image"):
        world.live()


# --------------------------------------------------------------------- the run's folder


@pytest.mark.parametrize("what", ["no folder", "of another claim"])
def test_a_folder_that_is_not_the_holders_is_noticed(tmp_path, what):
    """A worker on a machine without the shared file system brings nothing, and says where it looked."""
    kept = KeptPieces(tmp_path / "run")
    if what == "of another claim":
        kept.begin(6)

    with pytest.raises(NotYetSharedError, match=str(tmp_path / "run")):
        kept.check(7)

    kept.begin(7)
    kept.check(7)


def test_two_claims_of_a_unit_have_two_files(store, run, tmp_path):
    """A loser's file never replaces a winner's, whenever it comes."""
    store.units.add(run, plans("a"))
    (late,), (now,) = claim(store, run, lease=OVER), claim(store, run)
    kept = KeptPieces(tmp_path)
    kept.begin(0)

    won = kept.keep(now, b"won")
    lost = kept.keep(late, b"lost")

    assert won.name != lost.name
    assert kept.fetch(won) == b"won"

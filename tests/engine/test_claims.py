"""What a process claims of units that are heavy: what it can begin, and nothing that another could do meanwhile."""

from __future__ import annotations

import pytest
from model_world import FakeClock
from unit_kit import StillClock, keys, opened, plans

from orchestrator.engine.claims import AHEAD_SECONDS, MEMORY_BYTES, MOST_AHEAD, Claims
from orchestrator.engine.stores.records import Admission
from orchestrator.model.unit import UnitPlan

HEAVY = MEMORY_BYTES - 1


@pytest.fixture
def store(store_url):
    store = opened(store_url)
    yield store
    store.close()


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id


def weighing(size: int, *names: str) -> list[UnitPlan]:
    return [UnitPlan("strip", name, spec={"bytes": size}) for name in names]


def claims_of(store, name: str) -> Claims:
    return Claims(store.units, StillClock(), worker=name)


def begun(claims: Claims) -> list[str]:
    found = []
    while (unit := claims.begin()) is not None:
        found.append(unit)
    return keys(found)


def test_of_units_that_fill_the_memory_each_process_has_one(store, run):
    """The first asks for as many as it could do at once, and leaves all but one to the second."""
    store.units.add(run, weighing(HEAVY, "a", "b", "c"))
    first, second = claims_of(store, "first"), claims_of(store, "second")

    first.claim(run, "strip", 8)
    second.claim(run, "strip", 8)

    assert (begun(first), begun(second)) == (["a"], ["b"])


def test_the_next_heavy_one_is_claimed_when_the_first_has_ended(store, run):
    """Nothing is kept waiting, and nothing is forgotten."""
    store.units.add(run, weighing(HEAVY, "a", "b"))
    claims = claims_of(store, "alone")
    claims.claim(run, "strip", 8)
    unit = claims.begin()

    assert claims.claim(run, "strip", 8) == 0
    claims.end(unit)
    claims.claim(run, "strip", 8)

    assert begun(claims) == ["b"]


def test_a_unit_given_back_so_has_not_been_tried(store, run):
    """Claims that were too many are no attempts."""
    store.units.add(run, weighing(HEAVY, "a", "b"))

    claims_of(store, "first").claim(run, "strip", 8)

    assert store.units.get(run, "strip", "b").attempt == 0


def test_light_units_are_claimed_together(store, run):
    """As many as were asked for, in one transaction."""
    store.units.add(run, weighing(HEAVY // 8, "a", "b", "c"))
    claims = claims_of(store, "alone")

    assert claims.claim(run, "strip", 8) == 3
    assert begun(claims) == ["a", "b", "c"]


def after_one_of(store, run, seconds: float) -> Claims:
    """Return the claims of a process of which one unit has taken so long, and another is under way."""
    clock = FakeClock()
    claims = Claims(store.units, clock, worker="quick")
    claims.claim(run, "fetch", 2, ahead=True)
    first, _second = claims.begin(), claims.begin()
    clock.seconds += seconds
    claims.end(first)
    return claims


@pytest.mark.parametrize(
    ("seconds", "claimed"),
    [
        pytest.param(AHEAD_SECONDS / 1.75, 1 + 3, id="three begin in the next moment"),
        pytest.param(AHEAD_SECONDS * 2.5, 1, id="none does"),
        pytest.param(AHEAD_SECONDS / 1e6, 1 + MOST_AHEAD, id="more than are ever claimed"),
    ],
)
def test_of_quick_units_those_of_a_moment_are_claimed_at_once(store, run, seconds, claimed):
    """A claim is a transaction; of slow ones nothing is kept from others."""
    store.units.add(run, plans(*(f"{n:03d}" for n in range(200))))

    assert after_one_of(store, run, seconds).claim(run, "fetch", 1, ahead=True) == claimed


def test_who_does_not_ask_for_it_has_nothing_ahead(store, run):
    """A worker that dies would have more to answer for than what it has begun."""
    store.units.add(run, plans(*(f"{n:03d}" for n in range(20))))

    assert after_one_of(store, run, AHEAD_SECONDS / 10).claim(run, "fetch", 1) == 1

"""Two processes of one state, counted by the service: together they never take more than the project may."""

from __future__ import annotations

import pytest

from orchestrator.core.clock import SystemClock
from orchestrator.engine.standing import standing
from orchestrator.engine.stores.sql import SqlStore

# A quota of the sandbox that takes the small job several requests.
SMALL = 400_000
SINGLY = ("--split", "square")  # the small job in four tasks


@pytest.fixture
def busy(home):
    """A service that takes less in one request than is planned for, and counts from now on."""
    before = home.service.state()["pixels"]["quotas"]
    home.service.order({"action": "stall", "api": "image.computePixels", "seconds": 0.2, "count": None})
    home.service.post("/sandbox/quotas", {"bytes": SMALL, "at_once": 2, "per_second": 12})
    home.service.delete("/sandbox/pixels")
    yield home
    home.service.post("/sandbox/quotas", before)


def test_requests_of_two_processes_are_within_the_quota(busy):
    """Two at once and twelve a second are the project's: nobody is refused, and both are served."""
    at_once = {"ORCHESTRATOR_PIXELS__AT_ONCE": "2", "ORCHESTRATOR_PIXELS__PER_SECOND": "12"}
    running = [busy.start("run", "--route", "pixels", "--base-name", name, **at_once) for name in ("small", "other")]

    for one in running:
        one.wait().expect(0)

    pixels = busy.service.state()["pixels"]
    assert pixels["mostAtOnce"] == 2
    assert pixels["mostPerSecond"] <= 12
    assert "429" not in {str(status) for status in pixels["statuses"]}


def test_tasks_of_two_processes_are_within_the_limit(home):
    """Two live tasks over both runs, of the eight that they have."""
    few = {"ORCHESTRATOR_EE__LIVE_TASKS": "2"}
    # Else the first may have ended before the second is handed over, on a busy machine.
    home.service.order({"action": "task_hold", "after": 0.5, "seconds": 1, "count": None})
    before = home.service.exports
    running = [home.start("run", *SINGLY, "--base-name", name, **few) for name in ("small", "other")]

    for one in running:
        one.wait().expect(0)

    assert home.service.exports - before == 8
    assert home.service.state()["mostLive"] == 2


def stands(home):
    """How the limits stand, as any process of the state would read them."""
    store = SqlStore(f"sqlite:///{home.folder / 'state' / 'state.db'}", SystemClock())
    try:
        return standing(store.limits, store.tasks.live(), 0, SystemClock().now().timestamp(), {"ee": "@sandbox"})
    finally:
        store.close()


@pytest.mark.filterwarnings("ignore:.*restricted mode:UserWarning")
def test_in_restricted_mode_few_tasks_are_handed_over(home):
    """Its header is the only sign; it is kept in the state with its time, and two tasks wait instead of six."""
    home.service.order({"action": "restricted", "seconds": 0, "count": None})

    home.run(*SINGLY).expect(0)

    found = stands(home)
    assert (found.restricted, found.quota_status) == (True, "parallelism_restricted=true")
    assert found.slots == 2
    assert home.service.state()["mostLive"] == 2
    assert "restricted mode" in " ".join(found.sentences(0.0))

"""What is seen of the project: the queue of others, how many tasks run at once, restricted mode."""

from __future__ import annotations

import pytest
from model_world import FakeClock
from story_kit import exports, finish

from orchestrator.core.errors import CredentialError
from orchestrator.engine.batch.project import LIFTED_SECONDS, SLOTS_SECONDS, Project
from orchestrator.engine.standing import TASKS, standing
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.batch import Operation, OperationState

RESTRICTED = "parallelism_restricted=true"


class Seen:
    """A process, and what any other reads of it."""

    def __init__(self, folder):
        self.clock = FakeClock()
        self.store = SqlStore(f"sqlite:///{folder / 'state.db'}", self.clock)
        self.project = Project(self.store, self.clock)
        self.asked = 0

    def list(self, *states, slots=2):
        def ask():
            self.asked += 1
            if slots is None:
                raise CredentialError("earthengine.config.get")
            return slots

        self.project.listed([Operation(f"theirs/{n}", state) for n, state in enumerate(states)], ask)
        return self.standing()

    def hear(self, status, seconds=0.0):
        self.clock.seconds += seconds
        self.project.heard(status)
        return self.standing()

    def standing(self, live_tasks=0):
        return standing(self.store.limits, self.store.tasks.live(), live_tasks, self.clock.now().timestamp())


@pytest.fixture
def seen(tmp_path):
    made = Seen(tmp_path)
    yield made
    made.store.close()


def test_tasks_of_others_are_counted(seen):
    """Those that wait and those that run; what has ended takes no place."""
    states = [OperationState.QUEUED] * 3 + [OperationState.RUNNING, OperationState.CANCELLING, OperationState.SUCCEEDED]

    found = seen.list(*states)

    assert (found.others_queued, found.others_running) == (3, 2)
    assert "5 tasks in Earth Engine, 2 of them running" in " ".join(found.sentences(0.0))


@pytest.mark.parametrize(
    ("others", "room"), [(0, 6), (2985, 5), (2990, 0), (4000, 0)], ids=["empty", "nearly full", "full", "overfull"]
)
def test_the_queue_of_others_leaves_so_much_room(seen, others, room):
    """3,000 is everybody's, of which a few are left to people who hand over by hand."""
    seen.list(*[OperationState.QUEUED] * others)

    assert seen.standing().limits[TASKS].allowed == room


def test_how_many_tasks_run_at_once_is_asked_once_an_hour(seen):
    """Whichever process asks: the answer is everybody's."""
    seen.list(slots=20)
    seen.clock.seconds += SLOTS_SECONDS - 1
    other = Project(seen.store, seen.clock)
    other.listed([], lambda: pytest.fail("it is known"))
    seen.clock.seconds += 2
    found = seen.list(slots=30)

    assert (seen.asked, found.slots) == (2, 30)


def test_who_may_not_ask_takes_two(seen):
    """Reading the configuration needs a permission of its own; what was known once stays known."""
    first = seen.list(slots=None)
    seen.clock.seconds += SLOTS_SECONDS
    seen.list(slots=20)
    seen.clock.seconds += SLOTS_SECONDS
    last = seen.list(slots=None)

    assert (first.slots, first.limits[TASKS].allowed, last.slots) == (0, 6, 20)


def test_a_list_that_says_nothing_new_is_not_written(seen):
    """Waiting for weeks writes nothing but that it was so still, once a minute."""
    seen.list(OperationState.QUEUED)
    written = seen.store.limits.get(TASKS).updated
    seen.clock.seconds += 30
    seen.list(OperationState.QUEUED)
    between = seen.store.limits.get(TASKS).updated
    seen.clock.seconds += 31
    seen.list(OperationState.QUEUED)

    assert (between, seen.store.limits.get(TASKS).updated) == (written, written + 61)


def test_restricted_mode_is_kept_with_its_time(seen):
    """And few tasks are handed over, whatever the settings allow."""
    seen.list(slots=20)
    found = seen.hear(RESTRICTED, 5.0)

    assert (found.restricted, found.quota_status) == (True, RESTRICTED)
    assert found.quota_at == seen.clock.now().timestamp()
    assert (found.limits[TASKS].allowed, seen.standing(100).limits[TASKS].allowed) == (2, 2)


@pytest.mark.parametrize(
    ("status", "after", "restricted"),
    [
        pytest.param(RESTRICTED, 600.0, True, id="it is said again"),
        pytest.param("parallelism_restricted=false", 1.0, False, id="it is said to be over"),
        pytest.param(None, LIFTED_SECONDS - 1, True, id="one answer lacks the sign"),
        pytest.param(None, LIFTED_SECONDS, False, id="the sign has not been seen for a minute"),
    ],
)
def test_restricted_mode_ends(seen, status, after, restricted):
    """With the service's word, or when its sign stays away."""
    seen.hear(RESTRICTED)

    assert seen.hear(status, after).restricted is restricted


def test_a_new_process_knows_of_restricted_mode(seen):
    """And notices its end as the one before would have."""
    seen.hear(RESTRICTED)
    seen.project = Project(seen.store, seen.clock)

    assert seen.hear(None, 10.0).restricted
    assert not seen.hear(None, LIFTED_SECONDS).restricted


def test_a_sandbox_has_limits_of_its_own(seen):
    """Who tries something beside the real service neither restricts it nor is told of its queue."""
    Project(seen.store, seen.clock, "@sandbox").listed([Operation("a", OperationState.QUEUED)], lambda: 5)

    google, sandbox = seen.standing(), standing(seen.store.limits, {}, 0, 0.0, {"ee": "@sandbox"})
    assert (google.slots, google.others_queued, dict(google.limits)) == (0, 0, {})
    assert (sandbox.slots, sandbox.others_queued, list(sandbox.limits)) == (5, 1, [TASKS])


def test_nothing_is_handed_over_before_others_are_known(story):
    """Otherwise the first tasks of a process might be those that the queue has no room for."""
    listed, run = [], story.process.execution
    run._exporting.watch._tell = lambda operations: listed.append((len(operations), exports(story)))

    finish(story)

    assert listed[0] == (0, 0)
    assert exports(story) > 0

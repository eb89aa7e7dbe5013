"""kill -9, anywhere: started again, the run gives the same bytes, exports nothing twice and leaves nothing behind."""

from __future__ import annotations

import os
import shutil

import journey_kit as kit
import pytest

from orchestrator.model.states import RunState

# In the order a run passes them; all of them in one life are tests/products/test_mosaic_contract.py.
POINTS = (
    "run.admitted",
    "run.prepared",
    "run.planned",
    "run.exporting",
    "manifest.intended",
    "manifest.written",
    "manifest.owned",
    "task.intended",
    "task.posted",
    "tasks.polled",
    "task.collecting",
    "task.collected",
    "part.downloading",
    "download.after_chunk",
    "download.before_publish",
    "part.downloaded",
    "part.verified",
    "part.placed",
    "run.exported",
    "run.assembling",
    "output.finished",
    "output.named",
    "output.published",
    "run.published",
    "object.deleted",
    "run.cloud_cleaned",
    "folder.removed",
)
STATES = tuple(point for point in POINTS if point.removeprefix("run.").upper() in RunState.__members__)
EVERY = "ORCHESTRATOR_TEST_EVERY_KILL"


def assert_as_if_nothing_had_happened(home, outcome, undisturbed, exports_before):
    """Same bytes, each task exported once, nothing left."""
    tasks = home.tasks(outcome.summary["run"])
    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports - exports_before == len(tasks)
    assert {task["attempt"] for task in tasks} == {1}
    assert home.service.objects() == []
    assert home.leftovers() == []


@pytest.mark.parametrize("point", POINTS if os.environ.get(EVERY) else STATES)
def test_a_kill_loses_and_doubles_nothing(home, undisturbed, point):
    """In each state of a run (at each point, with ORCHESTRATOR_TEST_EVERY_KILL=1): killed, started again, the same."""
    before = home.service.exports

    assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED
    outcome = home.run().expect(0)

    assert_as_if_nothing_had_happened(home, outcome, undisturbed, before)


@pytest.mark.parametrize("point", ["part.downloading", "part.verified", "part.placed"])
def test_parts_that_never_touch_a_disk_are_brought_again(home, undisturbed, point):
    """Without copies of the parts on disk, too: what was not placed is downloaded again, nothing exported again."""
    before = home.service.exports
    home.environment["ORCHESTRATOR_LOCAL__KEEP_PARTS"] = "false"

    assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED
    outcome = home.run().expect(0)

    assert_as_if_nothing_had_happened(home, outcome, undisturbed, before)


def test_a_kill_while_held_loses_and_doubles_nothing(home, undisturbed):
    """A run that waits for the service to come back is killed in its wait, and goes on later."""
    before = home.service.exports
    home.service.order({"action": "http", "status": 503, "api": "objects.list", "count": 8})

    assert home.run(**{kit.CRASH_AT: "run.held"}).code == kit.KILLED
    outcome = home.run().expect(0)

    assert_as_if_nothing_had_happened(home, outcome, undisturbed, before)


@pytest.mark.parametrize("point", ["part.placed", "run.assembling", "output.finished"])
def test_a_lost_unfinished_output_is_built_again(home, undisturbed, point):
    """Its folder gone with a dying disk or by a wrong hand, the output is built again from the parts."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED

    for folder in home.out.rglob(".orchestrator/*/mosaic"):
        shutil.rmtree(folder)
    outcome = home.run().expect(0)

    assert_as_if_nothing_had_happened(home, outcome, undisturbed, before)


def test_nothing_is_deleted_when_the_result_is_not_what_was_published(home):
    """A published file that changed before the clean-up keeps what it was made from, and a person is asked."""
    assert home.run(**{kit.CRASH_AT: "run.published"}).code == kit.KILLED
    [final] = home.out.glob("*_clipped.tif")
    final.write_bytes(final.read_bytes()[:-1] + b"!")

    outcome = home.run()

    assert outcome.code == 3
    assert home.service.objects() != []

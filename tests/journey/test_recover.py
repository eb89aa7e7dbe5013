"""A state that is lost or old: rebuilt by `recover`, its runs go on; nothing is exported twice, nothing left behind."""

from __future__ import annotations

import journey_kit as kit
import pytest

# Eight tasks of one to four parts.
SEVERAL = ("--bands", "x", "--scale", "5", "--max-size-mb", "0.6")


def recover(home, *more):
    return home.command("recover", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET, *more)


def lose_state(home):
    """The database is gone; the name of the installation is not."""
    for path in (home.folder / "state").glob("state.db*"):
        path.unlink()


def assert_as_if_nothing_had_happened(home, outcome, sha256, before, tasks):
    """Same bytes, each task exported once, nothing left."""
    assert outcome.sha256 == sha256
    assert home.service.exports - before == tasks
    assert home.service.objects() == []
    assert home.leftovers() == []


@pytest.mark.parametrize(
    "point", ["task.posted", "task.collected", "part.placed", "output.finished", "output.published", "object.deleted"]
)
def test_a_run_whose_state_is_lost_goes_on(home, undisturbed, point):
    """Killed at a point, its database deleted, recovered: the same bytes, exported once."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED
    lose_state(home)

    told = recover(home).expect(0)
    outcome = home.run().expect(0)

    assert [message["new"] for message in told.messages if message["message_type"] == "recovered"] == [True]
    assert_as_if_nothing_had_happened(
        home, outcome, undisturbed.sha256, before, len(home.tasks(outcome.summary["run"]))
    )

"""A state that is lost or old: rebuilt by `recover`, its runs go on; nothing is exported twice, nothing left behind."""

from __future__ import annotations

import shutil

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


def test_a_lost_state_folder_is_rebuilt_under_the_installations_name(home, undisturbed):
    """Without the name, those that the cloud shows are told; with it, the run goes on."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: "task.collected"}).code == kit.KILLED
    name = (home.folder / "state" / "owner").read_text().strip()
    shutil.rmtree(home.folder / "state")

    refused = recover(home).expect(2)
    recover(home, "--owner", name).expect(0)
    outcome = home.run().expect(0)

    assert name in refused.out + refused.err
    assert_as_if_nothing_had_happened(
        home, outcome, undisturbed.sha256, before, len(home.tasks(outcome.summary["run"]))
    )


@pytest.mark.parametrize("point", ["task.posted", "part.placed", "run.cloud_cleaned"])
def test_an_old_copy_of_the_state_is_brought_up_to_date(home, undisturbed, point):
    """A backup of before the first export is put back; what happened since is found, and not done again."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: "manifest.owned"}).code == kit.KILLED
    kept = home.folder / "kept"
    shutil.copytree(home.folder / "state", kept)
    assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED
    shutil.rmtree(home.folder / "state")
    shutil.copytree(kept, home.folder / "state")

    told = recover(home).expect(0)
    outcome = home.run().expect(0)

    assert [message["new"] for message in told.messages if message["message_type"] == "recovered"] == [False]
    assert_as_if_nothing_had_happened(
        home, outcome, undisturbed.sha256, before, len(home.tasks(outcome.summary["run"]))
    )


def test_tasks_of_several_parts_are_taken_up_as_they_were_asked_for(home):
    """Sizes that were learned after the plan was written are told by the operations."""
    other = home.run("--base-name", "other", *SEVERAL).expect(0)
    before = home.service.exports
    assert home.run(*SEVERAL, **{kit.CRASH_AT: "run.exported"}).code == kit.KILLED
    asked = list(home.service.requests("image.export"))
    lose_state(home)
    shutil.rmtree(home.out / ".orchestrator")  # nor is anything left of what was placed

    recover(home).expect(0)
    outcome = home.run(*SEVERAL).expect(0)

    assert len(home.service.requests("image.export")) == len(asked)
    assert_as_if_nothing_had_happened(home, outcome, other.sha256, before, len(home.tasks(outcome.summary["run"])))


def test_a_dry_run_makes_nothing(home):
    """Neither a state nor a name, nor anything in the cloud."""
    assert home.run(**{kit.CRASH_AT: "task.collected"}).code == kit.KILLED
    name = (home.folder / "state" / "owner").read_text().strip()
    shutil.rmtree(home.folder / "state")
    before = home.service.objects()

    told = recover(home, "--dry-run", "--owner", name).expect(0)

    assert [message["dry_run"] for message in told.messages if message["message_type"] == "recovered"] == [True]
    assert not (home.folder / "state").exists()
    assert home.service.objects() == before


def test_results_are_recognised_by_their_proofs(home, undisturbed):
    """A run that was done is known to be done: the same command says so, and asks for nothing."""
    home.run().expect(0)
    lose_state(home)
    before = home.service.exports

    recover(home, "--results", "out").expect(0)
    outcome = home.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports == before


@pytest.mark.parametrize("point", ["recovery.restored", "recovery.adopted", "recovery.owned"])
def test_a_recovery_that_is_killed_is_begun_again(home, undisturbed, point):
    """It rebuilds the rest."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: "part.placed"}).code == kit.KILLED
    lose_state(home)

    words = ("recover", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET)
    assert home.command(*words, **{kit.CRASH_AT: point}).code == kit.KILLED
    recover(home).expect(0)
    outcome = home.run().expect(0)

    assert_as_if_nothing_had_happened(
        home, outcome, undisturbed.sha256, before, len(home.tasks(outcome.summary["run"]))
    )

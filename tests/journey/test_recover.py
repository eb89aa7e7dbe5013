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


def recovered(outcome):
    return [message for message in outcome.messages if message["message_type"] == "recovered"]


def assert_as_if_nothing_had_happened(home, outcome, sha256, before):
    """Same bytes, each task exported once, nothing left."""
    assert outcome.sha256 == sha256
    assert home.service.exports - before == len(home.tasks(outcome.summary["run"]))
    assert home.service.objects() == []
    assert home.leftovers() == []


def test_a_run_whose_state_is_lost_time_and_again_goes_on(home, undisturbed):
    """Killed, its database deleted, recovered, killed later: the same bytes, exported once."""
    before = home.service.exports

    for point in ("task.posted", "part.placed", "output.named"):
        assert home.run(**{kit.CRASH_AT: point}).code == kit.KILLED
        lose_state(home)
        assert [message["new"] for message in recovered(recover(home).expect(0))] == [True]
    outcome = home.run().expect(0)

    assert_as_if_nothing_had_happened(home, outcome, undisturbed.sha256, before)


def test_a_lost_state_folder_is_rebuilt_under_the_installations_name(home, undisturbed):
    """Without the name, those that the cloud shows are told; a dry run makes nothing; with it, the run goes on."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: "task.collected"}).code == kit.KILLED
    name = (home.folder / "state" / "owner").read_text().strip()
    shutil.rmtree(home.folder / "state")

    refused = recover(home).expect(2)
    told = recover(home, "--owner", name, "--dry-run").expect(0)
    made = (home.folder / "state" / "owner").exists()
    recover(home, "--owner", name).expect(0)
    outcome = home.run().expect(0)

    assert name in refused.out + refused.err
    assert ([message["dry_run"] for message in recovered(told)], made) == ([True], False)
    assert_as_if_nothing_had_happened(home, outcome, undisturbed.sha256, before)


@pytest.mark.parametrize("route", ["gcs", "drive"])
def test_tasks_of_several_parts_are_taken_up_as_they_were_asked_for(home, route):
    """Sizes that were learned after the plan was written are told by the operations; of either cloud."""
    other = home.run("--base-name", "other", "--route", route, *SEVERAL).expect(0)
    before = home.service.exports
    assert home.run("--route", route, *SEVERAL, **{kit.CRASH_AT: "run.exported"}).code == kit.KILLED
    lose_state(home)
    shutil.rmtree(home.out / ".orchestrator")  # nor is anything left of what was placed

    recover(home, "--route", route).expect(0)
    outcome = home.run("--route", route, *SEVERAL).expect(0)

    assert_as_if_nothing_had_happened(home, outcome, other.sha256, before)


def test_an_old_copy_of_the_state_learns_that_the_result_is_published(home, undisturbed):
    """Nothing of it lies in the cloud any more: its proof tells, and nothing is exported again."""
    before = home.service.exports
    assert home.run(**{kit.CRASH_AT: "task.posted"}).code == kit.KILLED
    shutil.copytree(home.folder / "state", home.folder / "kept")
    home.run().expect(0)
    shutil.rmtree(home.folder / "state")
    shutil.copytree(home.folder / "kept", home.folder / "state")

    told = recover(home).expect(0)
    outcome = home.run().expect(0)

    assert [(message["new"], message["state"]) for message in recovered(told)] == [(False, "PUBLISHED")]
    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports - before == len(home.tasks(outcome.summary["run"]))


def test_results_are_recognised_by_their_proofs(home, undisturbed):
    """A run that was done is known to be done: the same command says so, and asks for nothing."""
    home.run().expect(0)
    lose_state(home)
    before = home.service.exports

    recover(home, "--results", "out").expect(0)
    outcome = home.run().expect(0)

    assert outcome.sha256 == undisturbed.sha256
    assert home.service.exports == before

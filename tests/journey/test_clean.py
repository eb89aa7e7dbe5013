"""After any run, nothing of ours is left; what is not ours is."""

from __future__ import annotations

import journey_kit as kit
import pytest

RESULTS = ["small_clipped.json", "small_clipped.png", "small_clipped.stac.json", "small_clipped.tif"]


def test_nothing_of_ours_is_left(home):
    """Bucket and work folder are empty after a run; the output folder holds the result, its proof and its picture."""
    before = home.service.exports

    done = home.run().expect(0)

    assert home.service.objects() == []
    assert home.leftovers() == []
    assert sorted(path.name for path in home.out.iterdir()) == RESULTS
    assert home.service.exports - before == len(home.tasks(done.summary["run"]))


def test_a_work_folder_of_its_own_is_left_empty(home):
    """Where parts go to another disk, that one too holds nothing of ours afterwards."""
    work = home.folder / "work"
    work.mkdir()

    home.run(ORCHESTRATOR_LOCAL__WORK_DIR=str(work)).expect(0)

    assert list(work.iterdir()) == []
    assert sorted(path.name for path in home.out.iterdir()) == RESULTS


def a_part(home):
    """Return the name of an object that an export has written."""
    return next(name for name in home.service.objects() if name.endswith(".tif"))


def test_a_foreign_object_under_our_prefix_stays_and_is_reported(home, undisturbed):
    """What somebody else put between our objects is still there, and is named."""
    assert home.run(**{kit.CRASH_AT: "run.exported"}).code == kit.KILLED
    folder = a_part(home).rpartition("/")[0]
    foreign = f"{folder}/holiday.tif"
    home.service.put(foreign, b"not ours")

    done = home.run().expect(0)

    assert home.service.objects() == [foreign]
    assert done.named("cloud.cleaned")[0]["foreign"] == [foreign]
    assert done.sha256 == undisturbed.sha256
    home.service.remove(foreign)


def test_an_object_of_ours_that_somebody_replaced_stays_and_is_reported(home, undisturbed):
    """A new generation under our name is somebody's work: it is not deleted."""
    assert home.run(**{kit.CRASH_AT: "run.exported"}).code == kit.KILLED
    replaced = a_part(home)
    home.service.put(replaced, b"not ours any more")

    done = home.run().expect(0)

    assert home.service.objects() == [replaced]
    assert done.named("cloud.cleaned")[0]["changed"] == [replaced]
    assert done.sha256 == undisturbed.sha256
    home.service.remove(replaced)


def test_the_route_over_drive_gives_the_same_bytes_and_leaves_nothing(home, undisturbed):
    """By Drive instead of a bucket: the same file, and no file of ours in the folder."""
    done = home.run("--route", "drive").expect(0)

    assert done.sha256 == undisturbed.sha256
    assert home.service.state()["drive"]["files"] == 0
    assert home.leftovers() == []


def test_a_foreign_file_in_drive_stays_and_is_reported(home):
    """A file in the folder whose name starts like ours stays, and is named."""
    assert home.run("--route", "drive", **{kit.CRASH_AT: "run.exported"}).code == kit.KILLED
    ours = home.service.get("/drive/v3/files?q=mimeType+!=+'application/vnd.google-apps.folder'")["files"]
    prefix = ours[0]["name"].rsplit("_", 1)[0]
    folder = home.service.get("/drive/v3/files?q=name+=+'orchestrator'")["files"][0]["id"]
    home.service.put_drive(f"{prefix}_holiday.tif", folder, b"not ours")

    done = home.run("--route", "drive").expect(0)

    assert home.service.state()["drive"]["files"] == 1
    assert done.named("cloud.cleaned")[0]["foreign"] == [f"{prefix}_holiday.tif"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_what_an_ended_run_left_is_taken_away_by_clean(home, state):
    """A run that failed or was cancelled keeps its objects until it is cleaned; then nothing is left."""
    there = ("--sandbox-url", home.service.url, "--bucket", kit.BUCKET)
    if state == "CANCELLED":
        assert home.run(**{kit.CRASH_AT: "task.collected"}).code == kit.KILLED
        home.command("cancel", home.runs()[0]["run"], *there).expect(0)
    else:
        home.service.order(
            {
                "action": "task_fail",
                "message": "Image.select: Pattern 'x' did not match any bands.",
                "text": r"\.0003\.a",
            }
        )
        home.run().expect(1)
    run_id, found = home.runs()[0]["run"], home.runs()[0]["state"]

    home.command("clean", run_id, *there).expect(0)

    assert found == state
    assert home.service.objects() == []
    assert home.leftovers() == []

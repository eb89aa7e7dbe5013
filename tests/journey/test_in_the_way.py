"""What a person puts, or takes away, where a result is on its way: nothing is lost, and there is always a way on."""

from __future__ import annotations

import hashlib

import journey_kit as kit
import pytest

KINDS = ["png", "json", "stac.json"]


def run_of(home):
    """Return the one run of a home, as `status` shows it."""
    return home.runs()[0]


def there(home):
    return ["--sandbox-url", home.service.url, "--bucket", kit.BUCKET]


def is_whole(home, outcome):
    """Tell whether everything that the summary lists is there as it says."""
    listed = {home.out / file["path"]: file["sha256"] for file in outcome.summary["files"]}
    return all(hashlib.sha256(path.read_bytes()).hexdigest() == sha256 for path, sha256 in listed.items())


def test_a_picture_that_appears_during_the_night_holds_the_run(home):
    """A picture is somebody's work as well: it is moved by them, and then the run goes on."""
    home.run(**{kit.CRASH_AT: "run.assembling"})
    picture = home.final.with_suffix(".png")
    picture.write_bytes(b"precious")

    home.run().expect(3)
    assert picture.read_bytes() == b"precious"
    picture.unlink()

    assert is_whole(home, home.run().expect(0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_in_the_way_is_refused_before_anything_is_asked(home, kind):
    """No consent helps: a file does not replace a folder."""
    path = home.final.with_suffix(f".{kind}")
    path.mkdir(parents=True)
    before = len(home.service.requests())

    refused = home.run("--overwrite").expect(2)

    assert f"{path} is a folder" in refused.err
    assert len(home.service.requests()) == before


def test_a_folder_that_appears_later_holds_the_run_for_a_person(home):
    """Time does not move it; after a person has, the run goes on."""
    home.run("--overwrite", **{kit.CRASH_AT: "run.assembling"})
    path = home.final.with_suffix(".stac.json")
    path.mkdir()

    held = home.run("--overwrite").expect(3)
    path.rmdir()

    assert f"{path} is a folder" in held.summary["reason"]
    assert is_whole(home, home.run("--overwrite").expect(0))


@pytest.fixture
def without_result(home):
    """A run whose raster was taken away after it was published, cancelled as the run said."""
    assert home.run(**{kit.CRASH_AT: "run.published"}).code == kit.KILLED
    home.final.rename(home.folder / "kept")
    held = home.run().expect(3)
    assert "begin anew" in held.summary["reason"]
    home.command("cancel", "latest", *there(home)).expect(0)
    return home


@pytest.mark.parametrize("before", ["", "clean", "retry"])
@pytest.mark.parametrize("more", [(), ("--overwrite",)], ids=["run", "run --overwrite"])
def test_a_result_that_was_given_up_is_made_anew(without_result, before, more):
    """As the hold said; whether or not what was left is cleaned, or taken up, before."""
    if before:
        without_result.command(before, "latest", *(there(without_result) if before == "clean" else ())).expect(0)
    if before == "retry":  # the result is still not there: the run says so again
        without_result.run().expect(3)
        without_result.command("cancel", "latest", *there(without_result)).expect(0)

    outcome = without_result.run(*more).expect(0)

    assert is_whole(without_result, outcome)


def test_a_result_that_was_put_back_needs_no_second_export(without_result):
    """The cancelled run is taken up, finds its result, and clears up."""
    before = without_result.service.exports
    (without_result.folder / "kept").rename(without_result.final)

    outcome = without_result.run().expect(0)

    assert is_whole(without_result, outcome)
    assert without_result.service.exports == before
    assert without_result.service.objects() == []


def test_a_cancellation_that_cannot_complete_the_files_says_what_to_do(home):
    """Some have their names, somebody has the place of another: the run stays held, and `retry` goes on from there."""
    assert home.run(**{kit.CRASH_AT: "output.named"}).code == kit.KILLED
    item = home.final.with_suffix(".stac.json")
    item.write_text("mine")
    held = home.run().expect(3)

    refused = home.command("cancel", "latest", *there(home)).expect(3)

    assert run_of(home)["state"] == "HELD"
    assert str(item) in held.summary["reason"]
    assert "another job" not in held.summary["reason"]
    assert str(item) in refused.err
    assert f"retry {run_of(home)['run']}` then goes on" in refused.err
    item.unlink()
    home.command("retry", "latest").expect(0)
    assert is_whole(home, home.run().expect(0))


def test_a_cancellation_at_the_wrong_service_changes_nothing(home):
    """It is refused; the same command goes on to the result."""
    assert home.run(**{kit.CRASH_AT: "run.exporting"}).code == kit.KILLED

    home.command("cancel", "latest").expect(4)

    assert is_whole(home, home.run().expect(0))

"""A mosaic is asked for once more and compared: before it is published, or whenever somebody asks."""

from __future__ import annotations

import hashlib
import json

import journey_kit as kit
import numpy as np
import pytest
import rasterio
from small_job import CORNERS

PIXEL_BYTES = 12  # three bands of float32
WIDTH = 310  # of the small job's grid
FLIPPED = (150, 200)  # a pixel in the middle of the area, row and column


def flip(band=0, row=FLIPPED[0], col=FLIPPED[1], **more):
    """One bit of the highest byte of one value in an answer for the whole grid, behind numpy's header."""
    offset = 192 + (row * WIDTH + col) * PIXEL_BYTES + 4 * band + 3
    return {"action": "flip", "api": "image.computePixels", "offset": offset, **more}


def there(home):
    return ("--sandbox-url", home.service.url, "--bucket", kit.BUCKET)


def audit(home, *more, run="small", **environment):
    return home.command("audit", run, *there(home), *more, **environment)


def told(outcome):
    return next(message for message in outcome.messages if message["message_type"] == "audit")


def asked(home):
    return home.service.state()["pixels"]["requests"]


def checksums_in_item(home):
    """What the catalogue item says of the proof."""
    asset = json.loads(home.final.with_suffix(".stac.json").read_text())["assets"]["proof"]
    return asset["file:checksum"].removeprefix("1220"), asset["file:size"]


def true_pixels(path):
    """The image by its own formula, with numpy alone, cut by rasterio: (band, row, col)."""
    from rasterio.features import geometry_mask  # noqa: PLC0415
    from shapely import Polygon  # noqa: PLC0415

    with rasterio.open(path) as raster:
        shape, transform = raster.shape, raster.transform
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]]
    x, y = transform.c / 10 + cols + 0.5, transform.f / 10 - rows - 0.5  # of a projection whose y goes up
    mixed = np.fmod(x * 31 + y * 17, 1009)
    outside = geometry_mask([Polygon(CORNERS)], shape, transform)
    values = np.stack([x, y, mixed]).astype(np.float32)
    return np.where(outside | (np.fmod(mixed, 5) == 0), np.float32(-9999), values)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, program, service):
    """The small job by requests for pixels, one bit of whose answer was lost on the way: published, and wrong."""
    home = kit.Home(tmp_path_factory.mktemp("damaged"), program, service)
    service.delete("/sandbox/faults")
    service.order(flip(band=1))
    home.run("--route", "pixels").expect(0)
    return home


@pytest.mark.parametrize("route", ["gcs", "pixels"])
def test_an_honest_file_passes_before_it_is_published(home, undisturbed, route):
    """Its pixels are asked for once more, its bytes are those without an audit, and the proof has the outcome."""
    exports, before = home.service.exports, asked(home)

    done = home.run("--route", route, "--audit", "3").expect(0)

    [outcome] = home.proof()["audit"]
    assert (outcome["equal"], outcome["differences"], outcome["windows"]) == (True, 0, 3)
    assert outcome["pieces"].keys() == {"export" if route == "gcs" else "pixels"}
    assert asked(home) - before == 3 + (route == "pixels")
    assert {name: told(done)[name] for name in outcome} == outcome  # and the command says it, too
    assert home.service.exports - exports == (4 if route == "gcs" else 0)
    assert route != "gcs" or done.sha256 == undisturbed.sha256
    assert np.array_equal(home.pixels(), undisturbed.pixels)
    assert home.service.objects() == []


def test_a_value_that_came_wrong_holds_the_run(home):
    """Before it is published, with nothing deleted; the sentence names the place and both values."""
    home.service.order(flip(band=1))

    held = home.run("--route", "pixels", "--audit", "50").expect(3)

    reason = held.summary["reason"]
    assert "1 value is not what the service answers" in reason
    assert f"row {FLIPPED[0]}, column {FLIPPED[1]} (longitude 15.0" in reason
    assert "band y: the file holds" in reason
    assert f"`orchestrator retry {held.summary['run']} --accept-audit`" in reason
    assert not home.final.exists()
    assert list(home.out.rglob("*.tif")) != []


def test_a_held_run_looks_again_and_is_published_when_its_person_agrees(home):
    """The same command asks for the same windows again; with `--accept-audit` the proof says what was accepted."""
    home.service.order(flip(band=1))
    words = ("--route", "pixels", "--audit", "50")
    held = home.run(*words).expect(3)
    again = home.run(*words).expect(3)
    home.command("retry", held.summary["run"], "--accept-audit").expect(0)

    done = home.run(*words).expect(0)

    [outcome] = home.proof()["audit"]
    assert (outcome["equal"], outcome["differences"], outcome["accepted"]) == (False, 1, True)
    assert (outcome["first"]["row"], outcome["first"]["col"], outcome["first"]["band"]) == (*FLIPPED, "y")
    assert done.summary["run"] == again.summary["run"] == held.summary["run"]


def test_bits_that_an_answer_to_the_audit_lost_are_not_the_files(home):
    """A window that differs is asked for again; the second answer agrees with the file."""
    home.service.order(flip(row=3, col=40))  # of a window of 200 columns, any value of which is data or nodata

    home.run("--audit", "50").expect(0)

    [outcome] = home.proof()["audit"]
    assert (outcome["equal"], outcome["asked_again"]) == (True, 1)


def test_a_service_that_cannot_be_asked_is_waited_for(home):
    """No answer for long holds the run for time, not for a person, and never counts as compared."""
    home.service.order({"action": "http", "status": 503, "api": "image.computePixels", "count": 8})

    done = home.run("--audit", "1").expect(0)

    assert [event["who"] for event in done.named("run.held")] == ["time"]
    assert home.proof()["audit"][0]["windows"] == 1


def test_a_window_that_needs_too_much_memory_becomes_a_smaller_one(home):
    """The half with more of the area is compared instead, and counted as it is."""
    home.service.order({"action": "http", "sentence": "user_memory", "api": "image.computePixels"})

    home.run("--audit", "50").expect(0)

    [outcome] = home.proof()["audit"]
    assert (outcome["equal"], outcome["whole"]) == (True, False)
    assert outcome["pixels"] < home.proof()["area_pixels"]


def test_a_published_file_that_is_wrong_is_found_out(damaged):
    """Exit code 6, one value of 750,000, with its place and both values; the file is left as it is."""
    content = damaged.final.read_bytes()

    found = audit(damaged).expect(6)

    row, col = FLIPPED
    first, truth, held = told(found)["first"], true_pixels(damaged.final), damaged.pixels()
    assert (told(found)["differences"], told(found)["whole"]) == (1, True)
    assert (first["row"], first["col"], first["band"]) == (row, col, "y")
    assert (first["expected"], first["found"]) == (truth[1, row, col], held[1, row, col])
    assert (held != truth).sum() == 1
    assert damaged.final.read_bytes() == content


def test_what_was_found_stands_in_the_proof(damaged):
    """Beside what earlier audits found; the item has the proof's new checksum, and all is still the job's own."""
    before = len(damaged.proof().get("audit", []))
    audit(damaged, "--windows", "2", "--seed", "5")

    audit(damaged).expect(6)

    *_, last = outcomes = damaged.proof()["audit"]
    content = damaged.final.with_suffix(".json").read_bytes()
    assert len(outcomes) == before + 2
    assert (last["differences"], last["equal"]) == (1, False)
    assert checksums_in_item(damaged) == (hashlib.sha256(content).hexdigest(), len(content))
    assert [run["state"] for run in damaged.runs()] == ["CLEANED"]
    damaged.run("--route", "pixels").expect(0)  # it is done, and says so


def test_a_kill_while_the_outcome_is_written_loses_nothing(home, undisturbed):
    """Proof and item are one or the other, the job's own: it is audited again, and made anew without --overwrite."""
    home.run().expect(0)

    for point in ("result.amended", "result.rewritten"):
        assert audit(home, "--windows", "2", **{kit.CRASH_AT: point}).code == kit.KILLED
    audit(home, "--windows", "2").expect(0)
    content = home.final.with_suffix(".json").read_bytes()
    assert checksums_in_item(home) == (hashlib.sha256(content).hexdigest(), len(content))
    assert audit(home, "--windows", "2", **{kit.CRASH_AT: "result.rewritten"}).code == kit.KILLED
    done = home.run("--again").expect(0)

    assert done.sha256 == undisturbed.sha256
    assert "audit" not in home.proof()
    assert home.leftovers() == []


@pytest.mark.parametrize(
    ("suffix", "sentence"),
    [
        pytest.param(".tif", "is not the file that was published", id="raster"),
        pytest.param(".json", "is not the proof that was published", id="proof"),
    ],
)
def test_files_that_are_not_those_that_were_published_are_not_audited(damaged, suffix, sentence):
    """Nothing is asked and nothing of somebody else's is written over."""
    changed, before = damaged.final.with_suffix(suffix), asked(damaged)
    content = changed.read_bytes()
    changed.write_bytes(content + b" ")

    refused = audit(damaged)
    left, _ = changed.read_bytes(), changed.write_bytes(content)

    assert sentence in refused.expect(2).err
    assert (left, asked(damaged)) == (content + b" ", before)


def test_what_is_done_already_is_not_audited_and_that_is_said(home, undisturbed):
    """Whoever asks for an audit of a finished run is told that there was none, and which command makes one."""
    assert home.run().expect(0).sha256 == undisturbed.sha256

    again = home.run("--audit", "5").expect(0)

    assert not home.proof().get("audit")
    assert told(again)["equal"] is None
    assert f"`orchestrator audit {again.summary['run']}`" in told(again)["reason"]

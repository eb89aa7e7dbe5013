"""How much of the area holds data is counted, said, and may hold a run; a result without data is a result."""

from __future__ import annotations

import journey_kit as kit
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import geometry_mask
from small_job import CORNERS

EMPTY_IMAGE = """
import ee


def get_ee_image():
    return ee.Image.constant([1, 2, 3]).rename(["x", "y", "mixed"]).updateMask(0)
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory, program, service):
    """The small job, done: a fifth of its pixels is masked."""
    home = kit.Home(tmp_path_factory.mktemp("small"), program, service)
    return home, home.run("--param", "attribution=Made of numbers").expect(0)


def shares(path, nodata=-9999):
    """Count independently: rasterio's pixels inside the area drawn by GDAL, band by band."""
    with rasterio.open(path) as raster:
        area = shapely.Polygon(CORNERS)
        inside = geometry_mask([area], raster.shape, raster.transform, invert=True)
        return [float((band[inside] != nodata).mean()) for band in raster.read()]


def there(home):
    return ("--sandbox-url", home.service.url, "--bucket", kit.BUCKET)


def test_a_result_without_a_valid_pixel_is_a_result(home):
    """An image that is masked everywhere ends as an empty file, and the run is done."""
    (home.folder / "image.py").write_text(EMPTY_IMAGE)

    done = home.run().expect(0)

    assert (home.pixels() == -9999).all()
    assert done.summary["valid"] == {"x": 0, "y": 0, "mixed": 0}
    assert home.leftovers() == []


def test_the_share_of_valid_pixels_is_counted_exactly(small):
    """What the summary says of each band is what an independent count gives."""
    home, done = small

    assert list(done.summary["valid"].values()) == shares(home.final)
    assert set(done.summary["valid"]) == {"x", "y", "mixed"}


def test_the_proof_holds_the_counts_and_the_sources(small):
    """Whoever has the proof knows how many pixels hold data, of how many, and what to say of the sources."""
    home, done = small
    proof = home.proof()

    area = proof["area_pixels"]
    assert proof["valid"]["area_pixels"] == area
    assert {band: count / area for band, count in proof["valid"]["pixels"].items()} == done.summary["valid"]
    assert proof["attribution"].startswith("Not Earth Engine's: made by a sandbox")
    assert proof["attribution"].endswith("Made of numbers")


def test_the_sources_are_named_in_the_file(small):
    """The notice stands in the TIFF tag for it, behind who made the pixels, with the program that made the file."""
    home, _done = small
    with rasterio.open(home.final) as raster:
        tags = raster.tags()

    assert tags["TIFFTAG_COPYRIGHT"].startswith("Not Earth Engine's: made by a sandbox")
    assert tags["TIFFTAG_COPYRIGHT"].endswith("Made of numbers")
    assert tags["TIFFTAG_SOFTWARE"].startswith("orchestrator ")


def test_the_picture_says_how_much_is_valid(small):
    """The caption below the picture is also readable by programs."""
    home, done = small
    share = min(done.summary["valid"].values())

    caption = f"small: {int(share * 10_000) / 100:.2f} % of the area's pixels hold data"

    assert caption.encode() in home.final.with_suffix(".png").read_bytes()


def test_status_says_how_much_is_valid(small):
    """Weeks later, too."""
    home, done = small

    (run,) = home.runs()

    assert run["valid"] == done.summary["valid"]


def test_a_run_with_too_few_valid_pixels_waits_for_a_person(home):
    """Before it is published, with nothing deleted, in a sentence with the share, the wish and what to do."""
    held = home.run("--min-valid", "0.9").expect(3)

    reason = held.summary["reason"]
    assert "less than the 90 % asked for" in reason
    assert f"orchestrator retry {held.summary['run']} --min-valid 0." in reason
    assert not home.final.exists()
    assert len(home.service.sizes()) == 4


def test_a_held_run_is_published_when_its_person_agrees(home, undisturbed):
    """`retry --min-valid` and the same command publish what waited; nothing is exported again."""
    held = home.run("--min-valid", "0.9").expect(3)
    exports = home.service.exports
    home.command("retry", held.summary["run"], "--min-valid", "0.5").expect(0)

    done = home.run("--min-valid", "0.5").expect(0)

    assert done.sha256 == undisturbed.sha256
    assert done.summary["run"] == held.summary["run"]
    assert home.service.exports == exports
    assert home.service.objects() == []


def test_the_same_command_with_a_lower_share_continues_the_run(home, undisturbed):
    """What is accepted is no part of what is made."""
    held = home.run("--min-valid", "0.9").expect(3)

    done = home.run("--min-valid", "0.75").expect(0)

    assert (done.summary["run"], done.sha256) == (held.summary["run"], undisturbed.sha256)


def test_what_a_person_let_pass_stands_against_the_same_command(home):
    """`retry --min-valid` is the last word: the command that began the run does not ask for more again."""
    held = home.run("--min-valid", "0.9").expect(3)
    home.command("retry", held.summary["run"], "--min-valid", "0.5").expect(0)

    home.run("--min-valid", "0.9").expect(0)


def test_nodata_that_float32_rounds_is_no_surprise_at_the_end(home, undisturbed):
    """0.1 is asked for; the file says the number that float32 has, and so do its pixels."""
    home.run("--param", "nodata=0.1").expect(0)

    with rasterio.open(home.final) as raster:
        assert raster.nodata == float(np.float32(0.1))
    pixels = home.pixels()
    assert np.array_equal(pixels == np.float32(0.1), undisturbed.pixels == -9999)


def test_a_share_in_percent_is_refused_before_anything_is_asked(home):
    """90 is not 0.9; the right number is in the message."""
    refused = home.run("--min-valid", "90")

    assert refused.code in (2, 4)
    assert "min_valid" in refused.err

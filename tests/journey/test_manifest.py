"""A result is a manifest of files: what it lists is there, as it says, whatever was killed between two of them."""

from __future__ import annotations

import hashlib
import json

import journey_kit as kit
import pystac
import pytest
import rasterio


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def done(tmp_path_factory, program, service):
    """The small job, done once: its home, and how it ended."""
    home = kit.Home(tmp_path_factory.mktemp("done"), program, service)
    return home, home.run().expect(0)


def item_of(home):
    return json.loads(home.final.with_suffix(".stac.json").read_text())


def test_the_manifest_lists_every_file_as_it_is(done):
    """Path, size and checksum of each, the raster last; the keys of the first version say the same of the raster."""
    home, outcome = done
    files = outcome.summary["files"]

    assert [file["role"] for file in files] == ["proof", "picture", "item", "data"]
    assert {file["path"] for file in files} == {str(path) for path in home.out.iterdir()}
    for file in files:
        path = home.out / file["path"]
        assert (file["bytes"], file["sha256"]) == (path.stat().st_size, sha256(path))
    assert (outcome.summary["path"], outcome.sha256) == (str(home.final), files[-1]["sha256"])


def test_the_item_is_a_stac_item(done):
    """By the schemas of STAC 1.1.0 that come with pystac; what extensions add is checked field by field elsewhere."""
    told = item_of(done[0])

    assert pystac.Item.from_dict(told | {"stac_extensions": []}).validate()
    assert told["stac_version"] == "1.1.0"
    assert len(told["stac_extensions"]) == 4


def test_the_item_tells_the_raster_it_lies_beside(done):
    """Shape, transform, CRS, bands and nodata are those that rasterio reads; the checksum is a multihash of SHA-256."""
    home, _ = done
    told = item_of(home)
    data = told["assets"]["data"]

    with rasterio.open(home.final) as raster:
        assert told["properties"]["proj:shape"] == [raster.height, raster.width]
        assert told["properties"]["proj:transform"] == list(raster.transform)[:6]
        assert told["properties"]["proj:code"] == f"EPSG:{raster.crs.to_epsg()}"
        assert told["properties"]["proj:bbox"] == list(raster.bounds)
        assert [band["name"] for band in data["bands"]] == list(raster.descriptions)
        assert {band["data_type"] for band in data["bands"]} == set(raster.dtypes)
        pixels = raster.read(masked=True)
        for number, band in enumerate(data["bands"]):
            share = 100 * (~pixels[number].mask).sum() / pixels[number].size
            assert band["statistics"]["valid_percent"] == pytest.approx(share, abs=1e-3)
    assert data["href"] == "./small_clipped.tif"
    assert data["file:checksum"] == "1220" + sha256(home.final)
    assert told["assets"]["proof"]["file:checksum"] == "1220" + sha256(home.final.with_suffix(".json"))
    assert told["assets"]["thumbnail"]["file:size"] == home.final.with_suffix(".png").stat().st_size


def fates(home):
    """Return the checksum of the raster, and of the raster that the proof and the item speak of."""
    item = item_of(home)["assets"]["data"]["file:checksum"].removeprefix("1220")
    return sha256(home.final), home.proof()["output"]["sha256"], item


@pytest.fixture
def half_named(home):
    """A result, and another on its way to its place, killed when the first of its files had got its name."""
    home.run().expect(0)
    assert home.run("--compress", "zstd", "--overwrite", **{kit.CRASH_AT: "output.named"}).code == kit.KILLED
    return home


def test_the_same_command_completes_what_has_begun_to_be_published(half_named):
    """Raster, proof and item speak of one and the same afterwards."""
    outcome = half_named.run("--compress", "zstd", "--overwrite").expect(0)

    assert set(fates(half_named)) == {outcome.sha256}


def test_a_cancellation_too_late_leaves_no_proof_beside_another_raster(half_named):
    """Half of the new files have their names; the only way to a result whose files belong together is on."""
    run = next(run for run in half_named.runs() if run["state"] != "CLEANED")

    there = ["--sandbox-url", half_named.service.url, "--bucket", kit.BUCKET]
    half_named.command("cancel", run["run"], *there)

    assert len(set(fates(half_named))) == 1
    assert {run["state"] for run in half_named.runs()} == {"PUBLISHED", "CLEANED"}


def test_an_earlier_result_with_the_same_raster_is_not_taken_for_the_new_one(home):
    """Made once more and killed before the first rename: the proof beside it is the new run's in the end."""
    home.run().expect(0)
    assert home.run("--again", **{kit.CRASH_AT: "output.finished"}).code == kit.KILLED

    outcome = home.run().expect(0)

    assert home.proof()["run"] == outcome.summary["run"]
    assert all(sha256(home.out / file["path"]) == file["sha256"] for file in outcome.summary["files"])


@pytest.mark.parametrize("kind", ["json", "stac.json", "png"])
def test_a_file_of_somebody_else_beside_our_result_is_not_replaced(home, kind):
    """What no manifest lists as it is is not ours, although the raster beside it is."""
    home.run().expect(0)
    path = home.final.with_suffix(f".{kind}")
    path.write_text('{"precious": true}')

    refused = home.run("--again").expect(2)

    assert str(path) in refused.err + refused.out
    assert path.read_text() == '{"precious": true}'


def test_a_result_from_before_there_were_items_is_ours(home):
    """The job replaces it, and an item lies beside the new one."""
    home.run().expect(0)
    home.final.with_suffix(".stac.json").unlink()

    home.run("--again").expect(0)

    assert len(set(fates(home))) == 1

"""What is asked wrongly is refused in one line, before any work; what is wrong with one scene costs that scene."""

import json
import re

import numpy as np
import preprocess_kit as kit
import pytest
import rasterio
import rasterio.shutil

import orchestrator as orc
from orchestrator.products.context import ProductContext
from orchestrator.products.preprocess import settle as settling


def refused(tmp_path, index, **keys):
    with pytest.raises(orc.UserError) as caught:
        kit.preprocess(tmp_path, index, **keys)
    assert not (tmp_path / "out").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        pytest.param({"upsample_methd": "cubic"}, ["upsample_methd", "upsample_method"], id="unknown key"),
        pytest.param({"angles": {"encoding": "deg"}}, ["angles.encoding", "angles.encode"], id="unknown inner key"),
        pytest.param({"bands": ["B2"]}, ["B2", "did you mean"], id="no band"),
        pytest.param({"bands": ["B02", "B02"]}, ["B02", "twice"], id="a band twice"),
        pytest.param({"target_grid": "scl_10m"}, ["scl_10m", "did you mean 'scl_20m'"], id="no grid"),
        pytest.param({"upsample_method": "lanczos"}, ["lanczos", "bilinear"], id="no method"),
        pytest.param({"normalize": {"hist_bin_width": 0.00017}}, ["hist_range", "hist_bin_width"], id="bins"),
        pytest.param({"normalize": {"clip_percentiles": [99, 1]}}, ["clip_percentiles", "99"], id="percentiles"),
        pytest.param({"num_workers": True}, ["num_workers"], id="a flag for a number"),
        pytest.param({"labels": {"mapping": {300: 1}}}, ["300", "src_value_range"], id="a class out of range"),
        pytest.param({"labels": {"backend": "sclx"}}, ["sclx", "did you mean 'scl'"], id="no backend"),
        pytest.param({"labels": {"backend": "raster"}}, ["labels.path"], id="a backend without its raster"),
        pytest.param({"angles": {"enabled": True, "include_sun": False, "include_view": False}}, ["angles"], id="none"),
        pytest.param({"bands": []}, ["l1c_bands"], id="no bands"),
        pytest.param({"bands": ["B03"]}, ["l1c.band.B03", "there is l1c.band.B01"], id="a band that was not fetched"),
        pytest.param({"target_grid": "B11"}, ["l1c.band.B11", "download"], id="a grid that was not fetched"),
        pytest.param({"normalize": {"mode": "apply_with_stats"}}, ["stats", "compute"], id="no statistics"),
        pytest.param(
            {"to_toa_reflectance": False, "normalize": {"mode": "compute_only"}},
            ["hist_range is [-0.2, 2.0]", "hist_range = [0, 65536] and hist_bin_width = 1"],
            id="numbers in the histogram of reflectance",
        ),
    ],
)
def test_bad_words_are_refused_before_any_work(tmp_path, index, keys, words):
    """Each names what was found, and what was expected or what to do."""
    told = refused(tmp_path, index, **keys)

    assert [word for word in words if word not in told] == []


def test_no_index_and_another_file_are_refused(tmp_path, index):
    """As is an index without scenes."""
    assert "there.json" in refused(tmp_path, tmp_path / "there.json")
    (tmp_path / "list.json").write_text("[]")
    assert "schema" in refused(tmp_path, tmp_path / "list.json")
    kit.changed(index, lambda scenes: scenes.clear())
    assert "lists no scene" in refused(tmp_path, index)


def test_a_role_that_two_files_have_is_refused(tmp_path, index):
    """Nobody chooses between them."""
    kit.changed(index, lambda scenes: scenes[0]["files_l1c"]["items"].append(scenes[0]["files_l1c"]["items"][2]))

    assert "two files of the role" in refused(tmp_path, index)


def test_a_tile_that_leads_out_of_the_folder_is_refused(tmp_path, index):
    """What lies there stays."""
    victim = tmp_path / "victim" / "sensing=2024-06-13T101559Z"
    victim.mkdir(parents=True)
    (victim / "mine.txt").write_text("mine")
    key = {"tile_id": "../../../../victim", "sensing_start_utc": "2024-06-13T10:15:59Z"}
    kit.changed(index, lambda scenes: scenes[0].update(key=key))

    assert "scenes[0].key.tile_id" in refused(tmp_path, index, overwrite=True)
    assert (victim / "mine.txt").read_text() == "mine"


def test_all_scenes_are_looked_at_before_one_is_made(tmp_path, index):
    """The last one lacks its scene classification: no scene is begun."""
    kit.changed(index, lambda scenes: scenes[-1]["files_l2a"]["items"].clear())

    assert "2024-06-18" in refused(tmp_path, index)


def test_files_of_two_crs_are_refused(tmp_path, index):
    """Both are named."""
    path = kit.file_of(index, "l1c.band.B05")
    path.unlink()
    profile = {"driver": "GTiff", "width": 9, "height": 9, "count": 1, "dtype": "uint16", "crs": "EPSG:32632"}
    with rasterio.open(path, "w", **profile, transform=rasterio.Affine(20, 0, 600000, 0, -20, 5000000)) as raster:
        raster.write(np.ones((1, 9, 9), "uint16"))

    told = refused(tmp_path, index)

    assert [word for word in ("EPSG:32632", "EPSG:32633", "B05", "one CRS") if word not in told] == []


def test_statistics_of_other_bands_are_refused(tmp_path, index):
    """And of another range; the samples of before stay."""
    stats = kit.preprocess(tmp_path / "a", index, normalize={"mode": "compute_only"}).stats
    apply = {"mode": "apply_with_stats", "stats_path": str(stats)}

    assert "B02, B05, B01" in refused(tmp_path / "b", index, bands=["B05", "B02", "B01"], normalize=apply)
    assert "hist_range" in refused(tmp_path / "b", index, normalize={**apply, "hist_range": [-0.2, 1.8]})
    assert "to_toa_reflectance" in refused(tmp_path / "b", index, normalize=apply, to_toa_reflectance=False)


def test_a_disk_that_is_too_small_is_said_before_work(index, tmp_path):
    """How much it takes, and how much there is."""
    context = ProductContext(None, None, None, lambda _what: None, free_bytes=lambda _folder: 1000)
    keys = {"index_json": str(index), "target_grid_ref": "scl_20m", "l1c_bands": ["B02"]}
    job = orc_job(tmp_path / "out", keys)

    with pytest.raises(orc.UserError, match=r"2 samples will take .* has 1\.?\d* (kB|KiB|bytes|B|1,000 bytes).* left"):
        settling.plan_samples(job, context)


def orc_job(output, keys):
    from orchestrator.model.job import AreaSource, Job  # noqa: PLC0415

    return Job("x", str(output), AreaSource(""), "", "", recipe="", product="preprocess", keys=keys, route="local")


@pytest.mark.parametrize(
    ("role", "spoil"),
    [
        pytest.param("l1c.band.B05", lambda content: content[: len(content) // 2], id="cut short"),
        pytest.param("l1c.band.B05", lambda content: content[:200], id="a header alone"),
        pytest.param("l2a.scl_20m", lambda _content: b"<html>too many sessions</html>", id="another file"),
    ],
)
def test_a_file_that_does_not_decode_costs_its_scene_and_no_other(tmp_path, index, spoil, role):
    """It is named, with what to do; nothing half made has its final name; whole again, the same call makes it."""
    path = kit.file_of(index, role)
    content = kit.replace_by_copy(path)
    path.write_bytes(spoil(content))

    made = kit.preprocess(tmp_path, index)

    assert [record["status"] for record in made.records] == ["error", "ok"]
    assert str(path) in made.missing[0]["error"]
    assert "bring it again" in made.missing[0]["error"]
    assert sorted(each.name for each in (made.folder / "processed").glob("*/*")) == ["sensing=" + time_of(made, 1)]
    before = stamps(made.folder)
    path.write_bytes(content)
    mended = kit.preprocess(tmp_path, index)
    assert [record["status"] for record in mended.records] == ["ok", "ok"]
    assert stamps(made.folder).items() >= before.items()  # the other was not made again


def test_half_an_image_of_many_tiles_is_not_taken_for_no_data(tmp_path, index):
    """GDAL decodes it without an error, and gives zeros for the tiles that are not there."""
    path = kit.file_of(index, "l1c.band.B05")
    plain, tiled = tmp_path / "plain.tif", tmp_path / "tiled.jp2"
    with rasterio.open(path) as raster, rasterio.open(plain, "w", **raster.profile | {"driver": "GTiff"}) as copy:
        copy.write(np.random.default_rng(0).integers(1, 4000, (1, *raster.shape)).astype("uint16"))
    words = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": "32", "BLOCKYSIZE": "32"}
    rasterio.shutil.copy(plain, tiled, driver="JP2OpenJPEG", **words)
    path.unlink()
    path.write_bytes(tiled.read_bytes()[: tiled.stat().st_size // 2])

    made = kit.preprocess(tmp_path, index, max_scenes=2)

    assert [record["status"] for record in made.records] == ["error", "ok"]
    assert "is damaged" in made.missing[0]["error"]
    assert "it is cut short" in made.missing[0]["error"]


def test_a_verify_names_an_image_that_is_not_whole(index):
    """Where the index has no checksum to hold it against."""
    path = kit.file_of(index, "l1c.band.B05")
    path.write_bytes(kit.replace_by_copy(path)[:5000])

    assert [(f.kind, f.path) for f in orc.copernicus.verify(index.parents[2]).faults] == [
        ("damaged", path.relative_to(index.parents[2]).as_posix())
    ]


def time_of(made, number):
    return made.records[number]["key"]["sensing_start_utc"].replace(":", "")


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "processed").rglob("*") if path.is_file()}


def test_where_no_scene_can_be_made_the_run_fails(tmp_path, index):
    """With what was said of them."""
    kit.changed(index, lambda scenes: scenes.pop())
    path = kit.file_of(index, "l1c.band.B05")
    kit.replace_by_copy(path)
    path.write_bytes(b"no")

    with pytest.raises(orc.RunFailed, match=r"not one of 1 scenes could be made.*B05"):
        kit.preprocess(tmp_path, index)


@pytest.mark.parametrize(
    ("role", "what", "instead", "said"),
    [
        pytest.param("product", "RADIO_ADD_OFFSET", "NO_OFFSET", "RADIO_ADD_OFFSET", id="no offsets"),
        pytest.param("product", r">-1000<", ">NaN<", "RADIO_ADD_OFFSET is NaN", id="an offset that is no number"),
        pytest.param("tile", r"<VALUES>[^<]*<", "<VALUES>NaN<", "no value in the angles of sun", id="no angles"),
        pytest.param("tile", r"<ULX>\d+<", "<ULX>1000000000<", "is not in it", id="another place"),
    ],
)
def test_damaged_metadata_costs_its_scene_alone(tmp_path, index, role, what, instead, said):
    """Offsets of its baseline, or directions; nothing is made of them as if they were there."""
    path = kit.file_of(index, f"l1c.{role}_metadata")
    text = kit.replace_by_copy(path).decode()
    path.write_text(re.sub(what, instead, text))

    made = kit.preprocess(tmp_path, index, angles={"enabled": True, "include_view": False})

    assert said in made.missing[0]["error"]
    assert len(made.missing) == 1


def test_a_file_that_is_not_the_one_that_was_downloaded_is_not_used(tmp_path, index):
    """Where the index says a checksum."""
    kit.changed(index, lambda scenes: scenes[0]["files_l1c"]["items"][0].update(size=1, sha256="ab" * 32))

    made = kit.preprocess(tmp_path, index)

    assert "is not the file that was downloaded" in made.missing[0]["error"]


@pytest.mark.parametrize("theirs", ["notes.txt", "x.tif"])
def test_a_folder_that_no_run_made_is_not_replaced(tmp_path, index, theirs):
    """Unless it is asked for, by name."""
    key = json.loads(index.read_text())["scenes"][0]["key"]
    sensing = key["sensing_start_utc"].replace(":", "")
    folder = tmp_path / "out" / "processed" / f"tile={key['tile_id']}" / f"sensing={sensing}"
    folder.mkdir(parents=True)
    (folder / theirs).write_text("precious")

    with pytest.raises(orc.UserError, match="exists already, and no run of this program made it"):
        kit.preprocess(tmp_path, index, bands=["B05"])
    assert [path.name for path in folder.iterdir()] == [theirs]
    assert kit.preprocess(tmp_path, index, bands=["B05"], overwrite=True).missing == ()
    assert (folder / "meta.json").is_file()


def test_samples_of_another_run_are_not_replaced(tmp_path, index):
    """Another configuration in the same folder has to have another name, and is told whose they are."""
    first = kit.preprocess(tmp_path, index)
    before = stamps(first.folder)

    with pytest.raises(orc.UserError, match="run_id 'preprocess' made it"):
        kit.preprocess(tmp_path, index, run_id="other", upsample_method="cubic")
    assert stamps(first.folder) == before
    assert json.loads(first.index.read_text())["output"]["last_run_id"] == "preprocess"

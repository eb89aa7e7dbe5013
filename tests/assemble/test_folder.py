"""Parts that somebody already has become one clipped file: what rasterio.merge and rasterio.mask give, or a refusal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely
from assembly import Never, Scene, read, reference, star
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from rio_cogeo import cog_validate

from orchestrator import __version__
from orchestrator.core.errors import IntegrityError, Stopped, UserError
from orchestrator.core.files import sha256_of
from orchestrator.model.grid import Grid, Window
from orchestrator.products.mosaic.parts.folder import assemble_folder
from orchestrator.products.mosaic.parts.request import Request

ROOT = Path(__file__).resolve().parents[2]
TILED = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "deflate"}
SCENE = Scene(height=200, width=260, side=64, bands=2, profile=TILED)
DASH, NO_DASH, PLAIN = "img-{0:010d}-{1:010d}.tif", "img{0:010d}-{1:010d}.tif", "part_{0}_{1}.TIFF"


def export(scene, folder, pattern=NO_DASH):
    """Write the parts of a scene under the names of `pattern`."""
    parts = scene.write(folder)
    return {w: path.rename(folder / pattern.format(w.row, w.col)) for w, path in parts.items()}


def write_area(path, geometry, crs="EPSG:32633"):
    """Write an area as GeoJSON that says its CRS."""
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(geometry)}
    named = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{crs.split(':')[1]}"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": named, "features": [feature]}))
    return str(path)


def request(tmp_path, **changes):
    wanted = {"folder": tmp_path / "parts", "output": tmp_path / "out", "base_name": "whole", "version": "1"}
    return Request(**wanted | changes)


def assembled(tmp_path, **changes):
    return assemble_folder(request(tmp_path, **changes), Never())


def refused(tmp_path, match, **changes):
    """Make sure that a request is refused before anything is written."""
    with pytest.raises(UserError, match=match) as refusal:
        assembled(tmp_path, **changes)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()


def inside(area_of=SCENE, seed=5):
    """A star that lies within the scene, with a hole."""
    return star(area_of, np.random.default_rng(seed)).intersection(shapely.box(*area_of.grid.bounds()))


def on_the_grid_of(path, scene, truth):
    """Return the pixels of `truth`, on the scene's grid, that the result shows."""
    with rasterio.open(path) as raster:
        a, _b, left, _d, e, top = scene.grid.transform
        col, row = round((raster.bounds.left - left) / a), round((raster.bounds.top - top) / e)
        return truth[:, row : row + raster.height, col : col + raster.width]


@pytest.mark.parametrize("pattern", [DASH, NO_DASH, PLAIN], ids=["dash", "no dash", "other names"])
@pytest.mark.parametrize(
    "stored", [{}, {"interleave": "band"}, {"tiled": False}], ids=["tiled", "bands apart", "strips"]
)
def test_the_parts_become_what_rasterio_gives(pattern, stored, tmp_path):
    """Whatever the parts are called and however they are stored: merged, then masked, pixel by pixel."""
    kept = {k: v for k, v in (TILED | stored).items() if stored.get("tiled", True) or not k.startswith("block")}
    scene = Scene(**{**vars(SCENE), "profile": kept, "area": inside()})
    parts = export(scene, tmp_path / "parts", pattern)

    result = assembled(tmp_path, areas=(write_area(tmp_path / "a.geojson", scene.area),))

    truth = reference(scene, parts, tmp_path)
    np.testing.assert_array_equal(read(result["path"]), on_the_grid_of(result["path"], scene, truth))
    assert cog_validate(result["path"], strict=True)[0]


def test_without_an_area_everything_is_kept(tmp_path):
    """Nothing is cut away, and parts whose blocks fit are copied as they are."""
    parts = export(SCENE, tmp_path / "parts")

    result = assembled(tmp_path)

    np.testing.assert_array_equal(read(result["path"]), reference(SCENE, parts, tmp_path))
    assert result["assembly"]["method"] == "splice"


def test_several_areas_cut_together(tmp_path):
    """What lies in one of them stays."""
    left, bottom, right, top = SCENE.grid.bounds()
    areas = [shapely.box(left, bottom, left + 800, top), shapely.box(right - 905, bottom, right, bottom + 655)]
    scene = Scene(**{**vars(SCENE), "area": shapely.union_all(areas)})
    parts = export(scene, tmp_path / "parts")

    named = tuple(write_area(tmp_path / f"{number}.geojson", area) for number, area in enumerate(areas))
    result = assembled(tmp_path, areas=named)

    np.testing.assert_array_equal(read(result["path"]), reference(scene, parts, tmp_path))


def test_the_share_of_valid_pixels_and_every_part_are_in_the_proof(tmp_path):
    """Counted by hand, and with the checksum of each part's file."""
    scene = Scene(**{**vars(SCENE), "area": inside()})
    parts = export(scene, tmp_path / "parts")

    result = assembled(tmp_path, areas=(write_area(tmp_path / "a.geojson", scene.area),))

    proof = json.loads(Path(result["proof"]).read_text())
    pixels = read(result["path"])
    assert list(proof["valid"]["pixels"].values()) == (pixels != 0).sum(axis=(1, 2)).tolist()
    assert proof["output"]["sha256"] == sha256_of(Path(result["path"]))
    sums = {part["file"]: part["sha256"] for part in proof["parts"]}
    assert sums.items() <= {str(path): sha256_of(path) for path in parts.values()}.items()


# -------------------------------------------------------------------------- coverage


def test_missing_parts_are_named_as_they_would_be_called(tmp_path):
    """The first and one in the middle are gone; so is the wish to guess."""
    parts = export(SCENE, tmp_path / "parts")
    for window in (Window(0, 0, 64, 64), Window(64, 128, 64, 64)):
        parts[window].unlink()

    refused(tmp_path, r"parts lacks img0000000000-0000000000\.tif, img0000000064-0000000128\.tif;")


def test_missing_parts_of_other_names_are_told_by_their_place(tmp_path):
    """Rows, columns and coordinates."""
    parts = export(SCENE, tmp_path / "parts", PLAIN)
    parts[Window(64, 128, 64, 64)].unlink()

    refused(tmp_path, r"rows 64 to 127, columns 128 to 191 \(501260,5198740,501900,5199380\)")


def test_missing_parts_may_be_allowed(tmp_path):
    """Their pixels are nodata, the others are as they are, and the proof names the parts."""
    parts = export(SCENE, tmp_path / "parts")
    parts.pop(Window(0, 0, 64, 64)).unlink()

    result = assembled(tmp_path, allow_missing=True)

    truth = SCENE.pixels()
    truth[:, :64, :64] = 0
    np.testing.assert_array_equal(read(result["path"]), truth)
    assert json.loads(Path(result["proof"]).read_text())["missing"] == ["img0000000000-0000000000.tif"]


def test_parts_that_the_area_does_not_touch_may_be_missing(tmp_path):
    """As they are when somebody exported no more than what was needed."""
    left, _bottom, _right, top = SCENE.grid.bounds()
    parts = export(SCENE, tmp_path / "parts")
    for window in [w for w in parts if w.row >= 128 or w.col >= 128]:
        parts[window].unlink()

    area = shapely.box(left + 5, top - 1000, left + 1200, top - 5)
    result = assembled(tmp_path, areas=(write_area(tmp_path / "a.geojson", area),))

    assert result["missing"] == []
    assert read(result["path"]).shape == (2, 128, 128)


def test_an_area_that_reaches_beyond_the_parts_is_refused(tmp_path):
    """How far, and on which side."""
    left, bottom, right, top = SCENE.grid.bounds()
    export(SCENE, tmp_path / "parts")

    area = write_area(tmp_path / "a.geojson", shapely.box(left - 70, bottom + 100, right, top))

    refused(tmp_path, "7 columns west of all parts", areas=(area,))


def test_an_area_elsewhere_is_refused(tmp_path):
    """It touches no part."""
    left, _bottom, _right, top = SCENE.grid.bounds()
    export(SCENE, tmp_path / "parts")

    area = write_area(tmp_path / "a.geojson", shapely.box(left - 900, top + 100, left - 100, top + 900))

    refused(tmp_path, "touches none of the parts", areas=(area,), allow_missing=True)


def test_parts_that_overlap_are_refused(tmp_path):
    """Which of two pixels counts cannot be known."""
    export(SCENE, tmp_path / "parts", PLAIN)
    SCENE._write_part(tmp_path / "parts", Window(10, 10, 64, 64), SCENE.pixels())

    refused(tmp_path, r"part_0_0\.TIFF and 10-10\.tif both cover|10-10\.tif and part_0_0\.TIFF both cover")


def test_the_same_part_twice_is_left_out_and_said(tmp_path):
    """A download under both of Earth Engine's names is one part."""
    export(SCENE, tmp_path / "parts", NO_DASH)
    first = tmp_path / "parts" / NO_DASH.format(0, 0)
    shutil.copy(first, tmp_path / "parts" / DASH.format(0, 0))

    result = assembled(tmp_path)

    np.testing.assert_array_equal(read(result["path"]), SCENE.pixels())
    assert result["notes"] == [f"{NO_DASH.format(0, 0)} is the same file as {DASH.format(0, 0)} and was left out."]


def test_two_different_parts_at_one_place_are_refused(tmp_path):
    """A part and its newer version are not one."""
    export(SCENE, tmp_path / "parts", NO_DASH)
    other = Scene(**{**vars(SCENE), "seed": 9}).write(tmp_path / "other")[Window(0, 0, 64, 64)]
    shutil.copy(other, tmp_path / "parts" / DASH.format(0, 0))

    refused(tmp_path, "cover the same pixels and differ")


def test_parts_of_several_rasters_are_told_apart(tmp_path):
    """Their prefixes are listed; one of them chooses."""
    export(SCENE, tmp_path / "parts", NO_DASH)
    export(Scene(**{**vars(SCENE), "seed": 9}), tmp_path / "parts", "dry-{0:010d}-{1:010d}.tif")

    refused(tmp_path, r"'dry' \(20 files\), 'img' \(20 files\); choose one by --prefix")
    refused(tmp_path, "no part .* begins with 'wet'", prefix="wet")
    result = assembled(tmp_path, prefix="img")

    np.testing.assert_array_equal(read(result["path"]), SCENE.pixels())


# -------------------------------------------------------------- what parts say of themselves


def two_parts(folder, second=None, **profile):
    """Write two neighbours of 64 × 64 pixels; `second` changes the profile of the other one."""
    folder.mkdir(parents=True)
    paths = []
    for number, changes in enumerate(({}, second or {})):
        transform = Affine(10, 0, 499980 + 640 * number, 0, -10, 5200020)
        told = {"count": 1, "dtype": "uint8", "crs": "EPSG:32633", "nodata": 0, "transform": transform, **TILED}
        told |= {"height": 64, "width": 64} | profile | changes
        path = folder / f"{number}.tif"
        with rasterio.open(path, "w", driver="GTiff", **told) as raster:
            raster.write(np.full((raster.count, 64, 64), number + 1, raster.dtypes[0]))
        paths.append(path)
    return paths


def edit(paths, change):
    for path in paths:
        with rasterio.open(path, "r+") as raster:
            change(raster)


def test_scale_offset_unit_names_and_metadata_are_carried_on(tmp_path):
    """Everything that gives the numbers their meaning, of each band its own."""
    paths = two_parts(tmp_path / "parts", count=2)

    def dress(raster):
        raster.scales, raster.offsets = (0.5, 0.0001), (-10.0, 0.25)
        raster.units = ("kelvin", "metre")
        raster.descriptions = ("temperature", None)
        raster.update_tags(SENSOR="x")
        raster.update_tags(2, KIND="height")

    edit(paths, dress)

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.scales == (0.5, 0.0001)
        assert raster.offsets == (-10.0, 0.25)
        assert raster.units == ("kelvin", "metre")
        assert raster.descriptions == ("temperature", None)
        assert raster.tags()["SENSOR"] == "x"
        assert raster.tags(2)["KIND"] == "height"


def test_a_palette_is_carried_on_and_classes_are_not_averaged(tmp_path):
    """Colours and number of each class stay; overviews hold classes that there are."""
    colours = {0: (0, 0, 0, 255), 1: (200, 30, 30, 255), 2: (20, 90, 200, 255), 9: (1, 2, 3, 255)}
    paths = two_parts(tmp_path / "parts")
    checker = np.where(np.indices((64, 64)).sum(axis=0) % 2, 1, 9).astype("uint8")[np.newaxis]

    def paint(raster):
        raster.write_colormap(1, colours)
        raster.write(checker)

    edit(paths, paint)

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.colorinterp == (ColorInterp.palette,)
        shown = raster.colormap(1)
        assert {value: shown[value][:3] for value in colours} == {v: c[:3] for v, c in colours.items()}
        assert set(np.unique(raster.read(1, out_shape=(32, 64)))) <= {1, 9}


def test_true_colours_stay_true_colours(tmp_path):
    """Red, green and blue are shown as such."""
    two_parts(tmp_path / "parts", count=3, photometric="RGB")

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@pytest.mark.parametrize(
    ("second", "change", "named"),
    [
        pytest.param({"nodata": 7}, None, "1.tif: its nodata values: ..7.0.,., not ..0.0.,", id="nodata"),
        pytest.param({"crs": "EPSG:32634"}, None, "1.tif: its CRS: EPSG:32634, not EPSG:32633", id="CRS"),
        pytest.param({"dtype": "int16"}, None, "its number types", id="number type"),
        pytest.param({"count": 2}, None, "1.tif: its", id="bands"),
        pytest.param({"transform": Affine(20, 0, 500620, 0, -20, 5200020)}, None, "pixels are 20 × 20", id="pixels"),
        pytest.param(
            {"transform": Affine(10, 0, 500625, 0, -10, 5200020)}, None, "0.5 columns and 0 rows off", id="half"
        ),
        pytest.param({}, lambda r: setattr(r, "scales", (0.5,)), "its scales: .0.5,., not .1.0,", id="scale"),
        pytest.param({}, lambda r: setattr(r, "offsets", (3.0,)), "its offsets", id="offset"),
        pytest.param({}, lambda r: setattr(r, "descriptions", ("B4",)), "its band names", id="names"),
        pytest.param({}, lambda r: r.write_colormap(1, {1: (9, 9, 9)}), "its colour", id="palette"),
    ],
)
def test_parts_that_are_not_alike_are_refused(second, change, named, tmp_path):
    """With the file, what it says, and what the others say."""
    paths = two_parts(tmp_path / "parts", second)
    if change:
        edit(paths[1:], change)

    refused(tmp_path, named)


@pytest.mark.parametrize(
    ("profile", "named"),
    [
        pytest.param({"transform": Affine(10, 0, 0, 0, 10, 0.5)}, "south-up.*turn it first", id="south-up"),
        pytest.param({"transform": Affine(10, 1, 0, 1, -10, 0)}, "is rotated", id="rotated"),
        pytest.param({"crs": None}, "names no CRS", id="no CRS"),
        pytest.param({"nodata": None}, "name no nodata value; say by --nodata", id="no nodata"),
        pytest.param({"count": 2, "nodata": None, "alpha": "YES"}, "band 2 is alpha", id="alpha"),
        pytest.param({"dtype": "int64"}, "dtype 'int64' is not one of", id="number type"),
    ],
)
def test_what_cannot_be_carried_on_is_refused(profile, named, tmp_path):
    """Never dropped in silence."""
    for path in two_parts(tmp_path / "parts", **profile)[1:]:
        path.unlink()

    refused(tmp_path, named)


def test_a_file_that_is_no_part_is_named(tmp_path):
    """An HTML page saved as a GeoTIFF is no GeoTIFF."""
    two_parts(tmp_path / "parts")
    (tmp_path / "parts" / "2.tif").write_text("<html>")

    refused(tmp_path, "2.tif is no readable GeoTIFF")


def test_a_part_that_was_renamed_is_refused(tmp_path):
    """Its name says another place than its georeference."""
    parts = export(SCENE, tmp_path / "parts")
    parts[Window(192, 256, 8, 4)].rename(tmp_path / "parts" / NO_DASH.format(256, 256))

    refused(tmp_path, r"\(256, 256\).*was it renamed")


def test_a_mask_beside_a_part_is_refused(tmp_path):
    """It would be lost."""
    (path, _other) = two_parts(tmp_path / "parts")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="NO"), rasterio.open(path, "r+") as raster:
        raster.write_mask(np.full((64, 64), 255, "uint8"))

    refused(tmp_path, r"its mask lies in 0\.tif\.msk")


def test_what_a_sidecar_says_is_not_lost(tmp_path):
    """A scale that stands in .aux.xml is no part of the file; the file and the key are named."""
    (path, _other) = two_parts(tmp_path / "parts")
    Path(f"{path}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><Scale>0.5</Scale></PAMRasterBand></PAMDataset>'
    )

    refused(tmp_path, r"its scales with 0\.tif\.aux\.xml")


def test_statistics_in_a_sidecar_do_no_harm(tmp_path):
    """QGIS leaves them behind."""
    (path, _other) = two_parts(tmp_path / "parts")
    Path(f"{path}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><Metadata><MDI key="STATISTICS_MAXIMUM">1</MDI></Metadata>'
        "</PAMRasterBand></PAMDataset>"
    )

    assert assembled(tmp_path)["parts"] == 2


def test_masks_in_the_parts_become_nodata(tmp_path):
    """By the value that the user names; pixels that the masks call data stay as they are."""
    scene = Scene(**{**vars(SCENE), "masked": True, "holes": 0})
    parts = export(scene, tmp_path / "parts")

    result = assembled(tmp_path, nodata=None)

    np.testing.assert_array_equal(read(result["path"]), reference(scene, parts, tmp_path))


def test_a_nodata_value_that_a_datum_has_is_refused(tmp_path):
    """With masks and no nodata value, the user's value must be none that a pixel has."""
    for path in two_parts(tmp_path / "parts", nodata=None):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(path, "r+") as raster:
            mask = np.full((64, 64), 255, "uint8")
            mask[:8] = 0
            raster.write_mask(mask)

    refused(tmp_path, "though they have masks")
    with pytest.raises(IntegrityError, match="its mask calls data"):
        assembled(tmp_path, nodata=2)
    result = assembled(tmp_path, nodata=77)

    pixels = read(result["path"])
    assert (pixels[:, :8] == 77).all()
    assert sorted(np.unique(pixels[:, 8:])) == [1, 2]


def test_the_value_for_nothing_may_be_the_users_word(tmp_path):
    """Earth Engine writes 0 for masked pixels where it was asked for no value; the file says so afterwards."""
    two_parts(tmp_path / "parts", nodata=None)

    result = assembled(tmp_path, nodata=1)

    with rasterio.open(result["path"]) as raster:
        assert raster.nodata == 1
    assert result["valid"] == {"band1": 0.5}


def test_another_value_than_the_parts_name_is_refused(tmp_path):
    """The parts know better."""
    two_parts(tmp_path / "parts")

    refused(tmp_path, "the nodata value of the parts is 0, not 5", nodata=5)


@pytest.mark.parametrize("where", ["Area", "Point"])
def test_points_and_areas_lie_where_they_lay(where, tmp_path):
    """Whether a pixel is a point or an area moves nothing by half a pixel."""
    paths = two_parts(tmp_path / "parts")
    edit(paths, lambda raster: raster.update_tags(AREA_OR_POINT=where))
    with rasterio.open(paths[0]) as raster:
        transform = raster.transform

    result = assembled(tmp_path)

    with rasterio.open(result["path"]) as raster:
        assert raster.transform == transform
        assert raster.tags()["AREA_OR_POINT"] == where


# ------------------------------------------------------------------------ the result's names


@pytest.mark.parametrize("suffix", [".tif", ".json", ".png"])
def test_nothing_that_is_there_is_replaced(suffix, tmp_path):
    """A file at one of the result's names is somebody's; also a link that leads nowhere."""
    two_parts(tmp_path / "parts")
    there = tmp_path / "out" / f"whole_clipped{suffix}"
    there.parent.mkdir()
    there.symlink_to(tmp_path / "nowhere")

    with pytest.raises(UserError, match=rf"whole_clipped\{suffix} is there already.*--overwrite"):
        assembled(tmp_path)

    assert [path.name for path in there.parent.iterdir()] == [there.name]


def test_what_is_there_is_replaced_when_asked_for(tmp_path):
    """And a result that lies among its parts is none of them."""
    two_parts(tmp_path / "parts")
    first = assembled(tmp_path, output=tmp_path / "parts")

    again = assembled(tmp_path, output=tmp_path / "parts", overwrite=True)

    assert again["sha256"] == first["sha256"]
    names = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert names == ["0.tif", "1.tif", "whole_clipped.json", "whole_clipped.png", "whole_clipped.tif"]


# --------------------------------------------------------------------------- interruptions


def command(tmp_path, **environment):
    """Run the command in a process of its own."""
    words = [sys.executable, "-m", "orchestrator", "--json", "assemble", tmp_path / "parts"]
    words += ["--output", tmp_path / "out", "--base-name", "whole"]
    told = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(words, cwd=tmp_path, env=told, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("moment", ["assembly.placed", "assembly.finished", "assembly.published"])
def test_killed_anywhere_the_same_command_gives_the_same_file(moment, tmp_path):
    """Nothing is left over, nothing is lost, and the names are not taken by the killed one."""
    export(SCENE, tmp_path / "parts")
    expected = assembled(tmp_path, output=tmp_path / "undisturbed", version=__version__)["sha256"]
    killed = command(tmp_path, ORCHESTRATOR_CRASH_AT=moment)

    done = command(tmp_path)

    assert killed.returncode == -9, killed.stderr
    assert done.returncode == 0, done.stderr
    assert sha256_of(tmp_path / "out" / "whole_clipped.tif") == expected
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "whole_clipped.json", "whole_clipped.png", "whole_clipped.tif",
    ]  # fmt: skip


class Placed(Never):
    """A wish to stop once more than some parts were told to be placed."""

    def __init__(self, told, parts):
        self.told, self.parts = told, parts

    def is_set(self):
        return len([what for what, _done, _of in self.told if what == "placing parts"]) > self.parts


class Looks(Never):
    """A wish to stop from the `last`-th time on that the main thread looks; counts its looks by what is being done."""

    def __init__(self, last=None):
        self.last, self.seen = last, 0

    def is_set(self):
        self.seen += threading.current_thread() is threading.main_thread()
        return self.last is not None and self.seen > self.last


def test_stopped_in_the_middle_it_continues(tmp_path):
    """Parts that were placed are not placed again, and the file is the one that was due."""
    export(SCENE, tmp_path / "parts")
    looks, told = Looks(), []
    expected = assemble_folder(
        request(tmp_path, output=tmp_path / "undisturbed"), looks, lambda *said: told.append((looks.seen, *said))
    )["sha256"]
    before = max(seen for seen, what, *_ in told if what == "looking at the parts")
    after = next(seen for seen, what, *_ in told if what == "completing the file")

    with pytest.raises(Stopped):
        assemble_folder(request(tmp_path), Looks((before + after) // 2))
    journal = (tmp_path / "out" / ".orchestrator" / "assemble-whole" / "mosaic" / "journal").read_bytes()
    result = assembled(tmp_path)

    assert 0 < sum(len(json.loads(line[9:]).get("parts", ())) for line in journal.splitlines()) < 20
    assert result["sha256"] == expected


def test_a_stop_is_heard_inside_a_part(tmp_path):
    """One file may be the whole raster; nobody waits for its end."""
    scene = Scene(height=600, width=600, side=600, bands=1, profile=TILED)
    export(scene, tmp_path / "parts", PLAIN)
    told, looks = [], []

    class Soon(Never):
        def is_set(self):
            looks.append(1)
            return len(looks) > 20

    with pytest.raises(Stopped, match="while placing a part"):
        assemble_folder(request(tmp_path), Soon(), lambda *said: told.append(said))

    assert not [what for what, _done, _of in told if what == "placing parts"]


def test_parts_that_changed_meanwhile_begin_anew(tmp_path):
    """What was placed of the old ones is forgotten."""
    export(SCENE, tmp_path / "parts")
    told = []
    with pytest.raises(Stopped):
        assemble_folder(request(tmp_path), Placed(told, 3), lambda *said: told.append(said))
    newer = Scene(**{**vars(SCENE), "seed": 9})
    shutil.rmtree(tmp_path / "parts")
    export(newer, tmp_path / "parts")

    result = assembled(tmp_path)

    np.testing.assert_array_equal(read(result["path"]), newer.pixels())


# -------------------------------------------------------------------------------- real files


@pytest.fixture
def rasters():
    named = os.environ.get("ORCHESTRATOR_TEST_DATA")
    folder = (Path(named) if named else ROOT.parent / "shared" / "data") / "raster"
    if not folder.is_dir():
        pytest.skip("no real rasters: set ORCHESTRATOR_TEST_DATA to the folder of real data")
    return folder


def test_a_real_cloud_optimised_file_is_taken_apart_and_joined(rasters, tmp_path):
    """Three bytes a pixel in EPSG:3857, in JPEG as it is: what is read of the parts is read of the whole."""
    (tmp_path / "parts").mkdir()
    with rasterio.open(rasters / "rasterio_cogeo.tif") as source:
        whole, colours, transform = source.read(), source.colorinterp, source.transform
        grid = Grid("EPSG:3857", tuple(transform)[:6], *source.shape)
        for window in grid.window.tiles(256, 512):
            profile = source.profile | {"height": window.height, "width": window.width, "nodata": source.nodata}
            profile["transform"] = Affine(*grid.window_transform(window))
            with rasterio.open(tmp_path / "parts" / NO_DASH.format(window.row, window.col), "w", **profile) as part:
                part.write(whole[:, window.row : window.bottom, window.col : window.right])
            inside = np.s_[:, window.row : window.bottom, window.col : window.right]
            whole[inside] = read(tmp_path / "parts" / NO_DASH.format(window.row, window.col))
        nodata = source.nodata

    result = assembled(tmp_path, nodata=0 if nodata is None else None)

    np.testing.assert_array_equal(read(result["path"]), whole)
    with rasterio.open(result["path"]) as raster:
        assert raster.colorinterp == colours
        assert raster.transform == transform


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # rasterio uses affine in its old way
def test_a_real_file_alone_is_clipped(rasters, tmp_path):
    """One file is a raster too; what GDAL masks is what is cut away."""
    (tmp_path / "parts").mkdir()
    shutil.copy(rasters / "eolearn_import-tiff-test1.tiff", tmp_path / "parts" / "a.tiff")
    with rasterio.open(tmp_path / "parts" / "a.tiff") as source:
        left, bottom, right, top = source.bounds
        area = shapely.Point((left + right) / 2, (bottom + top) / 2).buffer((top - bottom) / 3)
        truth, _transform = rasterio.mask.mask(source, [area], nodata=65535)
        crs = source.crs.to_string()

    result = assembled(tmp_path, nodata=65535, areas=(write_area(tmp_path / "a.geojson", area, crs),))

    np.testing.assert_array_equal(read(result["path"]), truth)

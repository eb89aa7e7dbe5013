"""A part that is not exactly the planned one is refused, in words that name what was found and what was wanted."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
import rasterio
from assembly import Never, Scene, assemble, place, read
from rasterio.transform import Affine

from orchestrator.assemble.accepted import Accepted
from orchestrator.assemble.mosaic import BlockAssembler
from orchestrator.assemble.part import gdal, open_part
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.core.errors import IntegrityError, PlanError
from orchestrator.model.grid import Window

SCENE = Scene(height=64, width=128, side=64)
WINDOW, NEIGHBOUR = SCENE.windows()
GOOD = {
    "driver": "GTiff", "count": 2, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0, "height": 64, "width": 64,
    "transform": Affine(*SCENE.grid.transform), "tiled": True, "blockxsize": 16, "blockysize": 16,
}  # fmt: skip


def part(path, names=("B1", "B2"), **changes):
    profile = {k: v for k, v in (GOOD | changes).items() if v is not None}
    with rasterio.open(path, "w", **profile) as dst:
        dst.write(np.ones((dst.count, dst.height, dst.width), dst.dtypes[0]))
        if names:
            dst.descriptions = names
    return path


def part_at(window, path):
    return part(path, transform=Affine(*SCENE.grid.window_transform(window)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"crs": "EPSG:32634"}, "its CRS is EPSG:32634, expected EPSG:32633", id="CRS"),
        pytest.param({"height": 48}, "size (height, width) is (48, 64), expected (64, 64)", id="size"),
        pytest.param({"height": 32, "width": 32}, "size (height, width) is (32, 32), expected (64", id="half the size"),
        pytest.param(
            {"transform": Affine(10, 0, 499983.0, 0, -10, 5200020)}, "its transform is (10.0, 0.0, 499983.0", id="shift"
        ),
        pytest.param(
            {"transform": Affine(10.000001, 0, 499980, 0, -10, 5200020)}, "its transform is (10.000001", id="pixel size"
        ),
        pytest.param({"count": 3, "names": ("B1", "B2", "B3")}, "its band count is 3, expected 2", id="bands"),
        pytest.param({"names": ("B2", "B1")}, "the order of its bands is ('B2', 'B1'), expected", id="band order"),
        pytest.param({"dtype": "int16"}, "its number type is ('int16',), expected ('uint16',)", id="dtype"),
        pytest.param({"nodata": 7}, "its nodata value is 7.0, expected 0", id="nodata"),
        pytest.param({"nodata": None}, "its nodata value is None, expected 0", id="no nodata"),
    ],
)
@pytest.mark.parametrize("others", [False, True], ids=["alone", "after a right one"])
def test_the_wrong_part_is_refused_by_name(changes, sentence, others, tmp_path):
    """Found and wanted stand in the message, and nothing of the part in the mosaic."""
    path = part(tmp_path / "part.tif", **changes)
    mosaic = BlockAssembler().open(SCENE.spec(), tmp_path / "work")
    right = [(NEIGHBOUR, part_at(NEIGHBOUR, tmp_path / "right.tif"))] if others else []
    place(mosaic, right)

    with pytest.raises(IntegrityError, match=re.escape(sentence)):
        place(mosaic, [(WINDOW, path)])

    assert mosaic.placed() == frozenset(window for window, _ in right)


def test_parts_that_changed_places_are_refused(tmp_path):
    """A part like one that was right, but for where it lies, is still the wrong one."""
    mosaic = BlockAssembler().open(SCENE.spec(), tmp_path / "work")
    place(mosaic, [(WINDOW, part(tmp_path / "part.tif"))])

    with pytest.raises(IntegrityError, match=re.escape("its transform is (10.0, 0.0, 499980.0")):
        place(mosaic, [(NEIGHBOUR, tmp_path / "part.tif")])


def test_damage_anywhere_in_the_tags_of_a_known_part_is_an_integrity_error(tmp_path):
    """What GDAL is not asked about is read by us: whatever stands there, it ends in words."""
    good = part_at(NEIGHBOUR, tmp_path / "good.tif").read_bytes()
    (first,) = struct.unpack("<I", good[4:8])
    rng = np.random.default_rng(0)
    settings, accepted = MosaicSettings.of(SCENE.spec()), Accepted(SCENE.grid)
    refused = 0
    with gdal():
        with open_part(part(tmp_path / "part.tif"), WINDOW, settings, accepted):
            pass
        for _ in range(500):
            damaged = bytearray(good)
            for at in rng.integers(first, min(first + 420, len(good)), 2):
                damaged[at] = rng.integers(256)
            try:
                with open_part(bytes(damaged), NEIGHBOUR, settings, accepted):
                    pass
            except IntegrityError:
                refused += 1
    assert refused > 200


@pytest.mark.parametrize("area_or_point", ["Area", "Point"])
def test_gdal_opens_one_of_parts_that_are_alike(area_or_point, tmp_path, monkeypatch):
    """Thousands of parts say the same of themselves; one is looked at closely, smaller ones at the edge included."""
    scene = Scene(tags={"AREA_OR_POINT": area_or_point})
    parts = scene.write(tmp_path / "parts")
    opened = []
    real = rasterio.open
    monkeypatch.setattr("orchestrator.assemble.part.rasterio.open", lambda *a, **k: opened.append(a) or real(*a, **k))
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")

    place(mosaic, parts.items())

    assert len(opened) == 1
    monkeypatch.undo()
    np.testing.assert_array_equal(read(mosaic.finish(Never()).path), scene.pixels())


def test_a_shift_no_pixel_can_feel_is_accepted(tmp_path):
    """Rounding in a transform is no shift; bands without names are counted."""
    shifted = Affine(10, 0, 499980 + 1e-7, 0, -10, 5200020)

    report = assemble(SCENE, {WINDOW: part(tmp_path / "p.tif", None, transform=shifted)}, tmp_path / "work")

    assert report.method == "splice"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # of the PNG written here
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"<html>not found</html>", "no readable GeoTIFF", id="no TIFF at all"),
        pytest.param(b"", "no readable GeoTIFF", id="nothing"),
        pytest.param("PNG", "no readable GeoTIFF", id="another format"),
        pytest.param("cut", "cut short|no readable GeoTIFF|cannot be read", id="cut short"),
    ],
)
def test_what_is_no_whole_geotiff_is_refused(content, sentence, tmp_path):
    """Only the GTiff driver is asked, and a part whose tiles lie behind its end is not read."""
    if content == "PNG":
        with rasterio.open(tmp_path / "x.png", "w", driver="PNG", height=64, width=64, count=1, dtype="uint8") as dst:
            dst.write(np.ones((1, 64, 64), "uint8"))
        content = (tmp_path / "x.png").read_bytes()
    if content == "cut":
        cog = Scene(height=512, width=512, side=512, driver="COG", profile={"blocksize": 128})
        scene, window = cog, Window(0, 0, 512, 512)
        content = cog.write(tmp_path)[window].read_bytes()[:-2000]
    else:
        scene, window = SCENE, WINDOW
    mosaic = BlockAssembler().open(scene.spec(), tmp_path / "work")

    with pytest.raises(IntegrityError, match=sentence):
        place(mosaic, [(window, content)])


def test_parts_may_not_overlap_or_leave_the_grid(tmp_path):
    """Every pixel belongs to one part at most."""
    mosaic = BlockAssembler().open(SCENE.spec(), tmp_path / "work")
    place(mosaic, [(WINDOW, part(tmp_path / "part.tif"))])

    with pytest.raises(IntegrityError, match="overlaps"):
        place(mosaic, [(Window(32, 32, 16, 16), b"")])
    with pytest.raises(IntegrityError, match="does not lie on the grid"):
        place(mosaic, [(Window(64, 0, 16, 16), b"")])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"compress": "jpeg"}, "compress 'jpeg' is not one of same, none, lzw", id="compress"),
        pytest.param({"predictor": "float"}, "does not fit uint16", id="predictor"),
        pytest.param({"overviews": "cubic"}, "overviews 'cubic' is not one of", id="overviews"),
        pytest.param({"block": 100}, "not a multiple of 16", id="block"),
        pytest.param({"threads": 0}, "give at least 1", id="threads"),
    ],
)
def test_what_cannot_be_written_is_refused_before_work_begins(changes, sentence, tmp_path):
    """Words and numbers of the specification are checked when it is opened."""
    with pytest.raises(PlanError, match=re.escape(sentence)):
        BlockAssembler().open(SCENE.spec(**changes), tmp_path / "work")

    assert not (tmp_path / "work").exists()

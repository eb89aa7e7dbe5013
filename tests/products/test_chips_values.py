"""What is in a chip: the image's pixels at their places, masks kept, and what the user's own code makes of them."""

from __future__ import annotations

import hashlib
import json

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from chips_kit import SOUTH, WEST, write_cells

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.tiling.file import name_tiles, read_tiles, rewrite_tiles, write_tiles

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")


@pytest.fixture(scope="module", autouse=True)
def _sandbox(tmp_path_factory):
    """One sandbox for the tests of this file, spoken to by this process."""
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


def image():
    """Column and row of the pixel of 20 m; every seventh pixel is masked."""
    import ee  # noqa: PLC0415

    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(20))
    x, y = place.select("x"), place.select("y")
    return x.addBands(y).toInt32().updateMask(x.toInt32().add(y.toInt32()).mod(7).neq(0))


def truth(transform, height, width):
    """What `image` is at pixels of 20 m: (band, row, col), masked."""
    x = np.floor(transform[2] / 20) + np.arange(width)[None, :] + np.zeros((height, 1))
    # Rows of Earth Engine's projection count upwards, as y does; a pixel's own is the one below its upper edge.
    y = np.floor(transform[5] / 20) - 1 - np.arange(height)[:, None] + np.zeros((1, width))
    return np.ma.masked_array([x, y], mask=[(x + y) % 7 == 0] * 2)


def get(tiles, **given):
    return orc.chips(tiles, **({"dataset": image(), "name": "xy", "pixels": (50, 50), "progress": False} | given))


def test_a_chip_has_the_image_s_pixels_at_their_places_and_its_mask(tmp_path):
    """By the formula of the image; masked pixels are nodata, and the file says which number that is."""
    found = get(write_cells(tmp_path))

    for row in found.frame.itertuples():
        with rasterio.open(found.folder / row.file) as raster:
            values = raster.read(masked=True)
            assert (raster.nodata, raster.descriptions, raster.dtypes[0]) == (row.nodata, ("x", "y"), row.dtype)
            assert raster.crs.to_epsg() == 32633
        expected = truth(row.transform, 50, 50)
        np.testing.assert_array_equal(values.mask, expected.mask)
        np.testing.assert_array_equal(values.filled(0), expected.filled(0))
        assert list(row.valid) == pytest.approx([1 - expected.mask[0].mean()] * 2)
        assert hashlib.sha256((found.folder / row.file).read_bytes()).hexdigest() == row.sha256


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # in rioxarray's own code
def test_chips_laid_together_are_the_mosaic_of_the_same_image(tmp_path):
    """No resampling: their pixels are those of one download of the whole."""
    found = get(write_cells(tmp_path, across=3, down=2))

    laid = np.full((2, 100, 150), 0, np.int32)
    for name in found.frame["file"]:
        with rasterio.open(found.folder / name) as file:
            assert ((file.transform.c - WEST) % 20, (file.transform.f - SOUTH) % 20) == (0, 0)
            col, row = round((file.transform.c - WEST) / 20), round((SOUTH + 2000 - file.transform.f) / 20)
            laid[:, row : row + 50, col : col + 50] = file.read()
    box = shapely.box(WEST, SOUTH, WEST + 3000, SOUTH + 2000)
    whole = orc.export_image(image(), box, area_crs="EPSG:32633", crs="EPSG:32633", scale=20, masked=False,
                             nodata=int(found.frame["nodata"].iloc[0]))  # fmt: skip
    np.testing.assert_array_equal(laid, whole.to_numpy())


def test_pixels_outside_a_tile_are_nodata_where_that_is_asked_for(tmp_path):
    """Those whose centres lie outside, holes too, as GDAL burns polygons."""
    ring = shapely.Point(WEST + 500, SOUTH + 500).buffer(450) - shapely.Point(WEST + 600, SOUTH + 500).buffer(120)
    frame = geopandas.GeoDataFrame(geometry=[ring], crs="EPSG:32633")
    tiles = write_tiles(name_tiles(frame, "hills", "rings"), tmp_path)

    found = get(tiles, scale=20, pixels=None, outside="nodata")

    row = found.frame.iloc[0]
    outside = rasterio.features.geometry_mask([ring], (row.height, row.width), rasterio.Affine(*row["transform"]))
    expected = truth(row["transform"], row.height, row.width)
    np.testing.assert_array_equal(found.read(row.identifier).mask[0], outside | expected.mask[0])
    assert row.valid[0] == pytest.approx(1 - expected.mask[0][~outside].mean())


CODE = """
import ee
import shapely


class DatasetDefinition:
    def __init__(self, name):
        self.name = name

    def get_dataset_name(self):
        return "own"

    def get_dtype(self):
        return "float32"

    def get_gee_image(self, tile_geometry, **_):
        tile = ee.Geometry.Polygon(list(map(list, tile_geometry.exterior.coords)), None, False)
        return ee.Image.constant(1).rename("one").addBands(ee.Image(tile.area(1)).rename("area"))

    def must_get_gee_image(self, filename):
        return not filename.endswith("{skipped}.tif")

    def post_process_tilefile(self, filename):
        import rasterio
        with rasterio.open(filename, "r+") as file:
            file.update_tags(LOOKED="yes")
        if filename.endswith("{removed}.tif"):
            import os
            os.remove(filename)

    def map_values(self, array):
        raise RuntimeError("what is stored is not mapped")
"""


def test_a_user_s_code_is_handed_each_tile_and_its_functions_are_called(tmp_path):
    """An image of the tile's own area; one tile is not wanted, of another the file is removed: both are EMPTY."""
    tiles = write_cells(tmp_path)
    names = list(read_tiles(tiles).frame["identifier"])
    code = tmp_path / "own.py"
    code.write_text(CODE.replace("{skipped}", names[0]).replace("{removed}", names[1]))

    found = get(tiles, dataset=code, name="", bands=["one", "area"])

    table = found.frame.set_index("identifier")
    assert list(table["state"]) == ["EMPTY", "EMPTY", "DONE", "DONE"]
    assert "must_get" in table.loc[names[0], "why"]
    assert "removed" in table.loc[names[1], "why"]
    for name in names[2:]:
        # A cell is 1,000 m on the map; on the ellipsoid 1 / 0.9996² of it on the central meridian (NGA.SIG.0012).
        assert found.read(name)[1].mean() == pytest.approx(1e6 / 0.9996**2, rel=1e-3)
        with rasterio.open(found.folder / f"{name}.tif") as raster:
            assert raster.tags()["LOOKED"] == "yes"
    assert (found.folder / "definition.py").read_bytes() == code.read_bytes()
    assert found.about["code_sha256"] == hashlib.sha256(code.read_bytes()).hexdigest()
    assert found.missing == ()


LEAVES = """
import ee, os, pathlib

def get_ee_image():
    return ee.Image(7).rename("a")

def post_process_tilefile(name):
    left = {left!r}[pathlib.Path(name).stem]
    if left == "exit":
        raise SystemExit(7)
    if left != "as it is":
        os.remove(name)
    if left == "garbage":
        pathlib.Path(name).write_text("no raster")
    elif left == "link":
        os.symlink({target!r}, name)
    elif left == "folder":
        os.mkdir(name)
    elif left == "other":
        os.link({target!r}, name)
"""


def test_what_a_user_s_code_leaves_in_a_chip_s_place_is_looked_at(tmp_path):
    """No garbage, link or folder becomes a chip, nor a raster of another place; code that ends the program is told."""
    tiles = write_cells(tmp_path, across=3)
    left = ["garbage", "link", "folder", "exit", "other", "as it is"]
    target = tmp_path / "target.tif"
    with rasterio.open(target, "w", driver="GTiff", width=50, height=50, count=1, dtype="uint8", crs="EPSG:32633",
                       transform=rasterio.Affine(20, 0, 0, 0, -20, 0)) as raster:  # fmt: skip
        raster.write(np.ones((1, 50, 50), np.uint8))
    code = tmp_path / "leaves.py"
    code.write_text(
        LEAVES.replace("{left!r}", repr(dict(zip(read_tiles(tiles).identifiers, left, strict=True)))).replace(
            "{target!r}", repr(str(target))
        )
    )

    found = get(tiles, dataset=code, name="")

    assert list(found.frame["state"]) == ["FAILED"] * 5 + ["DONE"]
    said = ["no chip of this tile", "a link or a folder", "a link or a folder", "SystemExit: 7", "no chip of this tile"]
    assert [word in why for word, why in zip(said, found.frame["why"], strict=False)] == [True] * 5
    assert [path.stem for path in found.folder.glob("*.tif")] == [found.frame["identifier"].iloc[5]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, ("int16", -1)), ({"nodata": 9}, ("uint8", 9)), ({"dtype": "float32"}, ("float32", -9999))],
)
def test_an_image_in_memory_is_of_the_smallest_type_that_holds_it_and_what_is_masked(tmp_path, given, expected):
    """As a file's is; a type or a number of the user's is taken."""
    import ee  # noqa: PLC0415

    found = get(write_cells(tmp_path, 1, 1), dataset=ee.Image(7).toUint8().rename("a"), params=given)

    assert (found.frame["dtype"][0], found.frame["nodata"][0]) == expected
    assert (found.read(found.frame["identifier"][0]) == 7).all()


BYTES = """
import ee


def get_ee_image():
    place = ee.Image.pixelCoordinates(ee.Projection("EPSG:32633").atScale(20))
    x, y = place.select("x").toInt32(), place.select("y").toInt32()
    return x.mod(256).toUint8().rename("shade").updateMask(x.add(y).mod(7).neq(0))
"""


def test_every_number_of_a_picture_is_data_also_in_a_training_set(tmp_path):
    """Bytes of a user's own: 255 is a value, what is masked is not, and the statistics of the set are those of both."""
    tiles = write_cells(tmp_path)
    (tmp_path / "shades.py").write_text(BYTES)

    found = get(tiles, dataset=tmp_path / "shades.py", name="")
    packed = orc.dataset.pack(tiles, "shades", folder=tmp_path / "set", format="zip-pickle")

    shades = []
    for row in found.frame.itertuples():
        x = truth(row.transform, 50, 50)[0]
        shades.append(np.ma.masked_array(x.data % 256, x.mask))
        np.testing.assert_array_equal(found.read(row.identifier)[0], shades[-1])
        np.testing.assert_array_equal(found.read(row.identifier).mask[0], x.mask)
    assert (found.about["dtype"], found.about["nodata"], found.about["image_dtype"]) == ("int16", -1, "uint8")
    kept = np.ma.concatenate(shades).compressed()
    (told,) = packed.about["statistics"]["bands"]
    assert (told["count"], told["max"]) == (kept.size, kept.max())
    assert (told["mean"], told["std"]) == pytest.approx((kept.mean(), kept.std()))


def test_columns_that_are_added_to_the_tiles_make_no_other_job(tmp_path):
    """Splits and labels come between two downloads; what is there is not asked for again."""
    tiles = read_tiles(write_cells(tmp_path))
    first = get(tiles.path)

    rewrite_tiles(tiles, tiles.frame.assign(split=["train", "train", "test", "val"]))

    assert get(tiles.path).result.run == first.result.run


def test_tiles_are_chosen_by_a_condition_on_their_columns(tmp_path):
    """One split only; or the first of them, for a try."""
    tiles = read_tiles(write_cells(tmp_path))
    tiles = rewrite_tiles(tiles, tiles.frame.assign(split=["train", "train", "test", "val"]))
    names = list(tiles.frame["identifier"])

    assert list(get(tiles, where="split == train", name="train").frame["identifier"]) == names[:2]
    assert list(get(tiles, where="split in test,val", first=1, name="one").frame["identifier"]) == names[2:3]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param({"pixels": None}, "--pixels", id="no size"),
        pytest.param({"pixels": (0, 10)}, "width and a height", id="half a size"),
        pytest.param({"pixels": "100"}, r"\(100, 100\)", id="a text"),
        pytest.param({"where": "splt == train"}, "splt", id="unknown column"),
        pytest.param({"where": "identifier == none"}, "fits", id="no tile"),
        pytest.param({"name": "a.b"}, "a-b", id="a name with a suffix"),
        pytest.param({"dataset": None}, "dataset=", id="no dataset"),
        pytest.param({"dataset": "sentinel2-rgb-medan-2020"}, "sentinel2-rgb-median", id="unknown dataset"),
        pytest.param({"outside": "zero"}, "nodata", id="outside"),
        pytest.param({"scale": 0.01}, "orchestrator run --each", id="too heavy"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(tmp_path, given, told):
    """It names what was meant, before anything remote happens."""
    tiles = write_cells(tmp_path)
    said = given | ({"pixels": None} if "scale" in given else {})

    with pytest.raises(UserError, match=told) as caught:
        get(tiles, **said)

    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.tif"))


def test_a_file_at_a_chip_s_name_that_nobody_published_is_not_believed(tmp_path):
    """A folder that is there and not ours is refused, with `overwrite` either; without it every chip is asked for."""
    tiles = write_cells(tmp_path)
    folder = tiles.with_suffix("") / "xy"
    folder.mkdir(parents=True)
    half = folder / f"{read_tiles(tiles).frame['identifier'].iloc[0]}.tif"
    half.write_bytes(b"II*\0 half a file")

    for how, told in (
        ({}, "not this job's.*or move it away"),
        ({"overwrite": True}, "it is not replaced, with --over"),
    ):
        with pytest.raises(UserError, match=told):
            get(tiles, **how)
        assert half.read_bytes() == b"II*\0 half a file"

    folder.rename(tmp_path / "away")
    assert set(get(tiles, overwrite=True).frame["state"]) == {"DONE"}
    with rasterio.open(half) as raster:
        assert raster.shape == (50, 50)


def test_what_a_dataset_is_stands_beside_its_chips(tmp_path):
    """Classes with names and colours, sources and their terms; dates, scale, counts."""
    found = orc.chips(write_cells(tmp_path), "esa-world-cover", pixels=20, progress=False)

    about = json.loads((found.folder / "dataset.json").read_text())
    assert found.folder.name == about["dataset"] == "esa-world-cover"
    assert about["classes"]["10"]["name"].lower().startswith("tree")
    assert about["licence"]
    assert about["counts"] == {"DONE": 4, "EMPTY": 0, "FAILED": 0}
    assert (about["scale"], about["dtype"], about["crs"]) == (50, "uint8", ["EPSG:32633"])

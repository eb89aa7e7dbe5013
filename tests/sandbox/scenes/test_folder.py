"""A folder of scenes is served as it lies on disk; a bad one says in one line what is wrong."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.warp
import shapely
from affine import Affine
from pyproj import Transformer
from shapely.geometry import box

from orchestrator.sandbox import sources
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.functions.image_structure import load
from orchestrator.sandbox.scenes.folder import FolderCatalogue, ScenesError
from orchestrator.sandbox.scenes.layout import PROBABILITY, REFLECTANCE

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
REAL = DATA / "l2a_120m_T33TWL_T33TWM"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="the folder of real scenes is not here (ORCHESTRATOR_TEST_DATA)"
)
CLASSES = np.arange(16, dtype=np.uint8).reshape(4, 4) % 13


def raster(path, values, nodata=0):
    """Write a small GeoTIFF of 20 m pixels."""
    profile = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
    grid = {"crs": "EPSG:32633", "transform": Affine(20, 0, 500000, 0, -20, 5000000)}
    with rasterio.open(path, "w", driver="GTiff", nodata=nodata, **profile, **grid) as target:
        target.write(values, 1)


def item(folder, assets, **properties):
    """Write a STAC item with assets (name to href) and the least of properties."""
    folder.mkdir(exist_ok=True)
    given = {"datetime": "2023-08-18T10:08:08Z", "grid:code": "MGRS-33TWL"} | properties
    document = {"type": "Feature", "id": "S2A_33TWL", "properties": given, "geometry": None}
    document["assets"] = {name: {"href": href} for name, href in assets.items()}
    (folder / "item.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def small(tmp_path):
    """One scene of 4 × 4 pixels with red, near infrared and classes."""
    red = np.arange(16, dtype=np.uint16).reshape(4, 4)
    raster(tmp_path / "B04.tif", red)
    raster(tmp_path / "nir.tif", red + 100)
    raster(tmp_path / "SCL.tif", CLASSES)
    return item(tmp_path, {"scl": "SCL.tif", "nir": "nir.tif", "red": "B04.tif", "green": "https://far.away/B03.tif"})


def only(catalogue, collection=REFLECTANCE):
    (scene,) = catalogue.scenes(collection, None, None, None)
    return scene


def test_bands_that_lie_there_are_served_in_order(small):
    """Earth Engine's order, whatever the item's; what lies elsewhere is not fetched."""
    scene = only(FolderCatalogue(small))

    assert [band.name for band in scene.bands] == ["B4", "B8", "SCL"]
    assert scene.bands[0].transform == (20, 0, 500000, 0, -20, 5000000)
    assert scene.bands[0].crs == "EPSG:32633"


def test_zero_is_masked(small):
    """Sentinel-2 keeps 0 for no data."""
    values, valid = only(FolderCatalogue(small)).read("B4", 0, 0, 0, 4, 4)

    assert not valid[0, 0]
    assert valid.sum() == 15
    assert values[3, 3] == 15


def test_beyond_the_raster_is_masked(small):
    """A window may hang over."""
    values, valid = only(FolderCatalogue(small)).read("B8", 0, -1, 2, 3, 4)

    assert valid.tolist() == [[False] * 4, [True, True, False, False], [True, True, False, False]]
    assert values[1:, :2].tolist() == [[102, 103], [106, 107]]


def test_a_probability_is_derived_from_the_classes(small):
    """9 gives 100, 8 gives 65, 10 gives 40, 3 gives 20, 0 stays masked, all else 0."""
    scene = only(FolderCatalogue(small), PROBABILITY)

    values, valid = scene.read("probability", 0, 0, 0, 4, 4)

    expected = np.zeros(13, int)
    expected[[9, 8, 10, 3]] = [100, 65, 40, 20]
    assert np.array_equal(values, expected[CLASSES])
    assert np.array_equal(valid, CLASSES != 0)


def test_a_probability_that_is_there_is_served(tmp_path):
    """0 % is a value then, not a hole."""
    raster(tmp_path / "cloud.tif", np.array([[0, 30], [60, 255]], np.uint8), nodata=255)
    scene = only(FolderCatalogue(item(tmp_path, {"probability": "cloud.tif"})), PROBABILITY)

    values, valid = scene.read("probability", 0, 0, 0, 2, 2)

    assert valid.tolist() == [[True, True], [True, False]]
    assert values[valid].tolist() == [0, 30, 60]


def test_a_mean_level_averages_what_is_valid(small):
    """The masked corner does not pull its block down."""
    values, valid = only(FolderCatalogue(small)).read("B4", 1, 0, 0, 2, 2)

    assert values.tolist() == [[pytest.approx(10 / 3), 4.5], [10.5, 12.5]]
    assert valid.all()


def test_a_class_level_takes_the_top_left_pixel(small):
    """Classes are not averaged, and a masked corner masks the block."""
    values, valid = only(FolderCatalogue(small)).read("SCL", 1, 0, 0, 2, 2)

    assert np.array_equal(values, CLASSES[::2, ::2])
    assert np.array_equal(valid, CLASSES[::2, ::2] != 0)


def test_scenes_are_filtered_by_place_and_time(small):
    """Start included, end excluded; far away is nothing."""
    catalogue = FolderCatalogue(small)
    time = round(datetime(2023, 8, 18, 10, 8, 8, tzinfo=UTC).timestamp() * 1000)
    here, far = box(14.9, 45.1, 15.1, 45.2), box(0, 0, 1, 1)

    def count(region, start, end):
        return len(list(catalogue.scenes(REFLECTANCE, region, start, end)))

    assert count(here, time, time + 1) == 1
    assert count(here, time - 1, time) == 0
    assert count(far, None, None) == 0


def test_the_sun_comes_from_the_granule_when_the_item_is_silent(small):
    """Mean_Sun_Angle of the tile's metadata."""
    angles = '<ZENITH_ANGLE unit="deg">34.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">156.25</AZIMUTH_ANGLE>'
    (small / "granule_metadata.xml").write_text(f"<a><Mean_Sun_Angle>{angles}</Mean_Sun_Angle></a>")

    properties = only(FolderCatalogue(small)).properties

    assert properties["MEAN_SOLAR_AZIMUTH_ANGLE"] == 156.25
    assert properties["MEAN_SOLAR_ZENITH_ANGLE"] == 34.5


def _no_folder(folder):
    return folder / "absent"


def _no_items(folder):
    (folder / "item.json").unlink()
    return folder


def _broken_json(folder):
    (folder / "item.json").write_text("{")
    return folder


def _missing_raster(folder):
    (folder / "B04.tif").unlink()
    return folder


def _broken_raster(folder):
    (folder / "B04.tif").write_bytes(b"II*\0 no more")
    return folder


def _no_date(folder):
    return item(folder, {"red": "B04.tif"}, datetime=None)


def _no_rasters(folder):
    return item(folder, {"red": "https://far.away/B04.tif"})


def _twice(folder):
    shutil.copytree(folder, folder / "again")
    return folder


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        pytest.param(_no_folder, "absent is not a folder", id="no folder"),
        pytest.param(_no_items, "holds no STAC items", id="no items"),
        pytest.param(_broken_json, "item.json cannot be read as JSON", id="broken JSON"),
        pytest.param(_missing_raster, "names B04.tif, which is not there", id="missing raster"),
        pytest.param(_broken_raster, "B04.tif cannot be read as a raster", id="broken raster"),
        pytest.param(_no_date, "no readable datetime", id="no date"),
        pytest.param(_no_rasters, "names no raster", id="nothing beside the item"),
        pytest.param(_twice, "are both", id="the same scene twice"),
    ],
)
def test_a_bad_folder_is_refused_in_one_line(small, spoil, named):
    """The line names the file and what is wrong with it."""
    with pytest.raises(ScenesError, match=named) as caught:
        FolderCatalogue(spoil(small))

    assert "\n" not in str(caught.value)


def test_a_scene_whose_file_is_gone_is_left_out_and_said(small, tmp_path):
    """The others are served; it is refused when it is asked for by name."""
    raster(tmp_path / "other.tif", np.ones((4, 4), np.uint16))
    item(tmp_path / "gone", {"red": "B04.tif", "nir": "../other.tif"}, datetime="2023-08-20T10:08:08Z")

    catalogue = FolderCatalogue(small)

    assert [scene.item.index[:8] for scene in catalogue.scenes(REFLECTANCE, None, None, None)] == ["20230818"]
    (sentence,) = catalogue.left_out
    assert "names B04.tif, which is not there; the scene is left out" in sentence
    for collection in (REFLECTANCE, PROBABILITY):
        with pytest.raises(ScenesError, match=r"B04\.tif, which is not there"):
            catalogue.scene(f"{collection}/20230820T100808_20230820T100808_T33TWL")
    assert catalogue.scene(f"{REFLECTANCE}/another") is None


def test_the_command_says_which_scenes_are_left_out(small, tmp_path, capsys):
    """On standard error, a line each, before it answers."""
    raster(tmp_path / "other.tif", np.ones((4, 4), np.uint16))
    item(tmp_path / "gone", {"red": "B04.tif", "nir": "../other.tif"}, datetime="2023-08-20T10:08:08Z")

    sources.catalogue(small, 0, tell=True)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sandbox: ")
    assert line.endswith("names B04.tif, which is not there; the scene is left out")


def test_asking_for_a_scene_that_was_left_out_is_an_answer(small, tmp_path):
    """The service says which file is missing; it does not break."""
    raster(tmp_path / "other.tif", np.ones((4, 4), np.uint16))
    item(tmp_path / "gone", {"red": "B04.tif", "nir": "../other.tif"}, datetime="2023-08-20T10:08:08Z")
    index = "20230820T100808_20230820T100808_T33TWL"

    with pytest.raises(EvaluationError, match=r"Image.load: .*B04\.tif, which is not there"):
        load(FolderCatalogue(small), f"{REFLECTANCE}/{index}", -1)


@pytest.fixture(scope="module")
def catalogue():
    """Three acquisitions of two overlapping tiles at 120 m."""
    return FolderCatalogue(REAL)


@needs_real
@pytest.mark.real
def test_scenes_come_in_order_with_their_properties(catalogue):
    """Indices as Earth Engine has them for these products."""
    scenes = list(catalogue.scenes(REFLECTANCE, None, None, None))

    assert [scene.item.index for scene in scenes] == [
        "20230815T095031_20230815T095811_T33TWL",
        "20230818T100031_20230818T100754_T33TWM",
        "20230818T100031_20230818T100808_T33TWL",
    ]
    assert scenes[2].properties["MEAN_SOLAR_AZIMUTH_ANGLE"] == 156.704592995608
    assert scenes[2].properties["CLOUDY_PIXEL_PERCENTAGE"] == 45.745239
    assert scenes[2].properties["SPACECRAFT_NAME"] == "Sentinel-2A"
    assert scenes[2].properties["system:time_start"] == 1692353288248
    assert all([band.name for band in scene.bands] == ["B2", "B3", "B4", "B8", "SCL"] for scene in scenes)


@needs_real
@pytest.mark.real
def test_values_equal_a_direct_read(catalogue):
    """Pixel for pixel, with 0 masked."""
    for scene in catalogue.scenes(REFLECTANCE, None, None, None):
        for band, path in list(scene.item.rasters.items())[2:]:
            values, valid = scene.read(band, 0, 100, 200, 300, 400)

            with rasterio.open(path) as source:
                expected = source.read(1)[100:400, 200:600]
            assert np.array_equal(values, expected)
            assert np.array_equal(valid, expected != 0)


@needs_real
@pytest.mark.real
def test_no_pixel_lies_outside_the_footprint(catalogue):
    """Who skips scenes by their footprint loses nothing."""
    for scene in catalogue.scenes(REFLECTANCE, None, None, None):
        _, valid = scene.read("B2", 0, 0, 0, 915, 915)
        rows, cols = np.nonzero(valid[::7, ::7])
        a, _, c, _, e, f = scene.bands[0].transform
        to_degrees = Transformer.from_crs(scene.bands[0].crs, 4326, always_xy=True)
        lon, lat = to_degrees.transform(c + (cols * 7 + 0.5) * a, f + (rows * 7 + 0.5) * e)

        assert shapely.contains_xy(scene.footprint, lon, lat).all()


@needs_real
@pytest.mark.real
def test_a_footprint_is_where_the_item_says_that_it_has_data(catalogue):
    """Where the swath ends inside the tile, it does not reach to the raster's corner; nor does the data."""
    scene = catalogue.scene(f"{REFLECTANCE}/20230818T100031_20230818T100808_T33TWL")
    empty = box(16.3, 45.1, 16.36, 45.15)
    left, bottom, right, top = rasterio.warp.transform_bounds("EPSG:4326", "EPSG:32633", *empty.bounds)

    with rasterio.open(scene.item.rasters["B2"]) as source:
        inside = source.read(1, window=source.window(left, bottom, right, top).round_offsets().round_lengths())

    assert not inside.any()
    assert not scene.footprint.intersects(empty)
    assert scene.place.outline.contains(empty)


# Of the small scene: 80 m at 500000, 5000000 of zone 33, so that its western border is the meridian of 15 degrees.
WEST = {
    "type": "Polygon",
    "coordinates": [[[14.9, 45.1], [15.0008, 45.1], [15.0008, 45.2], [14.9, 45.2], [14.9, 45.1]]],
}
FAR = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


@pytest.mark.parametrize(
    ("geometry", "east"), [(WEST, 15.0008), (FAR, None), (None, None)], ids=["west", "far", "none"]
)
def test_an_item_without_a_geometry_of_use_lies_where_its_rasters_lie(small, geometry, east):
    """One that says where it has data is believed as far as its rasters reach; here only the west has any."""
    raster(small / "B04.tif", np.array([[7, 0, 0, 0]] * 4, np.uint16))
    document = json.loads((small / "item.json").read_text()) | {"geometry": geometry}
    (small / "item.json").write_text(json.dumps(document))

    scene = only(FolderCatalogue(small))

    assert scene.footprint.bounds[2] == pytest.approx(east or scene.place.outline.bounds[2])
    assert scene.footprint.bounds[0] == pytest.approx(scene.place.outline.bounds[0])


def test_data_beyond_a_roughly_drawn_geometry_is_not_lost(small):
    """Nobody skips a scene that has pixels, because its item draws the edge of them with a few points."""
    document = json.loads((small / "item.json").read_text()) | {"geometry": WEST}
    (small / "item.json").write_text(json.dumps(document))
    raster(small / "B04.tif", np.array([[7, 7, 7, 7]] * 4, np.uint16))

    scene = only(FolderCatalogue(small))

    assert scene.footprint.bounds[2] >= 15.00101  # the eastern border of the last pixel

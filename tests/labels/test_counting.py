"""Which pixels of a raster are a tile's, and how many of each class: against rasterio's own masks."""

from __future__ import annotations

import tracemalloc

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from labels_kit import EAST, NORTH, UTM, expected_shares, made_tiles, row_of_squares, write_raster
from rasterio.features import geometry_mask
from rasterio.transform import Affine

from orchestrator.core.errors import UserError
from orchestrator.tiling.counting import ClassRule, count_classes, lattice_of_raster
from orchestrator.tiling.footprints import Footprints
from orchestrator.tiling.labelling import count_raster

RNG = np.random.default_rng(11)


def silent(_text):
    pass


def count(path, shapes, crs=UTM, **rule):
    """The counts of shapes in a raster."""
    with rasterio.open(path) as dataset:
        lattice = lattice_of_raster(dataset, path.name)
        drawn = Footprints(geopandas.GeoDataFrame(geometry=list(shapes), crs=crs)).within(lattice.crs)
        return [count_classes(dataset, lattice, shape, ClassRule(**rule), path.name) for shape in drawn]


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """A raster of 60 × 80 pixels with five classes, in blocks of 16."""
    pixels = RNG.integers(0, 5, (60, 80), np.uint8)
    path = tmp_path_factory.mktemp("raster") / "classes.tif"
    return write_raster(path, pixels, tiled=True, blockxsize=16, blockysize=16), pixels


angles = st.lists(st.tuples(st.integers(-5, 85), st.integers(-5, 65)), min_size=3, max_size=7, unique=True)


@given(angles, st.booleans())
@settings(max_examples=60)
def test_the_pixels_of_a_tile_are_those_that_rasterio_burns(classes, corners, all_touched):
    """Any polygon, holes and all, also beyond the raster's edge."""
    path, pixels = classes
    hull = shapely.MultiPoint([(EAST + 10.13 * col, NORTH - 10.07 * row) for col, row in corners]).convex_hull
    shape = shapely.Polygon(hull).difference(hull.centroid.buffer(45.0)) if hull.area > 60_000 else hull
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        return
    wide = Affine(10, 0, EAST - 100, 0, -10, NORTH + 100)
    mask = ~geometry_mask([shape], (80, 100), wide, all_touched=all_touched)

    (found,) = count(path, [shape], all_touched=all_touched)

    here = mask[10:70, 10:90]
    assert found.shares() == (expected_shares(pixels[here]) if here.any() else None)
    assert (found.counted, found.pixels) == (here.sum(), mask.sum())


def test_holes_are_no_part_of_a_tile(classes):
    """A frame counts its rim alone, and an island in the hole again."""
    path, pixels = classes
    frame = shapely.box(EAST, NORTH - 600, EAST + 800, NORTH).difference(
        shapely.box(EAST + 100, NORTH - 500, EAST + 700, NORTH - 100)
    )
    island = shapely.box(EAST + 300, NORTH - 320, EAST + 400, NORTH - 300)
    expected = np.concatenate(
        [pixels[:10].ravel(), pixels[50:].ravel(), pixels[10:50, :10].ravel(), pixels[10:50, 70:].ravel()]
    )

    rim, both = count(path, [frame, shapely.MultiPolygon([frame, island])])

    assert rim.shares() == expected_shares(expected)
    assert both.shares() == expected_shares(np.concatenate([expected, pixels[30:32, 30:40].ravel()]))


@pytest.mark.parametrize(
    ("transform", "turned"),
    [
        pytest.param(Affine(10, 0, EAST, 0, 10, NORTH - 600), np.flipud, id="south on top"),
        pytest.param(Affine(-10, 0, EAST + 800, 0, -10, NORTH), np.fliplr, id="east on the left"),
        pytest.param(Affine(0, 10, EAST, -10, 0, NORTH), np.transpose, id="turned by a right angle"),
    ],
)
def test_a_raster_that_is_not_north_up_is_counted_by_place(tmp_path, classes, transform, turned):
    """The same pixels on the ground give the same counts."""
    path, pixels = classes
    shapes = [
        shapely.box(EAST + 33, NORTH - 287, EAST + 412, NORTH - 61),
        shapely.Point(EAST + 400, NORTH - 300).buffer(211),
    ]
    other = write_raster(tmp_path / "turned.tif", np.ascontiguousarray(turned(pixels)), transform=transform)

    assert count(other, shapes) == count(path, shapes)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32631", "EPSG:3035"])
def test_tiles_are_laid_onto_the_rasters_own_grid(tmp_path, crs):
    """In whatever CRS the raster is: a pixel is a tile's where its centre, taken back to the tiles' CRS, lies in it."""
    tiles = row_of_squares(2, 400.0)
    way = pyproj.Transformer.from_crs(UTM, crs, always_xy=True)
    west, south, east, north = way.transform_bounds(EAST - 100, NORTH - 500, EAST + 900, NORTH + 100)
    pixel = (east - west) / 97
    transform = Affine(pixel, 0, west, 0, -pixel, north)
    pixels = RNG.integers(1, 4, (int((north - south) / pixel), 97), np.uint8)
    path = write_raster(tmp_path / "other.tif", pixels, crs=crs, transform=transform)
    rows, cols = np.indices(pixels.shape)
    x, y = way.transform(*(transform @ (cols.ravel() + 0.5, rows.ravel() + 0.5)), direction="INVERSE")

    found = count(path, tiles)

    for tile, one in zip(tiles, found, strict=True):
        inside = shapely.contains_xy(tile, x, y).reshape(pixels.shape)
        assert one.shares() == expected_shares(pixels[inside])


def test_pixels_without_data_are_of_no_class(tmp_path):
    """They are left out of the shares, and told apart: half of the tile is valid."""
    pixels = np.array([[10, 10, 20, 255], [255, 255, 255, 10]], np.uint8)
    path = write_raster(tmp_path / "c.tif", pixels, nodata=255)

    (found,) = count(path, [shapely.box(EAST, NORTH - 20, EAST + 40, NORTH)])

    assert found.shares() == {"10": 0.75, "20": 0.25}
    assert found.valid == 0.5


def test_a_mask_of_the_file_is_kept_to(tmp_path):
    """A raster whose mask is a band of its own."""
    path = write_raster(tmp_path / "c.tif", np.array([[1, 1, 2, 2]], np.uint8))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(np.array([[255, 0, 255, 255]], np.uint8))

    (found,) = count(path, [shapely.box(EAST, NORTH - 10, EAST + 40, NORTH)])

    assert found.classes == {"1": 1, "2": 2}


def test_what_the_user_calls_nodata_stands_for_the_files_own(tmp_path):
    path = write_raster(tmp_path / "c.tif", np.array([[1, 1, 2, 9]], np.uint8), nodata=9)

    (found,) = count(path, [shapely.box(EAST, NORTH - 10, EAST + 40, NORTH)], nodata=1.0)

    assert found.classes == {"2": 1, "9": 1}


def test_whole_numbers_in_a_raster_of_floats_are_classes(tmp_path):
    """10.0 is class 10; NaN holds nothing."""
    path = write_raster(tmp_path / "c.tif", np.array([[10, 10, 20.5, np.nan]], np.float32))

    (found,) = count(path, [shapely.box(EAST, NORTH - 10, EAST + 40, NORTH)])

    assert found.classes == {"10": 2, "20.5": 1}


def test_a_tile_across_180_degrees_is_counted_on_both_sides(tmp_path):
    """A raster of the whole Earth in degrees; the tile is one square of a UTM zone there."""
    pixels = np.zeros((180, 360), np.uint8)
    pixels[:, :180], pixels[:, 180:] = 1, 2
    path = write_raster(tmp_path / "earth.tif", pixels, crs="EPSG:4326", transform=Affine(1, 0, -180, 0, -1, 90))
    way = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32660", always_xy=True)
    xy = [way.transform(lon, lat) for lon, lat in [(178, 10), (183, 10), (183, 14), (178, 14)]]

    (found,) = count(path, [shapely.Polygon(xy)], crs="EPSG:32660")

    assert found.classes == {"1": 3 * 4, "2": 2 * 4}
    assert found.pixels == 20


def test_a_raster_from_0_to_360_degrees_has_the_west_too(tmp_path):
    pixels = np.tile((np.arange(360) // 90).astype(np.uint8), (180, 1))
    path = write_raster(tmp_path / "earth.tif", pixels, crs="EPSG:4326", transform=Affine(1, 0, 0, 0, -1, 90))

    (found,) = count(path, [shapely.box(-60, -10, -58, -9)], crs="EPSG:4326")

    assert found.classes == {"3": 2}


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        pytest.param(np.arange(2500, dtype=np.int16).reshape(50, 50), "2500 different values", id="heights"),
        pytest.param(RNG.random((20, 20), np.float32), "400 different values", id="floats"),
        pytest.param(np.ones((3, 4, 4), np.uint8), "has 3 bands; say which", id="several bands"),
        pytest.param(np.ones((4, 4), np.complex64), "complex", id="complex numbers"),
    ],
)
def test_a_raster_that_holds_no_classes_is_refused(tmp_path, pixels, words):
    """With the number of its values, and the file untouched."""
    tiles = made_tiles(tmp_path, row_of_squares(1, 500.0))
    before = tiles.path.read_bytes()
    path = write_raster(tmp_path / "c.tif", pixels)

    with pytest.raises(UserError, match=words):
        count_raster(tiles, path, ClassRule(), silent)

    assert tiles.path.read_bytes() == before


def test_many_values_over_many_tiles_are_refused_too(tmp_path):
    """Each tile has few, all together more than classes can be."""
    tiles = made_tiles(tmp_path, row_of_squares(40))
    path = write_raster(tmp_path / "c.tif", np.arange(400, dtype=np.int16)[None].repeat(10, axis=0))

    with pytest.raises(UserError, match="400 different values"):
        count_raster(tiles, path, ClassRule(), silent)


def test_memory_is_that_of_a_window_not_of_the_raster(tmp_path, monkeypatch):
    """Four million pixels are counted in less than two million bytes."""
    monkeypatch.setattr("orchestrator.tiling.counting.READ_PIXELS", 1 << 16)
    monkeypatch.setattr("orchestrator.tiling.counting.READ_SIDE", 256)
    path = write_raster(tmp_path / "c.tif", np.ones((2000, 2000), np.uint8), tiled=True, blockxsize=256, blockysize=256)
    tracemalloc.start()

    (found,) = count(path, [shapely.box(EAST, NORTH - 20_000, EAST + 20_000, NORTH)])

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.classes == {"1": 4_000_000}
    assert peak < 2_000_000


def test_a_large_tile_is_read_in_windows(tmp_path, monkeypatch):
    """No more than so many pixels at once, along blocks, each pixel once."""
    monkeypatch.setattr("orchestrator.tiling.counting.READ_PIXELS", 1 << 12)
    monkeypatch.setattr("orchestrator.tiling.counting.READ_SIDE", 64)
    pixels = RNG.integers(0, 3, (300, 400), np.uint8)
    shape = shapely.Point(EAST + 2000, NORTH - 1500).buffer(1700)
    inside = ~geometry_mask([shape], pixels.shape, Affine(10, 0, EAST, 0, -10, NORTH))
    expected = expected_shares(pixels[inside])

    strips = write_raster(tmp_path / "strips.tif", pixels, blockysize=4)
    blocks = write_raster(tmp_path / "blocks.tif", pixels, tiled=True, blockxsize=32, blockysize=16)

    assert [count(path, [shape])[0].shares() for path in (strips, blocks)] == [expected, expected]


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300, 2.0**53])
def test_a_value_that_no_class_can_be_called_is_refused(tmp_path, value):
    """Column names of 301 digits help nobody; the way out is said, and works."""
    pixels = np.ones((10, 10))
    pixels[4, 4] = value
    path = write_raster(tmp_path / "r.tif", pixels)

    with pytest.raises(UserError, match="which is no class; leave it out with --nodata"):
        count(path, row_of_squares(1))

    assert count(path, row_of_squares(1), nodata=value)[0].classes == {"1": 99}


def test_a_whole_number_of_many_digits_is_called_by_all_of_them(tmp_path):
    """Not by the float that is nearest."""
    path = write_raster(tmp_path / "r.tif", np.full((10, 10), 2**62 + 1, np.int64))

    assert count(path, row_of_squares(1))[0].classes == {str(2**62 + 1): 100}


def test_a_raster_that_was_cut_off_is_named(tmp_path):
    """With what to do; nothing is written."""
    path = write_raster(tmp_path / "r.tif", RNG.integers(0, 5, (200, 200), np.uint8), compress="deflate")
    path.write_bytes(path.read_bytes()[:-4000])
    tiles = made_tiles(tmp_path, row_of_squares(1, 2000.0))

    with pytest.raises(UserError, match=r"r\.tif cannot be read to its end: .+bring it again"):
        count_raster(tiles, path, ClassRule(), silent)

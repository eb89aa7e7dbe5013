"""Tiles of a map: the right colour at the right place, whatever the raster."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib import colormaps
from previews_kit import GRID, nearest, pixels_of, publish, tile_over, write_raster
from pyproj import Transformer
from rasterio.transform import Affine

from orchestrator.app.verbs import previews
from orchestrator.app.verbs.layers import LayerName
from orchestrator.app.verbs.previews import TileAsked
from orchestrator.core.errors import UserError
from orchestrator.previews.style import Style, table_of

GREY = Style((1,), ((0.0, 255.0),))
ZOOM = 13  # a pixel of a tile is 12 m here: the 20 m of the raster are told apart


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        pytest.param("EPSG:32632", GRID, id="a UTM zone"),
        pytest.param("EPSG:4326", Affine(0.0002, 0, 9.0, 0, -0.0002, 49.66), id="degrees"),
        pytest.param("EPSG:3857", Affine(20, 0, 1001875, 0, -20, 6382000), id="Web Mercator itself"),
        pytest.param("EPSG:32632", Affine(20, 0, 500000, 0, 20, 5496000), id="south-up"),
        pytest.param("EPSG:3035", Affine(20, 0, 4250000, 0, -20, 2950000), id="an equal-area CRS"),
        pytest.param("EPSG:32660", Affine(20, 0, 649000, 0, -20, 7001000), id="over longitude 180, its west"),
        pytest.param("EPSG:32660", Affine(20, 0, 647500, 0, -20, 7001000), id="over longitude 180, its east"),
    ],
)
def test_each_pixel_of_a_tile_is_the_one_that_lies_there(records, tmp_path, random, crs, transform):
    """As its middle, projected by pyproj, says; on the very edge of two pixels it may be the neighbour."""
    values = random.integers(1, 255, (1, 200, 230), dtype="uint8")
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values, crs=crs, transform=transform, nodata=0))])
    x, y = tile_over(*Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*(transform @ (115, 100))), ZOOM)
    right, inside = nearest(values, ZOOM, x, y, crs=crs, transform=transform)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(ZOOM, x, y, style=GREY)))

    there = inside & (drawn[..., 3] == 255)
    assert inside.sum() > 5000
    assert (inside == (drawn[..., 3] == 255)).mean() > 0.99
    assert (drawn[..., 0][there] == right[0][there]).mean() > 0.99


def test_no_pixel_of_a_tile_is_missing_to_its_edges(records, tmp_path, random):
    """A raster whose pixels are those of the tile comes out pixel for pixel, as the formula of tiles has it."""
    x, y = tile_over(9.02, 49.64, ZOOM)
    half = math.pi * 6378137.0  # of the square of Web Mercator, from its middle to an edge
    side = 2 * half / 2**ZOOM / 256
    transform = Affine(side, 0, -half + (256 * x - 1) * side, 0, -side, half - (256 * y - 1) * side)
    values = random.integers(1, 255, (1, 258, 258), dtype="uint8")  # one more around it
    path = write_raster(tmp_path / "a.tif", values, crs="EPSG:3857", transform=transform, nodata=0)
    run = publish(records, [("data", path)])

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(ZOOM, x, y, style=GREY)))

    assert np.array_equal(drawn[..., 0], values[0, 1:-1, 1:-1])
    assert (drawn[..., 3] == 255).all()


def test_three_bands_are_red_green_and_blue_in_the_order_that_was_asked_for(records, tmp_path):
    """Each by its own range: 40 of 0 to 255 is 40; 600 of 500 to 700 is 128, half the way; 9 of 0 to 9 is 255."""
    values = np.stack([np.full((64, 64), value, "uint16") for value in (9, 600, 40)])
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values))])
    x, y = tile_over(9.005, 49.645, 15)
    style = Style((3, 2, 1), ((0.0, 255.0), (500.0, 700.0), (0.0, 9.0)))

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(15, x, y, style=style)))

    assert set(map(tuple, drawn[drawn[..., 3] == 255])) == {(40, 128, 255, 255)}


def test_a_map_of_colours_is_the_one_that_is_named(records, tmp_path):
    """As matplotlib, where it comes from, has it."""
    values = np.array([[[0, 100]] * 2] * 1, "uint8").repeat(32, axis=1).repeat(32, axis=2)
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values))])
    x, y = tile_over(9.005, 49.645, 11)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(11, x, y, style=Style((1,), ((0, 100),), "viridis"))))

    assert set(map(tuple, drawn[drawn[..., 3] == 255][:, :3])) == set(
        map(tuple, colormaps["viridis"]([0.0, 1.0], bytes=True)[:, :3])
    )
    assert table_of("viridis").shape == (256, 3)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"nodata": 7}, id="a value that says so"),
        pytest.param({"mask": True}, id="an internal mask"),
        pytest.param({"nodata": float("nan"), "dtype": "float32"}, id="NaN that says so"),
        pytest.param({"dtype": "float32"}, id="NaN, unsaid"),
    ],
)
def test_where_there_is_no_data_the_map_shows_through(records, tmp_path, random, how):
    """However the file says it."""
    values = random.integers(10, 255, (1, 200, 200)).astype(how.pop("dtype", "uint8"))
    missing = random.random((200, 200)) < 0.4
    values[0][missing] = np.nan if values.dtype.kind == "f" else 7
    if how.pop("mask", None):
        how["mask"] = ~missing
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values, **how))])
    x, y = tile_over(9.02, 49.64, ZOOM)
    (clear,), inside = nearest(missing[np.newaxis], ZOOM, x, y)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(ZOOM, x, y, style=GREY)))

    assert ((drawn[..., 3] == 0) == (clear | ~inside)).mean() > 0.99


def test_a_pixel_without_data_in_one_band_that_is_shown_is_clear(records, tmp_path):
    """Its colour would be of the others alone."""
    values = np.full((3, 64, 64), 9, "uint8")
    values[1, :, :32] = 0
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values, nodata=0))])
    x, y = tile_over(9.005, 49.645, 15)
    read, inside = nearest(values, 15, x, y)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(15, x, y, style=Style((1, 2, 3), ((0, 9),) * 3))))

    assert ((drawn[..., 3] == 255) == (inside & (read[1] > 0))).mean() > 0.99


def test_classes_have_their_colours_and_other_values_none(records, tmp_path):
    """As the recipe told them."""
    values = np.array([[[10, 20, 30]]], "uint8").repeat(48, axis=1).repeat(16, axis=2)
    facts = '{"classes": [{"value": 10, "name": "trees", "colour": "006400"}, {"value": 20, "colour": "ffbb22"}]}'
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values))], facts=facts)
    x, y = tile_over(9.003, 49.647, 15)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(15, x, y)))

    assert set(map(tuple, drawn.reshape(-1, 4))) == {(0, 0, 0, 0), (0, 0x64, 0, 255), (0xFF, 0xBB, 0x22, 255)}


def test_zoomed_out_the_overviews_of_the_file_are_shown(records, tmp_path):
    """Their values are others here than those of the pixels, which none could confuse them with."""
    import rasterio  # noqa: PLC0415

    path = write_raster(tmp_path / "a.tif", np.full((1, 512, 512), 10, "uint8"), overviews=(2, 4, 8))
    for level in range(3):
        with rasterio.open(path, "r+", OVERVIEW_LEVEL=level) as overview:
            overview.write(np.full((1, overview.height, overview.width), 200, "uint8"))
    run = publish(records, [("data", path)])
    x, y = tile_over(9.05, 49.6, 9)

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(9, x, y, style=GREY)))

    assert set(drawn[drawn[..., 3] == 255][:, 0]) == {200}


def test_a_tile_beside_the_raster_is_clear(records, tmp_path):
    """Also on the other side of the Earth, where its CRS has no coordinates."""
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", np.ones((1, 64, 64), "uint8")))])

    for z, x, y in ((13, 0, 0), (3, 0, 3), (13, 8191, 8191)):
        assert not pixels_of(previews.tile(records, run.id, TileAsked(z, x, y, style=GREY))).any()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        pytest.param(TileAsked(25, 0, 0, style=GREY), "zoom 25 is none; 0 to 24 are", id="too deep"),
        pytest.param(TileAsked(2, 4, 0, style=GREY), "tile 4, 0 of zoom 2 is none; both are 0 to 3", id="no such tile"),
        pytest.param(
            TileAsked(2, 0, 0, style=Style((2,), ((0, 1),))),
            "band 2 is none of this raster's; it has 1 to 1",
            id="band",
        ),
        pytest.param(TileAsked(2, 0, 0, LayerName("dat"), GREY), "has no layer 'dat'; did you mean 'data'", id="layer"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(records, tmp_path, asked, says):
    """Which value, and which there are."""
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", np.ones((1, 64, 64), "uint8")))])

    with pytest.raises(UserError, match=says):
        previews.tile(records, run.id, asked)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(lambda path: path.unlink(), "is there no more", id="gone"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), "was replaced or damaged", id="shorter"),
        pytest.param(
            lambda path: path.write_bytes(bytes(path.stat().st_size)), "its sha256 is another", id="other bytes"
        ),
    ],
)
def test_a_file_that_is_not_the_published_one_is_not_shown(records, tmp_path, damage, says):
    """Also when its tiles were drawn before."""
    path = write_raster(tmp_path / "a.tif", np.ones((1, 64, 64), "uint8"))
    run = publish(records, [("data", path)])
    previews.tile(records, run.id, TileAsked(2, 0, 0, style=GREY))
    damage(path)

    with pytest.raises(UserError, match=says):
        previews.tile(records, run.id, TileAsked(2, 0, 0, style=GREY))


def test_a_file_that_cannot_be_decoded_is_a_sentence(records, tmp_path, random):
    """Published so, as far as its checksum tells."""
    values = random.integers(0, 255, (1, 200, 200), dtype="uint8")
    path = write_raster(tmp_path / "a.tif", values, compress="deflate")
    content = bytearray(path.read_bytes())
    content[2000:40000:7] = bytes(len(content[2000:40000:7]))
    path.write_bytes(content)
    run = publish(records, [("data", path)])
    x, y = tile_over(9.02, 49.64, ZOOM)

    with pytest.raises(UserError, match="cannot be read, and may be damaged"):
        previews.tile(records, run.id, TileAsked(ZOOM, x, y, style=GREY))


def test_a_difference_is_the_one_result_minus_the_other(records, tmp_path):
    """30 - 70 of -100 to 100 is 30 % of the way; where one has no data it is clear."""
    first, second = np.full((1, 64, 64), 30, "uint8"), np.full((1, 64, 64), 70, "uint8")
    second[0, :32] = 0
    runs = [
        publish(records, [("data", write_raster(tmp_path / f"{name}.tif", values, nodata=0))], name=name)
        for name, values in (("a", first), ("b", second))
    ]
    x, y = tile_over(9.005, 49.645, 15)

    drawn = pixels_of(
        previews.difference(records, runs[0].id, runs[1].id, TileAsked(15, x, y, style=Style((1,), ((-100, 100),))))
    )

    read, inside = nearest(second, 15, x, y)
    assert set(drawn[drawn[..., 3] == 255][:, 0]) == {round(0.3 * 255)}
    assert ((drawn[..., 3] == 255) == (inside & (read[0] > 0))).mean() > 0.99


@pytest.mark.timeout(60)
def test_of_a_tile_of_the_world_only_the_raster_is_computed(records, tmp_path):
    """At the raster's own resolution, the rest of it would take minutes and every place of whoever reads rasters."""
    values = np.full((1, 200, 230), 77, "uint8")
    run = publish(records, [("data", write_raster(tmp_path / "a.tif", values, nodata=0))])

    drawn = pixels_of(previews.tile(records, run.id, TileAsked(2, *tile_over(9.005, 49.645, 2), style=GREY)))

    assert drawn.shape == (256, 256, 4)
    assert (drawn[..., 3] == 255).sum() <= 4

"""The span table and GDAL's rasterize agree on every pixel."""

from __future__ import annotations

import time
from unittest.mock import patch

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import Affine

from orchestrator.core.errors import AreaError
from orchestrator.model.grid import Grid, Window
from orchestrator.raster import spans, touched
from orchestrator.raster.spans import SpanTable

TRANSFORMS = [
    (1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    (10.0, 0.0, 499980.0, 0.0, -10.0, 5200020.0),
    (8.983152841195215e-05, 0.0, 14.5, 0.0, -8.983152841195215e-05, 46.25),
    (1 / 3, 0.0, -12.3456, 0.0, -1 / 3, 47.123),
]


def burnt(geometry, grid, *, all_touched=False):
    shape = (grid.height, grid.width)
    if geometry.is_empty:
        return np.zeros(shape, bool)
    transform = Affine(*grid.transform)
    return rasterize([geometry], shape, transform=transform, all_touched=all_touched, dtype="uint8").astype(bool)


def on_map(pixels, grid):
    """Turn (point, [col, row]) in pixels into map coordinates."""
    a, _, c, _, e, f = grid.transform
    return np.asarray(pixels) * (a, e) + (c, f)


def ring(rng, grid, step):
    """A rough ring around some place on or near the grid; vertices lie on multiples of `step` pixels unless 0."""
    angle = np.sort(rng.random(int(rng.integers(3, 40)))) * 2 * np.pi
    radius = max(grid.height, grid.width) * rng.uniform(0.1, 1) * (1 - 0.7 * rng.random(len(angle)))
    centre = rng.uniform(-0.2, 1.2, 2) * (grid.width, grid.height)
    points = centre + radius[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    points = np.round(points / step) * step if step else points
    return points[:: rng.choice([1, -1])]


def random_area(rng, grid):
    step = rng.choice([0, 0.5, 1])
    polygons = []
    for _ in range(rng.integers(1, 5)):
        outline = ring(rng, grid, step)
        middle = outline.mean(axis=0)
        holes = [on_map((outline - middle) * k + middle, grid) for k in rng.permutation([0.5, 0.2])[: rng.integers(3)]]
        if len(holes) == 2:  # a hole within a hole is an island again, as even-odd has it
            polygons.append(shapely.Polygon(on_map((outline - middle) * 0.1 + middle, grid)))
        polygons.append(shapely.Polygon(on_map(outline, grid), holes))
    return shapely.MultiPolygon(polygons) if len(polygons) > 1 else polygons[0]


def random_grid(rng, largest):
    height, width = (int(v) for v in rng.integers(1, largest, 2))
    return Grid("EPSG:32633", TRANSFORMS[rng.integers(len(TRANSFORMS))], height, width)


@pytest.mark.parametrize("all_touched", [False, True])
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_pixel_is_the_one_gdal_burns(all_touched, seed):
    """Holes, islands, overlaps, slivers, vertices on centres and corners of pixels: the same pixels as GDAL."""
    rng = np.random.default_rng(seed)
    grid = random_grid(rng, 90)
    area = random_area(rng, grid)

    table = SpanTable.from_geometry(area, grid, all_touched=all_touched)

    assert np.array_equal(table.mask(grid.window), burnt(area, grid, all_touched=all_touched))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), most=st.integers(1, 200), polygons=st.integers(1, 3))
def test_however_much_is_done_at_once_the_pixels_are_the_same(seed, most, polygons):
    """Bands of one row, of some, or of all; polygons taken apart one by one or several at a time."""
    rng = np.random.default_rng(seed)
    grid = random_grid(rng, 90)
    area = random_area(rng, grid)
    whole = SpanTable.from_geometry(area, grid)

    with patch.object(spans, "MAX_CROSSINGS", most), patch.object(spans, "POLYGONS_AT_ONCE", polygons):
        table = SpanTable.from_geometry(area, grid)

        assert np.array_equal(table.counts(7, 5), whole.counts(7, 5))
    for name in ("first", "start", "stop"):
        assert np.array_equal(getattr(table, name), getattr(whole, name))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), tile=st.tuples(st.integers(1, 50), st.integers(1, 50)))
def test_counts_and_windows_say_the_same_as_the_whole_mask(seed, tile):
    """A count is the number of pixels of the mask; the mask of a window is a cut of the whole."""
    rng = np.random.default_rng(seed)
    grid = random_grid(rng, 120)
    table = SpanTable.from_geometry(random_area(rng, grid), grid)
    whole = table.mask(grid.window)

    counts = table.counts(*tile)

    expected = np.zeros_like(counts)
    for window in grid.window.tiles(*tile):
        cut = whole[window.row : window.bottom, window.col : window.right]
        expected[window.row // tile[0], window.col // tile[1]] = cut.sum()
        assert np.array_equal(table.mask(window), cut)
    assert np.array_equal(counts, expected)
    assert table.pixels() == whole.sum()


HALF = [(1.5, 1.5), (6.5, 1.5), (6.5, 4.5), (1.5, 4.5)]
FIXED = {
    "empty": shapely.Polygon(),
    "edges on pixel centres": shapely.Polygon([(x, -y) for x, y in HALF]),
    "the same, the other way round": shapely.Polygon([(x, -y) for x, y in HALF[::-1]]),
    "a hole with edges on pixel centres": shapely.Polygon(
        [(0, 0), (9, 0), (9, -9), (0, -9)], [[(x, -y) for x, y in HALF]]
    ),
    "thinner than a pixel": shapely.Polygon([(0.2, -0.2), (8.9, -8.1), (8.9, -8.3)]),
    "rings that touch": shapely.MultiPolygon([shapely.box(1, -4, 3, -1), shapely.box(3, -7, 6, -4)]),
    "overlapping polygons": shapely.MultiPolygon([shapely.box(1, -5, 5, -1), shapely.box(3, -7, 7, -3)]),
    "a collection in a collection": shapely.GeometryCollection(
        [shapely.GeometryCollection([shapely.box(1, -5, 5, -1)]), shapely.MultiPolygon([shapely.box(6, -8, 8, -6)])]
    ),
    "outside of the grid": shapely.box(20, -9, 30, -1),
    "larger than the grid": shapely.box(-1e6, -1e6, 1e6, 1e6),
}


@pytest.mark.parametrize("all_touched", [False, True])
@pytest.mark.parametrize("area", FIXED.values(), ids=FIXED.keys())
def test_awkward_areas_are_cut_as_gdal_cuts_them(area, all_touched):
    """The cases in which two rules for a boundary differ first."""
    grid = Grid("EPSG:32633", TRANSFORMS[0], 9, 10)

    table = SpanTable.from_geometry(area, grid, all_touched=all_touched)

    assert np.array_equal(table.mask(grid.window), burnt(area, grid, all_touched=all_touched))


def test_large_grids_are_asked_tile_by_tile_about_touched_pixels(monkeypatch):
    """Tiles change nothing about the pixels an area touches."""
    monkeypatch.setattr(touched, "WHOLE", 0)
    monkeypatch.setattr(touched, "TILE", 64)
    rng = np.random.default_rng(3)
    grid = Grid("EPSG:32633", TRANSFORMS[1], 500, 700)
    area = shapely.Polygon(on_map(ring(rng, grid, 0), grid))

    table = SpanTable.from_geometry(area, grid, all_touched=True)

    assert np.array_equal(table.mask(grid.window), burnt(area, grid, all_touched=True))


def test_a_hundred_thousand_vertices_cost_a_tenth_of_a_second():
    """A country on a grid of 102,400 × 102,400 is classified at once, and cut as GDAL cuts it."""
    grid = Grid("EPSG:32633", TRANSFORMS[1], 102_400, 102_400)
    rng = np.random.default_rng(5)
    angle = np.arange(100_000) / 100_000 * 2 * np.pi
    rough = np.cumsum(rng.normal(size=len(angle))) * 1.5
    radius = 40_000 + 4_000 * np.sin(5 * angle) + (rough - np.linspace(0, rough[-1], len(rough)))
    points = np.stack((51_200 + radius * np.cos(angle), 51_200 + radius * np.sin(angle)), axis=1)
    area = shapely.Polygon(on_map(points, grid))

    start = time.process_time()
    table = SpanTable.from_geometry(area, grid)
    counts = table.counts(256, 256)
    spent = time.process_time() - start

    assert spent < 1  # 0.05 s on an idle core; the margin is for a busy machine
    assert counts.sum() == table.pixels()
    strip = Window(51_200, 0, 8, grid.width)
    assert np.array_equal(table.mask(strip), burnt(area, grid.crop(strip)))


def test_many_crossings_are_computed_in_slices(monkeypatch):
    """Cutting the edges into slices changes nothing."""
    rng = np.random.default_rng(9)
    grid = Grid("EPSG:32633", TRANSFORMS[0], 300, 200)
    area = random_area(rng, grid)
    whole = SpanTable.from_geometry(area, grid)
    monkeypatch.setattr("orchestrator.raster.spans.MAX_CROSSINGS", 10)

    sliced = SpanTable.from_geometry(area, grid)

    assert np.array_equal(sliced.mask(grid.window), whole.mask(grid.window))


def test_a_full_table_holds_every_pixel():
    """Without an area nothing is cut away."""
    grid = Grid("EPSG:32633", TRANSFORMS[0], 7, 5)

    table = SpanTable.full(grid)

    assert table.mask(grid.window).all()
    assert table.pixels() == grid.pixels


def test_a_coordinate_that_is_no_number_is_refused():
    """NaN in an outline is an error of the area, not a hole in the result."""
    grid = Grid("EPSG:32633", TRANSFORMS[0], 7, 5)

    with np.errstate(invalid="ignore"):
        area = shapely.Polygon([(0, 0), (float("nan"), 1), (2, 2)])

    with pytest.raises(AreaError, match="not a finite number"):
        SpanTable.from_geometry(area, grid)

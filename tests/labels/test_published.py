"""Label proportions as geetiles 0.1.7 computes them, against an evaluation of its formula that shares no code."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from labels_kit import made_tiles, write_raster
from matplotlib.path import Path as Outline
from rasterio.features import rasterize

from orchestrator.app.verbs.labels import count_labels
from orchestrator.tiling.counting import stretched_mask
from orchestrator.tiling.value_maps import ValueMap


def formula(shape, pixels, mapped=lambda values: values):
    """Section by section: values mapped, outer rings stretched to the raster, counted."""
    inside = expected_mask(shape, *pixels.shape)
    values, numbers = np.unique(mapped(pixels)[inside], return_counts=True)
    return {str(value): number / numbers.sum() for value, number in zip(values, numbers, strict=True)}


def expected_mask(shape, height, width):
    parts = list(getattr(shape, "geoms", [shape]))
    corners = np.concatenate([np.array(part.exterior.coords) for part in parts])
    low, high = corners.min(axis=0), corners.max(axis=0)
    rings = []
    for part in parts:
        unit = (np.array(part.exterior.coords) - low) / (high - low)
        unit[:, 1] = 1 - unit[:, 1]
        rings.append(shapely.Polygon(unit * (width, height)))
    return rasterize(rings, (height, width)) == 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_the_mask_is_the_stretched_outer_rings(seed):
    """Pixels whose centre lies in an outer ring, by matplotlib's own test of points; holes do not count."""
    rng = np.random.default_rng(seed)
    hull = shapely.multipoints(rng.uniform(0, 1, (8, 2)) * (0.4, 0.3) + (6, 49)).convex_hull
    shape = hull.difference(hull.centroid.buffer(0.02))
    height, width = rng.integers(5, 60, 2)
    left, bottom, right, top = shape.bounds
    rows, cols = np.indices((height, width)) + 0.5
    places = np.column_stack(
        (left + cols.ravel() / width * (right - left), top - rows.ravel() / height * (top - bottom))
    )

    found = stretched_mask(shape, int(height), int(width))

    assert (
        found.tolist()
        == Outline(np.array(hull.exterior.coords)).contains_points(places).reshape(height, width).tolist()
    )


@pytest.mark.parametrize(
    "mapping",
    [
        None,
        ValueMap.by_pairs({10: 1, 20: 2, 95: 10}),
        ValueMap.by_position([10, 20]),
        ValueMap.by_sorted_ids([10, 20, 95]),
    ],
    ids=["as they are", "pairs", "a list by position", "sorted ids"],
)
def test_the_shares_are_those_of_the_formula(tmp_path, mapping):
    """A square, one with a hole, two parts; chips in degrees of whatever size, without a manifest."""
    rng = np.random.default_rng(3)
    frame = shapely.box(6.2, 49, 6.3, 49.1).difference(shapely.box(6.22, 49.02, 6.28, 49.08))
    two = shapely.MultiPolygon([shapely.box(6.4, 49, 6.42, 49.1), shapely.Point(6.47, 49.05).buffer(0.04)])
    shapes = [shapely.box(6, 49, 6.1, 49.1), frame, two]
    tiles = made_tiles(tmp_path, shapes, crs="EPSG:4326", suffix=".geojson")
    chips = [rng.choice(np.array([0, 1, 2, 10, 20, 95], np.uint8), size) for size in [(100, 100), (37, 53), (20, 80)]]
    for identifier, chip in zip(tiles.frame["identifier"], chips, strict=True):
        write_raster(tiles.folder / "esa-world-cover" / f"{identifier}.tif", chip, crs="EPSG:4326")

    report = count_labels(tiles.path, "esa-world-cover", mapping=mapping, published=True)

    lonlat = geopandas.read_file(tiles.path)
    applied = mapping.apply if mapping else (lambda values: values)
    for one, shape, chip in zip(report.tiles.frame["esa-world-cover_proportions"], lonlat.geometry, chips, strict=True):
        assert one == pytest.approx(formula(shape, chip, applied), abs=1e-12)
    assert list(report.tiles.frame.columns) == ["area_km2", "identifier", "geometry", "esa-world-cover_proportions"]


def test_a_centre_on_a_level_edge_is_where_the_published_mask_has_it():
    """Upper and lower edges of a step run through centres of pixels; GDAL decides by the ring's direction."""
    shape = shapely.Polygon([(0, 0), (4, 0), (4, 1.5), (2, 1.5), (2, 3.5), (4, 3.5), (4, 4), (0, 4)])

    for turned in (shape, shapely.reverse(shape), shapely.affinity.scale(shape, 1, -1)):
        assert expected_mask(turned, 4, 4).tolist() == stretched_mask(turned, 4, 4).tolist()


def test_floats_are_called_as_numpy_prints_them(tmp_path):
    """`10.0`, where our own counts say `10`."""
    tiles = made_tiles(tmp_path, [shapely.box(6, 49, 6.1, 49.1)], crs="EPSG:4326", suffix=".geojson")
    name = tiles.frame["identifier"][0]
    write_raster(tiles.folder / "lc" / f"{name}.tif", np.array([[10, 20.5]], np.float32), crs="EPSG:4326")

    report = count_labels(tiles.path, "lc", published=True)

    assert report.tiles.frame["lc_proportions"][0] == {"10.0": 0.5, "20.5": 0.5}

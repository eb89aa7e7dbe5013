"""Areas cut at random: the published cuts for the same random numbers."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info

from orchestrator.core.errors import UserError
from orchestrator.plan.aoi import read_areas
from orchestrator.tiling.grids import random_tiles
from orchestrator.tiling.katana import _halves, cut_at_random


def by_description(aoi, size, variance, seed):
    """The published procedure, in the plane of the zone at the mean of the envelope's ring."""
    ring = np.array(aoi.envelope.exterior.coords)
    west, south, east, north = aoi.bounds
    ring = np.array([[west, south], [east, south], [east, north], [west, north], [west, south]])
    lon, lat = ring.mean(axis=0)
    zone = query_utm_crs_info("WGS 84", AreaOfInterest(lon, lat, lon, lat))[0].code
    forward = pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{zone}", always_xy=True)
    drawn = shapely.transform(aoi, lambda xy: np.array([forward.transform(x, y) for x, y in xy]))
    state, found = np.random.RandomState(seed), []

    def katana(g, depth):
        u = state.random_sample()
        r = 2 * (1 + (u - 0.5) * 2 * variance)
        minx, miny, maxx, maxy = g.bounds
        w, h = maxx - minx, maxy - miny
        if max(w, h) <= size or depth == 250:
            found.append(g)
            return
        if h >= w:
            low = shapely.box(minx, miny, maxx, miny + h / r)
            high = shapely.box(minx, miny + h / r, maxx, maxy)
        else:
            low = shapely.box(minx, miny, minx + w / r, maxy)
            high = shapely.box(minx + w / r, miny, maxx, maxy)
        for half in (low, high):
            part = g.intersection(half)
            if part.geom_type == "Polygon":
                katana(part, depth + 1)
            elif part.geom_type in ("MultiPolygon", "GeometryCollection"):
                for member in part.geoms:
                    if member.geom_type == "Polygon":
                        katana(member, depth + 1)

    katana(drawn, 0)
    return f"EPSG:{zone}", drawn, found


def area(text):
    (read,) = read_areas(text)
    return read


AREAS = {
    "two parts": "MULTIPOLYGON (((20 50, 20.1 50, 20.1 50.1, 20 50)), ((20.2 50.1, 20.3 50.1, 20.3 50.2, 20.2 50.1)))",
    "a hole": "POLYGON ((10 45, 10.3 45, 10.3 45.25, 10 45.25, 10 45),"
    " (10.1 45.1, 10.1 45.2, 10.2 45.2, 10.2 45.1, 10.1 45.1))",
    "southern": "POLYGON ((-60.2 -33.1, -60 -33.1, -59.95 -32.9, -60.2 -33.1))",
    "across a zone's border": "POLYGON ((5.8 49.1, 6.3 49.1, 6.3 49.3, 5.8 49.1))",
    "a comb": "POLYGON ((0 50, 0.3 50, 0.3 50.2, 0.25 50.2, 0.25 50.1, 0.2 50.1, 0.2 50.2, 0.15 50.2, 0.15 50.1,"
    " 0.1 50.1, 0.1 50.2, 0 50.2, 0 50))",
    "smaller than a part": "POLYGON ((20 50, 20.01 50, 20.01 50.01, 20 50))",
}


@pytest.mark.parametrize("text", AREAS.values(), ids=AREAS)
@pytest.mark.parametrize(("size", "variance", "seed"), [(4000, 0.1, 0), (2500.5, 0.4, 7)])
def test_parts_are_the_published_ones(text, size, variance, seed):
    """The same parts in the same order, to a tenth of a micrometre."""
    found = cut_at_random(area(text), size, variance=variance, seed=seed)
    crs, _, expected = by_description(shapely.from_wkt(text), size, variance, seed)

    assert found.crs == crs
    assert len(found.parts) == len(expected)
    assert all(shapely.equals_exact(found.parts, expected, 1e-7))


@given(
    st.tuples(st.floats(-179, 178), st.floats(-75, 75)),
    st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)), min_size=3, max_size=8),
    st.floats(1500, 9000),
    st.floats(0, 0.49),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=25, deadline=None)
def test_parts_make_up_the_area_and_none_is_too_large(at, points, size, variance, seed):
    """Their areas add up to the area's in the zone's plane, to 1e-6; no side is longer than the size."""
    hull = shapely.MultiPoint([(at[0] + x, at[1] + y) for x, y in points]).convex_hull
    if hull.geom_type != "Polygon" or hull.area < 1e-6:
        return

    found = cut_at_random(area(hull.wkt), size, variance=variance, seed=seed)

    _, drawn, _ = by_description(shapely.from_wkt(hull.wkt), 1e9, 0, 0)
    bounds = shapely.bounds(found.parts)
    assert shapely.area(found.parts).sum() == pytest.approx(drawn.area, rel=1e-6)
    assert (bounds[:, 2:] - bounds[:, :2]).max() <= size


def test_a_cut_along_an_edge_leaves_the_line_out():
    """The lower half of a flag is its pole and a line, which GEOS gives as a collection; no surface is lost."""
    flag = shapely.box(0, 0, 2, 10) | shapely.box(2, 5, 6, 10)

    parts = [*_halves(flag, 6, 0, np.random.RandomState(0), 0)]

    assert [part.area for part in parts] == [10, 30]


def test_the_same_seed_gives_the_same_tiles():
    """And another one others."""
    cut = [random_tiles(area(AREAS["a hole"]), "x", 5000, seed=seed)[0].name.hash for seed in (3, 3, 4)]

    assert cut[0] == cut[1] != cut[2]


@pytest.mark.parametrize(("size", "word"), [(20000, "20k"), (5999.9, "5k"), (800, "0k")])
def test_the_file_is_called_by_whole_kilometres(size, word):
    """As the published tool does."""
    assert random_tiles(area(AREAS["a hole"]), "x", size, seed=1)[0].name.tiles == word


def test_an_area_across_180_is_cut_in_one_plane():
    """Fiji's two halves meet: the parts are as large as the box, and one of them lies on both sides."""
    tiles, _ = random_tiles(area("179.6,-17,-179.6,-16.6"), "x", 30000, seed=1)

    union = shapely.union_all(tiles.frame.geometry.to_numpy())
    assert union.geom_type == "Polygon"
    assert union.area == pytest.approx(tiles.frame.geometry.area.sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "--max-size is 0; give metres above 0"),
        ({"size": float("nan")}, "--max-size is nan"),
        ({"size": 0.5}, "would be about .* 5,000,000 may be made at once"),
        ({"variance": 0.5}, "--variance is 0.5; give a number from 0 to below 0.5"),
        ({"variance": -0.1}, "--variance is -0.1"),
        ({"seed": -1}, "--seed is -1; give a whole number from 0"),
        ({"seed": 2**32}, "--seed is 4294967296"),
    ],
)
def test_numbers_out_of_range_are_refused(options, words):
    """Before anything is cut, in a sentence that names the value."""
    given = {"size": 5000, "variance": 0.1, "seed": 1} | options

    with pytest.raises(UserError, match=words):
        cut_at_random(area(AREAS["a hole"]), given.pop("size"), **given)

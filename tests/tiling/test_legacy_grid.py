"""The grid of the published tool, against its formula written out cell by cell."""

from __future__ import annotations

import os
from pathlib import Path

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
from orchestrator.tiling.grids import legacy_tiles
from orchestrator.tiling.legacy import legacy_cells


def by_formula(aoi, metres):
    """The published formula, one cell after the other."""
    middle = aoi.centroid
    place = AreaOfInterest(middle.x, middle.y, middle.x, middle.y)
    zone = query_utm_crs_info("WGS 84", place)[0]
    forward = pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{zone.code}", always_xy=True)
    points = [forward.transform(x, y) for x, y in shapely.get_coordinates(aoi).tolist()]
    x0, y0 = min(x for x, _ in points), min(y for _, y in points)
    x1, y1 = max(x for x, _ in points), max(y for _, y in points)
    found = []
    for gx in range(int((x1 - x0) // metres)):
        for gy in range(int((y1 - y0) // metres)):
            x, y = x0 + gx * metres, y0 + gy * metres
            lon, lat = forward.transform(x, y, direction="INVERSE")
            here = forward.transform(lon, lat)
            k_lon = (forward.transform(lon + 0.001, lat)[0] - here[0]) * 1000
            k_lat = (forward.transform(lon, lat + 0.001)[1] - here[1]) * 1000
            dx, dy = (metres - 1) / 2 / k_lon, (metres - 1) / 2 / k_lat
            w, e, s, n = lon - dx, lon + dx, lat - dy, lat + dy
            cell = shapely.Polygon([(w, s), (w, n), (e, n), (e, s), (w, s)])
            if cell.intersects(aoi):
                found.append(cell)
    return found


def area(text):
    (read,) = read_areas(text)
    return read


HOLED = (
    "POLYGON ((10 45, 10.3 45, 10.3 45.25, 10 45.25, 10 45), (10.1 45.1, 10.1 45.2, 10.2 45.2, 10.2 45.1, 10.1 45.1))"
)
AREAS = {
    "two parts": "MULTIPOLYGON (((20 50, 20.1 50, 20.1 50.1, 20 50)), ((20.2 50.1, 20.3 50.1, 20.3 50.2, 20.2 50.1)))",
    "a hole": HOLED,
    "southern": "POLYGON ((-60.2 -33.1, -60 -33.1, -59.95 -32.9, -60.2 -33.1))",
    "across the equator": "POLYGON ((36.9 -0.1, 37.1 -0.1, 37 0.12, 36.9 -0.1))",
    "across a zone's border": "POLYGON ((5.8 49.1, 6.3 49.1, 6.3 49.3, 5.8 49.1))",
    "far in the north": "POLYGON ((25 78, 26 78, 26 78.2, 25 78))",
    "touching longitude 180": "POLYGON ((179.8 -17, 180 -17, 180 -16.8, 179.8 -17))",
}


@pytest.mark.parametrize("text", AREAS.values(), ids=AREAS)
@pytest.mark.parametrize("metres", [1500, 3333.3])
def test_cells_are_those_of_the_formula_in_its_order(text, metres):
    """Every corner to 1e-9 degrees, ring by ring."""
    cells, expected = legacy_cells(area(text), metres), by_formula(shapely.from_wkt(text), metres)

    assert len(cells) == len(expected) > 3
    assert np.abs(shapely.get_coordinates(cells) - shapely.get_coordinates(expected)).max() < 1e-9


@given(
    st.tuples(st.floats(-175, 175), st.floats(-75, 75)),
    st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)), min_size=3, max_size=8),
    st.floats(900, 9000),
)
@settings(max_examples=25, deadline=None)
def test_any_area_has_the_cells_of_the_formula(at, points, metres):
    """Hulls of random points anywhere between the polar circles and beyond."""
    hull = shapely.MultiPoint([(at[0] + x, at[1] + y) for x, y in points]).convex_hull
    if hull.geom_type != "Polygon" or hull.area < 1e-6:
        return

    cells, expected = legacy_cells(area(hull.wkt), metres), by_formula(shapely.from_wkt(hull.wkt), metres)

    assert len(cells) == len(expected)
    assert np.allclose(shapely.get_coordinates(cells), shapely.get_coordinates(expected), rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def luxembourg():
    """The public example, or a skip that says what is missing."""
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    path = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", beside)) / "aoi" / "luxembourg.wkt"
    if not path.is_file():
        pytest.skip("the folder of real areas is absent; set ORCHESTRATOR_TEST_DATA")
    return area(str(path))


@pytest.mark.real
def test_luxembourg_has_the_published_number_and_hash(luxembourg):
    """2,774 chips, 14c55eb7d417f: printed in the published page."""
    tiles = legacy_tiles(luxembourg, "lux", 1000)[0]

    assert (len(tiles.frame), tiles.name.stem) == (2774, "lux_partitions_aschips_14c55eb7d417f")


@pytest.mark.parametrize("text", ["178,-18,-178,-16", "POLYGON ((179 1, 181 1, 181 2, 179 1))"])
def test_an_area_across_180_is_refused_with_the_way_to_go(text):
    """The formula would draw a bounding box round the Earth."""
    with pytest.raises(UserError, match=r"lies across longitude 180.*--cover full"):
        legacy_cells(area(text), 5000)

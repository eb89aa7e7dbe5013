"""The pixels of a region add up to its area, whatever the projection."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from evaluate_kit import answer, call

GEOD = pyproj.Geod(ellps="WGS84")
CRS = ("EPSG:4326", "EPSG:3857", "EPSG:32633", "EPSG:3035", "ESRI:54008")


def area_on_earth(polygon):
    return abs(GEOD.geometry_area_perimeter(polygon)[0])


def random_polygon(seed):
    """A star around a place in central Europe, from 200 m to 200 km wide, every third one with a hole."""
    rng = np.random.default_rng(seed)
    lon, lat, size = rng.uniform(9, 21), rng.uniform(38, 60), 10 ** rng.uniform(-3, 0)
    count = rng.integers(4, 12)
    angles = (np.arange(count) + rng.uniform(0.1, 0.9, count)) * 2 * np.pi / count
    radii = size * rng.uniform(0.5, 1, len(angles))
    shell = np.column_stack([lon + radii * np.cos(angles) / np.cos(np.radians(lat)), lat + radii * np.sin(angles)])
    star = shapely.Polygon(shell)
    hole = star.buffer(-0.25 * size)
    holed = seed % 3 == 0 and hole.geom_type == "Polygon" and not hole.is_empty
    return shapely.Polygon(star.exterior, [hole.exterior]) if holed else star


@pytest.mark.parametrize("seed", range(50))
def test_the_areas_of_pixels_add_up_to_the_area_of_the_polygon(seed):
    """Covered shares times areas of pixels, slivers left out, are the geodesic area within a ten-thousandth."""
    polygon = random_polygon(seed)
    expected = area_on_earth(polygon)
    rings = [list(map(list, ring.coords)) for ring in (polygon.exterior, *polygon.interiors)]

    found = answer(
        call(
            "Image.reduceRegion",
            image=call("Image.pixelArea"),
            reducer=call("Reducer.sum"),
            geometry=call("GeometryConstructors.Polygon", coordinates=rings),
            crs=call("Projection", crs=CRS[seed % len(CRS)]),
            scale=float(np.sqrt(expected) / np.random.default_rng(seed).uniform(20, 60)),
        )
    )

    assert found == {"area": pytest.approx(expected, rel=1e-4)}


def test_long_edges_are_the_shortest_ways():
    """A box of forty degrees bulges to the north on both its sides, which costs area, unless its edges are planar."""
    corners = [[-20, 50], [20, 50], [20, 60], [-20, 60]]
    bulging, straight = (
        answer(
            call(
                "Image.reduceRegion",
                image=call("Image.pixelArea"),
                reducer=call("Reducer.sum"),
                geometry=call("GeometryConstructors.Polygon", coordinates=[corners], geodesic=geodesic),
                scale=50_000,
                crs=call("Projection", crs="EPSG:4326"),
            )
        )["area"]
        for geodesic in (True, False)
    )

    dense = shapely.segmentize(shapely.Polygon(corners), 0.1)
    assert bulging == pytest.approx(area_on_earth(shapely.Polygon(corners)), rel=1e-4)
    assert straight == pytest.approx(area_on_earth(dense), rel=1e-4)
    assert bulging < 0.99 * straight


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_a_pixel_over_the_antimeridian_is_as_large_as_another(crs):
    """Its corners lie on both sides, at longitudes 360 degrees apart."""
    found = answer(
        call(
            "Image.reduceRegion",
            image=call("Image.pixelArea"),
            reducer=call("Reducer.first"),
            geometry=call("GeometryConstructors.Point", coordinates=[179.999999, 10]),
            scale=100_000,
            crs=call("Projection", crs=crs),
        )
    )

    assert 0.9e10 < found["area"] < 1.1e10

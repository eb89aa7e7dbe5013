"""Areas of land cover: hectares of each class in each district of a country."""

from __future__ import annotations

import ee
import numpy as np
import pytest
import shapely
from scripts_kit import Plot

DISTRICTS = "FAO/GAUL/2015/level2"
LUXEMBOURG = Plot(5.7, 50.2, 0.02, 40, "EPSG:4326")


def cover():
    return ee.ImageCollection("ESA/WorldCover/v200").first().select("Map")


def areas():
    """The districts, each with the square kilometres of its classes."""
    image = ee.Image.pixelArea().divide(1e6).addBands(cover())
    reducer = ee.Reducer.sum().group(groupField=1, groupName="class")

    def measured(district):
        found = image.reduceRegion(
            reducer, district.geometry(), crs="EPSG:4326", crsTransform=LUXEMBOURG.transform(), maxPixels=1e9
        )
        pairs = ee.List(found.get("groups")).map(
            lambda group: [ee.Number(ee.Dictionary(group).get("class")).format("%d"), ee.Dictionary(group).get("sum")]
        )
        return district.set("areas", ee.Dictionary(pairs.flatten()))

    return ee.FeatureCollection(DISTRICTS).filter(ee.Filter.eq("ADM0_NAME", "Luxembourg")).map(measured)


def pixel_areas(plot):
    """Square kilometres of pixels of degrees: areas between parallels of the ellipsoid (Snyder 1987, eq. 3-12)."""
    half_axis, eccentricity = 6378.137, 0.0818191908426215
    sines = np.sin(np.radians(plot.north - plot.scale * np.arange(plot.side + 1)))
    curved = eccentricity * sines
    zones = (1 - eccentricity**2) * (sines / (1 - curved**2) + np.arctanh(curved) / eccentricity)
    rows = -np.diff(zones) * half_axis**2 / 2 * np.radians(plot.scale)
    return np.broadcast_to(rows[:, None], (plot.side, plot.side))


@pytest.fixture(scope="module")
def measured():
    return {
        feature["properties"]["ADM2_NAME"]: feature["properties"]["areas"]
        for feature in areas().select(["ADM2_NAME", "areas"], retainGeometry=False).getInfo()["features"]
    }


def test_classes_have_the_areas_of_their_pixels(measured, world):
    """In each district and class, the sum over pixels of area times covered share."""
    classes, sizes = LUXEMBOURG.compute(cover())["Map"], pixel_areas(LUXEMBOURG)
    rows = [row for row in world.table(DISTRICTS).rows() if row.properties["ADM0_NAME"] == "Luxembourg"]

    assert measured.keys() == {row.properties["ADM2_NAME"] for row in rows}
    for row in rows:
        share = shapely.area(shapely.intersection(LUXEMBOURG.boxes(), row.shape)) / LUXEMBOURG.scale**2
        held = {str(each): float((sizes * share)[classes == each].sum()) for each in np.unique(classes)}
        found = measured[row.properties["ADM2_NAME"]]
        assert found == pytest.approx({key: held[key] for key in found}, rel=1e-3, abs=1e-3)
        assert sum(found.values()) == pytest.approx(sum(held.values()), rel=1e-4)


def test_classes_add_up_to_the_country(measured):
    """All classes of all districts together are the area of the country's shape."""
    country = ee.FeatureCollection("FAO/GAUL/2015/level0").filter(ee.Filter.eq("ADM0_NAME", "Luxembourg")).geometry()

    whole = country.area(1).getInfo() / 1e6

    assert sum(area for district in measured.values() for area in district.values()) == pytest.approx(whole, rel=1e-4)

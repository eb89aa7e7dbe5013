"""Series of weather: surface temperature in degrees Celsius, and rain added up from day to day."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from scripts_kit import Plot

TEMPERATURE, RAIN = "MODIS/061/MOD11A1", "UCSB-CHG/CHIRPS/DAILY"
KILOMETRE = 926.625433055833
CITY = Plot(-20015109.354 + KILOMETRE * 22860, 10007554.677 - KILOMETRE * 5068, KILOMETRE, 4, "SR-ORG:6974")
BASIN = Plot(15.5, 47.8, 0.05, 4, "EPSG:4326")


def temperatures():
    """A row for each day: the date, and the mean of good pixels in degrees Celsius."""

    def row(image):
        good = image.select("QC_Day").bitwiseAnd(3).eq(0)
        celsius = image.select("LST_Day_1km").multiply(0.02).subtract(273.15).updateMask(good)
        found = celsius.reduceRegion(ee.Reducer.mean().unweighted(), CITY.region(), crs=CITY.projection())
        return ee.Feature(None, {"date": image.date().format("YYYY-MM-dd"), "celsius": found.get("LST_Day_1km")})

    return ee.FeatureCollection(ee.ImageCollection(TEMPERATURE).filterDate("2020-11-01", "2020-11-10").map(row))


def accumulated():
    """Images of the rain since the first day."""
    days = ee.ImageCollection(RAIN).filterDate("2020-07-01", "2020-07-11").select("precipitation")

    def add(day, sums):
        total = ee.Image(ee.List(sums).get(-1)).add(day)
        return ee.List(sums).add(total.set("system:time_start", day.get("system:time_start")))

    start = ee.List([ee.Image.constant(0).toFloat().rename("precipitation")])
    return ee.ImageCollection(ee.List(days.iterate(add, start)).slice(1))


def test_temperatures_are_means_of_good_pixels(world):
    """Kelvin by the band's scale, less 273.15; pixels of poor quality take no part, and no pixels have no mean."""
    rows = [each["properties"] for each in temperatures().getInfo()["features"]]

    scenes = CITY.scenes(world, TEMPERATURE, "2020-11-01", "2020-11-10")
    assert [row["date"].replace("-", "_") for row in rows] == [scene.properties["system:index"] for scene in scenes]
    for row, scene in zip(rows, scenes, strict=True):
        kelvin, quality = CITY.read(scene, "LST_Day_1km") * 0.02, CITY.read(scene, "QC_Day")
        good = ~np.isnan(kelvin) & (np.nan_to_num(quality, nan=3).astype(int) & 3 == 0)
        if good.any():
            assert row["celsius"] == pytest.approx(kelvin[good].mean() - 273.15, abs=1e-4)
        else:
            assert row.get("celsius") is None


def test_rain_is_accumulated(world):
    """The image of each day is the sum of all days until then."""
    sums = np.cumsum(
        [BASIN.read(day, "precipitation") for day in BASIN.scenes(world, RAIN, "2020-07-01", "2020-07-11")], axis=0
    )

    found = BASIN.compute(accumulated().toBands())

    assert len(found.dtype.names) == len(sums) == 10
    for name, expected in zip(found.dtype.names, sums, strict=True):
        assert found[name] == pytest.approx(expected, rel=1e-6)


def test_the_wettest_day_is_found(world):
    """Of the sums at a place, the greatest step is the day with the most rain."""
    place = ee.Geometry.Point([15.575, 47.725])

    table = accumulated().getRegion(place, crs="EPSG:4326", crsTransform=BASIN.transform()).getInfo()

    at = table[0].index("precipitation")
    steps = np.diff([0, *(row[at] for row in table[1:])])
    days = [BASIN.read(day, "precipitation")[1, 1] for day in BASIN.scenes(world, RAIN, "2020-07-01", "2020-07-11")]
    assert steps == pytest.approx(days, abs=1e-4)
    assert table[1 + int(np.argmax(days))][table[0].index("time")] == 1593561600000 + int(np.argmax(days)) * 86_400_000

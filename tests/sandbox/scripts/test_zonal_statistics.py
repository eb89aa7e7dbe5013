"""Statistics of districts: a month of rain in the counties of a state, exported as a table."""

from __future__ import annotations

import csv
import io

import ee
import numpy as np
import pytest
import shapely
from scripts_kit import Plot

from orchestrator.sandbox.server import DEFAULT_BUCKET

COLLECTION = "UCSB-CHG/CHIRPS/DAILY"
START, END = "2020-07-01", "2020-08-01"
DELAWARE = "10"
STATE = Plot(-76.0, 40.0, 0.05, 40, "EPSG:4326")


def rain():
    """Millimetres of a month, in each pixel."""
    return ee.ImageCollection(COLLECTION).filterDate(START, END).sum().rename("rain")


def statistics():
    """Mean, least and greatest rain of each county, without its shape."""
    counties = ee.FeatureCollection("TIGER/2018/Counties").filter(ee.Filter.eq("STATEFP", DELAWARE))
    reducer = ee.Reducer.mean().combine(ee.Reducer.minMax(), sharedInputs=True)
    found = rain().reduceRegions(counties, reducer, crs="EPSG:4326", crsTransform=STATE.transform())
    return found.select(["NAME", "GEOID", "mean", "min", "max"], retainGeometry=False)


@pytest.fixture(scope="module")
def expected(world):
    """Name to the mean, weighed by covered shares, and the extremes of pixels with their centre inside."""
    days = STATE.scenes(world, COLLECTION, START, END)
    assert len(days) == 31
    month = np.sum([STATE.read(day, "precipitation") for day in days], axis=0)
    pixels = STATE.boxes()
    statistics = {}
    for row in world.table("TIGER/2018/Counties").rows():
        if row.properties["STATEFP"] == DELAWARE:
            share = shapely.area(shapely.intersection(pixels, row.shape)) / STATE.scale**2
            inside = month[shapely.contains(row.shape, shapely.centroid(pixels))]
            statistics[row.properties["NAME"]] = (np.average(month, weights=share), inside.min(), inside.max())
    return statistics


def test_the_table_in_the_bucket_has_the_statistics(finish, downloaded, expected):
    """A row for each county, with the chosen columns in the chosen order."""
    columns = ["NAME", "GEOID", "mean", "min", "max"]
    task = ee.batch.Export.table.toCloudStorage(
        statistics(),
        description="rain",
        bucket=DEFAULT_BUCKET,
        fileNamePrefix="zonal/rain",
        fileFormat="CSV",
        selectors=columns,
    )

    finish(task)

    rows = list(csv.DictReader(io.StringIO(downloaded("zonal/rain.csv").decode())))
    assert list(rows[0]) == columns
    assert sorted(row["GEOID"] for row in rows) == ["10001", "10003", "10005"]
    found = {row["NAME"]: tuple(float(row[name]) for name in columns[2:]) for row in rows}
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert values == pytest.approx(expected[name], rel=1e-4)


def test_the_wettest_county_is_found(expected):
    """Sorted by the statistic, the first is the one with the greatest mean."""
    first = statistics().sort("mean", False).first().get("NAME").getInfo()

    assert first == max(expected, key=expected.get)

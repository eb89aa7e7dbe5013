"""Time series at points: by `getRegion`, and by statistics of the points in every image, joined by date."""

from __future__ import annotations

import datetime as dt

import ee
import numpy as np
import pytest
from scripts_kit import Plot

COLLECTION = "MODIS/061/MOD13A1"
SIDE = 463.312716527917
START, END = "2020-04-01", "2020-08-01"
# Name to longitude and latitude.
PLACES = {"field": (15.6412, 47.7533), "forest": (15.6907, 47.8121), "town": (15.4433, 47.5731)}


def points():
    return ee.FeatureCollection([ee.Feature(ee.Geometry.Point(at), {"name": name}) for name, at in PLACES.items()])


def images():
    return ee.ImageCollection(COLLECTION).filterDate(START, END).select("NDVI")


def by_statistics():
    """A row for each image and point."""

    def rows(image):
        date = image.date().format("YYYY-MM-dd")
        found = image.reduceRegions(points(), ee.Reducer.first().setOutputs(["NDVI"]))
        return found.map(lambda row: row.set("date", date, "value", ee.Number(row.get("NDVI")).multiply(0.0001)))

    return images().map(rows).flatten()


@pytest.fixture(scope="module")
def expected(world):
    """(name, date) to the index, from the scenes' own pixels."""
    series = {}
    for name, (lon, lat) in PLACES.items():
        x = 6371007.181 * np.radians(lon) * np.cos(np.radians(lat))
        y = 6371007.181 * np.radians(lat)
        col, row = np.floor((x + 20015109.354) / SIDE), np.floor((10007554.677 - y) / SIDE)
        pixel = Plot(-20015109.354 + col * SIDE, 10007554.677 - row * SIDE, SIDE, 1, "SR-ORG:6974")
        for scene in pixel.scenes(world, COLLECTION, START, END):
            day = dt.datetime.fromtimestamp(scene.properties["system:time_start"] / 1000, dt.UTC).date()
            series[name, day.isoformat()] = pixel.read(scene, "NDVI").item()
    return series


def test_regions_give_every_image_and_point(expected):
    """`getRegion` has a row for each of eight composites and three points: the pixel's value, the image's time."""
    header, *rows = images().getRegion(points().geometry(), crs=images().first().projection()).getInfo()

    at = {name: header.index(name) for name in header}
    found = {}
    for row in rows:
        place = min(PLACES, key=lambda name: abs(PLACES[name][0] - row[at["longitude"]]))
        day = dt.datetime.fromtimestamp(row[at["time"]] / 1000, dt.UTC).date()
        assert row[at["id"]] == day.strftime("%Y_%m_%d")
        found[place, day.isoformat()] = row[at["NDVI"]]
    assert len(found) == len(rows) == 3 * 8
    assert found == expected


def test_statistics_give_the_same_series(expected):
    """Statistics of the points in every image, flattened, are the same numbers, scaled."""
    rows = by_statistics().getInfo()["features"]

    found = {(row["properties"]["name"], row["properties"]["date"]): row["properties"]["value"] for row in rows}
    assert found == pytest.approx({key: value * 0.0001 for key, value in expected.items()})


def test_series_are_summarised_by_point(expected):
    """The greatest index of each point, grouped by name."""
    reducer = ee.Reducer.max().group(groupField=1, groupName="name")

    groups = by_statistics().reduceColumns(reducer, ["value", "name"]).getInfo()["groups"]

    greatest = {name: max(value for (place, _), value in expected.items() if place == name) for name in PLACES}
    assert {each["name"]: each["max"] for each in groups} == pytest.approx(
        {name: value * 0.0001 for name, value in greatest.items()}
    )

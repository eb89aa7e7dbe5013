"""Tables in and out: features with what the images say at them, exported in two formats to two places, read again."""

from __future__ import annotations

import io

import ee
import geopandas
import googleapiclient.discovery
import pandas as pd
import pytest
import shapely
from google.auth.credentials import AnonymousCredentials
from googleapiclient.http import MediaIoBaseDownload

from orchestrator.sandbox.server import DEFAULT_BUCKET

STATIONS = {"Lunz": (15.07, 47.85), "Graz": (15.44, 47.07), "Köflach, West": (15.08, 47.06)}


def stations():
    """Points with the elevation of their pixel."""
    points = [ee.Feature(ee.Geometry.Point(at), {"name": name}) for name, at in STATIONS.items()]
    reducer = ee.Reducer.first().setOutputs(["elevation"])
    return ee.Image("USGS/SRTMGL1_003").reduceRegions(ee.FeatureCollection(points), reducer)


def counties():
    chosen = ee.FeatureCollection("TIGER/2018/Counties").filter(ee.Filter.eq("STATEFP", "10"))
    return chosen.select(["NAME", "GEOID"]).map(lambda county: county.set("km2", county.area(1).divide(1e6)))


@pytest.fixture
def drive(sandbox):
    service = googleapiclient.discovery.build(
        "drive", "v3", credentials=AnonymousCredentials(), client_options={"api_endpoint": sandbox.url + "/drive/v3"}
    )
    yield service
    service.close()


@pytest.fixture
def exported(finish, downloaded, drive):
    """`exported(table, place, file_format)` gives the bytes of the file that an export made."""

    def fetch(table, place, file_format):
        name = f"table-{file_format.lower()}"
        options = {"description": "table", "fileFormat": file_format, "fileNamePrefix": name}
        if place == "bucket":
            finish(ee.batch.Export.table.toCloudStorage(table, bucket=DEFAULT_BUCKET, **options))
            return downloaded(f"{name}.{file_format.lower()}")
        finish(ee.batch.Export.table.toDrive(table, folder="tables", **options))
        found = drive.files().list(q=f"name = '{name}.{file_format.lower()}'", orderBy="createdTime desc").execute()
        body = io.BytesIO()
        media = MediaIoBaseDownload(body, drive.files().get_media(fileId=found["files"][0]["id"]))
        while not media.next_chunk()[1]:
            pass
        return body.getvalue()

    return fetch


@pytest.fixture(params=["bucket", "drive"])
def place(request):
    return request.param


def test_a_csv_has_the_stations(exported, place, world):
    """Names with commas and umlauts, numbers, and places as GeoJSON; elevations are those of the model's pixels."""
    table = pd.read_csv(io.BytesIO(exported(stations(), place, "CSV")))

    shapes = geopandas.GeoSeries(table[".geo"].map(shapely.from_geojson), crs=4326)
    assert dict(zip(table["name"], zip(shapes.x, shapes.y, strict=True), strict=True)) == STATIONS
    assert list(table["elevation"]) == [elevation(world, *at) for at in STATIONS.values()]


def elevation(world, lon, lat):
    """Read the model's pixel at a place."""
    (band,) = world.scene("USGS/SRTMGL1_003").bands
    width, _, west, _, height, north = band.transform
    row, col = int((lat - north) / height), int((lon - west) / width)
    return world.scene("USGS/SRTMGL1_003").read(band.name, 0, row, col, 1, 1)[0].item()


def test_geojson_has_the_shapes(exported, place, world):
    """geopandas reads the polygons of the table, with the areas that its own projection gives them."""
    frame = geopandas.read_file(io.BytesIO(exported(counties(), place, "GeoJSON")))

    shapes = {row.properties["GEOID"]: row.shape for row in world.table("TIGER/2018/Counties").rows()}
    assert sorted(frame["GEOID"]) == ["10001", "10003", "10005"]
    for found, code in zip(frame.geometry, frame["GEOID"], strict=True):
        assert found.symmetric_difference(shapes[code]).area < 1e-6 * shapes[code].area
    assert list(frame["km2"]) == pytest.approx(list(frame.to_crs("EPSG:6933").area / 1e6), rel=1e-4)

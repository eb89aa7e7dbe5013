"""Chips on both sides of longitude 180, and of tiles across it: the right ground is in each."""

from __future__ import annotations

import geopandas
import numpy as np
import pyproj
import pytest
import shapely

import orchestrator as orc
from orchestrator.tiling.file import name_tiles, write_tiles

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
SIDE = 0.01
MIDDLES = (179.98, 179.996, 180.0, 180.004, -179.98)
CODE = """
import ee


class DatasetDefinition:
    def __init__(self, name):
        self.name = name

    def get_dataset_name(self):
        return "own"

    def get_dtype(self):
        return "float64"

    def get_gee_image(self, tile_geometry, **_):
        tile = ee.Geometry.Polygon(list(map(list, tile_geometry.exterior.coords)), None, False)
        return ee.Image.pixelLonLat().toDouble().addBands(ee.Image(tile.area(1)).rename("area").toDouble())
"""


@pytest.fixture(scope="module", params=[".geojson", ".parquet"])
def found(request, tmp_path_factory):
    """Five tiles of 0.01 degrees at Fiji; those across 180 are cut there in GeoJSON."""
    folder = tmp_path_factory.mktemp("fiji")
    boxes = [shapely.box(x - SIDE / 2, -17.01, x + SIDE / 2, -17.0) for x in MIDDLES]
    tiles = write_tiles(
        name_tiles(geopandas.GeoDataFrame(geometry=boxes, crs="EPSG:4326"), "fiji", "cells", {"kind": "select"}),
        folder, request.param,
    )  # fmt: skip
    code = folder / "own.py"
    code.write_text(CODE)
    with orc.sandbox(state_dir=folder / "state"):
        bands = ["longitude", "latitude", "area"]
        yield orc.chips(tiles.path, code, bands=bands, scale=20, name="own", progress=False)


def test_each_pixel_is_of_the_ground_that_pyproj_tells(found):
    """Of its middle, in the zone of the tile's middle."""
    zones = ["EPSG:32760", "EPSG:32760", "EPSG:32701", "EPSG:32701", "EPSG:32701"]
    assert list(found.frame["crs"]) == zones
    for row, middle in zip(found.frame.itertuples(), MIDDLES, strict=True):
        a, _, left, _, e, top = row.transform
        x, y = np.meshgrid(left + a * (np.arange(row.width) + 0.5), top + e * (np.arange(row.height) + 0.5))
        lon, lat = pyproj.Transformer.from_crs(row.crs, "EPSG:4326", always_xy=True).transform(x, y)
        longitude, latitude, _ = found.read(row.identifier)
        assert np.abs((longitude - lon + 180) % 360 - 180).max() < 1e-6
        np.testing.assert_allclose(latitude, lat, atol=1e-6)
        assert np.abs((lon - middle + 180) % 360 - 180).max() < SIDE / 2 + 40 / 100_000
        assert row.width < 60


def test_a_user_s_code_is_handed_a_tile_that_does_not_reach_round_the_earth(found):
    """Its area is that of pyproj on the ellipsoid."""
    geod = pyproj.Geod(ellps="WGS84")
    for row, x in zip(found.frame.itertuples(), MIDDLES, strict=True):
        box = shapely.segmentize(shapely.box(x - SIDE / 2, -17.01, x + SIDE / 2, -17.0), SIDE / 10)
        area, _ = geod.geometry_area_perimeter(box)
        assert found.read(row.identifier)[2].mean() == pytest.approx(abs(area), rel=1e-3)

"""Products of other halves of the Earth, and of the edge of the map."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from sandbox_safe_kit import parsed

from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.product_xml import product_xml
from orchestrator.sandbox.safe.tile_xml import tile_xml
from orchestrator.sandbox.safe.tree import write


@pytest.fixture(scope="module")
def southern(source):
    """Near Sydney, where squares of ground do not begin at multiples of 60 m."""
    return next(
        source.of_tile("L1C", "56HLH", "2024-06-01", "2024-06-20", Options(Cut(900, 900, 30, 30), bands=("B01",)))
    )


def test_a_southern_product_holds_the_scene_in_its_own_zone(southern, earth, tmp_path):
    scene = earth.scene(f"COPERNICUS/S2_HARMONIZED/{southern.scene.index}")
    values, valid = scene.read("B1", 0, 900, 900, 30, 30)

    folder = write(southern, tmp_path)

    with rasterio.open(folder / southern.path(southern.images[0])) as raster:
        np.testing.assert_array_equal(raster.read(1), np.where(valid, values + 1000, 0))
        assert raster.crs.to_epsg() == 32756
        assert valid.all()


def test_the_sun_stands_in_the_north_of_a_southern_tile(southern):
    tree = parsed(tile_xml(southern, {}))

    assert tree.find(".//HORIZONTAL_CS_CODE").text == "EPSG:32756"
    assert tree.find(".//HORIZONTAL_CS_NAME").text == "WGS84 / UTM zone 56S"
    azimuth = float(tree.find(".//Mean_Sun_Angle/AZIMUTH_ANGLE").text)
    assert min(azimuth, 360 - azimuth) < 60


def test_a_footprint_across_180_degrees_is_one_ring_whose_longitudes_jump(source):
    """As a real product of tile 01KAB has it."""
    product = next(source.of_tile("L2A", "01KAB", "2023-08-01", "2023-08-30"))

    positions = parsed(product_xml(product, {})).find(".//EXT_POS_LIST").text.split()

    lat, lon = (np.array(positions[start::2], float) for start in (0, 1))
    assert (lon.min() < -179, lon.max() > 179) == (True, True)
    assert np.abs(lon).max() <= 180
    ring = shapely.Polygon(np.column_stack([lon % 360, lat]))
    assert ring.is_valid
    assert ring.area == pytest.approx(product.footprint.area, rel=1e-6)


def test_a_datatake_of_level_2a_does_not_begin_before_the_level_did(source):
    found = list(source.of_tile("L2A", "33TWL", "2017-03-01", "2017-04-15"))

    assert found
    assert all(product.datatake >= "20170328" for product in found)
    assert list(source.of_tile("L1C", "33TWL", "2017-03-01", "2017-03-28"))

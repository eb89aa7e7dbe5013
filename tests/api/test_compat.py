"""`orchestrator.compat`: scenes and cubes by the names and arguments that programs know from georeader."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

import orchestrator as orc
from orchestrator import compat

pytestmark = [
    pytest.mark.usefixtures("sandbox"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),  # in rasterio's own code
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

BOX = (14.400, 46.000, 14.404, 46.003)
AREA = shapely.box(*BOX)
FIRST, END = datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 6, 9, tzinfo=UTC)


def test_the_published_pipeline_runs_with_its_own_names():
    scenes = compat.query_s2_l2a(polygon=AREA, start_date="2024-06-01", end_date="2024-06-09")
    scenes = scenes[scenes["cloud_cover"] < 90]
    cube = compat.export_cube(scenes, geometry=AREA, bands=["B04", "B03", "B02"], scale=10)

    assert cube.dims == ("time", "band", "y", "x")
    assert list(cube.band.values) == ["B04", "B03", "B02"]
    assert cube.sizes["time"] == len(scenes[["solarday", "satellite"]].drop_duplicates())


def test_a_date_of_the_cube_is_the_image_of_its_scene():
    scenes = compat.query(AREA, FIRST, END, "S2_SR")
    lattice = (10.0, 0.0, 0.0, 0.0, -10.0, 0.0)

    cube = compat.export_cube(scenes[:1], AREA, bands_gee=["B4"], transform=lattice, crs="EPSG:32633")

    asset = f"{scenes['collection_name'].iloc[0]}/{scenes['gee_id'].iloc[0]}"
    image = compat.export_image(asset, AREA, ["B4"])
    assert cube.rio.bounds() == image.rio.bounds()
    np.testing.assert_array_equal(cube.values[0], image.values)


@pytest.mark.parametrize(
    ("producttype", "names"),
    [("S2", ["s2-l1c"]), ("L8", ["landsat-8"]), ("Landsat", ["landsat"]), ("both", ["landsat", "s2-l1c"])],
)
def test_a_product_type_is_these_collections_in_the_order_of_time(producttype, names):
    found = compat.query(AREA, FIRST, END, producttype)

    expected = [title for name in names for title in orc.query(name, BOX, "2024-06-01", "2024-06-09").index]
    assert sorted(found.index) == sorted(expected)
    assert found["utcdatetime"].is_monotonic_increasing
    assert len(found)


def test_an_end_within_a_day_takes_that_day():
    whole = compat.query(AREA, FIRST, END, "S2_SR")
    last = whole["utcdatetime"].max()

    found = compat.query(AREA, FIRST, last.replace(hour=1).to_pydatetime(), "S2_SR")

    assert list(found.index) == list(whole.index)


def test_earlier_landsats_are_those_of_three_collections():
    first, end = datetime(2005, 6, 1, tzinfo=UTC), datetime(2005, 8, 1, tzinfo=UTC)

    found = compat.query_landsat_457(AREA, first, end)

    assert set(found["satellite"]) == {"LT05", "LE07"}
    assert len(found) == sum(len(compat.query_landsat_457(AREA, first, end, one)) for one in ("L4", "L5", "L7"))


@pytest.mark.parametrize(
    ("function", "known"), [(compat.query, "S2_SR"), (compat.query_landsat_457, "L5")], ids=["query", "Landsat"]
)
def test_an_unknown_product_type_is_named(function, known):
    with pytest.raises(orc.UserError, match=f"product type 'S3' is not known.*{known}"):
        function(AREA, FIRST, END, "S3")

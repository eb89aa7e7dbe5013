"""Three real acquisitions of two tiles over Slovenia: what the table says against the files themselves."""

from __future__ import annotations

import json
from datetime import date

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from placed_world import DATA, REAL

from orchestrator.app.verbs.query import area_wkb
from orchestrator.model.scene import SceneQuery
from orchestrator.queries.search import search

pytestmark = pytest.mark.real
BORDER = DATA / "aoi" / "svn_border.geojson"
LAEA = "EPSG:3035"  # equal in area too, and another projection than the program's


@pytest.fixture(scope="module")
def frame(real_engine):
    query = SceneQuery("s2-l2a", date(2023, 8, 1), date(2023, 9, 1), area_wkb({"source": str(BORDER)}), unique=False)
    return search(query, real_engine, lambda _: None).frame()


@pytest.fixture(scope="module")
def items():
    """The STAC item of each scene, with its outline in the CRS of its raster, by the product's name."""
    found, to = {}, pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32633", always_xy=True)
    for path in REAL.glob("*/*.json"):
        item = json.loads(path.read_text())
        with rasterio.open(path.with_name("B02.tif")) as raster:
            item["transform"] = list(raster.transform)[:6]
            edges = shapely.segmentize(shapely.geometry.shape(item["geometry"]), 0.01)
            item["outline"] = shapely.transform(edges, lambda xy: np.column_stack(to.transform(xy[:, 0], xy[:, 1])))
        found[item["properties"]["s2:product_uri"].removesuffix(".SAFE")] = item
    return found


def square_metres(geometry):
    """The area of a geometry in UTM zone 33 north."""
    to = pyproj.Transformer.from_crs("EPSG:32633", LAEA, always_xy=True)
    dense = shapely.segmentize(geometry, 1000)
    return shapely.transform(dense, lambda xy: np.column_stack(to.transform(xy[:, 0], xy[:, 1]))).area


def test_the_scenes_are_those_of_the_folder(frame, items):
    """By their products' names, in the order of time."""
    assert list(frame.index) == sorted(items, key=lambda name: items[name]["properties"]["datetime"])


def test_times_clouds_and_grids_are_those_of_the_items(frame, items):
    """And of the rasters."""
    for name, row in frame.iterrows():
        properties = items[name]["properties"]
        assert row["utcdatetime"].isoformat() == properties["datetime"].replace("000Z", "000+00:00")
        assert row["cloud_cover"] == pytest.approx(properties["eo:cloud_cover"])
        assert row["proj"] == {"crs": "EPSG:32633", "transform": items[name]["transform"]}
        assert row["MGRS_TILE"] == name.split("_T")[1][:5]


def test_shares_of_the_country_are_those_of_the_items(frame, items):
    """Of the border and the outlines that the items give, cut in UTM and measured in LAEA."""
    border = gpd.read_file(BORDER).to_crs(32633).union_all()
    expected = {
        name: 100 * square_metres(border & item["outline"]) / square_metres(border) for name, item in items.items()
    }

    assert len({round(share) for share in expected.values()}) == 2  # two tiles
    # A footprint grows by what its raster holds beyond the few points it is drawn with: two kilometres at a corner.
    wider = {name: frame["overlappercentage"][name] - share for name, share in expected.items()}
    assert all(-0.01 < more < 0.1 for more in wider.values()), wider

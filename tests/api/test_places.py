"""Places of a table that are held in memory: none, some without a geometry, some beyond 180 degrees."""

from __future__ import annotations

import json

import geopandas
import pytest
import shapely

import orchestrator as orc

WELLS = geopandas.GeoDataFrame(
    {"name": ["a", "b", "c"]},
    geometry=[None, shapely.Point(200, 10), shapely.Point()],
    crs="EPSG:4326",
)
ASKED = {"collection": "s2-l2a", "dates": ("2024-06-01", "2024-06-06"), "bands": ["B4"], "progress": False}


@pytest.fixture(autouse=True, scope="module")
def sandbox(tmp_path_factory, forked_sandboxes):  # noqa: ARG001
    """One sandbox for the tests of this file, spoken to by this process."""
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection


@pytest.mark.parametrize("kind", ["points", "polygons"])
@pytest.mark.parametrize("places", [WELLS.iloc[:0], WELLS.geometry.iloc[:0]], ids=["frame", "series"])
def test_no_places_make_an_empty_table_with_its_columns(places, kind, tmp_path):
    """No image was asked for, so that nothing is said of images."""
    frame = orc.table(**{kind: places}, path=tmp_path / "none.csv", **ASKED)
    proof = json.loads((tmp_path / "none.csv.proof.json").read_text())

    assert list(frame.columns) == ["id", "time", "image", "lon", "lat", "B4"]
    assert len(frame) == 0
    assert proof["notes"] == ["WKT: holds no feature; the table is empty."]


def test_places_without_a_geometry_are_told(tmp_path):
    """Neither do they vanish in silence, nor do the others get their names; a longitude is as it was given."""
    frame = orc.table(points=WELLS, id="name", path=tmp_path / "wells.csv", **ASKED)
    proof = json.loads((tmp_path / "wells.csv.proof.json").read_text())

    assert set(frame.id) == {"b"}
    assert set(frame.lon) == {200.0}
    assert "2 of 3 features have no geometry and were left out (1, 3)" in proof["notes"][0]


def test_no_geometry_at_all_is_refused():
    """That is no table of nothing: somebody lost them."""
    with pytest.raises(orc.UserError, match="has no geometry, and no other one has"):
        orc.table(points=WELLS.iloc[[0, 2]], **ASKED)

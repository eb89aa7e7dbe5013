"""What is opened as an area, and what never is: only a local, regular file of the kind that its name says."""

from __future__ import annotations

import json

import pytest
from aoi_kit import assert_areas_or_sentence, refusal
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plan import vectors

VIRTUAL = '<OGRVRTDataSource>{}<OGRVRTLayer name="x"><SrcDataSource>/vsicurl/http://127.0.0.1:9/x</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.geojson", VIRTUAL),
        ("a.kml", VIRTUAL.format("<!-- <kml> -->")),
        ("a.gpkg", VIRTUAL),
        ("a.json", '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read http://127.0.0.1:9/x"}'),
        ("a.json", '"http://127.0.0.1:9/x"'),
        ("a.shp", "PK not a shapefile"),
        ("a.wkt", "hello"),
    ],
)
def test_a_file_in_disguise_is_never_handed_to_gdal(tmp_path, monkeypatch, name, content):
    """A virtual dataset or a pipeline would make GDAL open what the file's author wants."""
    path = tmp_path / name
    path.write_text(content)
    monkeypatch.setattr(vectors, "_gdal", lambda: pytest.fail("GDAL was asked"))

    assert "does not begin like" in refusal(path)


TOPOLOGY = {
    "type": "Topology",
    "objects": {"land": {"type": "Polygon", "arcs": [[0]]}},
    "arcs": [[[0, 0], [1, 0], [1, 1], [0, 0]]],
}


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.json", json.dumps(TOPOLOGY), "read as TopoJSON"),
        ("a.json", '{"hello": 1}', "damaged"),
        ("a.gpkg", "SQLite format 3\0 and nothing more", "damaged"),
        ("a.wkt", "POLYGON((1 2, x", "not readable WKT"),
        ("a.parquet", "PAR1 and nothing more", "a.parquet"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, content, found):
    """Each kind of file is read by its own driver or not at all."""
    path = tmp_path / name
    path.write_text(content)

    assert found in refusal(path)


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"[-0-9.e]+,[-0-9.e]+,[-0-9.e]+,[-0-9.e]+(;EPSG:[0-9]{1,5})?", fullmatch=True),
        st.from_regex(r"(SRID=[0-9]{1,6};)?(MULTI)?POLYGON\\(\\([-0-9. ,()]*\\)\\)", fullmatch=True),
    )
)
def test_whatever_is_typed_is_an_area_or_a_sentence(text):
    """No other exception comes out of a source given by hand."""
    assert_areas_or_sentence(text)

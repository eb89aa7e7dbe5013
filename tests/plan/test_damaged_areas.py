"""Files that are cut short, changed or incomplete give the whole area or one line, never less of it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from aoi_kit import DRIVER, HOLED, ISLAND, assert_areas_or_sentence, frame, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.plan.aoi import read_areas


@pytest.mark.parametrize("missing", [(".shx",), (".dbf",), (".shx", ".dbf"), (".cpg",)])
def test_a_shapefile_without_its_helpers_is_still_read(shapefile, missing):
    """The index is rebuilt in a copy; the user's folder is left as it was."""
    for suffix in missing:
        shapefile.with_suffix(suffix).unlink()
    before = sorted(entry.name for entry in shapefile.parent.iterdir())

    (area,) = read_areas(str(shapefile))

    assert area.geometry.equals(HOLED.union(ISLAND))
    assert any("rebuilt" in note for note in area.notes) is (".shx" in missing)
    assert sorted(entry.name for entry in shapefile.parent.iterdir()) == before


@pytest.mark.parametrize("kept", [0, 1, 50, 99, 100, 110, 150, 300])
def test_a_truncated_shapefile_is_refused_wherever_it_ends(shapefile, kept):
    """It would read as rows without geometry, and an output would silently be too small."""
    shapefile.write_bytes(shapefile.read_bytes()[:kept])

    sentence = refusal(shapefile)

    expected = "is truncated" if kept >= 100 else "bytes" if kept in {0, 50, 99} else "does not begin"
    assert expected in sentence


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".kml"])
def test_other_truncated_files_are_refused(tmp_path, suffix):
    """Half a file is no file."""
    path = tmp_path / f"land{suffix}"
    frame(HOLED, ISLAND).to_file(path, driver=DRIVER.get(suffix))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    assert path.name in refusal(path)


def test_a_table_that_does_not_belong_to_its_shapes_is_refused(shapefile, tmp_path):
    """Shapes and attributes of different files would mix up names."""
    frame(HOLED).to_file(tmp_path / "other.shp")
    shutil.copy(tmp_path / "other.dbf", shapefile.with_suffix(".dbf"))

    assert "2 shapes in the index but 1 rows" in refusal(shapefile)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """The bytes of one file of each kind, by extension."""
    folder = tmp_path_factory.mktemp("intact")
    for suffix in (".shp", ".gpkg", ".fgb", ".geojson"):
        frame(HOLED, ISLAND).to_file(folder / f"land{suffix}")
    return {entry.suffix: entry.read_bytes() for entry in folder.iterdir()}


@pytest.mark.parametrize("damaged", [".shp", ".shx", ".dbf", ".prj", ".gpkg", ".fgb", ".geojson"])
@given(where=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
@settings(max_examples=15)
def test_whatever_bytes_are_damaged_the_area_is_whole_or_refused(intact, damaged, where, value):
    """A changed byte gives a valid polygon or one line; never another exception or an empty area."""
    content = bytearray(intact[damaged])
    content[int(where * len(content))] = value
    shapefile = {".shp", ".shx", ".dbf", ".prj"}
    members = shapefile if damaged in shapefile else {damaged}

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "land.shp"
        for suffix in members:
            path.with_suffix(suffix).write_bytes(content if suffix == damaged else intact[suffix])
        assert_areas_or_sentence(str(path if ".shp" in members else path.with_suffix(damaged)))


@pytest.mark.parametrize("position", [247, 263, 319], ids=["in a hole", "in a ring", "in another piece"])
def test_a_coordinate_beyond_all_numbers_ends_in_one_line(intact, tmp_path, position):
    """A byte that makes a coordinate overflow GEOS's arithmetic is a damaged file, not a warning."""
    content = bytearray(intact[".shp"])
    content[position] = 127
    for suffix in (".shp", ".shx", ".dbf", ".prj"):
        (tmp_path / f"land{suffix}").write_bytes(content if suffix == ".shp" else intact[suffix])

    assert_areas_or_sentence(str(tmp_path / "land.shp"))

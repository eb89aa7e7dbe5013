"""`orc.tiles.select`, `link` and `split`: in memory, and in files."""

from __future__ import annotations

import inspect
from dataclasses import fields

import geopandas
import shapely

import orchestrator as orc
from orchestrator.tiling.split_options import SplitOptions

BOX = (6.0, 45.0, 6.12, 45.08)


def test_tiles_in_memory_are_split_without_a_file(tmp_path, monkeypatch):
    """They come back with the column; the report says what came of it, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    tiles, report = orc.tiles.split(orc.tiles.grid(BOX, 1000), gap=1000)

    assert tiles.path is None
    assert tiles.frame["split"].value_counts().to_dict() == report.table()["tiles"].to_dict()
    assert report.near == 0
    assert list(tmp_path.iterdir()) == []


def test_tiles_in_a_file_are_written_there(tmp_path):
    """From a vector file to splits of whole districts, each step in the files."""
    districts = [shapely.box(6.0 + 0.03 * n, 44.9, 6.03 + 0.03 * n, 45.2) for n in range(4)]
    geopandas.GeoDataFrame({"n": range(4)}, geometry=districts, crs=4326).to_file(tmp_path / "d.gpkg")
    grid = orc.tiles.grid(BOX, 1000, name="box", folder=tmp_path)
    chosen = orc.tiles.select(tmp_path / "d.gpkg", BOX, name="box", tiles_name="districts", folder=tmp_path)

    orc.tiles.link(grid.path, chosen.path)
    _, report = orc.tiles.split(grid.path, group_by="districts")

    frame = orc.tiles.read(grid.path).frame
    assert set(frame["foreignid_districts"]) == set(chosen.frame["identifier"])
    assert frame.groupby("foreignid_districts")["split_districts"].nunique().tolist() == [1] * 4
    assert report.csv.is_file()


def test_what_split_takes_is_what_splits_have():
    """No option is missing in Python, and none has another default there."""
    taken = [one for one in inspect.signature(orc.tiles.split).parameters.values() if one.kind is one.KEYWORD_ONLY]

    assert {one.name: one.default for one in taken} == {one.name: one.default for one in fields(SplitOptions)}

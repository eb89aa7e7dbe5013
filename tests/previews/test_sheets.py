"""Chips and tables as a page shows them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from previews_kit import GRID, pixels_of, publish, sha256, write_raster
from pyproj import Transformer

from orchestrator.app.verbs.chip_views import chip_picture, chip_sheet
from orchestrator.app.verbs.scene_views import scenes_of
from orchestrator.app.verbs.table_views import table_of
from orchestrator.core.errors import UserError
from orchestrator.products.scenes.index import scene_json
from orchestrator.products.scenes.scene import IndexedScene, ProductInfo, SceneFile, SceneKey

LABELS = {"10": {"name": "trees", "colour": "006400"}, "20": {"name": "grass", "colour": "ffff4c"}}


@pytest.fixture
def chips(records, tmp_path):
    """Two chips of classes, one that is empty and one that failed."""
    folder = tmp_path / "cover"
    folder.mkdir()
    made = {}
    for name, values in (("aaaaaaaaaaaaa", [[10, 20], [20, 20]]), ("bbbbbbbbbbbbb", [[10, 10], [255, 10]])):
        pixels = np.array([values], "uint8").repeat(16, axis=1).repeat(16, axis=2)
        made[name] = sha256(write_raster(folder / f"{name}.tif", pixels, nodata=255))
    place = {"crs": "EPSG:32632", "transform": list(GRID)[:6], "height": 32, "width": 32}
    rows = [
        {"identifier": name, "state": state, "sha256": made.get(name, ""), "valid": [valid], "why": why, **place}
        for name, state, valid, why in (
            ("aaaaaaaaaaaaa", "DONE", 1.0, ""),
            ("bbbbbbbbbbbbb", "DONE", 0.75, ""),
            ("ccccccccccccc", "EMPTY", 0.0, "no pixel"),
            ("ddddddddddddd", "FAILED", 0.0, "the service said no"),
        )
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "chips.parquet")
    (folder / "dataset.json").write_text(json.dumps({"bands": ["Map"], "classes": LABELS}))
    return publish(records, [("data", folder)], product="chips")


def test_every_chip_is_listed_also_those_that_are_not_there(records, chips):
    """With the reason, and where it would be, as pyproj projects its corners."""
    sheet = chip_sheet(records, chips.id)

    assert dict(sheet.states) == {"DONE": 2, "EMPTY": 1, "FAILED": 1}
    assert [(chip.identifier, chip.why) for chip in sheet.chosen(state="FAILED")] == [
        ("ddddddddddddd", "the service said no")
    ]
    corner = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True).transform(500640, 5500000 - 640)
    assert sheet.chips[0].corners[2] == pytest.approx(corner)
    assert dict(sheet.splits) == {}


def test_a_thumbnail_has_the_colours_of_the_classes(records, chips):
    """And shows nothing where there is no data."""
    drawn = pixels_of(chip_picture(records, chips.id, "bbbbbbbbbbbbb"))

    assert drawn.shape == (32, 32, 4)
    assert (tuple(drawn[0, 0]), tuple(drawn[31, 0])) == ((0, 0x64, 0, 255), (0, 0, 0, 0))
    assert tuple(pixels_of(chip_picture(records, chips.id, "aaaaaaaaaaaaa"))[0, 31]) == (0xFF, 0xFF, 0x4C, 255)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ddddddddddddd", "the service said no"),
        ("../aaaaaaaaaaaaa", "there is no chip"),
        ("eeeeeeeeeeeee", "there is no chip 'eeeeeeeeeeeee'"),
    ],
)
def test_a_chip_that_is_not_there_is_said(records, chips, name, says):
    """No name leads out of the folder: only such as are listed are opened."""
    with pytest.raises(UserError, match=says):
        chip_picture(records, chips.id, name)


def test_a_chip_that_was_replaced_is_not_shown(records, chips, tmp_path):
    """Its checksum is another."""
    (tmp_path / "cover" / "aaaaaaaaaaaaa.tif").write_bytes((tmp_path / "cover" / "bbbbbbbbbbbbb.tif").read_bytes())

    with pytest.raises(UserError, match="is not the file that was published"):
        chip_picture(records, chips.id, "aaaaaaaaaaaaa")


ROWS = [
    {"id": place, "time": f"2024-05-{day:02}T10:00:00Z", "B4": place * 100 + day, "note": "<b>"}
    for day in (9, 4)
    for place in (1, 2)
]


@pytest.fixture(params=["csv", "parquet"])
def table(request, records, tmp_path):
    path = tmp_path / f"east.{request.param}"
    if request.param == "csv":
        lines = ["id,time,B4,note", *(",".join(map(str, row.values())) for row in ROWS)]
        path.write_text("\n".join(lines) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    return publish(records, [("data", path)], product="table", result_facts={"rows": 4})


def test_the_first_rows_of_a_table_are_shown_in_their_order(records, table):
    """Whatever it is written in."""
    told = table_of(records, table.id)

    assert (told.columns, told.count, told.places) == (("id", "time", "B4", "note"), 4, ("1", "2"))
    assert told.rows[1] == ("2", "2024-05-09T10:00:00Z", "209", "<b>")


def test_the_series_of_a_place_is_in_the_order_of_time(records, table):
    """Of the columns that are numbers."""
    told = table_of(records, table.id, place="2").series

    assert told.times == ("2024-05-04T10:00:00Z", "2024-05-09T10:00:00Z")
    assert dict(told.values) == {"B4": (204.0, 209.0)}


def test_a_table_that_is_no_table_is_a_sentence(records, tmp_path):
    """Bytes that are not text, or not Parquet."""
    for name in ("a.csv", "b.parquet"):
        path = tmp_path / name
        path.write_bytes(bytes(range(128, 256)) * 9)
        run = publish(records, [("data", path)], product="table", name=name[0])

        with pytest.raises(UserError, match="cannot be read"):
            table_of(records, run.id)


def test_scenes_are_listed_with_what_is_there_of_them(records, tmp_path):
    """As the manifest tells: tile, moment, levels, cloud, files, outline."""
    outline = {"type": "Polygon", "coordinates": [[[6, 49], [7, 49], [7, 50], [6, 49]]]}
    files = (
        SceneFile("l2a.b04", "b04.jp2", size=9, sha256="0" * 64),
        SceneFile("l2a.b08", "b08.jp2", present=False),
    )
    product = ProductInfo("u-1", "S2A.SAFE", cloud_cover=12.5, footprint=outline)
    scene = IndexedScene(SceneKey("T31UGR", "2024-06-05T10:40:17Z"), None, product, files)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"scenes": [scene_json(scene)]}))
    run = publish(records, [("data", path)], product="scenes")

    (told,) = scenes_of(records, run.id).scenes

    assert (told.tile, told.sensing, told.levels) == ("T31UGR", "2024-06-05T10:40:17Z", ("L2A",))
    assert (told.cloud, told.files, told.planned, told.bytes, told.footprint) == (12.5, 1, 2, 9, outline)


def test_a_list_of_scenes_that_cannot_be_read_is_a_sentence(records, tmp_path):
    """No fault of the page."""
    path = tmp_path / "manifest.json"
    path.write_text("{")
    run = publish(records, [("data", path)], product="scenes")

    with pytest.raises(UserError, match="cannot be read"):
        scenes_of(records, run.id)

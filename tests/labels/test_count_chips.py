"""Shares of classes, counted in the chips of a dataset."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import shapely
from labels_kit import EAST, NORTH, expected_shares, made_tiles, row_of_squares, write_chips, write_raster
from rasterio.features import geometry_mask
from rasterio.transform import Affine

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling.file import read_tiles

RNG = np.random.default_rng(7)


def random_chips(number, side=10, classes=(10, 20, 80)):
    return [RNG.choice(np.array(classes, np.uint8), (side, side)) for _ in range(number)]


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
def test_each_tile_has_the_shares_of_its_chip(tmp_path, suffix):
    """The command writes a dictionary for each tile, and the share that holds data."""
    tiles = made_tiles(tmp_path, row_of_squares(3), suffix=suffix)
    chips = random_chips(3)
    write_chips(tiles, "esa-world-cover", chips)

    code = run_cli(["labels", "count", str(tiles.path), "--dataset", "esa-world-cover"])

    found = read_tiles(tiles.path).frame
    assert code == 0
    assert list(found["esa-world-cover_proportions"]) == [expected_shares(chip) for chip in chips]
    assert found["esa-world-cover_valid"].tolist() == [1.0, 1.0, 1.0]


def test_the_file_says_what_was_counted(tmp_path, capsys):
    """And where JSON is asked for, so does the command."""
    tiles = made_tiles(tmp_path, row_of_squares(2))
    write_chips(tiles, "lc", random_chips(2))

    run_cli(["--json", "labels", "count", str(tiles.path), "--dataset", "lc", "--map", "10=1,20=1"])

    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["classes"] == ["0", "1"]
    assert (told["counted"], told["empty"], told["missing"]) == (2, [], [])
    assert read_tiles(tiles.path).about["labels"]["lc_proportions"] == {
        "source": {"chips": "lc"},
        "columns": ["lc_valid"],
        "classes": {},
        "map": "10=1,20=1",
    }


def test_a_tile_that_is_no_rectangle_counts_its_own_pixels(tmp_path):
    """Of a chip as wide as the tile's envelope; the hole in it is none of its pixels."""
    shape = (
        shapely.Point(EAST + 300, NORTH - 300)
        .buffer(299)
        .difference(shapely.box(EAST, NORTH - 400, EAST + 350, NORTH - 200))
    )
    tiles = made_tiles(tmp_path, [shape])
    (chip,) = random_chips(1, 60)
    write_chips(tiles, "lc", [chip])
    left, _, _, top = shape.bounds
    inside = ~geometry_mask([shape], chip.shape, Affine(10, 0, left, 0, -10, top))

    report = orc.labels.count(tiles, "lc")

    assert report.tiles.frame["lc_proportions"][0] == expected_shares(chip[inside])


def test_flat_columns_have_a_class_each(tmp_path):
    """0 where a tile has none of it, nothing where nothing is known."""
    tiles = made_tiles(tmp_path, row_of_squares(3))
    chips = [np.full((10, 10), value, np.uint8) for value in (10, 80, 255)]
    write_chips(tiles, "lc", chips, nodata=255)

    frame = orc.labels.count(tiles.path, "lc", flat=True).tiles.frame

    assert frame["lc_10"].fillna(-1).tolist() == [1.0, 0.0, -1.0]
    assert frame["lc_80"].fillna(-1).tolist() == [0.0, 1.0, -1.0]
    assert frame["lc_valid"].tolist() == [1.0, 1.0, 0.0]


def test_a_tile_without_data_has_no_shares_and_is_listed(tmp_path):
    """Whether its chip is full of nodata, or was found empty when it was downloaded."""
    tiles = made_tiles(tmp_path, row_of_squares(3))
    chips = [np.full((10, 10), value, np.uint8) for value in (255, 10, 10)]
    write_chips(tiles, "lc", chips, nodata=255, states=["DONE", "DONE", "EMPTY"])

    report = orc.labels.count(tiles, "lc")

    names = tiles.frame["identifier"].tolist()
    assert list(report.tiles.frame["lc_proportions"]) == [None, {"10": 1.0}, None]
    assert (report.counted, report.empty, report.missing) == (1, (names[0], names[2]), ())


def test_missing_chips_are_listed_and_the_others_counted(tmp_path, capsys):
    """Failed, never listed, gone from the folder, or damaged: exit code 3 and the reason of each."""
    tiles = made_tiles(tmp_path, row_of_squares(4))
    folder = write_chips(tiles, "lc", random_chips(4), states=["DONE", "FAILED", "DONE", "DONE"])
    names = tiles.frame["identifier"].tolist()
    (folder / f"{names[2]}.tif").unlink()
    (folder / f"{names[3]}.tif").write_bytes(b"II*\0 not a chip")

    code = run_cli(["labels", "count", str(tiles.path), "--dataset", "lc"])

    said = capsys.readouterr().err
    frame = read_tiles(tiles.path).frame
    assert code == 3
    assert [each is None for each in frame["lc_proportions"]] == [False, True, True, True]
    assert frame["lc_valid"].isna().tolist() == [False, True, True, True]
    assert f"{names[1]}: it is FAILED" in said
    assert f"{names[2]}.tif is not in the folder" in said
    assert f"{names[3]}.tif cannot be read" in said


def test_a_folder_of_another_program_is_read_by_its_names(tmp_path):
    """Chips without a manifest, as geetiles leaves them."""
    tiles = made_tiles(tmp_path, row_of_squares(2))
    folder = write_chips(tiles, "lc", random_chips(2))
    (folder / "chips.parquet").unlink()
    (folder / "dataset.json").unlink()
    (folder / f"{tiles.frame['identifier'][1]}.tif").unlink()

    report = orc.labels.count(tiles, "lc")

    assert report.counted == 1
    assert [one for one, _why in report.missing] == [tiles.frame["identifier"][1]]


def test_a_dataset_that_is_not_there_is_refused_with_those_that_are(tmp_path, capsys):
    """One line; nothing is written."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "esa-world-cover", random_chips(1))
    before = tiles.path.read_bytes()

    code = run_cli(["labels", "count", str(tiles.path), "--dataset", "esa-worldcover"])

    said = capsys.readouterr().err
    assert code == 2
    assert "did you mean 'esa-world-cover'?" in said
    assert said.count("\n") == 1
    assert tiles.path.read_bytes() == before


@pytest.mark.parametrize("dataset", ["", "..", "../lc", "a/b", ".hidden"])
def test_a_dataset_is_a_plain_name(tmp_path, dataset):
    tiles = made_tiles(tmp_path, row_of_squares(1))

    with pytest.raises(UserError, match="give the plain name"):
        orc.labels.count(tiles, dataset)


def test_names_and_colours_of_classes_come_from_the_dataset(tmp_path):
    """By the words of the shares, also where a value was mapped to another."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    tree, water = {"name": "Tree cover", "color": "#006400"}, {"name": "Water", "color": "#0064c8"}
    write_chips(tiles, "lc", random_chips(1), about={"version": 1, "classes": {"10": tree, "80": water}})

    plain = orc.labels.count(tiles, "lc").tiles.about["labels"]["lc_proportions"]["classes"]
    mapped = orc.labels.count(tiles, "lc", mapping={10: 1, 80: 2}).tiles.about["labels"]["lc_proportions"]["classes"]

    assert plain == {"10": tree, "80": water}
    assert mapped == {"1": tree, "2": water}


def test_a_function_may_say_what_is_what(tmp_path):
    """As a dataset definition's `map_values`: it is given the pixels of a chip."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    (chip,) = random_chips(1)
    write_chips(tiles, "lc", [chip])

    report = orc.labels.count(tiles, "lc", mapping=lambda pixels: pixels // 80)

    assert report.tiles.frame["lc_proportions"][0] == expected_shares(chip // 80)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        pytest.param({"value_map": {"10": 1, "20": 2}}, {"0": 0.5, "1": 0.25, "2": 0.25}, id="a map that is told"),
        pytest.param(
            {"recipe": "dataset", "parameters": {"name": "esaworldcover-2020"}},
            {"0": 0.25, "1": 0.25, "2": 0.25, "3": 0.25},
            id="a dataset that is known",
        ),
        pytest.param({"code": "definition.py"}, {"5": 0.75, "6": 0.25}, id="code of the user's"),
    ],
)
def test_a_dataset_may_say_itself_what_its_classes_are(tmp_path, about, expected):
    """`--map own`: the map in its remarks, that of its name, or `map_values` of the code that made the chips."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    folder = write_chips(tiles, "lc", [np.array([[10, 20, 30, 99]], np.uint8)], about=about)
    code = "class DatasetDefinition:\n    def __init__(self, name=''):\n        pass\n"
    code += "    def get_dataset_name(self):\n        return 'lc'\n    def get_gee_image(self):\n        return None\n"
    (folder / "definition.py").write_text(code + "    def map_values(self, array):\n        return array // 50 + 5\n")
    (folder / "definition.py").chmod(0o600)

    report = orc.labels.count(tiles, "lc", mapping="own", run_code="code" in about)

    assert report.tiles.frame["lc_proportions"][0] == expected


def test_code_beside_chips_is_run_only_when_that_is_asked_for(tmp_path, capsys):
    """It may be a stranger's: by the rule and the word of `dataset pack`; its map is then taken, by whichever word."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    folder = write_chips(tiles, "lc", [np.array([[10, 20, 30, 99]], np.uint8)], about={"code": "definition.py"})
    code = "def get_ee_image(): pass\ndef map_values(array): return array // 50\n"
    code += f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
    (folder / "definition.py").write_text(code)
    (folder / "definition.py").chmod(0o600)
    words = ["labels", "count", str(tiles.path), "--dataset", "lc"]

    refused, said = run_cli([*words, "--map", "own"]), capsys.readouterr().err
    assert (refused, said.count("\n"), (tmp_path / "ran").exists()) == (2, 1, False)
    assert "map_values of the code beside its chips" in said
    assert "--run-code" in said
    assert run_cli([*words, "--run-code", "--map", "10=1"]) == 2
    for more in (["--map", "own"], []):
        assert run_cli([*words, "--run-code", *more]) == 0
        assert read_tiles(tiles.path).frame["lc_proportions"][0] == {"0": 0.75, "1": 0.25}


def test_a_dataset_whose_code_is_elsewhere_is_refused(tmp_path):
    """`dataset.json` may be a stranger's, too."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "lc", random_chips(1), about={"code": "../other.py"})

    with pytest.raises(UserError, match=r"says that its code is '\.\./other\.py'"):
        orc.labels.count(tiles, "lc", run_code=True)


def test_a_dataset_without_a_map_says_so(tmp_path):
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "lc", random_chips(1))

    with pytest.raises(UserError, match="'lc' has no map of its own"):
        orc.labels.count(tiles, "lc", mapping="own")


def test_a_function_sees_all_bands(tmp_path):
    """Where none is chosen: it makes classes of them together."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    bands = RNG.integers(0, 2, (2, 10, 10), np.uint8)
    write_chips(tiles, "s2", [bands])

    report = orc.labels.count(tiles, "s2", mapping=lambda pixels: pixels[:1] + 2 * pixels[1:])

    assert report.tiles.frame["s2_proportions"][0] == expected_shares(bands[0] + 2 * bands[1])


def test_names_are_counted_as_classes(tmp_path):
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "lc", [np.array([[10, 12, 20, 99]], np.uint8)])

    report = orc.labels.count(tiles, "lc", mapping={10: "forest", 12: "forest", 20: "water"})

    assert report.tiles.frame["lc_proportions"][0] == {"other": 0.25, "forest": 0.5, "water": 0.25}


def test_the_same_source_replaces_its_columns(tmp_path):
    """Flat columns of classes that are no more are gone; other columns stay."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "lc", [np.array([[10, 20]], np.uint8)])
    orc.labels.count(tiles, "lc", flat=True)
    write_chips(tiles, "lc", [np.array([[20, 20]], np.uint8)])

    frame = orc.labels.count(tiles.path, "lc", flat=True).tiles.frame

    assert [name for name in frame.columns if name.startswith("lc_")] == ["lc_proportions", "lc_valid", "lc_20"]
    assert frame["lc_proportions"][0] == {"20": 1.0}


def test_another_source_replaces_nothing_unasked(tmp_path, capsys):
    """A raster under the same name is refused, and taken with --overwrite."""
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "lc", [np.full((10, 10), 10, np.uint8)])
    raster = write_raster(tmp_path / "mine.tif", np.full((10, 10), 7, np.uint8))
    orc.labels.count(tiles, "lc")
    words = ["labels", "count", str(tiles.path), "--dataset", "lc", "--raster", str(raster)]

    refused = run_cli(words)
    said = capsys.readouterr().err
    kept = read_tiles(tiles.path).frame["lc_proportions"][0]
    taken = run_cli([*words, "--overwrite"])

    assert (refused, taken) == (2, 0)
    assert "was counted from chips lc; give --overwrite" in said
    assert kept == {"10": 1.0}
    assert read_tiles(tiles.path).frame["lc_proportions"][0] == {"7": 1.0}


def test_a_column_that_somebody_else_wrote_is_not_replaced(tmp_path):
    """As in a file that geetiles has counted."""
    shares = np.empty(1, object)
    shares[:] = [{"10": 1.0}]
    tiles = made_tiles(tmp_path, row_of_squares(1))
    write_chips(tiles, "lc", random_chips(1))
    from orchestrator.tiling.file import rewrite_tiles  # noqa: PLC0415

    rewrite_tiles(tiles, tiles.frame.assign(lc_proportions=shares))

    with pytest.raises(UserError, match="'lc_proportions' is there already"):
        orc.labels.count(tiles, "lc")


def test_tiles_that_were_edited_are_refused(tmp_path):
    """Before anything is counted."""
    tiles = made_tiles(tmp_path, row_of_squares(2), suffix=".geojson")
    content = json.loads(tiles.path.read_text())
    content["features"] = content["features"][:1]
    tiles.path.write_text(json.dumps(content))

    with pytest.raises(UserError, match="were changed since it was named"):
        orc.labels.count(tiles, "lc")


def test_a_chip_that_is_not_the_one_that_was_downloaded_is_listed_and_not_counted(tmp_path, capsys):
    """By its sha256 in the list, which another program's list may lack."""
    tiles = made_tiles(tmp_path, row_of_squares(3))
    folder = write_chips(tiles, "lc", [np.full((10, 10), value, np.uint8) for value in (1, 2, 3)])
    files = [folder / f"{each}.tif" for each in tiles.frame["identifier"]]
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files[:2]] + [""]
    pd.read_parquet(folder / "chips.parquet").assign(sha256=hashes).to_parquet(folder / "chips.parquet")
    files[0].write_bytes(files[2].read_bytes())

    code = run_cli(["labels", "count", str(tiles.path), "--dataset", "lc"])

    shares = read_tiles(tiles.path).frame["lc_proportions"].tolist()
    said = " ".join(capsys.readouterr().err.split())
    assert code == 3
    assert shares == [None, {"2": 1.0}, {"3": 1.0}]
    assert f"{files[0].stem}: {files[0].name} is not the file that chips.parquet tells" in said


def test_two_hundred_flat_columns_are_written_without_a_warning(tmp_path, recwarn):
    """Of pandas, about many insertions; counted again, they are where they were."""
    tiles = made_tiles(tmp_path, row_of_squares(1, 150.0))
    write_chips(tiles, "lc", [np.arange(225, dtype=np.uint8).reshape(15, 15)])

    columns = [list(orc.labels.count(tiles.path, "lc", flat=True).tiles.frame.columns) for _ in range(2)]

    assert [str(each.message) for each in recwarn if "insert" in str(each.message)] == []
    assert columns[0] == columns[1]
    assert columns[0][-225:] == [f"lc_{value}" for value in range(225)]

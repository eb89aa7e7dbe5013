"""What a split leaves on disk, and what it refuses before it touches anything."""

from __future__ import annotations

import csv
import math

import pytest
from split_kit import counts, lattice, tiles_of, with_columns

from orchestrator.core.errors import UserError
from orchestrator.tiling.file import Tiles, read_tiles
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_tiles


@pytest.fixture(params=[".parquet", ".geojson"])
def tiles(request, tmp_path):
    """A file of 120 tiles, in either format."""
    return tiles_of(lattice(), tmp_path, request.param)


def table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_column_is_in_the_file(tiles):
    """train, test and val, in the order of the tiles; the name of the file stays."""
    written, report = split_tiles(tiles, SplitOptions())

    assert report.path == written.path == tiles.path
    assert counts(read_tiles(tiles.path).frame["split"]) == {"train": 84, "test": 18, "val": 18}


def test_the_csv_beside_it_has_every_split(tiles):
    """The identifier and each column of splits, in the order of the tiles."""
    first, _ = split_tiles(tiles, SplitOptions())

    _, report = split_tiles(first, SplitOptions(blocks=2000, column="split_blocks"))

    head, *rows = table(tiles.path.with_name(f"{tiles.path.stem}_splits.csv"))
    frame = read_tiles(tiles.path).frame
    assert head == ["identifier", "split", "split_blocks"]
    assert [row[0] for row in rows] == frame["identifier"].tolist()
    assert [row[1:] for row in rows] == frame[["split", "split_blocks"]].to_numpy().tolist()
    assert report.csv == tiles.path.with_name(f"{tiles.path.stem}_splits.csv")


def test_a_tile_in_the_gap_has_nothing(tiles):
    """Null in the file, an empty field in the CSV."""
    _, report = split_tiles(tiles, SplitOptions(bands=7, gap=1000))

    given_up = [row[0] for row in table(report.csv) if row[1] == ""]
    frame = read_tiles(tiles.path).frame
    assert given_up == frame["identifier"][frame["split"].isna()].tolist()
    assert len(given_up) == report.given_up > 0


def test_folds_are_numbers(tiles):
    """From 0, whole ones also where some tiles have none."""
    _, report = split_tiles(tiles, SplitOptions(folds=3, gap=1000))

    assert {row[1] for row in table(report.csv)[1:]} == {"0", "1", "2", ""}
    assert set(read_tiles(tiles.path).frame["fold"].dropna()) == {0, 1, 2}


def test_the_report_is_what_lies_in_the_file(tiles):
    """Tiles, shares and areas of each split."""
    _, report = split_tiles(tiles, SplitOptions(bands=7, gap=1000))

    frame = read_tiles(tiles.path).frame
    for row in report.rows:
        mine = frame[frame["split"] == row.name]
        assert row.tiles == len(mine)
        assert row.achieved == len(mine) / frame["split"].notna().sum()
        assert row.area_km2 == pytest.approx(mine["area_km2"].sum())


def test_the_pairs_that_touch_are_counted(tmp_path):
    """Two splits of a lattice of 6 x 4, side by side: 4 pairs share an edge, 6 a corner."""
    tiles = tiles_of(lattice(6, 4), tmp_path)

    _, report = split_tiles(tiles, SplitOptions(train=0.5, test=0.5, val=0, bands=2, angle=90))

    assert report.touching == 10
    assert [row.touching for row in report.rows] == [10, 10]


def test_the_same_tiles_are_split_alike(tmp_path):
    """Bytes of both files."""
    folders = [tmp_path / "a", tmp_path / "b"]
    both = [tiles_of(lattice(), folder) for folder in folders]

    reports = [split_tiles(one, SplitOptions(blocks=3000, gap=500))[1] for one in both]

    assert len({report.path.read_bytes() for report in reports}) == 1
    assert len({report.csv.read_bytes() for report in reports}) == 1


def test_what_is_there_is_not_replaced_unless_asked(tiles):
    """The file is as it was; --overwrite replaces."""
    split_tiles(tiles, SplitOptions())
    before = tiles.path.read_bytes()

    with pytest.raises(UserError, match=r"has a column 'split' already; --overwrite replaces it"):
        split_tiles(read_tiles(tiles.path), SplitOptions(angle=0))

    assert tiles.path.read_bytes() == before
    split_tiles(read_tiles(tiles.path), SplitOptions(angle=0, overwrite=True))
    assert tiles.path.read_bytes() != before


def test_other_columns_stay(tmp_path):
    """A split adds one."""
    tiles = with_columns(tiles_of(lattice()), tmp_path, mine=range(120), lc_proportions=[{"1": 1.0}] * 120)

    split_tiles(tiles, SplitOptions())

    frame = read_tiles(tiles.path).frame
    assert frame["mine"].tolist() == list(range(120))
    assert frame["lc_proportions"][7] == {"1": 1.0}


def test_tiles_that_were_changed_are_not_split(tiles):
    """The name of the file tells which they were."""
    moved = tiles.frame.assign(geometry=tiles.frame.geometry.translate(1000, 0))
    before = tiles.path.read_bytes()

    with pytest.raises(UserError, match="were changed since it was named"):
        split_tiles(Tiles(moved, tiles.name, tiles.about, tiles.path), SplitOptions())

    assert tiles.path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train": 0.5}, r"the shares add up to 0.8, not to 1"),
        ({"train": 70, "test": 15, "val": 15}, r"the shares add up to 100, not to 1; write for example 0.7"),
        ({"train": -0.1, "test": 1.0, "val": 0.1}, r"a share is a number from 0 to 1"),
        ({"angle": 91}, r"--angle 91 is out of range; it goes from -90 to 90 degrees"),
        ({"radians": 45}, r"the angle is 45 radians; it goes from -pi/2 to pi/2"),
        ({"angle": math.nan}, r"--angle nan is out of range"),
        ({"gap": -1}, r"--gap -1 is no length in metres"),
        ({"blocks": math.inf}, r"--blocks inf is no length"),
        ({"folds": 1}, r"--folds 1 are too few"),
        ({"bands": 0}, r"--bands 0 are none"),
        ({"balance": "widht"}, r"--balance is 'widht'; did you mean 'width'\?"),
        ({"blocks": 1000, "group_by": "x"}, r"--blocks and --group-by do not go together"),
        ({"blocks": 1000, "bands": 8}, r"--blocks and --bands do not go together"),
        ({"balance": "width", "folds": 3}, r"--balance width with .*--folds"),
        ({"column": "subset"}, r"choose a name that contains 'split' or 'fold'"),
        ({"group_by": "comunes"}, r"no column 'comunes', nor foreignid_comunes.*did you mean 'communes'\?"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, options, said):
    """One sentence with the value, what it may be, and what to do."""
    tiles = with_columns(tiles_of(lattice()), tmp_path, foreignid_communes=["a", "b", "c"] * 40)
    before = tiles.path.read_bytes()

    with pytest.raises(UserError, match=said):
        split_tiles(tiles, SplitOptions(**options))

    assert tiles.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [tiles.path]


def test_shares_may_be_off_by_a_thousandth():
    """As the published tool allows."""
    assert SplitOptions(0.667, 0.1665, 0.1665).shares.sum() == 1
    assert SplitOptions(0.333, 0.333, 0.333).shares.tolist() == pytest.approx([1 / 3] * 3)

"""`tiles select`, `tiles link` and `tiles split` as they are typed: what they show, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LOOK = """
import json, sys
from orchestrator.faces.cli.main import run_cli
code = run_cli(sys.argv[1:])
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]))
"""


@pytest.fixture
def grid(call):
    """A file of 96 tiles of a kilometre, by the command that makes one."""
    (message,) = call(
        "tiles", "grid", "500000,5000000,512000,5008000;EPSG:32632", "--size", "1000", "--name", "lux", "--json"
    ).messages
    return message["path"]


def rows(out):
    """The cells of each line of a table."""
    return [line.split() for line in out.splitlines()]


def test_the_table_shows_what_came_of_it(call, grid):
    """Of each split tiles, shares, area and pairs that touch; then the sentences and the two files."""
    called = call("tiles", "split", grid, "--angle", "90", "--bands", "7")

    head, train, test, val, whole = rows(called.out)[:5]
    assert called.code == 0, called.err
    assert head == ["split", "tiles", "wanted", "achieved", "km²", "touching"]
    assert train[:4] == ["train", "67", "0.7000", "0.6979"]
    assert (test[:2], val[:2], whole[:2]) == (["test", "15"], ["val", "14"], ["all", "96"])
    assert called.out.splitlines()[-2:] == [grid, grid.replace(".parquet", "_splits.csv")]


def test_a_gap_has_a_column_and_a_row(call, grid):
    """No pair is nearer, and the tiles that were given up for it are counted."""
    called = call("tiles", "split", grid, "--angle", "90", "--bands", "7", "--gap", "1000")

    table = rows(called.out)
    assert table[0][-3:] == ["<", "1000", "m"]
    assert {row[-1] for row in table[1:4]} == {"0"}
    assert table[4][0] == "(none)"
    assert f"{table[4][1]} tiles given up for a gap of 1000 m" in called.out


def test_splits_that_touch_are_told_of_the_gap(call, grid):
    """A leak is not left to be found out."""
    assert "--gap METRES keeps splits apart" in call("tiles", "split", grid).out


def test_quiet_is_the_path_alone(call, grid):
    """For a script."""
    assert call("-q", "tiles", "split", grid).out.strip() == grid


def test_json_has_all_of_it(call, grid):
    """One line."""
    (message,) = call("tiles", "split", grid, "--blocks", "2000", "--gap", "500", "--seed", "3", "--json").messages

    assert message["message_type"] == "split"
    assert {row["name"]: row["near"] for row in message["splits"]} == {"train": 0, "test": 0, "val": 0}
    assert (message["column"], message["seed"], message["units"], message["tiles"]) == ("split", 3, 24, 96)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train", "0.5"], "the shares add up to 0.8, not to 1"),
        (["--bands", "5"], "increase --bands to at least 7"),
        (["--angle", "100"], "--angle 100 is out of range"),
        (["--group-by", "identifer"], "did you mean 'identifier'?"),
    ],
    ids=["shares", "bands", "angle", "column"],
)
def test_what_is_asked_wrongly_is_one_line(call, grid, words, said):
    """Exit code 2, nothing on standard output."""
    called = call("tiles", "split", grid, *words)

    assert (called.code, called.out) == (2, "")
    assert said in called.err
    assert called.err.count("\n") == 1


def test_a_file_that_is_none_of_tiles_is_said(call, tmp_path):
    """By what its name must be."""
    (tmp_path / "tiles.parquet").write_bytes(b"")

    assert "is not called as a file of tiles is" in call("tiles", "split", "tiles.parquet").err


def test_select_link_and_split_by_groups(call, grid, tmp_path):
    """The way from somebody's districts to splits of whole districts."""
    (tmp_path / "districts.wkt").write_text(
        "\n".join(
            f"SRID=32632;POLYGON(({x} 4990000, {x + 2500} 4990000, {x + 2500} 5020000, {x} 5020000, {x} 4990000))"
            for x in range(495000, 520000, 2500)
        )
    )
    area = "500000,5000000,512000,5008000;EPSG:32632"
    selected = call("tiles", "select", "districts.wkt", "--aoi", area, "--name", "lux", "--json").messages[-1]

    linked = call("tiles", "link", grid, selected["path"], "--json").messages[-1]
    split = call("tiles", "split", grid, "--group-by", "districts", "--json").messages[-1]

    assert (selected["tiles"], linked["column"], linked["alone"]) == (5, "foreignid_districts", 0)
    assert (split["column"], split["units"]) == ("split_districts", 5)
    csv = (tmp_path / split["csv"]).read_text().splitlines()
    assert csv[0] == "identifier,split_districts"


@pytest.mark.parametrize("verb", ["split", "link", "select"])
def test_help_loads_nothing_heavy(verb):
    """Who asks how does not wait for geometries."""
    said = subprocess.run(
        [sys.executable, "-c", LOOK, "tiles", verb, "--help"], capture_output=True, text=True, check=True
    )

    code, modules = json.loads(said.stdout.splitlines()[-1])
    assert code == 0
    assert {"numpy", "shapely", "geopandas", "pandas", "pyproj", "rasterio", "ee"} & set(modules) == set()

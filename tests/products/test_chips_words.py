"""`tiles download` as it is typed."""

from __future__ import annotations

import json

import geopandas
import pandas as pd
import pytest
from chips_kit import write_cells

import orchestrator as orc
from orchestrator.faces.cli.main import run_cli

pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
CODE = "import ee\ndef get_ee_image():\n    return ee.Image.constant(7).rename('seven').toByte()\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with orc.sandbox(state_dir=tmp_path_factory.mktemp("state")) as connection:
        yield connection.url


@pytest.fixture
def tiles(tmp_path):
    (tmp_path / "own.py").write_text(CODE)
    return write_cells(tmp_path, split=["train", "train", "val", "test"])


def download(tiles, url, *words):
    """Return the exit code."""
    there = ["--sandbox-url", url, "--state-dir", str(tiles.parent / "state"), "--json"]
    pixels = [] if {"--scale", "--pixels"} & set(words) else ["--pixels", "10", "10"]
    own = ["--dataset", str(tiles.parent / "own.py"), "--bands", "seven", "--name", "own"]
    return run_cli(["tiles", "download", str(tiles), *own, *pixels, *words, *there])


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        pytest.param(["--split", "train"], [0, 1], id="split"),
        pytest.param(["--where", "split in val,test"], [2, 3], id="where"),
        pytest.param(["--where", "split == val"], [2], id="where a split"),
        pytest.param(["--first", "3"], [0, 1, 2], id="first"),
    ],
)
def test_tiles_are_chosen_by_options(tiles, url, words, chosen):
    """Those alone are in the table; all of them, in the order of the file, after the same command without."""
    names = geopandas.read_parquet(tiles)["identifier"]
    table = tiles.with_suffix("") / "own" / "chips.parquet"

    assert download(tiles, url, *words) == 0
    assert list(pd.read_parquet(table)["identifier"]) == list(names[chosen])
    assert download(tiles, url) == 0
    assert list(pd.read_parquet(table)["identifier"]) == list(names)


@pytest.mark.parametrize(
    "words",
    [["--scale", "0"], ["--scale", "1e-300"], ["--scale", "1e300"], ["--scale", "-1"], ["--pixels", "0", "0"]],
    ids=" ".join,
)
def test_a_size_that_is_none_is_refused_by_its_own_name(tiles, url, words, capfd):
    """Exit code 2; nothing is made."""
    assert download(tiles, url, *words) == 2

    said = capfd.readouterr()
    assert words[0].strip("-") in (said.err + said.out).lower()
    assert "how large" not in said.err + said.out
    assert "Warning" not in said.err
    assert not tiles.with_suffix("").exists()


def test_dataset_json_tells_whole_checksums(tiles, url):
    """64 hexadecimal digits each."""
    assert download(tiles, url) == 0

    about = json.loads((tiles.with_suffix("") / "own" / "dataset.json").read_text())

    assert [len(about[name]) for name in ("expression_sha256", "code_sha256", "made_by")] == [64, 64, 64]

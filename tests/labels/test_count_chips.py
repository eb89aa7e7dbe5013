"""Shares of classes, counted in the chips of a dataset."""

from __future__ import annotations

import numpy as np
from labels_kit import expected_shares, made_tiles, row_of_squares, write_chips

from orchestrator.faces.cli.main import run_cli
from orchestrator.tiling.file import read_tiles

RNG = np.random.default_rng(7)


def random_chips(number, side=10, classes=(10, 20, 80)):
    return [RNG.choice(np.array(classes, np.uint8), (side, side)) for _ in range(number)]


def test_each_tile_has_the_shares_of_its_chip(tmp_path, capsys):
    """The command writes a dictionary for each tile, and says what it did."""
    tiles = made_tiles(tmp_path, row_of_squares(3))
    chips = random_chips(3)
    write_chips(tiles, "esa-world-cover", chips)

    code = run_cli(["labels", "count", str(tiles.path), "--dataset", "esa-world-cover"])

    found = read_tiles(tiles.path).frame
    assert code == 0, capsys.readouterr()
    assert [dict(each) for each in found["esa-world-cover_proportions"]] == [expected_shares(chip) for chip in chips]
    assert found["esa-world-cover_valid"].tolist() == [1.0, 1.0, 1.0]

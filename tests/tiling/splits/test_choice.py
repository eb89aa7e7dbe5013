"""Blocks, folds and classes: what chance decides, and what the labels do."""

from __future__ import annotations

import numpy as np
import pytest
from split_kit import lattice, tiles_of

from orchestrator.core.errors import UserError
from orchestrator.tiling.neighbours import lay
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.splits import split_codes, split_tiles

FIVE_KM = 5000


def split(tiles, **options):
    return split_codes(tiles.frame, lay(tiles.frame), SplitOptions(**options))[0]


def squares(tiles, side=FIVE_KM):
    """The square of each tile, from the middle of its bounds."""
    bounds = tiles.frame.geometry.bounds
    middles = np.column_stack([(bounds.minx + bounds.maxx) / 2, (bounds.miny + bounds.maxy) / 2])
    return [tuple(cell) for cell in np.floor(middles / side).astype(int).tolist()]


def test_tiles_of_one_square_are_in_one_split():
    """Squares lie at multiples of their side in the tiles' plane."""
    tiles = tiles_of(lattice(23, 17))

    codes = split(tiles, blocks=FIVE_KM)

    of = {}
    for square, code in zip(squares(tiles), codes.tolist(), strict=True):
        assert of.setdefault(square, code) == code
    assert len(of) == 20


def test_a_seed_gives_the_same_squares_again_and_another_others():
    """What is drawn can be drawn again."""
    tiles = tiles_of(lattice(40, 40))

    first, again, other = (split(tiles, blocks=FIVE_KM, seed=seed).tolist() for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_shares_of_squares_are_as_near_as_whole_squares_allow():
    """Of 64 whole squares of 25 tiles 44.8, 9.6 and 9.6 are wanted: 45, 10 and 9, or 45, 9 and 10."""
    tiles = tiles_of(lattice(40, 40))

    codes = split(tiles, blocks=FIVE_KM)

    assert sorted(np.bincount(codes).tolist()) == [225, 250, 1125]


@pytest.mark.parametrize("how", [{}, {"blocks": FIVE_KM}, {"group_by": "row"}], ids=["bands", "blocks", "groups"])
def test_folds_have_equal_shares(how):
    """To a tile in bands, to half a unit in those that stay whole."""
    tiles = tiles_of(lattice(20, 20))
    tiles.frame["row"] = np.tile(np.arange(20), 20)

    codes = split(tiles, folds=4, **how)

    assert np.abs(np.bincount(codes, minlength=4) - 100).max() <= (12.5 if how else 1)


def test_too_few_squares_are_refused():
    """Three splits of two squares."""
    with pytest.raises(UserError, match="3 splits are wanted, of 2 groups of tiles"):
        split(tiles_of(lattice(10, 5)), blocks=FIVE_KM)
    with pytest.raises(UserError, match="3 splits are wanted, of 1 group of tiles that stay together"):
        split(tiles_of(lattice(5, 5)), blocks=FIVE_KM)


def labelled(columns=24, rows=24, seed=5):
    """Water in the south, forest and fields above it, as a count of labels would leave it."""
    tiles = tiles_of(lattice(columns, rows))
    chance = np.random.default_rng(seed)
    north = np.tile(np.arange(rows) / rows, columns)
    water = np.clip(0.6 - 1.5 * north + chance.normal(0, 0.05, len(north)), 0, 1)
    forest = (1 - water) * chance.uniform(0, 1, len(north))
    shares = zip(water.tolist(), forest.tolist(), strict=True)
    tiles.frame["lc_proportions"] = [{"80": w, "10": f, "40": 1 - w - f} for w, f in shares]
    return tiles


def deviation(tiles, codes):
    """How far the mean share of a class in a split is from that in all tiles, at most."""
    rows = np.array([[row[name] for name in ("10", "40", "80")] for row in tiles.frame["lc_proportions"]])
    return max(np.abs(rows[codes == code].mean(axis=0) - rows.mean(axis=0)).max() for code in range(3))


@pytest.mark.parametrize("how", [{}, {"blocks": 3000}, {"group_by": "block"}], ids=["bands", "blocks", "groups"])
def test_classes_are_alike_in_all_splits(how):
    """Within one per cent, where bands by latitude alone differ by a tenth; shares of tiles come out to a unit."""
    tiles = labelled()
    tiles.frame["block"] = [str(square) for square in squares(tiles, 3000)]

    codes = split(tiles, stratify="lc", angle=0, **how)

    assert deviation(tiles, split(tiles, angle=0)) > 0.1
    assert deviation(tiles, codes) < 0.01
    assert np.abs(np.bincount(codes) / len(codes) - [0.7, 0.15, 0.15]).max() < 24 / 576


def test_the_largest_deviation_is_told(tmp_path):
    """As it is counted in the tiles; those without labels count for no class."""
    plain = labelled(12, 12)
    plain.frame.loc[3, "lc_proportions"] = None
    tiles = tiles_of(plain.frame, tmp_path)

    written, report = split_tiles(tiles, SplitOptions(stratify="lc"))

    known = written.frame[written.frame["lc_proportions"].notna()]
    codes = known["split"].map({"train": 0, "test": 1, "val": 2}).to_numpy()
    assert report.largest_class_deviation == pytest.approx(deviation(type(tiles)(known, tiles.name), codes), abs=1e-12)


def test_an_unknown_dataset_is_answered_by_what_was_meant():
    """The column of shares is named, and the command that writes it."""
    with pytest.raises(UserError, match=r"no column 'lcc_proportions'.*did you mean 'lc'\?.*labels count"):
        split(labelled(6, 6), stratify="lcc")

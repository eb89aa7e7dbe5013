"""Numbers for normalisation: of train alone, without what is no data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from chip_kit import IMAGES, LABELS, SPLITS, make_place
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orchestrator.packing.asked import Packing
from orchestrator.packing.packing import pack
from orchestrator.packing.statistics import BandStatistics

CHIPS = st.lists(
    arrays(np.float32, (2, 3, 4), elements=st.floats(-1e6, 1e6, width=32)) | arrays(np.int16, (2, 3, 4)),
    min_size=1,
    max_size=4,
)


@given(CHIPS, st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_chip_by_chip_they_are_those_of_all_pixels_at_once(chips, seed):
    """Numpy over the valid pixels of everything in float64, to rounding; whatever is masked."""
    chance = np.random.default_rng(seed)
    masks = [chance.random(chip.shape) < 0.7 for chip in chips]
    statistics = BandStatistics(2)

    for chip, mask in zip(chips, masks, strict=True):
        statistics.add(chip, mask)

    for band, told in enumerate(statistics.told(("a", "b"))):
        values = np.concatenate([c[band][m[band]].astype(float) for c, m in zip(chips, masks, strict=True)])
        assert told["count"] == values.size
        assert told["valid_share"] == values.size / sum(chip[band].size for chip in chips)
        if values.size:
            scale = max(1.0, float(np.abs(values).max()))
            assert told["mean"] == pytest.approx(values.mean(), abs=1e-9 * scale)
            assert told["std"] == pytest.approx(values.std(ddof=0), abs=1e-7 * scale)
            assert (told["min"], told["max"]) == (values.min(), values.max())


def test_only_train_is_counted_and_nodata_is_not(place):
    """Numpy over the images of the first six tiles, of which the corner is nodata."""
    made = pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")
    train = np.stack(
        [place.images[n] for n, split in zip(place.identifiers, SPLITS, strict=True) if split == "train"]
    ).astype(float)
    valid = np.moveaxis(train, 1, 0)[:, np.moveaxis(train != 0, 1, 0)[0]]

    told = json.loads((made.folder / "statistics.json").read_bytes())

    assert (told["split"], told["samples"], told["ddof"]) == ("train", 6, 0)
    np.testing.assert_allclose([band["mean"] for band in told["bands"]], valid.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose([band["std"] for band in told["bands"]], valid.std(axis=1), rtol=1e-12)
    assert [band["valid_share"] for band in told["bands"]] == [63 / 64] * 3


def test_a_band_without_one_value_has_no_mean():
    """NaN in a card would become NaN in every loss; null cannot."""
    statistics = BandStatistics(1)

    statistics.add(np.zeros((1, 2, 2)), np.zeros((1, 2, 2), bool))

    (told,) = statistics.told(("a",))
    assert (told["mean"], told["std"], told["min"], told["valid_share"]) == (None, None, None, 0.0)


def test_classes_are_counted_split_by_split(place):
    """Numpy over the labels, the nodata corner apart."""
    made = pack(place.tiles, Packing(IMAGES, LABELS), place.root / "set")

    for split in set(SPLITS):
        own = [place.labels[n] for n, one in zip(place.identifiers, SPLITS, strict=True) if one == split]
        values, counts = np.unique(np.stack(own)[np.stack(own) != 0], return_counts=True)
        assert made.about["label"]["pixels"][split] == {str(v): int(n) for v, n in zip(values, counts, strict=True)}


def test_tiles_without_splits_are_one_and_it_is_said(tmp_path):
    """Nobody can say then what may be looked at; a note does."""
    place = make_place(tmp_path, 4, splits=None)

    made = pack(place.tiles, Packing(IMAGES), place.root / "set")

    assert made.about["splits"] == {"all": 4}
    assert made.about["statistics"]["samples"] == 4
    assert "no splits" in made.notes[0]


def test_folds_are_splits_of_which_none_is_train(tmp_path):
    """Statistics of all, and it is said: with folds each has another train."""
    place = make_place(tmp_path, 4, splits=None, fold=[0, 1, 0, 1])

    made = pack(place.tiles, Packing(IMAGES, split_column="fold"), place.root / "set")

    assert made.about["splits"] == {"0": 2, "1": 2}
    assert (made.about["statistics"]["split"], made.about["statistics"]["samples"]) == ("all", 4)
    assert any("train" in note for note in made.notes)

"""Percentiles, winsorised moments, their file, what they may be used for, and pixels that are normalised."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.products.preprocess.normalisation.applying import normalised
from orchestrator.products.preprocess.normalisation.histogram import Histogram, SceneCounter
from orchestrator.products.preprocess.normalisation.reading import check_stats, read_stats, remark
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings, rank
from orchestrator.products.preprocess.normalisation.stats import as_json, computed, write_stats

SETTINGS = NormalisationSettings(("B02", "B8A"), (-0.2, 2.0), 0.01)


def stats_of(settings=SETTINGS, seed=1, size=(40, 50)):
    values = np.random.default_rng(seed).gamma(2.0, 0.15, (len(settings.bands), *size))
    counter = SceneCounter(settings, "scene", size[1])
    counter.add(values, np.ones(size, bool))
    return computed(counter.histogram(), settings, skipped=1, attribution="a notice"), values


percentiles = st.one_of(
    st.none(),
    st.tuples(st.floats(0, 45), st.floats(55, 100)).map(lambda pair: (round(pair[0], 3), round(pair[1], 3))),
)


@settings(max_examples=50)
@given(counts=st.lists(st.integers(0, 10**9), min_size=11, max_size=11).filter(any), clip=percentiles)
def test_moments_are_numpys_of_the_winsorised_values(counts, clip):
    """Independent: sorted values by their ranks in decimal numbers, then weighted means of bin centres."""
    made_of = NormalisationSettings(("B02",), (-0.2, 2.0), 0.2, clip)
    centres, total = -0.2 + 0.2 * (np.arange(11) + 0.5), sum(counts)
    reached = np.cumsum(counts)
    low, high = (
        centres[np.argmax(reached >= max(1, int(-(-round(percentile * 1000) * total // 100_000))))]
        for percentile in clip or (0, 100)
    )
    winsorised = np.clip(centres, low, high)
    mean = np.average(winsorised, weights=counts)
    std = np.sqrt(np.average((winsorised - mean) ** 2, weights=counts))

    found = computed(Histogram(np.array([counts]), np.zeros(1, int), np.zeros(1, int), 1), made_of).by_band["B02"]

    assert (found.clip_low, found.clip_high) == pytest.approx((low, high), abs=1e-12)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.std == pytest.approx(max(std, 1e-6), abs=1e-7)


@pytest.mark.parametrize(
    ("percentile", "count", "expected"),
    [
        pytest.param(0, 5, 1, id="the lowest"),
        pytest.param(100, 5, 5, id="the highest"),
        pytest.param(7, 100, 7, id="7/100*100 is 7.000000000000001 as a float"),
        pytest.param(1, 101, 2, id="a part of one more"),
        pytest.param(99.9, 10**15, 999 * 10**12, id="beyond the digits of a float"),
    ],
)
def test_ranks_are_exact(percentile, count, expected):
    assert rank(percentile, count) == expected


def test_normalised_pixels_have_mean_0_and_standard_deviation_1():
    """Bins of 0.01 against a standard deviation of 0.2: a twentieth, squared, over 12."""
    stats, values = stats_of(replace(SETTINGS, hist_bin_width=1e-4))

    for at, band in enumerate(SETTINGS.bands):
        made = normalised(values[at], np.ones(values[at].shape, bool), stats, band).astype(float)
        assert made.mean() == pytest.approx(0, abs=1e-3)
        assert made.std() == pytest.approx(1, abs=1e-3)


def test_a_pixel_is_clipped_then_centred_then_scaled_and_0_where_invalid():
    stats, _ = stats_of()
    of = stats.by_band["B8A"]
    values = np.array([[-5.0, 0.3, 5.0, 0.3]])

    made = normalised(values, np.array([[True, True, True, False]]), stats, "B8A")

    expected = (np.array([of.clip_low, 0.3, of.clip_high]) - of.mean) / of.std
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0], [*expected, 0.0], rtol=1e-6)


def test_nothing_is_clipped_without_percentiles():
    stats, _ = stats_of(replace(SETTINGS, clip_percentiles=None))
    of = stats.by_band["B02"]

    made = normalised(np.array([50.0]), np.array([True]), stats, "B02")

    assert made[0] == pytest.approx((50.0 - of.mean) / of.std)


def test_a_band_of_one_value_is_divided_by_no_zero():
    counts = np.zeros((1, 220), int)
    counts[0, 30] = 7

    found = computed(Histogram(counts, np.zeros(1, int), np.zeros(1, int), 1), replace(SETTINGS, bands=("B02",)))

    assert found.by_band["B02"].std == 1e-6


def test_a_band_without_a_valid_pixel_is_named():
    counts = np.ones((2, 220), int)
    counts[1] = 0

    with pytest.raises(UserError, match="no valid pixel of B8A in 3 scenes"):
        computed(Histogram(counts, np.zeros(2, int), np.zeros(2, int), 3), SETTINGS)


def counted(values, clip=(1.0, 99.0)):
    """Of one band, in bins of 0.01 from -0.2 to 2."""
    counter = SceneCounter(replace(SETTINGS, bands=("B02",), clip_percentiles=clip), "scene", values.size)
    counter.add(values.reshape(1, 1, -1), np.ones((1, values.size), bool))
    return counter.histogram(), counter.settings


@pytest.mark.parametrize(
    ("below", "above", "named"),
    [
        pytest.param(0, 2, r"B02: 2 of 100 above hist_range \[-0.2, 2\]", id="above"),
        pytest.param(1, 0, r"B02: 1 of 100 below hist_range", id="below"),
        pytest.param(3, 97, r"B02: 3 of 100 below, B02: 97 of 100 above", id="all"),
    ],
)
@pytest.mark.parametrize("clip", [(1.0, 99.0), None])
def test_statistics_of_which_a_percentile_lies_beyond_the_histogram_are_refused(below, above, named, clip):
    """Sorted values: numpy's percentile, of the values themselves, is outside of the range in each of these."""
    values = np.concatenate([np.full(below, -3.0), np.linspace(0.1, 0.9, 100 - below - above), np.full(above, 9.0)])
    low, high = np.percentile(values, (1, 99), method="inverted_cdf")
    assert low < -0.2 or high > 2.0

    with pytest.raises(UserError, match=f"{named}.*set normalize.hist_range"):
        computed(*counted(values, clip))


def test_what_the_percentiles_cut_off_may_lie_beyond_the_histogram():
    values = np.concatenate([np.linspace(0.1, 0.9, 99), [9.0]])

    assert computed(*counted(values)).by_band["B02"].clip_high == pytest.approx(0.9, abs=0.01)


def test_statistics_that_were_written_beyond_their_histogram_are_refused_when_they_are_read(tmp_path):
    """As earlier versions, and s2pipe, write them of numbers in the histogram of reflectance."""
    edge = {"B02": 1.995, "B8A": 1.995}
    of_numbers = {f"{what}_by_band": edge for what in ("clip_low", "clip_high", "mean")}
    path = changed(tmp_path, **of_numbers, overflow_count_by_band={"B02": 2000, "B8A": 2000})

    with pytest.raises(UserError, match=r"stats.json.*B02: 2,000 above, B8A: 2,000 above hist_range.*hist_range = "):
        check_stats(read_stats(path), SETTINGS, path)


def test_a_valid_pixel_that_is_no_number_is_not_normalised():
    with pytest.raises(IntegrityError, match="B02"):
        normalised(np.array([np.nan]), np.array([True]), stats_of()[0], "B02")


@pytest.mark.parametrize("clip", [(1.0, 99.0), None])
def test_the_file_comes_back_as_it_was(tmp_path, clip):
    stats, _ = stats_of(replace(SETTINGS, clip_percentiles=clip))

    write_stats(stats, tmp_path / "normalize" / "stats.json")
    found = read_stats(tmp_path / "normalize" / "stats.json")

    assert found == stats
    assert as_json(found) == (tmp_path / "normalize" / "stats.json").read_bytes()


def test_the_file_has_the_published_keys():
    document = json.loads(as_json(stats_of()[0]))

    published = {"schema", "bands", "hist_range", "hist_bin_width", "clip_percentiles", "moments_after_clipping"}
    published |= {"scenes_processed", "scenes_skipped", "to_toa_reflectance"}
    published |= {f"{what}_by_band" for what in ("clip_low", "clip_high", "mean", "std")}
    published |= {f"{what}_count_by_band" for what in ("underflow", "overflow")}
    assert published <= set(document)
    assert document["schema"] == "s2pipe.normalize.stats.v1"


def changed(tmp_path, **values):
    document = json.loads(as_json(stats_of()[0])) | values
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({key: value for key, value in document.items() if value != "taken away"}))
    return path


def test_statistics_of_s2pipe_are_read_and_what_they_lack_is_said(tmp_path):
    gone = dict.fromkeys(("moments", "attribution", "max_pixels_per_scene", "seed"), "taken away")

    found = read_stats(changed(tmp_path, **gone))

    check_stats(found, SETTINGS, tmp_path)
    assert "will not have mean 0" in remark(found)
    assert remark(stats_of()[0]) == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"bands": ("B8A", "B02")}, "bands B02, B8A, and here it is B8A, B02", id="order of bands"),
        pytest.param({"hist_range": (0.0, 2.0)}, r"hist_range \[-0.2, 2.0\], and here it is \[0.0, 2.0\]", id="range"),
        pytest.param({"hist_bin_width": 0.1}, "hist_bin_width 0.01, and here it is 0.1", id="width"),
        pytest.param({"clip_percentiles": None}, r"clip_percentiles \[1.0, 99.0\], and here it is null", id="clipping"),
        pytest.param({"to_toa_reflectance": False}, "to_toa_reflectance true, and here it is false", id="radiometry"),
    ],
)
def test_statistics_of_something_else_are_refused_by_name(tmp_path, change, named):
    stats, _ = stats_of()

    with pytest.raises(UserError, match=named):
        check_stats(stats, replace(SETTINGS, **change), tmp_path / "stats.json")


def test_every_difference_is_named_at_once(tmp_path):
    wanted = replace(SETTINGS, bands=("B02",), hist_bin_width=0.1, clip_percentiles=(2.0, 98.0))

    with pytest.raises(UserError, match=r"bands .*hist_bin_width .*clip_percentiles "):
        check_stats(stats_of()[0], wanted, tmp_path / "stats.json")


def test_a_sample_may_be_another(tmp_path):
    check_stats(stats_of()[0], replace(SETTINGS, max_pixels_per_scene=5, seed=9), tmp_path / "stats.json")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(
            {"schema": "s2pipe.step1.index.v2"}, "has the schema 's2pipe.step1.index.v2'", id="another schema"
        ),
        pytest.param({"mean_by_band": "taken away"}, "lacks 'mean_by_band'", id="a key that is not there"),
        pytest.param({"std_by_band": {"B02": 1.0}}, "lacks 'B8A'", id="a band that is not there"),
        pytest.param({"std_by_band": {"B02": 0.0, "B8A": 1.0}}, "band B02: mean .* std 0.0", id="divided by 0"),
        pytest.param({"mean_by_band": {"B02": "x", "B8A": 1.0}}, "none of statistics", id="a word for a number"),
        pytest.param({"hist_range": [1.0]}, "none of statistics", id="one bound"),
    ],
)
def test_a_damaged_file_is_refused_by_what_is_wrong(tmp_path, change, named):
    path = changed(tmp_path, **change)

    with pytest.raises(UserError, match=f"stats.json.*{named}"):
        read_stats(path)


def test_a_file_that_is_not_there_says_what_makes_it(tmp_path):
    with pytest.raises(UserError, match=r"no statistics at .*compute_only"):
        read_stats(tmp_path / "stats.json")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"hist_bin_width": 0.03}, "no whole number of bins.*would be 73", id="not divisible"),
        pytest.param({"hist_bin_width": 0.0}, "hist_bin_width is 0", id="no width"),
        pytest.param({"hist_bin_width": 1e-9}, "more than 10,000,000 bins", id="too many"),
        pytest.param({"hist_range": (2.0, -0.2)}, "hist_range is", id="upside down"),
        pytest.param({"hist_range": (-0.2, float("inf"))}, "hist_range is", id="without end"),
        pytest.param({"clip_percentiles": (99.0, 1.0)}, "clip_percentiles are", id="percentiles upside down"),
        pytest.param({"clip_percentiles": (-1.0, 99.0)}, "clip_percentiles are", id="below 0"),
        pytest.param({"max_pixels_per_scene": 0}, "max_pixels_per_scene is 0", id="a sample of none"),
        pytest.param({"bands": ("B02", "B02")}, "each once", id="a band twice"),
    ],
)
def test_impossible_settings_are_refused_by_name(wrong, named):
    with pytest.raises(UserError, match=named):
        NormalisationSettings(**({"bands": ("B02",)} | wrong))


def test_the_published_histogram_has_22000_bins():
    assert NormalisationSettings(("B02",)).bins == 22_000

"""Histograms of scenes: the same counts and bytes however scenes are cut, ordered and shared out."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import IntegrityError
from orchestrator.products.preprocess.normalisation.archive import packed, unpacked
from orchestrator.products.preprocess.normalisation.histogram import Histogram, SceneCounter, merged
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings

HEIGHT, WIDTH, BANDS = 13, 9, ("B02", "B8A")
FEW = settings(max_examples=25)


def settings_of(most=None, seed=0, **more):
    return NormalisationSettings(
        BANDS, **({"hist_range": (-0.2, 2.0), "hist_bin_width": 0.1} | more), max_pixels_per_scene=most, seed=seed
    )


def scene(number, height=HEIGHT, width=WIDTH):
    chance = np.random.default_rng(number)
    values = chance.normal(0.6, 0.7, (len(BANDS), height, width))
    return values, chance.random(values.shape) < 0.7


def counted(number, made_of, rows=(), name=None):
    """Count a scene cut at `rows`, each strip by a counter of its own."""
    values, valid = scene(number)
    counters = []
    for begin, end in zip((0, *rows), (*rows, HEIGHT), strict=True):
        for where in (slice(0, 4), slice(4, WIDTH)):
            counter = SceneCounter(made_of, name or f"scene {number}", WIDTH)
            counter.add(values[:, begin:end, where], valid[:, begin:end, where], begin, where.start)
            counters.insert(0, counter)
    for other in counters[1:]:
        counters[0].absorb(other)
    return counters[0].histogram()


def whole(number, made_of):
    counter = SceneCounter(made_of, f"scene {number}", WIDTH)
    counter.add(*scene(number))
    return counter.histogram()


cuts = st.lists(st.integers(1, HEIGHT - 1), max_size=3, unique=True).map(sorted)


@FEW
@given(cuts=st.tuples(cuts, cuts, cuts), order=st.permutations(range(3)), most=st.sampled_from([None, 1, 20, 500]))
def test_any_cut_and_any_order_give_the_same_file(cuts, order, most):
    made_of = settings_of(most)
    expected = merged([whole(number, made_of) for number in range(3)], made_of)

    found = merged([counted(number, made_of, cuts[number]) for number in order], made_of)

    assert packed(found, made_of) == packed(expected, made_of)


def test_counts_are_numpys_and_ends_hold_what_lies_beyond():
    values, valid = scene(1)
    edges = -0.2 + 0.1 * np.arange(23)

    found = whole(1, settings_of())

    for band in range(len(BANDS)):
        chosen = values[band][valid[band]]
        below, above = int((chosen < edges[0]).sum()), int((chosen >= edges[-1]).sum())
        expected, _ = np.histogram(chosen, edges)
        expected[0] += below
        expected[-1] += above
        assert (found.underflow[band], found.overflow[band]) == (below, above)
        np.testing.assert_array_equal(found.counts[band], expected)


def test_one_mask_counts_for_all_bands():
    values, valid = scene(2)
    counter = SceneCounter(settings_of(), "scene", WIDTH)

    counter.add(values, valid[0])

    assert counter.histogram().counts.sum(axis=1).tolist() == [valid[0].sum()] * 2


@pytest.mark.parametrize("most", [1, 30, 80, 10_000])
def test_a_sample_has_so_many_pixels_of_each_band_or_all(most):
    _, valid = scene(3)

    found = whole(3, settings_of(most))

    assert found.counts.sum(axis=1).tolist() == [min(most, int(of.sum())) for of in valid]


def test_a_sample_draws_no_pixel_twice():
    """Every pixel has a value of its own, so that a bin with two would be a pixel drawn twice."""
    values = np.arange(2 * HEIGHT * WIDTH, dtype=float).reshape(2, HEIGHT, WIDTH)
    made_of = settings_of(60, hist_range=(0.0, 2.0 * HEIGHT * WIDTH), hist_bin_width=1.0)
    counter = SceneCounter(made_of, "scene", WIDTH)

    counter.add(values, np.ones((HEIGHT, WIDTH), bool))

    assert counter.histogram().counts.max() == 1


@pytest.mark.parametrize(
    ("seed", "name"), [pytest.param(1, "scene 4", id="another seed"), pytest.param(0, "scene 5", id="another scene")]
)
def test_seed_and_scene_decide_which_pixels_are_drawn(seed, name):
    first = counted(4, settings_of(20), name="scene 4")

    other = counted(4, settings_of(20, seed=seed), name=name)

    assert (first.counts != other.counts).any()


def test_every_pixel_is_as_likely():
    """Of 400 samples of a tenth, each of 100 pixels is in about 40: standard deviation 6."""
    made_of = NormalisationSettings(("B02",), (0.0, 100.0), 1.0, max_pixels_per_scene=10)
    values, drawn = np.arange(100.0).reshape(1, 10, 10), np.zeros(100, int)

    for number in range(400):
        counter = SceneCounter(made_of, f"scene {number}", 10)
        counter.add(values, np.ones((10, 10), bool))
        drawn += counter.histogram().counts[0]

    assert drawn.sum() == 4000
    assert 40 - 6 * 4.5 < drawn.min() <= drawn.max() < 40 + 6 * 4.5
    assert 4.5 < drawn.std() < 7.5


def test_another_process_makes_the_same_bytes():
    program = (
        "import sys; sys.path[:0] = ['tests/products', '.']\n"
        "from test_normalisation_counts import counted, settings_of\n"
        "from orchestrator.products.preprocess.normalisation.archive import packed\n"
        "sys.stdout.buffer.write(packed(counted(6, settings_of(20), (5,)), settings_of(20)))"
    )

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout

    assert there == packed(whole(6, settings_of(20)), settings_of(20))


def test_numpy_reads_the_file_without_pickles():
    made_of = settings_of()
    found = whole(7, made_of)

    with np.load(io.BytesIO(packed(found, made_of, skipped=2)), allow_pickle=False) as archive:
        assert str(archive["schema"]) == "s2pipe.normalize.stats.v1"
        assert archive["bands"].tolist() == list(BANDS)
        assert archive["hist_range"].tolist() == [-0.2, 2.0]
        assert archive["counts"].tolist() == found.counts.tolist()
        assert (archive["scenes_processed"].tolist(), archive["scenes_skipped"].tolist()) == ([1], [2])


def test_what_is_packed_comes_back():
    made_of = settings_of()
    found = whole(8, made_of)

    back = unpacked(packed(found, made_of), made_of)

    assert packed(back, made_of) == packed(found, made_of)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(packed(Histogram.empty(settings_of()), settings_of())[:-40], id="cut short"),
        pytest.param(
            packed(Histogram.empty(settings_of(hist_bin_width=0.2)), settings_of(hist_bin_width=0.2)), id="other bins"
        ),
    ],
)
def test_bytes_of_something_else_are_refused(content):
    with pytest.raises(IntegrityError):
        unpacked(content, settings_of())


@pytest.mark.parametrize("wrong", [(np.nan,), (np.inf,), (np.inf, -np.inf)], ids=["nan", "inf", "both ends"])
def test_a_valid_pixel_that_is_no_number_is_refused(wrong):
    values, valid = scene(9)
    values[1, 2, : len(wrong)], valid[1, 2, : len(wrong)] = wrong, True

    with pytest.raises(IntegrityError, match="B8A is no finite number"):
        SceneCounter(settings_of(), "scene", WIDTH).add(values, valid)


def test_an_invalid_pixel_may_be_anything():
    values, valid = scene(9)
    values[~valid] = np.nan

    counter = SceneCounter(settings_of(), "scene", WIDTH)
    counter.add(values, valid)

    assert counter.histogram().counts.sum() == valid.sum()

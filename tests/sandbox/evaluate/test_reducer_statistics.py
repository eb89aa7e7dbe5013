"""What reducers make of random pixels, columns and stacks, against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    UTM,
    MemoryCatalogue,
    X,
    Y,
    answer,
    array,
    band,
    call,
    constant,
    exact,
    load,
    make_scene,
    pixels,
    reducer,
)
from scipy import stats

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

SIDE = 9


def weighted_median(values, weights):
    """The middle of the values, each as often as its weight counts sixteenths."""
    return np.median(np.repeat(values, np.round(weights * 16).astype(int)))


def mean(values, weights):
    return np.average(values, weights=weights)


def variance(values, weights):
    return np.average((values - mean(values, weights)) ** 2, weights=weights)


def direction(values, weights):
    return np.angle((np.exp(1j * values) * weights).sum())


def circular_variance(values, weights):
    return 1 - abs((np.exp(1j * values) * weights).sum()) / weights.sum()


WEIGHED = {
    "sum": lambda values, weights: (values * weights).sum(),
    "mean": mean,
    "variance": variance,
    "stdDev": lambda values, weights: np.sqrt(variance(values, weights)),
    "median": weighted_median,
    "circularMean": direction,
    "circularVariance": circular_variance,
    "circularStddev": lambda values, weights: np.sqrt(-2 * np.log(1 - circular_variance(values, weights))),
}
WHOLE = {
    "min": np.min,
    "max": np.max,
    "count": len,
    "countEvery": len,
    "countDistinct": lambda values: len(set(values)),
    "countDistinctNonNull": lambda values: len(set(values)),
    "product": np.prod,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "bitwiseAnd": np.bitwise_and.reduce,
    "bitwiseOr": np.bitwise_or.reduce,
    "allNonZero": lambda values: int(np.all(values)),
    "anyNonZero": lambda values: int(np.any(values)),
}


@pytest.mark.parametrize("seed", range(200))
def test_regions_are_reduced_as_numpy_does(seed):
    """Two hundred random images with holes and boxes in quarters of pixels, each by one of the reducers."""
    rng = np.random.default_rng(seed)
    name = [*WEIGHED, *WHOLE][seed % len({**WEIGHED, **WHOLE})]
    values = rng.integers(0, 7, (SIDE, SIDE)).astype(np.uint16)
    valid = rng.random((SIDE, SIDE)) < 0.9
    # In quarters of pixels, but never through a centre: whether an edge has it inside is nobody's promise.
    starts, widths = rng.choice([0, 1, 3], 2) / 4 + rng.integers(0, 5, 2), rng.choice([0, 1, 3], 2) / 4 + 2
    (top, left), (bottom, right) = starts, np.where((starts + widths) % 1 == 0.5, widths + 0.25, widths) + starts
    catalogue = MemoryCatalogue([make_scene(S2, "a", {"B4": (values, valid)})])
    place = call(
        "GeometryConstructors.Rectangle",
        coordinates=[X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top],
        crs=UTM,
        geodesic=False,
    )
    edges = np.arange(SIDE)
    down, across = (
        np.clip(np.minimum(end, edges + 1) - np.maximum(start, edges), 0, 1)
        for start, end in ((top, bottom), (left, right))
    )
    shares = np.outer(down, across)
    centres = edges + 0.5
    inside = np.outer((top < centres) & (centres < bottom), (left < centres) & (centres < right)) & valid
    weighed = (shares > 0) & valid

    found = answer(
        call("Image.reduceRegion", image=band("B4"), reducer=reducer(name), geometry=place, scale=10), catalogue
    )

    if name in WEIGHED:
        expected = WEIGHED[name](values[weighed].astype(float), shares[weighed])
    else:
        expected = WHOLE[name](values[inside].astype(np.int64))
    assert found == {"B4": pytest.approx(expected, rel=1e-6, abs=1e-6)}


LINE = {"x": [1, 2, 3, 5, 8, 8], "y": [2, 1, 4, 3, 7, 9]}
ROWS = [list(pair) for pair in zip(LINE["x"], LINE["y"], strict=True)]


def of_pairs(name, **options):
    return call("List.reduce", list=constant(ROWS), reducer=reducer(name, **options))


def fitted(x, y):
    scale, offset = np.polyfit(x, y, 1)
    return {"scale": scale, "offset": offset}


def correlated(x, y):
    return dict(zip(("correlation", "p-value"), stats.pearsonr(x, y), strict=True))


PAIRS = {"linearFit": fitted(**LINE), "pearsonsCorrelation": correlated(**LINE)}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_are_reduced_as_scipy_does(name):
    """A line has a scale and an offset, a correlation its chance."""
    assert answer(of_pairs(name)) == {key: pytest.approx(value) for key, value in PAIRS[name].items()}


def test_missing_data_are_nulls():
    """The guide's word for them: a pair that lacks one of its numbers takes no part."""
    gaps = call("List.reduce", list=constant([*ROWS, [7, None], [None, None]]), reducer=reducer("linearFit"))

    assert answer(gaps) == answer(of_pairs("linearFit"))


def test_a_single_correlation_stands_for_itself():
    """Spearman's has no p-value."""
    assert answer(of_pairs("spearmansCorrelation")) == pytest.approx(stats.spearmanr(*LINE.values()).statistic)


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("sensSlope", "slope", stats.theilslopes(LINE["y"], LINE["x"]).slope),
        ("kendallsCorrelation", "tau", stats.kendalltau(*LINE.values()).statistic),
    ],
)
def test_what_is_told_of_a_pair_is_given(name, key, expected):
    """The slope and the tau are those of the literature; what else there is is refused when it is looked at."""
    options = {"numInputs": 2} if name == "kendallsCorrelation" else {}
    found = of_pairs(name, **options)

    assert answer(call("Dictionary.get", dictionary=found, key=key)) == pytest.approx(expected)
    with pytest.raises(EvaluationError, match="is not imitated"):
        answer(found)


def test_a_trend_of_one_input_is_against_its_order():
    """Kendall's correlation numbers the values itself."""
    found = call("List.reduce", list=constant([3, 1, 4, 1, 5]), reducer=reducer("kendallsCorrelation", numInputs=1))

    tau = answer(call("Dictionary.get", dictionary=found, key="tau"))

    assert tau == pytest.approx(stats.kendalltau(range(5), [3, 1, 4, 1, 5]).statistic)


def test_a_line_is_weighted():
    """Each pixel pair weighs as much as the region covers of it."""
    rng = np.random.default_rng(1)
    x, y = (rng.integers(1, 99, (SIDE, SIDE)).astype(np.uint16) for _ in "xy")
    catalogue = MemoryCatalogue([make_scene(S2, "a", {"B4": x, "B8": y})])
    place = call(
        "GeometryConstructors.Rectangle",
        coordinates=[X, Y - 22.5, X + 35, Y],
        crs=UTM,
        geodesic=False,
    )

    found = answer(
        call("Image.reduceRegion", image=load("a"), reducer=reducer("linearFit"), geometry=place, scale=10), catalogue
    )

    weights = np.outer([1, 1, 0.25], [1, 1, 1, 0.5]).ravel()
    scale, offset = np.polyfit(x[:3, :4].ravel(), y[:3, :4].ravel(), 1, w=np.sqrt(weights))
    assert found == {"scale": pytest.approx(scale), "offset": pytest.approx(offset)}


COUNT = 7
RNG = np.random.default_rng(9)
STACK = RNG.integers(0, 9, (COUNT, 2, 4, 4)).astype(np.uint16)  # (image, band, row, col)
HOLES = RNG.random((COUNT, 2, 4, 4)) < 0.9
SCENES = MemoryCatalogue(
    [
        make_scene(S2, f"s{at}", {"B4": (STACK[at, 0], HOLES[at, 0]), "B8": (STACK[at, 1], HOLES[at, 1])}, when=at)
        for at in range(COUNT)
    ]
)


def reduced(node):
    collection = call("ImageCollection.fromImages", images=array(*(load(f"s{at}") for at in range(COUNT))))
    image = call("ImageCollection.reduce", collection=collection, reducer=node)
    return pixels(exact(image, 4, 4), SCENES)


def records(row, col):
    both = HOLES[:, 0, row, col] & HOLES[:, 1, row, col]
    return STACK[both, 0, row, col].astype(float), STACK[both, 1, row, col].astype(float)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linearFit", fitted),
        ("pearsonsCorrelation", correlated),
        ("spearmansCorrelation", lambda x, y: {"correlation": stats.spearmanr(x, y).statistic}),
    ],
    ids=["line", "pearson", "spearman"],
)
def test_images_are_reduced_together(name, expected):
    """Each pixel has a record for each image that is valid in both bands; outputs keep their own names."""
    image, values, valid = reduced(reducer(name))

    for row, col in np.ndindex(4, 4):
        wanted = expected(*records(row, col))
        assert [item.name for item in image.bands] == list(wanted)
        assert valid[:, row, col].all()
        np.testing.assert_allclose([plane[row, col] for plane in values], list(wanted.values()), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("node", "output", "expected"),
    [
        (reducer("sensSlope"), "slope", lambda x, y: stats.theilslopes(y, x).slope),
        (reducer("kendallsCorrelation", numInputs=2), "tau", lambda x, y: stats.kendalltau(x, y).statistic),
    ],
    ids=["sen", "kendall"],
)
def test_one_band_of_a_joint_reduction_can_be_had_alone(node, output, expected):
    """A band whose rule is not documented is refused only when somebody wants it."""
    collection = call("ImageCollection.fromImages", images=array(*(load(f"s{at}") for at in range(COUNT))))
    both = call("ImageCollection.reduce", collection=collection, reducer=node)

    _, (plane,), _ = pixels(exact(call("Image.select", input=both, bandSelectors=[output]), 4, 4), SCENES)

    for row, col in np.ndindex(4, 4):
        assert plane[row, col] == pytest.approx(expected(*records(row, col)))
    with pytest.raises(EvaluationError, match="is not imitated"):
        pixels(exact(both, 4, 4), SCENES)


def untold(shape):
    """An image of which the last band has a rule that is not documented, made in one of several ways."""
    alone = reducer("kendallsCorrelation")
    if shape == "image by image":
        images = array(*(call("Image.select", input=load(f"s{at}"), bandSelectors=[0]) for at in range(COUNT)))
        return call(
            "ImageCollection.reduce", collection=call("ImageCollection.fromImages", images=images), reducer=alone
        )
    if shape == "around a pixel":
        only = call("Image.select", input=load("s0"), bandSelectors=[0])
        return call("Image.reduceNeighborhood", image=only, reducer=alone, kernel=call("Kernel.square", radius=1))
    place = call("GeometryConstructors.Rectangle", coordinates=[X, Y - 90, X + 90, Y], crs=UTM, geodesic=False)
    features = array(*(call("Feature", geometry=place, metadata=constant({"n": n})) for n in (1, 2, 4)))
    collection = call("Collection", features=features)
    return call("Collection.reduceToImage", collection=collection, properties=["n"], reducer=alone)


@pytest.mark.parametrize("shape", ["image by image", "around a pixel", "of features"])
def test_an_untold_band_is_refused_by_name(shape):
    """However the image was made, its told band is there and the other one names itself."""
    image = untold(shape)

    _, (plane,), _ = pixels(exact(call("Image.select", input=image, bandSelectors=[0]), 2, 2), SCENES)

    assert np.isfinite(plane).all()
    with pytest.raises(EvaluationError, match="the p-value is not imitated"):
        pixels(exact(image, 2, 2), SCENES)

"""Pixels around pixels, pixels of features, and pixels as features."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    UTM,
    MemoryCatalogue,
    X,
    Y,
    answer,
    band,
    box,
    call,
    constant,
    exact,
    features,
    load,
    make_scene,
    pixels,
    reducer,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

SIDE = 8
RNG = np.random.default_rng(3)
VALUES = RNG.integers(1, 50, (SIDE, SIDE)).astype(np.uint16)
CLASSES = RNG.integers(1, 4, (SIDE, SIDE)).astype(np.uint16)
HOLES = RNG.random((SIDE, SIDE)) < 0.8
CATALOGUE = MemoryCatalogue([make_scene(S2, "a", {"B4": (VALUES, HOLES), "B8": CLASSES})])


def zones(*boxes):
    made = [
        call(
            "Feature",
            geometry=box(*each),
            metadata={"dictionaryValue": {"values": {"n": {"constantValue": at}}}},
        )
        for at, each in enumerate(boxes)
    ]
    return features(*made)


TWO = zones((0, 0, 2.25, 2), (4, 4, 8, 8))


def by_features(image, node, collection=TWO):
    found = answer(call("Image.reduceRegions", image=image, collection=collection, reducer=node, scale=10), CATALOGUE)
    return [feature["properties"] for feature in found["features"]]


def average(plane, valid, rows, cols, shares):
    weights = np.broadcast_to(shares, plane[rows, cols].shape) * valid[rows, cols]
    return pytest.approx((plane[rows, cols] * weights).sum() / weights.sum())


FIRST = (slice(0, 2), slice(0, 3), [1, 1, 0.25])
SECOND = (slice(4, 8), slice(4, 8), 1)
EVERYWHERE = np.ones((SIDE, SIDE), bool)


def test_features_get_what_their_pixels_reduce_to():
    """In their order, with their own properties, and named after the bands where there are several."""
    found = by_features(load("a"), reducer("mean"))

    assert found == [
        {"n": at, "B4": average(VALUES, HOLES, *place), "B8": average(CLASSES, EVERYWHERE, *place)}
        for at, place in enumerate((FIRST, SECOND))
    ]


def test_of_a_single_band_the_reducer_names_the_property():
    """A tutorial's `sum`, as `setOutputs` renames it."""
    renamed = reducer("setOutputs", reducer=reducer("mean"), outputs=["height"])

    assert by_features(band("B8"), reducer("mean"))[0] == {"n": 0, "mean": average(CLASSES, EVERYWHERE, *FIRST)}
    assert by_features(band("B8"), renamed)[0] == {"n": 0, "height": average(CLASSES, EVERYWHERE, *FIRST)}
    assert by_features(band("B8"), reducer("minMax"))[0].keys() == {"n", "min", "max"}
    assert by_features(load("a"), reducer("minMax"))[0].keys() == {"n", "B4_min", "B4_max", "B8_min", "B8_max"}


def test_features_without_pixels_are_kept():
    """Where everything is masked, the result is null."""
    nothing = call("Image.updateMask", image=band("B8"), mask=0)

    assert by_features(nothing, reducer("mean")) == [{"n": 0, "mean": None}, {"n": 1, "mean": None}]


def test_pixels_of_features_become_features():
    """Every pixel whose centre is inside and that no band masks, with the feature's properties and a point."""
    found = answer(call("Image.sampleRegions", image=load("a"), collection=TWO, scale=10, geometries=True), CATALOGUE)

    rows, cols = (np.concatenate(part) for part in zip(*(np.nonzero(part) for part in _inside()), strict=True))
    assert [item["properties"] for item in found["features"]] == [
        {"n": int(row >= 4), "B4": int(VALUES[row, col]), "B8": int(CLASSES[row, col])}
        for row, col in zip(rows, cols, strict=True)
    ]
    assert found["features"][0]["geometry"]["type"] == "Point"


def _inside():
    for rows, cols in ((slice(0, 2), slice(0, 2)), (slice(4, 8), slice(4, 8))):
        chosen = np.zeros((SIDE, SIDE), bool)
        chosen[rows, cols] = True
        yield chosen & HOLES


def stratified(**options):
    node = call("Image.stratifiedSample", image=band("B8"), region=box(0, 0, SIDE, SIDE), scale=10, **options)
    return [item["properties"]["B8"] for item in answer(node, CATALOGUE)["features"]]


def test_a_stratified_sample_has_as_many_of_each_class():
    """All of a class that has fewer; classes may be given their own number."""
    there = Counter(CLASSES.ravel().tolist())

    assert Counter(stratified(numPoints=5)) == {1: 5, 2: 5, 3: 5}
    assert Counter(stratified(numPoints=5, classValues=[2, 3], classPoints=[0, 99])) == {1: 5, 3: there[3]}


def test_a_seed_chooses_the_same_pixels_again():
    """Another seed chooses others."""
    place = {"image": load("a"), "region": box(0, 0, SIDE, SIDE), "scale": 10, "classBand": "B8", "geometries": True}
    once, again, other = (
        answer(call("Image.stratifiedSample", numPoints=4, seed=seed, **place), CATALOGUE) for seed in (1, 1, 2)
    )

    assert once == again != other


def test_samples_may_be_large():
    """As tables may: only lists of features end at five thousand."""
    options = {"image": call("Image.constant", value=1), "region": box(0, 0, 80, 80), "scale": 10, "projection": UTM}

    sampled = call("Image.sample", **options)

    assert answer(call("Collection.size", collection=sampled)) == 6400
    with pytest.raises(EvaluationError, match="5000 elements"):
        answer(sampled)


def around(image, node, matrix, **options):
    kernel = call("Kernel.fixed", width=-1, height=-1, weights={"constantValue": matrix})
    made = call("Image.reduceNeighborhood", image=image, reducer=node, kernel=kernel, **options)
    return pixels(exact(made, SIDE, SIDE), CATALOGUE)


MATRIX = [[0, 1, 0], [2, 4, 2], [0, 0, 3]]


def expected(row, col, statistic, weights=MATRIX):
    values, shares = [], []
    for down in range(3):
        for right in range(3):
            y, x = row + down - 1, col + right - 1
            if MATRIX[down][right] and 0 <= y < SIDE and 0 <= x < SIDE and HOLES[y, x]:
                values.append(float(VALUES[y, x]))
                shares.append(weights[down][right])
    return statistic(np.array(values), np.array(shares))


@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("mean", lambda values, shares: np.average(values, weights=shares)),
        ("sum", lambda values, shares: (values * shares).sum()),
        (
            "stdDev",
            lambda values, shares: np.sqrt(
                np.average((values - np.average(values, weights=shares)) ** 2, weights=shares)
            ),
        ),
        ("max", lambda values, _shares: values.max()),
        ("count", lambda values, _shares: len(values)),
    ],
)
def test_neighbours_weigh_as_the_kernel_says(name, statistic):
    """Every pixel under a weight takes part; reducers without weights take them alike; what is masked stays so."""
    image, (found,), valid = around(band("B4"), reducer(name), MATRIX)

    assert [item.name for item in image.bands] == [f"B4_{name}"]
    np.testing.assert_array_equal(valid[0], HOLES)
    for row, col in np.argwhere(HOLES):
        assert found[row, col] == pytest.approx(expected(row, col, statistic), rel=1e-5)


def test_neighbours_may_weigh_by_their_mask():
    """With `mask`, the kernel only says who is near."""
    ones = [[1] * 3] * 3
    _, (found,), _ = around(band("B4"), reducer("mean"), MATRIX, inputWeight="mask")

    for row, col in np.argwhere(HOLES):
        assert found[row, col] == pytest.approx(expected(row, col, lambda v, _s: v.mean(), ones), rel=1e-5)


def test_masked_pixels_can_be_filled_from_their_neighbours():
    """Unless they are skipped, every pixel with a neighbour has a value."""
    _, _, valid = around(band("B4"), reducer("mean"), [[1] * 3] * 3, skipMasked=False)

    assert valid[0].sum() > HOLES.sum()


def test_bands_are_reduced_together_around_each_pixel():
    """A line through two bands, in a square of nine pixels."""
    image, (scale, _), valid = around(load("a"), reducer("linearFit"), [[1] * 3] * 3)

    assert [item.name for item in image.bands] == ["scale", "offset"]
    window = (slice(2, 5), slice(2, 5))
    seen = HOLES[window]
    assert scale[3, 3] == pytest.approx(np.polyfit(VALUES[window][seen], CLASSES[window][seen], 1)[0], rel=1e-5)
    assert valid[0, 3, 3] == HOLES[3, 3]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inputWeight": "none"}, "inputWeight must be"),
        ({"optimization": "none"}, "optimization must be"),
    ],
)
def test_unknown_options_are_named(options, sentence):
    """The value found is in the message."""
    with pytest.raises(EvaluationError, match=f"{sentence}.*'none'"):
        around(band("B4"), reducer("mean"), MATRIX, **options)


def test_the_size_of_tiles_has_bounds():
    """The reference allows a tenth to sixteen."""
    node = call("Image.reduceRegion", image=band("B8"), reducer=reducer("mean"), geometry=box(0, 0, 2, 2), tileScale=17)

    with pytest.raises(EvaluationError, match=r"tileScale must be between 0\.1 and 16, found 17"):
        answer(node, CATALOGUE)


def test_a_rectangle_has_the_pixels_around_a_region():
    """An array per band, with the image's own properties and a value for what is masked."""
    image = call("Element.setMulti", object=load("a"), properties={"dictionaryValue": {"values": {"k": constant(3)}}})
    node = call("Image.sampleRectangle", image=image, region=box(1.2, 0.1, 2.9, 1.8), defaultValue=0)

    found = answer(node, CATALOGUE)["properties"]

    assert found == {
        "k": 3,
        "B4": np.where(HOLES, VALUES, 0)[:2, 1:3].tolist(),
        "B8": CLASSES[:2, 1:3].tolist(),
    }
    cells = call("Array.toList", array=call("Element.getArray", object=node, property="B8"))
    assert answer(cells, CATALOGUE) == CLASSES[:2, 1:3].tolist()


def test_a_large_rectangle_is_refused():
    """The published sentence has the numbers."""
    node = call("Image.sampleRectangle", image=band("B8"), region=box(0, 0, 1000, 300))

    with pytest.raises(EvaluationError, match=r"Too many pixels in sample; must be <= 262144\. Got 300000"):
        answer(node, CATALOGUE)


def test_the_pixels_of_a_region_are_counted_not_those_of_its_box():
    """Half of a square of 8 x 8 pixels are 32, and bestEffort takes pixels twice as large for 8."""
    corners = [[X, Y], [X + 80, Y], [X, Y - 80]]
    half = call("GeometryConstructors.Polygon", coordinates=[corners], crs=UTM, geodesic=False)
    options = {"image": call("Image.constant", value=1), "geometry": half, "scale": 10, "crs": UTM}

    with pytest.raises(EvaluationError, match=r"Found 32, but maxPixels allows only 31"):
        answer(call("Image.reduceRegion", reducer=reducer("sum"), maxPixels=31, **options))

    total = answer(call("Image.reduceRegion", reducer=reducer("sum"), maxPixels=32, **options))
    assert total == {"constant": pytest.approx(32)}
    coarse = answer(call("Image.reduceRegion", reducer=reducer("sum"), maxPixels=8, bestEffort=True, **options))
    assert coarse == {"constant": pytest.approx(8)}


def test_a_region_smaller_than_a_pixel_weighs_its_share():
    """A quarter of a pixel has its value as mean, and no centre to count."""
    options = {"image": band("B8"), "geometry": box(0, 0, 0.25, 1), "scale": 10}

    assert answer(call("Image.reduceRegion", reducer=reducer("mean"), **options), CATALOGUE) == {"B8": CLASSES[0, 0]}
    assert answer(call("Image.reduceRegion", reducer=reducer("sum"), **options), CATALOGUE) == {
        "B8": pytest.approx(CLASSES[0, 0] / 4)
    }
    assert answer(call("Image.reduceRegion", reducer=reducer("count"), **options), CATALOGUE) == {"B8": 0}


def test_weighted_inputs_stand_before_unweighted_ones():
    """The guide's rule of reducers side by side."""
    node = reducer("combine", reducer1=reducer("count"), reducer2=reducer("mean"))

    with pytest.raises(EvaluationError, match="All weighted inputs must be before all unweighted inputs"):
        by_features(load("a"), node)

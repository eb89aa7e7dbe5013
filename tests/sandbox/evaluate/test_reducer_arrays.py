"""Reducers of arrays, and reducers that give arrays, against numpy."""

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
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

SIDE, COUNT = 4, 6
RNG = np.random.default_rng(2)
STACK = RNG.integers(0, 30, (COUNT, 2, SIDE, SIDE)).astype(np.uint16)  # (image, band, row, col)
HOLES = RNG.random((COUNT, SIDE, SIDE)) < 0.9
CATALOGUE = MemoryCatalogue(
    [make_scene(S2, f"s{at}", {"B4": (STACK[at, 0], HOLES[at]), "B8": STACK[at, 1]}, when=at) for at in range(COUNT)]
)
REGRESSION = call("Reducer.linearRegression", numX=2, numY=1)


def of_list(items, node):
    return answer(call("List.reduce", list=constant(items), reducer=node))


def region(image, node, right=float(SIDE)):
    place = call(
        "GeometryConstructors.Rectangle",
        coordinates=[X, Y - 10 * SIDE, X + 10 * right, Y],
        crs=UTM,
        geodesic=False,
    )
    reduced = call("Image.reduceRegion", image=image, reducer=node, geometry=place, scale=10, crs=UTM)
    return answer(reduced, CATALOGUE)


def with_one(index):
    return call("Image.addBands", dstImg=call("Image.constant", value=1), srcImg=load(f"s{index}"))


def test_a_plane_is_fitted():
    """The coefficients stand in rows, the residuals are root mean squares."""
    rows = [[1, 2, 3], [1, 4, 6], [1, 5, 5], [1, 9, 12]]
    x, y = np.array(rows)[:, :2], np.array(rows)[:, 2]
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    residual = np.sqrt(((y - x @ coefficients) ** 2).mean())

    found = of_list(rows, REGRESSION)

    assert np.ravel(found["coefficients"]) == pytest.approx(coefficients)
    assert np.shape(found["coefficients"]) == (2, 1)
    assert found["residuals"] == pytest.approx([residual])


def test_too_few_records_fit_nothing():
    """As many records as coefficients are not enough."""
    assert of_list([[1, 2, 3], [1, 4, 6]], REGRESSION) == {"coefficients": None, "residuals": None}


def test_a_regression_over_a_region_is_weighted():
    """As linearFit is, to which the guide holds it equal."""
    found = region(with_one(0), REGRESSION, right=2.25)
    fitted = region(load("s0"), call("Reducer.linearFit"), right=2.25)

    assert np.ravel(found["coefficients"]) == pytest.approx([fitted["offset"], fitted["scale"]])


def test_each_pixel_of_a_collection_is_fitted():
    """Array bands of coefficients and residuals."""
    collection = call("ImageCollection.fromImages", images=array(*(with_one(at) for at in range(COUNT))))
    fitted = call("ImageCollection.reduce", collection=collection, reducer=REGRESSION)
    flat = call(
        "Image.arrayFlatten",
        image=call("Image.select", input=fitted, bandSelectors=["coefficients"]),
        coordinateLabels=[["offset", "scale"], ["B8"]],
    )

    image, (offset, scale), valid = pixels(exact(flat, SIDE, SIDE), CATALOGUE)

    assert [item.name for item in image.bands] == ["offset_B8", "scale_B8"]
    assert valid.all()
    for row, col in np.ndindex(SIDE, SIDE):
        seen = HOLES[:, row, col]
        line = np.polyfit(STACK[seen, 0, row, col].astype(float), STACK[seen, 1, row, col].astype(float), 1)
        assert (scale[row, col], offset[row, col]) == pytest.approx(tuple(line))


@pytest.mark.parametrize("cumulative", [False, True])
def test_bins_are_counted(cumulative):
    """The lower bound belongs to a bin, the upper does not; what lies outside is ignored."""
    node = call("Reducer.fixedHistogram", min=0, max=3, steps=3, cumulative=cumulative)

    counts = [2, 1, 2]
    shown = np.cumsum(counts) if cumulative else counts
    assert of_list([0, 0.5, 1, 2, 2.999, 3, -1], node) == [[at, count] for at, count in enumerate(shown)]


def test_bins_are_weighted():
    """A quarter of a pixel counts a quarter."""
    found = region(band("B8", "s0"), call("Reducer.fixedHistogram", min=0, max=30, steps=5), right=1.25)

    weights = np.broadcast_to([1, 0.25], (SIDE, 2))
    counts, edges = np.histogram(STACK[0, 1][:, :2], 5, (0, 30), weights=weights)
    np.testing.assert_allclose(found["B8"], np.column_stack([edges[:-1], counts]))


VECTORS = [[1.0, 5.0], [2.0, 3.0], [4.0, 1.0], [7.0, 9.0]]


def of_vectors(name, **options):
    vectors = array(*(call("Array", values=constant(vector)) for vector in VECTORS))
    return answer(call("List.reduce", list=vectors, reducer=call(f"Reducer.{name}", **options)))


def test_arrays_have_covariances():
    """Divided by the number, as the variance is; centred data are not centred again."""
    rows = np.array(VECTORS)

    np.testing.assert_allclose(of_vectors("covariance"), np.cov(rows.T, bias=True))
    np.testing.assert_allclose(of_vectors("centeredCovariance"), rows.T @ rows / len(rows))


def test_pixels_of_arrays_have_covariances():
    """The mean of the products, each pixel as much as the region covers of it; named after the band."""
    vectors = call("Image.toArray", image=call("Image.unmask", input=load("s0")))

    found = region(vectors, call("Reducer.covariance"), right=2.25)

    rows = np.stack([np.where(HOLES[0], STACK[0, 0], 0), STACK[0, 1]], axis=-1)[:, :3].reshape(-1, 2)
    weights = np.broadcast_to([1, 1, 0.25], (SIDE, 3)).ravel()
    np.testing.assert_allclose(found["array"], np.cov(rows.T, aweights=weights, ddof=0), rtol=1e-6)


def test_each_element_is_reduced():
    """The sum of arrays of one shape has that shape."""
    assert of_vectors("forEachElement", reducer=call("Reducer.sum")) == [14, 18]


def test_arrays_of_several_shapes_are_refused():
    """The message names the shapes."""
    vectors = array(*(call("Array", values=constant(vector)) for vector in ([1, 2], [1])))

    with pytest.raises(EvaluationError, match=r"same shape, found \[\(1,\), \(2,\)\]"):
        answer(call("List.reduce", list=vectors, reducer=call("Reducer.covariance")))

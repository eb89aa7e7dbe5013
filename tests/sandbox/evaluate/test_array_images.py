"""Array images against numpy, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    MemoryCatalogue,
    answer,
    array,
    call,
    constant,
    exact,
    load,
    make_scene,
    pixels,
    reference,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError

CHANCE = np.random.default_rng(11)
VALUES = CHANCE.permutation(240).reshape(5, 2, 4, 6).astype(np.uint8)  # image, band, row, column: no ties
CLEAR = CHANCE.random((5, 4, 6)) < 0.7
CLEAR[:, 1, 2] = False  # one pixel that nobody sees
CLEAR[:, 0, 0] = True
CATALOGUE = MemoryCatalogue(
    make_scene(S2, f"s{at}", {"A": (bands[0], CLEAR[at]), "B": (bands[1], np.ones((4, 6), bool))}, when=at)
    for at, bands in enumerate(VALUES)
)
SERIES = call("ImageCollection.fromImages", images=array(*(load(f"s{at}") for at in range(5))))
STACK = call("ImageCollection.toArray", collection=SERIES)


def numbers(values):
    return call("Image.constant", value=constant(values))


def window(node, height=4, width=6, catalogue=CATALOGUE):
    _, values, valid = pixels(exact(node, height, width), catalogue)
    return values, valid


def seen(row, col):
    """The matrix (image, band) of a pixel."""
    return VALUES[:, :, row, col][CLEAR[:, row, col]]


def test_a_collection_becomes_matrices_of_what_was_seen():
    """Images that are masked in any band leave no row."""
    values, valid = window(call("Image.arrayLength", input=STACK, axis=0))

    np.testing.assert_array_equal(values[0], CLEAR.sum(axis=0))
    assert valid.all()


def test_arrays_of_several_lengths_are_reduced_each_for_itself():
    """The largest of each band, where there is an image at all."""
    counted = call("Image.arrayLength", input=STACK, axis=0)
    some = call("Image.updateMask", image=STACK, mask=call("Image.gt", image1=counted, image2=0))
    highest = call("Image.arrayReduce", input=some, reducer=call("Reducer.max"), axes=constant([0]))
    flat = call(
        "Image.arrayFlatten",
        image=call("Image.arrayProject", input=highest, axes=constant([1])),
        coordinateLabels=constant([["A", "B"]]),
    )
    values, valid = window(flat)

    np.testing.assert_array_equal(valid[0], CLEAR.any(axis=0))
    for row, col in np.argwhere(valid[0]):
        assert [band[row, col] for band in values] == seen(row, col).max(axis=0).tolist()


def test_arrays_are_sorted_by_keys_of_their_own_pixel():
    """The first image in the order of band B, descending."""
    keys = call("Image.arraySlice", input=STACK, axis=1, start=1, end=2)
    ordered = call("Image.arraySort", image=STACK, keys=call("Image.multiply", image1=keys, image2=-1))
    counted = call("Image.arrayLength", input=STACK, axis=0)
    some = call("Image.updateMask", image=ordered, mask=call("Image.gt", image1=counted, image2=0))
    values, valid = window(call("Image.arrayGet", image=some, position=numbers([0, 1])))

    for row, col in np.argwhere(valid[0]):
        assert values[0][row, col] == seen(row, col)[:, 1].max()


def test_images_with_equal_keys_keep_their_order():
    """The choice without which no image of integers could be sorted."""
    keys = call("Image.multiply", image1=call("Image.arraySlice", input=STACK, axis=1, start=0, end=1), image2=0)
    first = call("Image.arraySlice", input=call("Image.arraySort", image=STACK, keys=keys), axis=0, start=0, end=1)
    counted = call("Image.arrayLength", input=STACK, axis=0)
    some = call("Image.updateMask", image=first, mask=call("Image.gt", image1=counted, image2=0))
    values, valid = window(call("Image.arrayGet", image=some, position=numbers([0, 1])))

    assert all(values[0][row, col] == seen(row, col)[0, 1] for row, col in np.argwhere(valid[0]))


def test_least_squares_are_solved_pixel_by_pixel():
    """As the guide to array transformations does with a series, against numpy."""
    enough = call("Image.gt", image1=call("Image.arrayLength", input=STACK, axis=0), image2=2)
    stack = call("Image.toDouble", value=call("Image.updateMask", image=STACK, mask=enough))
    left = call("Image.arraySlice", input=stack, axis=1, start=0, end=1)
    right = call("Image.arraySlice", input=stack, axis=1, start=1)
    solved = call("Image.matrixSolve", image1=left, image2=right)
    values, valid = window(call("Image.arrayGet", image=solved, position=numbers([0, 0])))

    np.testing.assert_array_equal(valid[0], CLEAR.sum(axis=0) > 2)
    for row, col in np.argwhere(valid[0]):
        a, b = seen(row, col).astype(float).T
        assert values[0][row, col] == pytest.approx((a @ b) / (a @ a))


def test_operands_keep_their_sides():
    """A difference of arrays and numbers, and of arrays and arrays."""
    one = call("Image.toArray", image=load("s0"))
    less = call("Image.subtract", image1=300, image2=one)
    both = call("Image.subtract", image1=less, image2=one)
    values, valid = window(call("Image.arrayGet", image=both, position=1))

    np.testing.assert_array_equal(values[0][valid[0]], (300 - 2 * VALUES[0, 1].astype(int))[CLEAR[0]])


def test_a_pixel_masked_in_a_band_has_no_array():
    """`toArray` is masked where any band is."""
    _, valid = window(call("Image.arrayLength", input=call("Image.toArray", image=load("s0")), axis=0))
    np.testing.assert_array_equal(valid[0], CLEAR[0])


def test_images_are_concatenated_band_by_band():
    """And masked where any of them is."""
    node = call("ImageCollection.toArrayPerBand", collection=SERIES)
    last = call("Image.arrayGet", image=node, position=4)
    values, valid = window(last)

    np.testing.assert_array_equal(valid[0], CLEAR.all(axis=0))
    np.testing.assert_array_equal(values[1], VALUES[4, 1])


def test_a_masked_end_of_a_slice_is_the_end_of_the_array():
    """As the page says; elsewhere the end counts."""
    end = call(
        "Image.updateMask",
        image=call("Image.constant", value=1),
        mask=call("Image.select", input=load("s0"), bandSelectors=["A"]),
    )
    node = call(
        "Image.arraySlice", input=call("Image.constant", value=call("Array", values=[7, 8, 9])), axis=0, end=end
    )
    values, valid = window(call("Image.arrayLength", input=node, axis=0))

    assert valid.all()
    np.testing.assert_array_equal(values[0], np.where(CLEAR[0], 1, 3))


def test_a_window_is_the_same_in_pieces():
    """Arrays of a large window are computed piece by piece, without a seam."""
    height, width = 150, 270
    band = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    catalogue = MemoryCatalogue([make_scene(S2, "a", {"A": band, "B": band.T.reshape(height, width)})])
    flat = call(
        "Image.arrayFlatten", image=call("Image.toArray", image=load("a")), coordinateLabels=constant([["x", "y"]])
    )
    values, valid = window(flat, height, width, catalogue)

    assert valid.all()
    np.testing.assert_array_equal(values[0], band)
    np.testing.assert_array_equal(values[1], band.T.reshape(height, width))


def test_matrices_multiply_the_vectors_of_pixels():
    """The tasselled cap of the guide to array images."""
    matrix = CHANCE.random((3, 2)).round(3)
    vectors = call("Image.toArray", image=call("Image.toArray", image=load("s0")), axis=1)
    product = call("Image.matrixMultiply", image1=call("Array", values=constant(matrix.tolist())), image2=vectors)
    flat = call(
        "Image.arrayFlatten",
        image=call("Image.arrayProject", input=product, axes=constant([0])),
        coordinateLabels=constant([["p", "q", "r"]]),
    )
    values, _ = window(flat)

    expected = np.einsum("ij,jrc->irc", matrix, VALUES[0].astype(float))
    np.testing.assert_allclose(np.asarray(values)[:, CLEAR[0]], expected[:, CLEAR[0]])


def test_principal_components_are_those_of_the_guide():
    """Centred bands, their covariance, its eigenvectors, and the variances of the components."""
    catalogue = MemoryCatalogue([make_scene(S2, "a", {"A": VALUES[0, 0], "B": VALUES[1, 0], "C": VALUES[2, 1]})])
    bands = np.stack([VALUES[0, 0], VALUES[1, 0], VALUES[2, 1]]).reshape(3, -1).astype(float)
    centred = bands - bands.mean(axis=1, keepdims=True)
    vectors = call("Image.subtract", image1=call("Image.toArray", image=load("a")), image2=reference("means"))
    region = {"geometry": call("Image.geometry", feature=load("a")), "scale": 10}
    covariance = call("Image.reduceRegion", image=vectors, reducer=call("Reducer.centeredCovariance"), **region)
    found = answer(
        call("Array.eigen", input=call("Dictionary.getArray", dictionary=covariance, key="array")),
        catalogue,
        means=call("Array", values=constant(bands.mean(axis=1).tolist())),
    )

    values, directions = np.linalg.eigh(centred @ centred.T / centred.shape[1])
    np.testing.assert_allclose(np.array(found)[:, 0], values[::-1], rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.array(found)[:, 1:]), np.abs(directions.T[::-1]), rtol=1e-5)


def test_neighbourhoods_are_matrices_of_rows_and_columns():
    """Masked neighbours have the default, without its fraction; the mask is the pixel's own."""
    kernel = call("Kernel.rectangle", xRadius=2, yRadius=1)
    seen = call("Image.select", input=load("s0"), bandSelectors=["A"])
    around = call("Image.neighborhoodToArray", image=seen, kernel=kernel, defaultValue=9.7)
    flat = call("Image.arrayFlatten", image=around, coordinateLabels=constant([["a", "b", "c"], list("pqrst")]))
    values, valid = window(flat)

    padded = np.pad(np.where(CLEAR[0], VALUES[0, 0], 9), ((1, 1), (2, 2)), constant_values=9)
    np.testing.assert_array_equal(valid[0], CLEAR[0])
    for row, col in np.argwhere(CLEAR[0]):
        found = np.array([band[row, col] for band in values]).reshape(3, 5)
        np.testing.assert_array_equal(found, padded[row : row + 3, col : col + 5])


def test_array_bands_tell_their_dimensions():
    """In the type of the band."""
    found = answer(call("Image.bandTypes", image=call("Image.toArray", image=numbers([1, 2.5]))))
    assert found == {"array": {"type": "PixelType", "precision": "double", "dimensions": 1}}


SMALL = call("Image.toArray", image=numbers([1, 2]))


@pytest.mark.parametrize(
    ("node", "named"),
    [
        (call("Image.where", input=SMALL, test=1, value=2), "Image.where of array bands"),
        (call("Image.updateMask", image=1, mask=SMALL), "Image.updateMask of array bands"),
        (call("Image.toInt", value=call("Image.divide", image1=SMALL, image2=4)), "fractions in an array"),
        (call("reduce.mean", collection=call("ImageCollection.fromImages", images=array(SMALL))), "array bands"),
        (call("Image.add", image1=SMALL, image2=call("Image.toArray", image=numbers([1, 2, 3]))), "different shapes"),
    ],
)
def test_what_no_page_tells_of_array_images_is_refused_by_name(node, named):
    """When the image is made, or at the latest when its pixels are wanted."""
    region = call("GeometryConstructors.Point", coordinates=[15, 47])
    with pytest.raises(NotImitatedError, match=named):
        answer(
            call("Image.reduceRegion", image=reference("it"), reducer=call("Reducer.first"), geometry=region, scale=10),
            it=node,
        )


def test_array_bands_are_not_exported():
    """Only TFRecord could hold them."""
    with pytest.raises(NotImitatedError, match="array band"):
        window(SMALL)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (call("Image.arrayLength", input=1, axis=0), "must hold arrays"),
        (call("Image.arrayFlatten", image=SMALL, coordinateLabels=constant([["a"], ["b"]])), "2 dimensions"),
        (call("Image.matrixInverse", value=SMALL), "2 dimensions"),
        (call("Image.arrayFlatten", image=SMALL, coordinateLabels=constant(["ab"])), "found: "),
        (call("Image.arrayRepeat", input=SMALL, axis=0, copies=1.5), "found: 1.5"),
        (call("Image.arraySlice", input=SMALL, axis=0, start=0.5), "found: 0.5"),
        (call("Image.arrayCat", image1=SMALL, image2=SMALL, axis=2), "between 0 and 1"),
    ],
)
def test_bad_array_images_are_named(node, sentence):
    """One line says what was found."""
    region = call("GeometryConstructors.Point", coordinates=[15, 47])
    with pytest.raises(EvaluationError, match=sentence):
        answer(
            call("Image.reduceRegion", image=node, reducer=call("Reducer.first"), geometry=region, scale=10),
        )

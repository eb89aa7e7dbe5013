"""Kernels, and what they make of images, against the reference's matrices, scipy and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from evaluate_kit import S2, MemoryCatalogue, band, call, exact, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

GROUND = np.random.default_rng(5).integers(0, 40, (9, 11)).astype(np.uint16)
HOLES = np.ones(GROUND.shape, bool)
HOLES[4, 6] = False
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


@pytest.fixture(scope="module")
def catalogue():
    return MemoryCatalogue([make_scene(S2, "a", {"B4": GROUND, "B8": (GROUND, HOLES), "B2": GROUND // 20})])


def seen(node, catalogue, height=9, width=11):
    _, (values, *_), (valid, *_) = pixels(exact(node, height, width), catalogue)
    return values, valid


def weights(kernel, reach):
    """Read the weights of a kernel off its response to a single lit pixel, turned round."""
    lit = np.zeros((15, 15), np.uint16)
    lit[7, 7] = 1
    world = MemoryCatalogue([make_scene(S2, "a", {"B4": lit})])
    values, _ = seen(call("Image.convolve", image=band("B4"), kernel=kernel), world, 15, 15)
    return values[7 - reach : 8 + reach, 7 - reach : 8 + reach][::-1, ::-1]


def kernel(name, **arguments):
    return call(f"Kernel.{name}", **arguments)


def rows(*lines):
    return [[float(number) for number in line.split()] for line in lines]


PLUS = ["0 0 0 1 0 0 0"] * 3
ROUND = "0 1 1 1 1 1 0"
OCTAGON = ["0 0 1 1 1 0 0", ROUND, *["1 1 1 1 1 1 1"] * 3, ROUND, "0 0 1 1 1 0 0"]
SHOWN = {  # the reference's matrices of radius 3, as multiples of the single weight
    "circle": ["0 0 0 1 0 0 0", ROUND, ROUND, "1 1 1 1 1 1 1", ROUND, ROUND, "0 0 0 1 0 0 0"],
    "square": ["1 1 1 1 1 1 1"] * 7,
    "plus": [*PLUS, "1 1 1 1 1 1 1", *PLUS],
    "octagon": OCTAGON,
    "cross": [
        "1 0 0 0 0 0 1",
        "0 1 0 0 0 1 0",
        "0 0 1 0 1 0 0",
        "0 0 0 1 0 0 0",
        "0 0 1 0 1 0 0",
        "0 1 0 0 0 1 0",
        "1 0 0 0 0 0 1",
    ],
}


@pytest.mark.parametrize("shape", SHOWN)
def test_shapes_have_the_weights_of_the_reference(shape):
    """Radius 3, normalised: the pixels of the shape share a sum of one."""
    shown = np.array(rows(*SHOWN[shape]))

    np.testing.assert_allclose(weights(kernel(shape, radius=3), 3), shown / shown.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("sobel", rows("-1 0 1", "-2 0 2", "-1 0 1"), id="sobel"),
        pytest.param("prewitt", rows("1 0 -1", "1 0 -1", "1 0 -1"), id="prewitt"),
        pytest.param("laplacian4", rows("0 1 0", "1 -4 1", "0 1 0"), id="laplacian4"),
        pytest.param("laplacian8", rows("1 1 1", "1 -8 1", "1 1 1"), id="laplacian8"),
        pytest.param("compass", rows("1 1 -1", "1 -2 -1", "1 1 -1"), id="compass"),
        pytest.param("kirsch", rows("5 -3 -3", "5 0 -3", "5 -3 -3"), id="kirsch"),
        pytest.param("roberts", rows("1 0 0", "0 -1 0", "0 0 0"), id="roberts, whose centre is its last pixel"),
    ],
)
def test_edge_kernels_have_the_weights_of_the_reference(name, expected):
    """What the pages show."""
    np.testing.assert_array_equal(weights(kernel(name), 1), expected)


def test_distance_kernels_fill_their_square():
    """Each weight is its distance from the centre."""
    row, col = np.mgrid[-3:4, -3:4]

    np.testing.assert_allclose(weights(kernel("euclidean", radius=3), 3), np.hypot(row, col), rtol=1e-6)
    np.testing.assert_array_equal(weights(kernel("manhattan", radius=3), 3), abs(row) + abs(col))
    np.testing.assert_array_equal(weights(kernel("chebyshev", radius=3), 3), np.maximum(abs(row), abs(col)))


def test_kernels_are_added_turned_and_inverted():
    """add aligns centres; rotate goes clockwise; zeros stay zeros when inverted."""
    both = kernel(
        "add", kernel1=kernel("chebyshev", radius=3), kernel2=kernel("square", radius=1, normalize=False, magnitude=100)
    )
    row, col = np.mgrid[-3:4, -3:4]
    chebyshev = np.maximum(abs(row), abs(col))

    np.testing.assert_array_equal(weights(both, 3), chebyshev + 100 * (chebyshev <= 1))
    turned = kernel("rotate", kernel=kernel("sobel"), rotations=1)
    np.testing.assert_array_equal(weights(turned, 1), [[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    np.testing.assert_array_equal(
        weights(kernel("inverse", kernel=kernel("sobel")), 1), [[-1, 0, 1], [-0.5, 0, 0.5], [-1, 0, 1]]
    )


def test_a_fixed_kernel_is_looked_at_from_its_focus():
    """x and y are offsets from the left and the top."""
    made = kernel("fixed", weights=[[1, 2], [3, 4]], x=0, y=1)

    np.testing.assert_array_equal(weights(made, 1), [[0, 1, 2], [0, 3, 4], [0, 0, 0]])


def test_metres_follow_the_pixels_of_the_grid(catalogue):
    """A radius of 15 m on pixels of 10 m is one pixel and a half."""
    square = kernel("square", radius=15, units="meters", normalize=False)

    values, _ = seen(call("Image.convolve", image=band("B4"), kernel=square), catalogue)

    expected = scipy.ndimage.correlate(GROUND.astype(float), np.ones((3, 3)))
    np.testing.assert_array_equal(values[1:-1, 1:-1], expected[1:-1, 1:-1])


def test_a_convolution_lays_the_kernel_on_the_pixels_as_it_is_written(catalogue):
    """Sobel's right column is to the east; where a pixel under the kernel is masked, so is the result."""
    values, valid = seen(call("Image.convolve", image=band("B8"), kernel=kernel("sobel")), catalogue)

    expected = scipy.ndimage.correlate(np.where(HOLES, GROUND, 0).astype(float), SOBEL)
    whole = scipy.ndimage.binary_erosion(HOLES, SOBEL != 0)
    np.testing.assert_array_equal(valid, whole)
    np.testing.assert_array_equal(values[valid], expected[valid])


@pytest.mark.parametrize(
    ("made", "named"),
    [
        pytest.param(kernel("octagon", radius=2), "octagon of radius 2", id="octagon"),
        pytest.param(kernel("gaussian", radius=5), "gaussian of radius 5", id="gaussian"),
        pytest.param(kernel("sobel", normalize=True), "negative weights", id="negative weights to normalise"),
        pytest.param(kernel("fixed", weights=[[1, 2], [3, 4]]), "'y' -1 of 2", id="the middle of an even kernel"),
    ],
)
def test_what_no_page_tells_of_kernels_is_refused(catalogue, made, named):
    """By its name."""
    with pytest.raises(NotImitatedError, match=named):
        seen(call("Image.convolve", image=band("B4"), kernel=made), catalogue)


@pytest.mark.parametrize(
    ("made", "named"),
    [
        pytest.param(kernel("fixed", weights=[[1, 2], [3]]), "rows of equally many numbers", id="ragged"),
        pytest.param(kernel("fixed", weights=[[1]], width=3), "The width is 3, but the weights have 1", id="width"),
        pytest.param(kernel("square", radius=-1), "must not be negative", id="negative radius"),
        pytest.param(kernel("square", radius=1, units="feet"), "Invalid units: 'feet'", id="units"),
        pytest.param(kernel("rectangle", xRadius=1, yRadius=-1), "must not be negative", id="negative side"),
        pytest.param(kernel("fixed", weights=[[0]], normalize=True), "all zero", id="nothing to normalise"),
        pytest.param(kernel("square", radius=256), "513 pixels is more than the 512", id="size"),
    ],
)
def test_nonsense_kernels_are_one_sentence(made, named):
    """The value found is in it."""
    with pytest.raises(EvaluationError, match=named):
        pixels(exact(call("Image.convolve", image=call("Image.constant", value=1), kernel=made), 2, 2))


def test_zero_crossings_look_right_down_and_diagonally():
    """A pixel is one if any of the three has the opposite sign."""
    heights = np.random.default_rng(3).integers(0, 3, (6, 7)).astype(np.uint16)
    world = MemoryCatalogue([make_scene(S2, "a", {"B4": heights})])
    signed = call("Image.subtract", image1=band("B4"), image2=1)

    values, _ = seen(call("Image.zeroCrossing", image=signed), world, 5, 6)

    sign = np.sign(heights.astype(int) - 1)
    expected = [
        [any(sign[r, c] * sign[r + i, c + j] < 0 for i, j in ((0, 1), (1, 0), (1, 1))) for c in range(6)]
        for r in range(5)
    ]
    np.testing.assert_array_equal(values, expected)


def test_entropy_is_of_the_values_under_the_kernel(catalogue):
    """-sum(p log2 p), by the formula of the reference."""
    node = call("Image.entropy", image=band("B2"), kernel=kernel("square", radius=1))

    values, _ = seen(node, catalogue)

    counts = np.unique(GROUND[3:6, 4:7] // 20, return_counts=True)[1] / 9
    assert values[4, 5] == pytest.approx(-(counts * np.log2(counts)).sum())


def test_neighbours_become_bands(catalogue):
    """One for each weight that is not zero, named by its place."""
    node = call("Image.neighborhoodToBands", image=band("B4"), kernel=kernel("plus", radius=1))

    image, values, _ = pixels(exact(node, 9, 11), catalogue)

    assert [each.name for each in image.bands] == ["B4_0_-1", "B4_-1_0", "B4_0_0", "B4_1_0", "B4_0_1"]
    assert [plane[4, 5] for plane in values] == [GROUND[at] for at in ((3, 5), (4, 4), (4, 5), (4, 6), (5, 5))]


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        pytest.param("euclidean", np.hypot, id="euclidean"),
        pytest.param("manhattan", np.add, id="manhattan"),
        pytest.param("chebyshev", np.maximum, id="chebyshev"),
    ],
)
def test_distances_end_at_the_radius_of_their_kernel(metric, measure):
    """In metres, masked beyond; the pixels that are masked stay so."""
    lit = np.zeros((9, 9), np.uint16)
    lit[4, 4] = 1
    shown = np.ones((9, 9), bool)
    shown[4, 5] = False
    world = MemoryCatalogue([make_scene(S2, "a", {"B4": (lit, shown)})])
    node = call("Image.distance", image=band("B4"), kernel=kernel(metric, radius=30, units="meters"))

    values, valid = seen(node, world, 9, 9)

    row, col = np.mgrid[-4:5, -4:5]
    expected = 10.0 * measure(abs(row), abs(col))
    near = (expected <= 30) & shown
    np.testing.assert_array_equal(valid, near)
    np.testing.assert_allclose(values[near], expected[near], rtol=1e-6)


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        pytest.param(None, lambda row, col: row**2 + col**2, id="squared by default"),
        pytest.param("manhattan", np.add, id="manhattan"),
        pytest.param("chebyshev", np.maximum, id="chebyshev"),
    ],
)
def test_fast_distances_are_those_within_the_neighbourhood(metric, measure):
    """To the nearest non-zero pixel; the mask of the input does not matter."""
    lit = np.zeros((9, 9), np.uint16)
    lit[4, 4] = 1
    shown = np.ones((9, 9), bool)
    shown[4, 5] = False
    world = MemoryCatalogue([make_scene(S2, "a", {"B4": (lit, shown)})])
    node = call("Image.fastDistanceTransform", image=band("B4"), neighborhood=3, metric=metric)

    values, valid = seen(node, world, 9, 9)

    row, col = np.abs(np.mgrid[-4:5, -4:5])
    expected = measure(row, col)
    near = np.hypot(row, col) <= 3 if metric is None else expected <= 3
    np.testing.assert_array_equal(valid, near)
    np.testing.assert_array_equal(values[near], expected[near])


def test_a_focal_median_of_whole_numbers_is_one():
    """The mean of two middle values is rounded up from a half."""
    world = MemoryCatalogue([make_scene(S2, "a", {"B4": np.array([[1, 2]], np.uint16)})])
    node = call("Image.focalMedian", image=band("B4"), radius=1, kernelType="square")

    image, (values,), _ = pixels(exact(node, 1, 2), world)

    assert (image.bands[0].dtype, values[0].tolist()) == ("uint16", [2, 2])

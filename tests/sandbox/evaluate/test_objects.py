"""Objects of connected pixels, against scipy's labels."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from evaluate_kit import S2, MemoryCatalogue, band, call, exact, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, NotImitatedError

CLASSES = np.random.default_rng(2).integers(0, 3, (12, 14)).astype(np.uint16)
SHOWN = np.random.default_rng(3).random(CLASSES.shape) > 0.1
PLUS, SQUARE = call("Kernel.plus", radius=1), call("Kernel.square", radius=1)


@pytest.fixture(scope="module")
def catalogue():
    return MemoryCatalogue([make_scene(S2, "a", {"B4": (CLASSES, SHOWN)})])


def sizes(structure):
    """How many pixels the object of each pixel has."""
    found = np.zeros(CLASSES.shape, int)
    for value in range(3):
        labels, _ = scipy.ndimage.label(SHOWN & (value == CLASSES), structure)
        found += np.where(labels > 0, np.bincount(labels.ravel())[labels], 0)
    return found


@pytest.mark.parametrize(("eight", "structure"), [(True, np.ones((3, 3))), (False, None)], ids=["eight", "four"])
@pytest.mark.parametrize("most", [3, 100])
def test_the_pixels_of_an_object_are_counted(catalogue, eight, structure, most):
    """Up to maxSize; masked pixels belong to none."""
    node = call("Image.connectedPixelCount", input=band("B4"), maxSize=most, eightConnected=eight)

    _, (values,), (valid,) = pixels(exact(node, *CLASSES.shape), catalogue)

    np.testing.assert_array_equal(valid, SHOWN)
    np.testing.assert_array_equal(values[SHOWN], np.minimum(sizes(structure), most)[SHOWN])


@pytest.mark.parametrize(("kernel", "structure"), [(SQUARE, np.ones((3, 3))), (PLUS, None)], ids=["eight", "four"])
def test_each_object_has_a_label_of_its_own(catalogue, kernel, structure):
    """One label for one object; objects of more than maxSize pixels are masked."""
    node = call("Image.connectedComponents", image=band("B4"), connectedness=kernel, maxSize=6)

    image, (_, labels), (_, valid) = pixels(exact(node, *CLASSES.shape), catalogue)

    assert [each.name for each in image.bands] == ["B4", "labels"]
    np.testing.assert_array_equal(valid, SHOWN & (sizes(structure) <= 6))
    pairs = set()
    for value in range(3):
        numbered, _ = scipy.ndimage.label(SHOWN & (value == CLASSES), structure)
        pairs |= {(value, int(n), int(label)) for n, label in zip(numbered[valid], labels[valid], strict=True) if n}
    assert len(pairs) == len({label for *_, label in pairs}) == len({(value, n) for value, n, _ in pairs})


def test_a_label_is_the_same_in_every_window(catalogue):
    """An object on the edge of two windows keeps its label."""
    node = call("Image.connectedComponents", image=band("B4"), connectedness=PLUS, maxSize=6)
    image = Evaluator(catalogue).image(exact(node, *CLASSES.shape))

    whole, _ = image.read(0, 0, 12, 14)
    part, _ = image.read(5, 6, 4, 5)

    np.testing.assert_array_equal(part[1], whole[1][5:9, 6:11])


def test_a_kernel_may_be_told_in_metres(catalogue):
    """15 m reach the next pixel of 10 m on all eight sides."""
    kernels = (SQUARE, call("Kernel.square", radius=15, units="meters"))
    nodes = [call("Image.connectedComponents", image=band("B4"), connectedness=each, maxSize=6) for each in kernels]

    pixelwise, metric = (pixels(exact(node, *CLASSES.shape), catalogue)[1][1] for node in nodes)

    np.testing.assert_array_equal(metric, pixelwise)


@pytest.mark.parametrize("most", [0, 1025])
def test_objects_have_a_size_that_is_allowed(catalogue, most):
    """From 1 to 1024 pixels."""
    with pytest.raises(EvaluationError, match=f"between 1 and 1024, found {most}"):
        pixels(exact(call("Image.connectedPixelCount", input=band("B4"), maxSize=most), 2, 2), catalogue)


def test_a_kernel_that_jumps_over_pixels_is_refused(catalogue):
    """By its name."""
    node = call("Image.connectedComponents", image=band("B4"), connectedness=call("Kernel.square", radius=2), maxSize=6)

    with pytest.raises(NotImitatedError, match="reaches other than to the next pixel"):
        pixels(exact(node, 4, 4), catalogue)


@pytest.mark.parametrize("most", [2, 50])
def test_objects_are_reduced(most):
    """Each pixel has the mean of its object; objects longer than maxSize on a side are masked."""
    heights = np.random.default_rng(9).integers(0, 100, CLASSES.shape).astype(np.uint16)
    world = MemoryCatalogue([make_scene(S2, "a", {"B4": (CLASSES, SHOWN), "B8": heights})])
    node = call(
        "Image.reduceConnectedComponents",
        image=call("Image.load", id=f"{S2}/a"), reducer=call("Reducer.mean"), labelBand="B4", maxSize=most,
    )  # fmt: skip

    image, (values,), (valid,) = pixels(exact(node, *CLASSES.shape), world)

    means, small = np.zeros(CLASSES.shape), np.zeros(CLASSES.shape, bool)
    for value in range(3):
        labels, _ = scipy.ndimage.label(SHOWN & (value == CLASSES), np.ones((3, 3)))
        for number, box in enumerate(scipy.ndimage.find_objects(labels), start=1):
            means[labels == number] = heights[labels == number].mean()
            small[labels == number] = all(part.stop - part.start <= most for part in box)
    assert [each.name for each in image.bands] == ["B8"]
    np.testing.assert_array_equal(valid, small)
    np.testing.assert_allclose(values[valid], means[valid], rtol=1e-6)

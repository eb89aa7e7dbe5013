"""Objects of connected pixels, against scipy's labels."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from evaluate_kit import S2, MemoryCatalogue, band, call, exact, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError

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


def test_a_kernel_that_jumps_over_pixels_is_refused(catalogue):
    """By its name."""
    node = call("Image.connectedComponents", image=band("B4"), connectedness=call("Kernel.square", radius=2), maxSize=6)

    with pytest.raises(NotImitatedError, match="reaches other than to the next pixel"):
        pixels(exact(node, 4, 4), catalogue)

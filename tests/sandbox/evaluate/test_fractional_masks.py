"""Masks that are fractions: where they come from, what operations make of them, and how they weigh."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    S2,
    UTM,
    MemoryCatalogue,
    answer,
    array,
    band,
    box,
    call,
    exact,
    make_scene,
    pixels,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

SIDE = 6
VALUES = np.random.default_rng(4).integers(1, 100, (SIDE, SIDE)).astype(np.uint16)
PARTS = np.random.default_rng(5).integers(0, 5, (SIDE, SIDE)).astype(np.uint16)  # quarters
SCENE = make_scene(S2, "a", {"B4": VALUES, "B8": PARTS})
CATALOGUE = MemoryCatalogue([SCENE])
QUARTERS = call("Image.divide", image1=band("B8"), image2=4)
WEIGHTS = PARTS / 4
MASKED = call("Image.updateMask", image=band("B4"), mask=QUARTERS)


WHOLE = box(0, 0, SIDE, SIDE)


def total(image, geometry=WHOLE, reducer="sum"):
    found = answer(
        call("Image.reduceRegion", image=image, geometry=geometry, scale=10, reducer=call(f"Reducer.{reducer}")),
        CATALOGUE,
    )
    return next(iter(found.values()))


def test_a_pixel_weighs_as_much_as_its_mask():
    """A sum adds each value times its mask; a count has every pixel whose mask is not zero."""
    assert total(MASKED) == pytest.approx((VALUES * WEIGHTS).sum())
    assert total(MASKED, reducer="count") == (PARTS > 0).sum()


def test_a_pixel_weighs_the_lesser_of_its_mask_and_its_share():
    """The guide's rule for pixels that the region covers in part."""
    found = total(MASKED, box(0, 0, 2.5, 1))

    weights = np.minimum(WEIGHTS[0, :3], [1, 1, 0.5])
    assert found == pytest.approx((VALUES[0, :3] * weights).sum())


def test_unweighted_reducers_take_fractions_for_yes():
    """Every pixel with a mask above zero counts one."""
    plain = call("Reducer.unweighted", reducer=call("Reducer.sum"))

    found = answer(
        call("Image.reduceRegion", image=MASKED, geometry=WHOLE, scale=10, reducer=plain),
        CATALOGUE,
    )

    assert found == {"B4": VALUES[PARTS > 0].sum()}


def test_the_mask_of_an_image_is_its_fractions():
    """Scaled to the range from 0 to 1, and itself valid everywhere."""
    _, (mask,), valid = pixels(
        exact(call("Image.toFloat", value=call("Image.mask", image=MASKED)), SIDE, SIDE), CATALOGUE
    )

    np.testing.assert_allclose(mask, WEIGHTS)
    assert valid.all()


@pytest.mark.parametrize(
    ("image", "values", "weights"),
    [
        pytest.param(call("Image.add", image1=MASKED, image2=1), VALUES + 1, WEIGHTS, id="with a number"),
        pytest.param(call("Image.add", image1=MASKED, image2=MASKED), VALUES * 2, WEIGHTS, id="with itself"),
        pytest.param(call("Image.sqrt", value=MASKED), np.sqrt(VALUES), WEIGHTS, id="of one image"),
        pytest.param(
            call("Image.updateMask", image=MASKED, mask=call("Image.gt", image1=band("B4"), image2=50)),
            VALUES,
            (WEIGHTS > 0) & (VALUES > 50),
            id="a new mask replaces what is not zero",
        ),
        pytest.param(
            call("Image.updateMask", image=band("B4"), mask=call("Image.add", image1=QUARTERS, image2=0.5)),
            VALUES,
            np.minimum(WEIGHTS + 0.5, 1),
            id="a mask is one at most",
        ),
        pytest.param(
            call("Image.unmask", input=MASKED, value=7),
            np.where(PARTS > 0, VALUES, 7),
            np.where(PARTS > 0, WEIGHTS, 1),
            id="unmask fills only what is zero",
        ),
        pytest.param(
            call("Image.where", input=MASKED, test=call("Image.gt", image1=band("B4"), image2=50), value=3),
            np.where(VALUES > 50, 3, VALUES),
            WEIGHTS,
            id="where keeps the mask",
        ),
        pytest.param(
            call("Image.mask", image=call("Image.updateMask", image=band("B4"), mask=0), mask=QUARTERS),
            VALUES * 0,
            WEIGHTS,
            id="what a set mask uncovers is zero",
        ),
        pytest.param(
            call("Image.reproject", image=MASKED, crs=UTM, scale=10), VALUES, WEIGHTS, id="through a reprojection"
        ),
    ],
)
def test_operations_carry_fractions_along(image, values, weights):
    """The sum over the scene tells values and weights at once."""
    assert total(image) == pytest.approx((values * weights).sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        pytest.param(
            call(
                "Image.add",
                image1=MASKED,
                image2=call(
                    "Image.updateMask", image=band("B4"), mask=call("Image.multiply", image1=QUARTERS, image2=0.5)
                ),
            ),
            "two different fractional masks meet is not imitated",
            id="two fractions",
        ),
        pytest.param(
            call("Image.updateMask", image=band("B4"), mask=call("Image.subtract", image1=QUARTERS, image2=0.5)),
            "mask of negative values is not imitated",
            id="negative",
        ),
    ],
)
def test_masks_of_unknown_fate_are_refused(image, sentence):
    """What no page tells is not guessed."""
    with pytest.raises(EvaluationError, match=sentence):
        total(image)


CLIPPED = call("Image.clip", input=band("B4"), geometry=box(0.7, 0, 2.25, 1))


def test_a_clip_masks_edges_in_part():
    """Pixels weigh as much as the clipping geometry covers, whatever the region of the reduction."""
    assert total(CLIPPED) == pytest.approx((VALUES[0, :3] * [0.3, 1, 0.25]).sum())
    assert total(CLIPPED, reducer="count") == 3


def test_a_clip_and_a_reduction_over_one_geometry_weigh_once():
    """The lesser of two equal shares is the share."""
    assert total(CLIPPED, box(0.7, 0, 2.25, 1)) == pytest.approx((VALUES[0, :3] * [0.3, 1, 0.25]).sum())


def test_arithmetic_of_clipped_bands_weighs_as_one():
    """Both operands have the same edge."""
    doubled = call("Image.add", image1=CLIPPED, image2=CLIPPED)

    assert total(doubled) == pytest.approx(2 * (VALUES[0, :3] * [0.3, 1, 0.25]).sum())


def test_pictures_of_a_clip_have_the_pixels_whose_centre_is_inside():
    """A file knows masks as yes or no."""
    _, _, valid = pixels(exact(CLIPPED, SIDE, SIDE), CATALOGUE)

    expected = np.zeros((SIDE, SIDE), bool)
    expected[0, 1] = True
    np.testing.assert_array_equal(valid[0], expected)


HALF = call("Image.updateMask", image=band("B4"), mask=call("Image.constant", value=0.5))
DOUBLE = call("Image.multiply", image1=band("B4"), image2=3)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        pytest.param("mean", (0.5 * 1 + 3) / 1.5, id="mean"),
        pytest.param("sum", 0.5 * 1 + 3, id="sum"),
        pytest.param("stdDev", np.sqrt(0.5 * 1 * 4 / 1.5**2), id="spread"),
        pytest.param("max", 3, id="max"),
    ],
)
def test_composites_weigh_images_by_their_masks(name, factor):
    """A pixel with half a mask counts half beside a whole one that is three times as large."""
    collection = call("ImageCollection.fromImages", images=array(HALF, DOUBLE))
    image = call("ImageCollection.reduce", collection=collection, reducer=call(f"Reducer.{name}"))

    _, (found,), valid = pixels(exact(call("Image.toDouble", value=image), SIDE, SIDE), CATALOGUE)

    assert valid.all()
    np.testing.assert_allclose(found, VALUES * factor, rtol=1e-6)


def test_composites_by_rank_over_different_masks_are_refused():
    """The weighted median is told of regions, not of stacks."""
    collection = call("ImageCollection.fromImages", images=array(HALF, DOUBLE))
    image = call("ImageCollection.reduce", collection=collection, reducer=call("Reducer.median"))

    with pytest.raises(EvaluationError, match=r"median over different fractional masks is not imitated"):
        pixels(exact(image, SIDE, SIDE), CATALOGUE)


def test_bands_of_an_image_are_weighed_too():
    """A reduction over bands takes the mask of each."""
    both = call("Image.addBands", dstImg=HALF, srcImg=DOUBLE)
    image = call("Image.reduce", image=both, reducer=call("Reducer.mean"))

    _, (found,), _ = pixels(exact(image, SIDE, SIDE), CATALOGUE)

    np.testing.assert_allclose(found, VALUES * 3.5 / 1.5, rtol=1e-5)

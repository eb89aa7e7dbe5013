"""Every pixel lies in the type that its band declares, so that all ways to it give one number."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import BYTE, S2, MemoryCatalogue, answer, band, call, exact, make_scene, pixels
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError

BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "mod": np.fmod,
    "min": np.minimum,
    "max": np.maximum,
    "first": lambda left, _right: left,
    "firstNonZero": lambda left, right: np.where(left != 0, left, right),
    "bitwiseAnd": np.bitwise_and,
    "bitwiseOr": np.bitwise_or,
    "bitwiseXor": np.bitwise_xor,
    "leftShift": np.left_shift,
    "rightShift": np.right_shift,
}
SIDES = {"left": np.array([[3, 200], [0, 17]], np.uint8), "right": np.array([[1, 0], [2, 5]], np.uint8)}
WORLD = MemoryCatalogue([make_scene(S2, "a", SIDES, kinds={"left": BYTE, "right": BYTE})])
NUMBERS = st.integers(-300, 70_000)


def calculated(name, left, right):
    return call(f"Image.{name}", image1=left, image2=right)


def declared(node, catalogue=WORLD):
    """The declared bounds of the only band, and its pixels: as they are, after adding nothing, and as long integers."""
    (kind,) = answer(call("Image.bandTypes", image=node), catalogue).values()
    ways = [node, call("Image.add", image1=node, image2=0), call("Image.toInt64", value=node)]
    found = [pixels(exact(way, 2, 2), catalogue)[1][0].astype(np.int64).tolist() for way in ways]
    return (kind["min"], kind["max"]) if "min" in kind else (-np.inf, np.inf), found


def expect_one(node, expected):
    """Every way leads to the expected pixels within the declared bounds."""
    (low, high), found = declared(node)
    assert found == [expected.tolist()] * 3
    assert low <= expected.min()
    assert expected.max() <= high


@pytest.mark.parametrize("name", BINARY)
@given(left=NUMBERS, right=NUMBERS)
def test_results_of_constants_lie_in_their_declared_type(name, left, right):
    """Or are refused: a shift by what is no number of bits, or of more bits than a double holds."""
    if name == "mod" and right == 0:
        return
    node = calculated(name, call("Image.constant", value=left), call("Image.constant", value=right))
    if ("Shift" in name and not 0 <= right <= 62) or (name == "leftShift" and not -(2**32) < left << right < 2**32):
        with pytest.raises(NotImitatedError):
            pixels(exact(node, 2, 2))
        return

    expect_one(node, np.broadcast_to(BINARY[name](np.int64(left), np.int64(right)), (2, 2)))


@pytest.mark.parametrize("right", ["band", 0, 1, 3, 7, 250, -5])
@pytest.mark.parametrize("name", BINARY)
def test_results_of_bands_lie_in_their_declared_type(name, right):
    """Or are refused by name."""
    values, others = (SIDES[side].astype(np.int64) for side in ("left", "right"))
    others = others if right == "band" else np.full((2, 2), right)
    node = calculated(name, band("left"), band("right") if right == "band" else call("Image.constant", value=right))
    if "Shift" in name and not ((others >= 0) & (others <= 62)).all():
        with pytest.raises(NotImitatedError, match=f"Image.{name}: a result"):
            pixels(exact(node, 2, 2), WORLD)
        return
    with np.errstate(divide="ignore"):
        expected = (
            np.where(others == 0, 0, BINARY[name](values, others)) if name == "mod" else BINARY[name](values, others)
        )
    if name == "leftShift" and expected.max() > 255:
        with pytest.raises(NotImitatedError, match=r"Image\.leftShift: a result"):
            pixels(exact(node, 2, 2), WORLD)
        return

    expect_one(node, expected)


def test_a_shift_out_of_a_byte_is_refused_by_every_way_to_its_pixels():
    """200 times 16 is no byte, and the page says that the type is the union of the inputs'."""
    byte = call("Image.toByte", value=call("Image.constant", value=200))
    shifted = calculated("leftShift", byte, call("Image.constant", value=4))

    for way in (shifted, call("Image.add", image1=shifted, image2=0), call("Image.toInt32", value=shifted)):
        with pytest.raises(NotImitatedError, match=r"Image\.leftShift: a result that the type"):
            pixels(exact(way, 2, 2))


def test_a_masked_pixel_may_be_shifted_out_of_its_type():
    """Its number means nothing."""
    byte = call("Image.updateMask", image=band("left"), mask=call("Image.lt", image1=band("left"), image2=100))

    _, (values,), valid = pixels(exact(calculated("leftShift", byte, call("Image.constant", value=2)), 2, 2), WORLD)

    assert valid[0].tolist() == [[True, False], [True, True]]
    assert values.tolist() == [[12, 0], [0, 68]]


@pytest.mark.parametrize("name", ["round", "floor", "ceil"])
def test_rounding_what_is_beyond_32_bits_is_refused(name):
    """The type of the result is an integer of 32 bits."""
    wide = call("Image.toDouble", value=call("Image.constant", value=3e9))

    with pytest.raises(NotImitatedError, match=f"Image.{name}: a number of more than 32 bits"):
        pixels(exact(call(f"Image.{name}", value=wide), 2, 2))


@pytest.mark.parametrize("name", ["bitwiseAnd", "bitwiseOr", "bitwiseXor", "leftShift", "rightShift"])
def test_bits_of_fractions_are_refused(name):
    """No page says what they are."""
    half = call("Image.toFloat", value=call("Image.constant", value=2.5))

    with pytest.raises(NotImitatedError, match=f"Image.{name}: .* of a fraction"):
        pixels(exact(calculated(name, half, call("Image.constant", value=1)), 2, 2))

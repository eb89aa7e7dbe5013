"""Transforms of bands against colorsys, scipy and numpy."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from evaluate_kit import S2, MemoryCatalogue, answer, band, call, exact, load, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError

NOISE = np.random.default_rng(11)
COLOURS = {name: NOISE.integers(0, 4, (5, 6)).astype(np.uint16) * 3 for name in ("B4", "B3", "B2")}
SPECTRA = {name: NOISE.integers(10, 90, (4, 5)).astype(np.uint16) for name in ("B1", "B2", "B3", "B4")}
ENDMEMBERS = [[88, 42, 48, 38], [50, 21, 20, 35], [51, 90, 14, 9]]


def seen(node, arrays, **values):
    shape = next(iter(arrays.values())).shape
    world = MemoryCatalogue([make_scene(S2, "a", arrays)])
    image, found, valid = pixels(exact(node, *shape, values=values), world)
    return [each.name for each in image.bands], np.array(found), valid


def divided(node, by):
    return call("Image.divide", image1=node, image2=by)


def test_colours_become_hue_saturation_and_value():
    """As colorsys has them, pixel by pixel."""
    names, found, _ = seen(call("Image.rgbToHsv", image=divided(load("a"), 9)), COLOURS)

    expected = [
        [colorsys.rgb_to_hsv(*(COLOURS[name][r, c] / 9 for name in COLOURS)) for c in range(6)] for r in range(5)
    ]
    assert names == ["hue", "saturation", "value"]
    np.testing.assert_allclose(found, np.moveaxis(expected, -1, 0), rtol=1e-6, atol=1e-6)


def test_hue_saturation_and_value_become_colours():
    """As colorsys has them, pixel by pixel."""
    names, found, _ = seen(call("Image.hsvToRgb", image=divided(load("a"), 9)), COLOURS)

    expected = [
        [colorsys.hsv_to_rgb(*(COLOURS[name][r, c] / 9 for name in COLOURS)) for c in range(6)] for r in range(5)
    ]
    assert names == ["red", "green", "blue"]
    np.testing.assert_allclose(found, np.moveaxis(expected, -1, 0), rtol=1e-6, atol=1e-6)


def test_colours_are_three():
    """The bands found are named."""
    with pytest.raises(EvaluationError, match=r"rgbToHsv: Expected 3 bands, found 1"):
        answer(call("Image.rgbToHsv", image=call("Image.constant", value=1)))


def unmixed(**constraints):
    names, found, _ = seen(call("Image.unmix", image=load("a"), endmembers=ENDMEMBERS, **constraints), SPECTRA)
    assert names == ["band_0", "band_1", "band_2"]
    return found.reshape(3, -1), np.array([plane.ravel() for plane in SPECTRA.values()], float)


def test_unmixing_multiplies_by_the_pseudo_inverse():
    """The page's definition."""
    found, spectra = unmixed()

    np.testing.assert_allclose(found, np.linalg.pinv(np.array(ENDMEMBERS, float).T) @ spectra, rtol=1e-9, atol=1e-9)


def test_unmixing_without_negative_shares_is_the_best_of_them():
    """As Lawson and Hanson's algorithm finds it."""
    found, spectra = unmixed(nonNegative=True)

    expected = [scipy.optimize.nnls(np.array(ENDMEMBERS, float).T, pixel)[0] for pixel in spectra.T]
    np.testing.assert_allclose(found.T, expected, atol=1e-9)


@pytest.mark.parametrize("non_negative", [False, True])
def test_shares_that_sum_to_one_are_the_best_of_them(non_negative):
    """No other shares that fulfil the constraints come closer to the pixel."""
    found, spectra = unmixed(sumToOne=True, nonNegative=non_negative)

    matrix = np.array(ENDMEMBERS, float).T
    np.testing.assert_allclose(found.sum(axis=0), 1)
    for shares, pixel in zip(found.T[:6], spectra.T[:6], strict=True):
        best = scipy.optimize.minimize(
            lambda tried, pixel=pixel: ((matrix @ tried - pixel) ** 2).sum() / 1e3,
            np.full(3, 1 / 3),
            method="SLSQP",
            constraints={"type": "eq", "fun": lambda tried: tried.sum() - 1},
            bounds=[(0, None)] * 3 if non_negative else None,
            options={"ftol": 1e-14},
        )
        np.testing.assert_allclose(shares, best.x, atol=1e-4)


X, Y = [10, 20, 40], [1, 3, 2]


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        pytest.param("extrapolate", [0.0, 2.0, 2.5, 1.5], id="extrapolated from the two nearest"),
        pytest.param("clamp", [1.0, 2.0, 2.5, 2.0], id="taken from the nearest"),
        pytest.param("input", [5.0, 2.0, 2.5, 50.0], id="copied from the input"),
        pytest.param("mask", [0.0, 2.0, 2.5, 0.0], id="masked"),
    ],
)
def test_lines_are_interpolated(behavior, expected):
    """Inside along the lines; outside as it is asked for."""
    node = call("Image.interpolate", image=band("B4"), x=X, y=Y, behavior=behavior)

    _, (found,), (valid,) = seen(node, {"B4": np.array([[5, 15, 30, 50]], np.uint16)})

    np.testing.assert_allclose(found[0], expected)
    assert valid[0].tolist() == [behavior != "mask", True, True, behavior != "mask"]


def test_polynomials_begin_with_the_constant():
    """Coefficients in the order of the degree."""
    _, (found,), _ = seen(call("Image.polynomial", image=band("B4"), coefficients=[1, 2, 3]), COLOURS)

    np.testing.assert_allclose(found, 1 + 2 * COLOURS["B4"] + 3 * COLOURS["B4"].astype(float) ** 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("erf", scipy.special.erf),
        ("erfc", scipy.special.erfc),
        ("erfInv", scipy.special.erfinv),
        ("erfcInv", scipy.special.erfcinv),
        ("gamma", scipy.special.gamma),
        ("digamma", scipy.special.psi),
        ("trigamma", lambda x: scipy.special.polygamma(1, x)),
        ("cbrt", np.cbrt),
        ("sinh", np.sinh),
        ("cosh", np.cosh),
        ("tanh", np.tanh),
    ],
)
def test_special_functions_are_scipys(name, expected):
    """On every value where they are defined."""
    values = np.arange(1, 9, dtype=np.uint16).reshape(2, 4)

    _, (found,), _ = seen(call(f"Image.{name}", value=divided(band("B4"), 9)), {"B4": values})

    np.testing.assert_allclose(found, expected(values / 9), rtol=2e-6)


def test_the_incomplete_gamma_function_has_x_before_a():
    """gammainc(1) of 2 is 1 - exp(-2)."""
    node = call("Image.gammainc", image1=band("B4"), image2=1)

    _, (found,), _ = seen(node, {"B4": np.array([[2]], np.uint16)})

    assert found[0, 0] == pytest.approx(1 - np.exp(-2), rel=1e-6)


def test_lanczos_is_that_of_numbers():
    """The page of Number.lanczos states 2.281783181 for 10."""
    _, (found,), _ = seen(call("Image.lanczos", value=band("B4")), {"B4": np.array([[10]], np.uint16)})

    assert found[0, 0] == pytest.approx(2.281783181, abs=5e-7)


def test_bits_are_counted_and_turned():
    """Of 64 bits; the turned ones in the smallest signed type: not 25 is -26."""
    values = {"B4": np.array([[25, 0xFFFF]], np.uint16)}

    _, (counts,), _ = seen(call("Image.bitCount", value=band("B4")), values)
    _, (turned,), _ = seen(call("Image.bitwiseNot", value=band("B4")), values)
    _, (negative,), _ = seen(call("Image.bitCount", value=call("Image.constant", value=-2)), values)

    assert (counts[0].tolist(), turned[0].tolist(), negative[0, 0]) == ([3, 16], [-26, -65536], 63)


def test_the_first_value_that_is_not_zero_is_taken():
    """The second otherwise."""
    node = call("Image.firstNonZero", image1=band("B4"), image2=7)

    _, (found,), _ = seen(node, {"B4": np.array([[0, 5]], np.uint16)})

    assert found[0].tolist() == [7, 5]


def test_an_image_laid_over_another_shows_it_where_it_is_masked():
    """The masks are the opacity."""
    values = np.array([[1, 2, 3]], np.uint16)
    world = MemoryCatalogue(
        [
            make_scene(S2, "a", {"B4": (values, np.array([[True, True, False]]))}),
            make_scene(S2, "b", {"B4": (values * 10, np.array([[False, True, False]]))}),
        ]
    )

    _, (found,), (valid,) = pixels(exact(call("Image.blend", bottom=load("a"), top=load("b")), 1, 3), world)

    assert (found[0].tolist(), valid[0].tolist()) == ([1, 20, 0], [True, True, False])


@pytest.mark.parametrize(
    ("pattern", "replacement", "everywhere", "expected"),
    [
        pytest.param("B", "b", True, ["b1B2".replace("B", "b"), "b3"], id="all"),
        pytest.param("B", "b", False, ["b1B2", "b3"], id="first"),
        pytest.param(r"^B(\d).*", "band_$1", True, ["band_1", "band_3"], id="groups"),
    ],
)
def test_bands_are_renamed_by_pattern(pattern, replacement, everywhere, expected):
    """Groups are `$1`."""
    made = call("Image.rename", input=call("Image.constant", value=[1, 2]), names=["B1B2", "B3"])
    node = call("Image.regexpRename", input=made, regex=pattern, replacement=replacement, all=everywhere)

    assert answer(call("Image.bandNames", image=node)) == expected


def test_the_squared_euclidean_distance_of_spectra_is_squared():
    """'sed' is the square, as the page writes it out."""
    first, second = (call("Image.constant", value=array_of) for array_of in ([1, 2], [4, 6]))

    _, (found,), _ = seen(call("Image.spectralDistance", image1=first, image2=second, metric="sed"), COLOURS)

    assert found[0, 0] == 25


ONE = call("Image.constant", value=1)


@pytest.mark.parametrize(
    ("node", "named"),
    [
        pytest.param(call("Image.unmix", image=ONE, endmembers=[[1, 2]]), "must have 1 values", id="endmember"),
        pytest.param(call("Image.unmix", image=ONE, endmembers=[["x"]]), "not a number: x", id="endmember of text"),
        pytest.param(call("Image.polynomial", image=ONE, coefficients=["x"]), "not a number: x", id="coefficient"),
        pytest.param(call("Image.polynomial", image=ONE, coefficients=[]), "At least one", id="no coefficient"),
        pytest.param(call("Image.interpolate", image=ONE, x=[2, 1], y=[1, 2]), "strictly increasing", id="falling x"),
        pytest.param(
            call("Image.interpolate", image=ONE, x=[1, 2], y=[1, 2], behavior="loop"), "behavior: 'loop'", id="behavior"
        ),
        pytest.param(call("Image.bitCount", value=call("Image.constant", value=1.5)), "integer type", id="fractions"),
        pytest.param(
            call("Classifier.spectralRegion", coordinates=[[1, 2, 3]]), "at least 3 pairs", id="half a corner"
        ),
        pytest.param(call("Classifier.spectralRegion", coordinates=[1, 2]), "at least 3 pairs", id="no rings"),
    ],
)
def test_nonsense_is_one_sentence(node, named):
    """The value found is in it."""
    with pytest.raises(EvaluationError, match=named):
        answer(node)

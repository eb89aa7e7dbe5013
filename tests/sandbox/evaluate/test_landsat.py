"""Numbers of Landsat scenes, by the formulas of their handbook."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import MemoryCatalogue, answer, call, exact, load, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError
from orchestrator.sandbox.scenes.world import WorldCatalogue

RAW = "LANDSAT/LC08/C02/T1"
NUMBERS = np.array([[7000, 9000, 20000]], np.uint16)
METADATA = {
    "RADIANCE_MULT_BAND_4": 0.0100, "RADIANCE_ADD_BAND_4": -50.1, "RADIANCE_MULT_BAND_10": 3.342e-4,
    "RADIANCE_ADD_BAND_10": 0.1, "REFLECTANCE_MULT_BAND_4": 2e-5, "REFLECTANCE_ADD_BAND_4": -0.1,
    "K1_CONSTANT_BAND_10": 774.8853, "K2_CONSTANT_BAND_10": 1321.0789, "SUN_ELEVATION": 40.0,
}  # fmt: skip


def seen(name, **properties):
    world = MemoryCatalogue([make_scene(RAW, "a", {"B4": NUMBERS, "B10": NUMBERS, "QA_PIXEL": NUMBERS}, **properties)])
    image, values, _ = pixels(exact(call(f"Landsat.{name}", **{first(name): load("a", RAW)}), 1, 3), world)
    return {band.name: plane for band, plane in zip(image.bands, values, strict=True)}


def first(name):
    return "image" if name == "calibratedRadiance" else "input"


def test_radiance_is_a_line_of_the_number():
    """Of each band with coefficients; others stay as they are."""
    found = seen("calibratedRadiance", **METADATA)

    np.testing.assert_allclose(found["B4"], NUMBERS * 0.01 - 50.1, rtol=1e-5)
    np.testing.assert_allclose(found["B10"], NUMBERS * 3.342e-4 + 0.1, rtol=1e-6)
    np.testing.assert_array_equal(found["QA_PIXEL"], NUMBERS)


def test_reflectance_heeds_the_sun_and_temperature_the_constants():
    """(M n + A) / sin(elevation), and K2 / ln(K1 / L + 1)."""
    found = seen("TOA", **METADATA)

    np.testing.assert_allclose(found["B4"], (NUMBERS * 2e-5 - 0.1) / np.sin(np.radians(40)), rtol=1e-6)
    radiance = NUMBERS * 3.342e-4 + 0.1
    np.testing.assert_allclose(found["B10"], 1321.0789 / np.log(774.8853 / radiance + 1), rtol=1e-6)


@pytest.mark.parametrize("name", ["calibratedRadiance", "TOA"])
def test_scenes_without_coefficients_are_refused(name):
    """By the function's name."""
    with pytest.raises(NotImitatedError, match=f"Landsat.{name} of an image without"):
        seen(name)


def test_a_scene_and_its_toa_product_agree():
    """The catalogue's T1_TOA is what the function makes of T1, to the rounding of the numbers."""
    world, index = WorldCatalogue(), "LC08_191027_20130321"
    kinds = [call("Landsat.TOA", input=load(index, RAW)), load(index, f"{RAW}_TOA")]
    nodes = [call("Image.select", input=kind, bandSelectors=["B4", "B10"]) for kind in kinds]

    made, kept = (np.array(pixels(exact(node, 6, 6, (450_000, 5_230_000), 30), world)[1]) for node in nodes)

    assert answer(call("Image.bandNames", image=kinds[0]), world) == answer(
        call("Image.bandNames", image=kinds[1]), world
    )
    np.testing.assert_allclose(made[0], kept[0], atol=5e-5)
    np.testing.assert_allclose(made[1], kept[1], atol=0.1)

"""Terrain: slope, aspect and hillshade of planes, whose gradient is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluate_kit import ORIGIN, S2, MemoryCatalogue, answer, band, call, exact, make_scene, pixels

METRES_PER_DEGREE = 6378137.0 * math.pi / 180


def plane(east, north, *, scale=10.0, origin=ORIGIN, epsg=32633, valid=None, size=7):
    """A scene that rises by `east` and `north` metres per pixel."""
    row, col = np.mgrid[:size, :size]
    heights = (1000 + east * col - north * row).astype(np.uint16)
    shown = np.ones(heights.shape, bool) if valid is None else valid
    scales = {"B4": scale}
    return MemoryCatalogue([make_scene(S2, "a", {"B4": (heights, shown)}, epsg=epsg, origin=origin, scales=scales)])


def seen(name, catalogue, *, scale=10.0, origin=ORIGIN, epsg=32633, **arguments):
    node = call(f"Terrain.{name}", input=band("B4"), **arguments)
    _, (values, *_), (valid, *_) = pixels(exact(node, 7, 7, origin, scale, epsg), catalogue)
    return values, valid


DIRECTIONS = [
    pytest.param(0, -4, 0, id="falls to the north"),
    pytest.param(-4, 0, 90, id="falls to the east"),
    pytest.param(0, 4, 180, id="falls to the south"),
    pytest.param(4, 0, 270, id="falls to the west"),
    pytest.param(3, -3, 315, id="falls to the north-west"),
]


@pytest.mark.parametrize(("east", "north", "expected"), DIRECTIONS)
def test_aspect_is_the_direction_downhill(east, north, expected):
    """Degrees clockwise from north, as the reference counts them."""
    values, valid = seen("aspect", plane(east, north))

    np.testing.assert_allclose(values[valid], expected, atol=1e-4)


def test_slope_is_the_angle_of_the_gradient():
    """3 m and 4 m per 10 m are half a metre per metre; pixels without four neighbours are masked."""
    values, valid = seen("slope", plane(3, 4))

    inner = np.zeros((7, 7), bool)
    inner[1:-1, 1:-1] = True
    np.testing.assert_array_equal(valid, inner)
    np.testing.assert_allclose(values[valid], math.degrees(math.atan(0.5)), rtol=1e-6)


def test_a_missing_neighbour_masks_its_four_neighbours():
    """Only the 4-connected ones."""
    hole = np.ones((7, 7), bool)
    hole[3, 3] = False

    _, valid = seen("slope", plane(1, 1, valid=hole))

    assert valid[1:-1, 1:-1].astype(int).tolist() == [
        [1, 1, 1, 1, 1],
        [1, 1, 0, 1, 1],
        [1, 0, 0, 0, 1],
        [1, 1, 0, 1, 1],
        [1, 1, 1, 1, 1],
    ]


def test_degrees_are_metres_on_the_ground():
    """A degree of longitude shrinks with the cosine of the latitude."""
    scale, origin = 0.001, (15.0, 60.0)

    values, _ = seen(
        "slope", plane(10, 0, scale=scale, origin=origin, epsg=4326), scale=scale, origin=origin, epsg=4326
    )

    metres = scale * METRES_PER_DEGREE * math.cos(math.radians(60.0 - 3.5 * scale))
    assert values[3, 3] == pytest.approx(math.degrees(math.atan(10 / metres)), rel=1e-5)


@pytest.mark.parametrize(("azimuth", "elevation"), [(270, 45), (315, 30), (90, 10)])
def test_hillshade_is_the_light_on_the_ground(azimuth, elevation):
    """255 (cos z cos s + sin z sin s cos(azimuth - aspect)), not below 0."""
    values, valid = seen("hillshade", plane(3, 4), azimuth=azimuth, elevation=elevation)

    zenith, tilt = math.radians(90 - elevation), math.atan(0.5)
    facing = math.radians(azimuth) - math.atan2(-3, -4)
    light = math.cos(zenith) * math.cos(tilt) + math.sin(zenith) * math.sin(tilt) * math.cos(facing)
    np.testing.assert_array_equal(values[valid], int(max(0, 255 * light)))


def test_products_are_added_to_the_image():
    """All other bands are kept; the hillshade is an unsigned byte."""
    node = call("Terrain.products", input=band("B4"))

    assert answer(call("Image.bandNames", image=node), plane(1, 1)) == ["B4", "slope", "aspect", "hillshade"]
    assert answer(call("Image.bandTypes", image=node), plane(1, 1))["hillshade"] == {
        "type": "PixelType", "precision": "int", "min": 0, "max": 255,
    }  # fmt: skip

"""Coarse pixels made of the fine ones that they cover."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from evaluate_kit import (
    S2,
    MemoryCatalogue,
    X,
    Y,
    band,
    call,
    exact,
    load,
    make_scene,
    pixels,
    reducer,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

SIDE = 24
RNG = np.random.default_rng(8)
VALUES = RNG.integers(1, 99, (SIDE, SIDE)).astype(np.uint16)
HOLES = RNG.random((SIDE, SIDE)) < 0.8
SCENE = make_scene(S2, "a", {"B4": (VALUES, HOLES), "B8": VALUES[::-1].copy()})
CATALOGUE = MemoryCatalogue([SCENE])


def coarse(node, scale, count, image=None, **options):
    made = call("Image.reduceResolution", image=image or band("B4"), reducer=node, **options)
    return pixels(exact(made, count, count, scale=scale), CATALOGUE)


def shares(size, count):
    """How much of each of some pixels of a size the pixels of size one cover, along an axis."""
    fine = np.arange(SIDE)
    starts = np.arange(count)[:, None] * size
    return np.clip(np.minimum(starts + size, fine + 1) - np.maximum(starts, fine), 0, None) / size


@pytest.mark.parametrize("scale", [20, 25, 40, 80])
def test_fine_pixels_weigh_as_much_as_they_cover(scale):
    """The mean of what is valid, each pixel by its share, whether or not the lattices fit."""
    count = int(SIDE * 10 // scale)
    _, (found,), valid = coarse(reducer("mean"), scale, count)

    weights = np.einsum("ik,jl->ijkl", *[shares(scale / 10, count)] * 2) * HOLES
    expected = (weights * VALUES).sum(axis=(2, 3)) / weights.sum(axis=(2, 3))
    assert valid.all()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_sum_adds_shares_of_the_coarse_pixel():
    """Weights are fractions of the output pixel: they add up to one, so that a sum is a mean."""
    _, (found,), _ = coarse(reducer("sum"), 40, 6, image=band("B8"))

    blocks = VALUES[::-1].reshape(6, 4, 6, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(found, blocks, rtol=1e-5)


def test_unweighted_reducers_count_every_pixel_that_is_touched():
    """A count of valid pixels."""
    _, (found,), _ = coarse(reducer("count"), 40, 6)

    np.testing.assert_array_equal(found, HOLES.reshape(6, 4, 6, 4).sum(axis=(1, 3)))


def test_names_follow_the_reducer():
    """One output keeps the band's name, several are suffixed, joint ones stand for themselves."""
    names = [
        [item.name for item in coarse(node, 40, 2, image=load("a"))[0].bands]
        for node in (reducer("mean"), reducer("minMax"), reducer("linearFit"))
    ]

    assert names == [["B4", "B8"], ["B4_min", "B4_max", "B8_min", "B8_max"], ["scale", "offset"]]


def test_pixels_of_another_projection_are_cut():
    """A coarse pixel in longitude and latitude covers parts of the pixels in UTM."""
    made = call("Image.reduceResolution", image=band("B8"), reducer=reducer("mean"), maxPixels=1024)
    lon, lat = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(X + 60, Y - 60)
    image = exact(made, 2, 2, origin=(lon, lat), scale=0.0005, epsg=4326)

    _, (found,), _ = pixels(image, CATALOGUE)

    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    carry = pyproj.Transformer.from_crs(4326, 32633, always_xy=True).transform
    outline = shapely.Polygon([carry(lon + 0.0005 * x, lat - 0.0005 * y) for x, y in corners])
    rows, cols = np.mgrid[0:SIDE, 0:SIDE]
    squares = shapely.box(X + 10 * cols, Y - 10 * rows - 10, X + 10 * cols + 10, Y - 10 * rows)
    parts = shapely.area(shapely.intersection(outline, squares))
    assert found[0, 0] == pytest.approx((parts * VALUES[::-1]).sum() / parts.sum(), rel=1e-4)


def test_too_many_pixels_are_refused_or_taken_from_the_pyramid():
    """Sixty-four by default; best effort begins with pixels of a coarser level."""
    with pytest.raises(EvaluationError, match=r"Found 144, but maxPixels allows only 64"):
        coarse(reducer("mean"), 120, 2)

    _, (found,), _ = coarse(reducer("mean"), 120, 2, image=band("B8"), bestEffort=True)

    np.testing.assert_allclose(found, VALUES[::-1].reshape(2, 12, 2, 12).mean(axis=(1, 3)), rtol=1e-5)


def test_a_composite_has_no_resolution_to_reduce():
    """Its default projection of one degree means nothing."""
    with pytest.raises(EvaluationError, match=r"without a projection of its own.*not imitated"):
        coarse(reducer("mean"), 40, 2, image=call("Image.constant", value={"constantValue": 1}))

"""`getRegion`: which pixels, where their centres are, how many are too many."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import (
    DAY,
    ORIGIN,
    S2,
    MemoryCatalogue,
    answer,
    call,
    make_scene,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

VALUES = np.arange(400, dtype=np.uint16).reshape(20, 20)
CATALOGUE = MemoryCatalogue([make_scene(S2, name, {"B4": VALUES}, when=DAY * at) for at, name in enumerate("ab")])
MOST = 1_048_576  # values, by the page of getRegion
METRES = 111_319.49079327358  # of a degree of the equator of WGS 84
X, Y = ORIGIN


def constant(bands=1, images=1):
    """Images that are everywhere."""
    one = call("Image.constant", value=list(range(1, bands + 1)))
    return call("ImageCollection.fromImages", images={"arrayValue": {"values": [one] * images}})


def table(collection, geometry, **lattice):
    return answer(call("ImageCollection.getRegion", collection=collection, geometry=geometry, **lattice), CATALOGUE)


def box(west, south, east, north, crs="EPSG:4326"):
    corners = [west, south, east, north]
    return call("GeometryConstructors.Rectangle", coordinates=corners, crs=call("Projection", crs=crs), geodesic=False)


def lattice(scale=10):
    """The lattice of UTM whose origin is the scenes' corner."""
    return {"crs": call("Projection", crs="EPSG:32633"), "crsTransform": [scale, 0, X, 0, -scale, Y]}


def rows_of(count, width=1, inset=2.5):
    """A box that holds the centres of `count` rows of `width` pixels."""
    return box(X + inset, Y - 10 * count + inset, X + 10 * width - inset, Y - inset, "EPSG:32633")


def test_the_published_example_has_two_pixels():
    """The page of getRegion: this box 'intersects 2 image pixels at 30-meter scale', by the centres that it holds."""
    found = table(constant(), box(-90.496353, 34.851971, -90.495749, 34.852197), scale=30)

    step = 30 / METRES
    centres = [(np.floor(lon / step) + 0.5) * step for lon in (-90.49622, -90.49600)]
    assert sorted(row[1] for row in found[1:]) == pytest.approx(centres, abs=1e-12)
    assert [row[2] for row in found[1:]] == pytest.approx([(np.floor(34.8520 / step) + 0.5) * step] * 2, abs=1e-12)


@pytest.mark.parametrize(("lon", "lat"), [(11.3, 48.1), (-90.49, 34.85), (151.2, -33.9), (-0.0001, -0.0001)])
@pytest.mark.parametrize("scale", [10, 30, 463.3127])
def test_a_scale_alone_hangs_the_pixels_on_the_zero_of_degrees(lon, lat, scale):
    """The centre is (floor(v / s) + 0.5) * s with s = scale / 111319.49079327358: checked against a public answer."""
    point = call("GeometryConstructors.Point", coordinates=[lon, lat])

    ((_, found_lon, found_lat, _, _),) = table(constant(), point, scale=scale)[1:]

    step = scale / METRES
    assert found_lon == pytest.approx((np.floor(lon / step) + 0.5) * step, abs=1e-12)
    assert found_lat == pytest.approx((np.floor(lat / step) + 0.5) * step, abs=1e-12)


def test_a_transform_sets_the_pixels_of_a_crs():
    """Six centres of the scenes' own lattice, with the values that stand there."""
    found = table(call("ImageCollection.load", id=S2), rows_of(2, 3), **lattice())

    assert [row[4] for row in found[1:]] == [*VALUES[:2, :3].ravel()] * 2
    assert [row[0] for row in found[1:]] == ["a"] * 6 + ["b"] * 6


@pytest.mark.parametrize(
    ("count", "bands", "images"),
    [
        pytest.param(MOST, 1, 1, id="points"),
        pytest.param(MOST // 256, 256, 1, id="bands"),
        pytest.param(MOST // 512, 4, 128, id="images"),
    ],
)
def test_the_limit_counts_points_bands_and_images(count, bands, images):
    """A pixel more than 1,048,576 values is refused, in the sentence users published, with the exact numbers."""
    with pytest.raises(EvaluationError) as caught:
        table(constant(bands, images), rows_of(count + 1), **lattice())

    assert str(caught.value) == (
        f"ImageCollection.getRegion: Too many values: {count + 1} points x {bands} bands x {images} images > 1048576."
    )


def test_as_many_values_as_allowed_are_answered():
    """Exactly 1,048,576 values are an answer: 4,096 points of 256 bands."""
    found = table(constant(256), rows_of(64, 64), **lattice())

    assert len(found) == 1 + 4096
    assert found[1][4:] == list(range(1, 257))


def test_points_of_two_continents_are_two_pixels():
    """What lies between points is not looked at."""
    points = call("GeometryConstructors.MultiPoint", coordinates=[[11.3, 48.1], [151.2, -33.9]])

    assert len(table(constant(), points, scale=10)) == 1 + 2

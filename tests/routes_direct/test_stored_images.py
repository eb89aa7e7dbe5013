"""A stored image is sent as it is, without being computed, where that is proved to be the same."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from typed_world import ASSET, GRID, SIDE, STOP, expected, opened

from orchestrator.model.grid import Grid, Window


def apis(sandbox):
    return [asked["api"] for asked in sandbox.meter.asked()]


def test_a_stored_image_is_sent_and_not_computed(route, ask, sandbox):
    """On its own lattice, with zero for masked, the stored pixels are the computed ones."""
    request = ask(Window(290, 290, 40, 50), nodata=0)

    found, _ = opened(route.fetch(request, STOP))

    assert apis(sandbox) == ["assets.getPixels"]
    np.testing.assert_array_equal(found[0], expected("uint16", request.window, 0))


def shifted():
    a, b, c, d, e, f = GRID.transform
    return Grid(GRID.crs, (a, b, c + 3, d, e, f), SIDE, SIDE)


NOT_PROVED = [
    pytest.param({"nodata": 7}, id="masked pixels cannot be told from zeros"),
    pytest.param({"nodata": 0, "grid": shifted()}, id="another lattice"),
    pytest.param({"nodata": 0, "make": lambda: ee.Image(ASSET).select(["uint16"]).add(1).toUint16()}, id="computed"),
    pytest.param({"nodata": 0, "make": lambda: ee.Image(ASSET).select(["uint8"], ["uint16"]).toUint16()}, id="renamed"),
]


@pytest.mark.parametrize("case", NOT_PROVED)
def test_what_is_not_proved_the_same_is_computed(route, ask, sandbox, case):
    """The cheaper way is taken only where the pixels cannot differ."""
    case = dict(case)
    make = case.pop("make", None)

    route.fetch(ask(image=make() if make else None, **case), STOP)

    assert apis(sandbox) == ["image.computePixels"]


def test_a_stored_image_of_another_type_is_computed(route, ask, sandbox):
    """What is stored has 8 bits and 16 are planned: seen in the first reply, and not asked for again."""
    image = ee.Image(ASSET).select(["uint8"]).toUint16()
    windows = [Window(400, 400, 40, 50), Window(500, 400, 40, 50)]

    for window in windows:
        found, _ = opened(route.fetch(ask(window, "uint16", nodata=0, image=image, bands=("uint8",)), STOP))
        np.testing.assert_array_equal(found[0], expected("uint8", window, 0))

    assert apis(sandbox) == ["assets.getPixels", "image.computePixels", "image.computePixels"]

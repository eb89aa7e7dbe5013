"""Values that a band's own type does not hold, and neighbourhoods that no memory does."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import ORIGIN, S2, MemoryCatalogue, answer, band, call, exact, make_scene, pixels

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError

SHOWN = np.array([[False, True], [True, False]])
NUMBERS = np.array([[0, 1], [2, 0]])
KINDS = {"byte": np.uint8, "uint16": np.uint16, "float": np.float32}
WORLD = MemoryCatalogue([
    make_scene(S2, "a", {name: (NUMBERS.astype(kind), SHOWN) for name, kind in KINDS.items()})
])  # fmt: skip
SQUARE = call(
    "GeometryConstructors.Polygon",
    coordinates=[[
        [ORIGIN[0] + 1, ORIGIN[1] - 19], [ORIGIN[0] + 19, ORIGIN[1] - 19],
        [ORIGIN[0] + 19, ORIGIN[1] - 1], [ORIGIN[0] + 1, ORIGIN[1] - 1],
    ]],
    crs=call("Projection", crs="EPSG:32633"),
    geodesic=False,
)  # fmt: skip
FILLINGS = [-9999, -9999.0, 70000, 70000.0, -1, 0.5]


@pytest.mark.parametrize("value", FILLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_default_of_a_rectangle_is_what_was_asked_for(kind, value):
    """Whatever the band's type, and however the number is written."""
    node = call("Image.sampleRectangle", image=band(kind), region=SQUARE, defaultValue=value)

    found = answer(call("Element.get", object=node, property=kind), WORLD)

    assert found == [[value, 1], [2, value]]


@pytest.mark.parametrize("value", FILLINGS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fill", ["unmask", "where", "blend", "remap"])
def test_what_fills_a_band_is_what_was_asked_for(fill, kind, value):
    """The type of the result holds it."""
    empty = call("Image.unmask", input=band(kind))
    node = {
        "unmask": call("Image.unmask", input=band(kind), value=value, sameFootprint=False),
        "where": call("Image.where", input=empty, test=call("Image.eq", image1=empty, image2=0), value=value),
        "blend": call("Image.blend", bottom=call("Image.constant", value=value), top=band(kind)),
        "remap": call("Image.remap", **{"image": empty, "from": [1, 2], "to": [1, 2], "defaultValue": value}),
    }[fill]

    _, (values,), valid = pixels(exact(node, 2, 2), WORLD)

    assert valid.all()
    assert values.tolist() == [[value, 1], [2, value]]


WIDE = call("Kernel.square", radius=1e8)
LIT = call("Image.constant", value=1)


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(call("Image.fastDistanceTransform", image=LIT, neighborhood=10**8), id="fast distance"),
        pytest.param(call("Image.fastDistanceTransform", image=LIT, neighborhood=-1), id="fast distance below zero"),
        pytest.param(
            call("Image.directionalDistanceTransform", source=LIT, angle=0, maxDistance=10**8), id="direction"
        ),
        pytest.param(call("Image.connectedPixelCount", input=LIT, maxSize=10**8), id="count"),
        pytest.param(
            call("Image.connectedComponents", image=LIT, connectedness=call("Kernel.plus", radius=1), maxSize=10**8),
            id="components",
        ),
        pytest.param(
            call(
                "Image.reduceConnectedComponents",
                image=call("Image.addBands", dstImg=LIT, srcImg=LIT), reducer=call("Reducer.sum"), maxSize=10**8,
            ),
            id="objects",
        ),
        pytest.param(call("Image.focalMax", image=LIT, radius=1e8), id="focal"),
        pytest.param(call("Image.focalMax", image=LIT, radius=1, iterations=10**6), id="iterations"),
        pytest.param(
            call("Image.reduceNeighborhood", image=LIT, reducer=call("Reducer.sum"), kernel=WIDE), id="reduction"
        ),
        pytest.param(call("Image.convolve", image=LIT, kernel=WIDE), id="convolution"),
        pytest.param(call("Image.entropy", image=call("Image.toByte", value=LIT), kernel=WIDE), id="entropy"),
        pytest.param(call("Image.neighborhoodToBands", image=LIT, kernel=WIDE), id="bands"),
        pytest.param(
            call("Image.neighborhoodToBands", image=LIT, kernel=call("Kernel.square", radius=100)), id="many bands"
        ),
        pytest.param(
            call("Image.arrayLength", input=call("Image.neighborhoodToArray", image=LIT, kernel=WIDE), axis=0),
            id="array",
        ),
        pytest.param(call("Image.distance", image=LIT, kernel=call("Kernel.euclidean", radius=1e8)), id="distance"),
    ],
)  # fmt: skip
def test_a_neighbourhood_has_a_limit(node):
    """One sentence with the size found, before memory is taken."""
    with pytest.raises(EvaluationError, match=r"(found|side of) -?\d+|\d+ bands are more"):
        pixels(exact(node, 2, 2))

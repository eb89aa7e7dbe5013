"""Composites of the whole Earth: nobody enumerates their images, each window asks for those near it."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import DAY, S2, MemoryCatalogue, argument, call, constant, define, exact, make_scene, pixels, reducer

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError

HERE, FAR, SIDE = (500000.0, 5200000.0), (700000.0, 5300000.0), 8
IMAGE = argument("x")
BRIGHT = call("Image.gt", image1=call("Image.select", input=IMAGE, bandSelectors=["B2"]), image2=constant(20))
MASKED = call("Image.updateMask", image=call("Image.divide", image1=IMAGE, image2=constant(2)), mask=BRIGHT)
CLEAR = call("Filter.lessThan", leftField="cloud", rightValue=80)


class WholeEarth(MemoryCatalogue):
    """Has more scenes than anybody accumulates, but few of them at one place."""

    crowded = True

    def is_crowded(self, collection, region, start_ms, end_ms):
        del collection, start_ms, end_ms
        return self.crowded and region is None

    def scenes(self, collection, region, start_ms, end_ms):
        if self.crowded and region is None:
            self.queries.append(None)
            yield from self.all[:2]
            raise AssertionError("all scenes of the Earth were wanted")
        yield from super().scenes(collection, region, start_ms, end_ms)


def earth(*, crowded=True):
    """Six scenes here and two far away, some of them cloudy."""
    random = np.random.default_rng(3)
    found = WholeEarth(
        make_scene(
            S2,
            f"s{at}",
            {name: random.integers(1, 90, (SIDE, SIDE)).astype(np.uint16) for name in ("B2", "B3")},
            origin=FAR if at % 4 == 0 else HERE,
            when=at * DAY,
            cloud=90 if at == 3 else 10,
        )
        for at in range(8)
    )
    found.crowded = crowded
    return found


def composite(function, crowded, **options):
    """Compute a composite of filtered, masked and divided images over the window of the scenes here."""
    node = call("Collection.filter", collection=call("ImageCollection.load", id=S2), filter=CLEAR)
    node = call("Collection.map", collection=node, baseAlgorithm=define("body", "x"))
    image = call(function, collection=node, **options)
    catalogue = earth(crowded=crowded)
    return catalogue, pixels(exact(image, SIDE, SIDE, HERE, values={"body": MASKED}), catalogue)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        pytest.param("reduce.median", {}, id="median"),
        pytest.param("ImageCollection.reduce", {"reducer": reducer("mean")}, id="reducer"),
        pytest.param("ImageCollection.reduce", {"reducer": reducer("linearFit")}, id="reducer of two bands"),
        pytest.param("ImageCollection.mosaic", {}, id="mosaic"),
        pytest.param("ImageCollection.qualityMosaic", {"qualityBand": "B3"}, id="best pixel"),
    ],
)
def test_a_composite_of_the_whole_earth_has_the_pixels_of_its_window(function, options):
    """The same as of a catalogue whose images can be enumerated; none is looked for elsewhere."""
    _, (known, expected, where) = composite(function, crowded=False, **options)

    catalogue, (found, values, valid) = composite(function, crowded=True, **options)

    assert [band.name for band in found.bands] == [band.name for band in known.bands]
    np.testing.assert_array_equal(valid, where)
    np.testing.assert_array_equal(np.where(valid, values, 0), np.where(where, expected, 0))
    assert valid.any()
    assert any(query is not None for query in catalogue.queries)


def test_a_window_of_half_the_earth_is_refused():
    """It would have as many images as are not accumulated."""
    image = call("reduce.median", collection=call("ImageCollection.load", id=S2))

    with pytest.raises(EvaluationError, match="aborted after accumulating over 5000 elements"):
        pixels(exact(image, 4, 4, (-90.0, 45.0), 40.0, 4326), earth())

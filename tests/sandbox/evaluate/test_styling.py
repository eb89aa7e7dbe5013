"""Pictures of features: colours, opacity and widths, compared with rasterio and the formula of `over`."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio.features
import shapely
from evaluate_kit import answer, call, constant, exact, feature, features, pixels

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

X, Y, STEP, SIDE = 500_000.0, 5_200_000.0, 10.0, 24
AFFINE = rasterio.Affine(STEP, 0, X, 0, -STEP, Y)
LEFT, RIGHT = (2, 4, 12, 20), (8, 6, 20, 18)  # boxes in pixels: west, north, east, south


def box(west, north, east, south):
    ring = [(west, north), (east, north), (east, south), (west, south)]
    return call(
        "GeometryConstructors.Polygon",
        coordinates=constant([[[X + STEP * x, Y - STEP * y] for x, y in ring]]),
        crs=call("Projection", crs="EPSG:32633"),
        geodesic=False,
    )


def inside(west, north, east, south):
    found = np.zeros((SIDE, SIDE), bool)
    found[north:south, west:east] = True
    return found


def edge(west, north, east, south, width):
    """Pixels whose centre is at most half the width from the border."""
    rows, cols = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    ring = shapely.box(west, north, east, south).boundary
    return shapely.distance(ring, shapely.points(cols.ravel(), rows.ravel())).reshape(SIDE, SIDE) <= width / 2


def drawn(collection, **options):
    """Colours (3, height, width), and where there are any."""
    style = call("Collection.style", collection=collection, **options)
    image, values, valid = pixels(exact(style, SIDE, SIDE, (X, Y), STEP))
    assert [band.name for band in image.bands] == ["vis-red", "vis-green", "vis-blue"]
    return np.stack(values), valid[0]


def opacity(collection, **options):
    """The mask of the picture."""
    mask = call(
        "Image.toDouble", value=call("Image.mask", image=call("Collection.style", collection=collection, **options))
    )
    return pixels(exact(mask, SIDE, SIDE, (X, Y), STEP))[1][0]


ONE = features(box(*LEFT))


def styled(**options):
    return call("Collection.style", collection=ONE, **options)


def test_a_polygon_is_filled_and_outlined():
    """The outline lies over the filling."""
    values, valid = drawn(ONE, color="FF0000", fillColor="0000FF", width=2)

    line = edge(*LEFT, 2)
    assert (valid == (inside(*LEFT) | line)).all()
    assert (values[:, line] == np.array([[255], [0], [0]])).all()
    assert (values[:, inside(*LEFT) & ~line] == np.array([[0], [0], [255]])).all()


def test_a_filling_nobody_chose_is_a_third_transparent():
    """The colour of the lines, at an opacity of 0.66."""
    values, _ = drawn(ONE, color="008000", width=0)
    mask = opacity(ONE, color="008000", width=0)

    assert (values[:, inside(*LEFT)] == np.array([[0], [128], [0]])).all()
    assert mask[inside(*LEFT)] == pytest.approx(0.66)
    assert (mask[~inside(*LEFT)] == 0).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("FF000080", (255, 0, 0, 128 / 255), id="with opacity"),
        pytest.param("#1e90ff", (30, 144, 255, 1), id="with a hash"),
        pytest.param("black", (0, 0, 0, 1), id="by its name"),
    ],
)
def test_colours_are_written_as_in_css(text, expected):
    """Digits or names."""
    values, _ = drawn(ONE, fillColor=text, width=0)

    assert tuple(values[:, 10, 6]) == expected[:3]
    assert opacity(ONE, fillColor=text, width=0)[10, 6] == pytest.approx(expected[3])


def test_the_later_feature_lies_over_the_earlier():
    """Two half transparent fillings mix as `over` does."""
    both = features(
        feature(box(*LEFT), style={"fillColor": "FF000080"}), feature(box(*RIGHT), style={"fillColor": "0000FF80"})
    )

    values, _ = drawn(both, width=0, styleProperty="style")
    mask = opacity(both, width=0, styleProperty="style")

    half = 128 / 255
    together = half + half * (1 - half)
    common = inside(*LEFT) & inside(*RIGHT)
    assert mask[common] == pytest.approx(together)
    assert (values[2, common] == round(255 * half / together)).all()
    assert (values[0, common] == round(255 * half * (1 - half) / together)).all()


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(styled(color="nocolour"), "Invalid color: 'nocolour'", id="colour"),
        pytest.param(
            call("Collection.style", collection=ONE, lineType="dotted"),
            "lines that are dotted is not imitated",
            id="dots",
        ),
        pytest.param(
            call("Collection.style", collection=features(call("GeometryConstructors.Point", coordinates=[1, 2]))),
            "points, .* not imitated",
            id="markers",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(node, sentence):
    """One line says what."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)

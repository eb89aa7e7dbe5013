"""Grids: exact exports, pyramids, reprojection, interpolation and clipping."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio.features
from evaluate_kit import (
    ORIGIN,
    S2,
    MemoryCatalogue,
    answer,
    band,
    call,
    constant,
    exact,
    expression,
    halved,
    load,
    make_scene,
    pixels,
    reference,
)
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.earthengine.evaluate import EvaluationError, Evaluator

SIDE = 96
NOISE = np.random.default_rng(7).integers(0, 10000, (SIDE, SIDE)).astype(np.uint16)
HOLES = np.random.default_rng(8).random((SIDE, SIDE)) > 0.2
CATALOGUE = MemoryCatalogue([make_scene(S2, "a", {"B4": (NOISE, HOLES), "SCL": (NOISE % 11).astype(np.uint8)})])


def test_the_exact_form_gives_exactly_the_grid():
    """crs + crsTransform + dimensions come out bit by bit, whatever the numbers."""
    origin = (500000.1234567, 5200000.7654321)

    image, (values,), valid = pixels(exact(call("Image.constant", value=7), 80, 100, origin, 0.1))

    assert image.grid.crs == "EPSG:32633"
    assert image.grid.transform == (0.1, 0.0, origin[0], 0.0, -0.1, origin[1])
    assert (image.grid.height, image.grid.width) == (80, 100)
    assert valid.all()
    assert (values == 7).all()
    assert image.bands[0].dtype == "uint8"


def test_the_native_grid_gives_the_source_pixels():
    """On the scene's own lattice every pixel is the source's, shifted windows included."""
    image, (values,), valid = pixels(exact(band("B4"), 40, 50, (ORIGIN[0] + 70, ORIGIN[1] - 130)), CATALOGUE)

    np.testing.assert_array_equal(valid[0], HOLES[13:53, 7:57])
    np.testing.assert_array_equal(values, np.where(HOLES, NOISE, 0)[13:53, 7:57])
    assert image.bands[0].dtype == "uint16"


def test_a_plain_scene_has_its_own_grid():
    """Without an export wrapper, the grid is the first band's."""
    image, (values, _), _ = pixels(expression(load("a")), CATALOGUE)

    assert (image.grid.height, image.grid.width, image.grid.transform[2]) == (SIDE, SIDE, ORIGIN[0])
    np.testing.assert_array_equal(values[HOLES], NOISE[HOLES])


@pytest.mark.parametrize(("scale", "level"), [(10, 0), (20, 1), (40, 2), (30, 1), (60, 2), (5, 0)])
def test_coarse_requests_read_the_pyramid(scale, level):
    """The level is the closest that is not coarser than asked; then the nearest pixel is taken."""
    values, valid = NOISE, HOLES
    for _ in range(level):
        values, valid = halved(values, valid, "mean")
    size = SIDE * 10 // scale
    at = np.floor((np.arange(size) + 0.5) * scale / (10 * 2**level)).astype(int)

    _, (found,), mask = pixels(exact(call("Image.toFloat", value=band("B4")), size, size, scale=scale), CATALOGUE)

    np.testing.assert_array_equal(mask[0], valid[np.ix_(at, at)])
    np.testing.assert_allclose(found[mask[0]], values[np.ix_(at, at)][mask[0]], rtol=1e-6)


def test_another_crs_takes_the_nearest_pixel():
    """Pixels of another CRS are those under their centres."""
    lattice = [0.0002, 0, 15.0002, 0, -0.00015, 46.953]
    node = call("Image.reproject", image=band("B4"), crs=call("Projection", crs="EPSG:4326"), crsTransform=lattice)
    box = call(
        "GeometryConstructors.Rectangle",
        coordinates=[0, 0, 50, 60],
        geodesic=False,
        crs=call("Image.projection", image=reference("p")),
    )

    _, (found,), mask = pixels(
        expression(call("Image.clipToBoundsAndScale", input=reference("p"), geometry=box), p=node), CATALOGUE
    )

    lon, lat = np.meshgrid(15.0002 + (np.arange(50) + 0.5) * 0.0002, 46.953 - (np.arange(60) + 0.5) * 0.00015)
    x, y = pyproj.Transformer.from_crs(4326, 32633, always_xy=True).transform(lon, lat)
    col, row = (x - ORIGIN[0]) / 10, (ORIGIN[1] - y) / 10
    clear = (abs(col - np.rint(col)) > 0.01) & (abs(row - np.rint(row)) > 0.01)  # not on a boundary of two pixels
    inside = (row >= 0) & (row < SIDE) & (col >= 0) & (col < SIDE)
    at = (np.clip(row, 0, SIDE - 1).astype(int), np.clip(col, 0, SIDE - 1).astype(int))
    expected = inside & HOLES[at]
    assert expected.mean() > 0.3
    np.testing.assert_array_equal(mask[0][clear], expected[clear])
    np.testing.assert_array_equal(found[clear & expected], NOISE[at][clear & expected])


def test_reproject_computes_on_its_own_grid_first():
    """What stands before a reprojection is computed there, and then only copied."""
    coarse = call(
        "Image.reproject",
        image=call("Image.gt", image1=band("B4"), image2=5000),
        crs=call("Image.projection", image=band("B4")),
        scale=20,
    )

    _, (found,), mask = pixels(exact(coarse, SIDE, SIDE), CATALOGUE)

    mean, valid = halved(NOISE, HOLES, "mean")
    np.testing.assert_array_equal(mask[0], valid.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(found[mask[0]], (mean > 5000).repeat(2, 0).repeat(2, 1)[mask[0]])


CHAINS = {
    "other crs": lambda: call("Image.reproject", image=band("B4"), crs=call("Projection", crs="EPSG:3035"), scale=13),
    "bilinear": lambda: call("Image.resample", image=band("B4"), mode="bilinear"),
    "bicubic": lambda: call("Image.resample", image=band("B4"), mode="bicubic"),
    "focal": lambda: call("Image.focalMax", image=band("B4"), radius=3),
    "focal median in metres": lambda: call(
        "Image.focalMedian", image=band("B4"), radius=25, units="meters", kernelType="square"
    ),
    "direction": lambda: call(
        "Image.directionalDistanceTransform",
        source=call("Image.gt", image1=band("B4"), image2=9500),
        angle=37,
        maxDistance=12,
    ),
    "distance": lambda: call(
        "Image.fastDistanceTransform", image=call("Image.gt", image1=band("B4"), image2=9500), neighborhood=9
    ),
    "convolution": lambda: call("Image.convolve", image=band("B4"), kernel=call("Kernel.kirsch")),
    "slope": lambda: call("Terrain.slope", input=band("B4")),
    "objects": lambda: call(
        "Image.connectedPixelCount", input=call("Image.gt", image1=band("B4"), image2=9500), maxSize=15
    ),
    "nested": lambda: call(
        "Image.focalMin",
        radius=2,
        image=call(
            "Image.reproject",
            scale=30,
            crs=call("Projection", crs="EPSG:32634"),
            image=call("Image.focalMax", image=band("B4"), radius=1.5),
        ),
    ),
}
WHOLE = {name: pixels(exact(make(), 70, 66, scale=14.0), CATALOGUE) for name, make in CHAINS.items()}


@pytest.mark.parametrize("name", CHAINS)
@given(row=st.integers(0, 60), col=st.integers(0, 60), height=st.integers(1, 70), width=st.integers(1, 66))
def test_windows_have_no_seams(name, row, col, height, width):
    """Any window of an image has the pixels it has in the whole image."""
    image, (values,), valid = WHOLE[name]
    height, width = min(height, 70 - row), min(width, 66 - col)

    (part,), mask = image.read(row, col, height, width)

    np.testing.assert_array_equal(mask[0], valid[0, row : row + height, col : col + width])
    np.testing.assert_array_equal(part, values[row : row + height, col : col + width])


def test_bilinear_lies_between_its_neighbours():
    """Half way between four pixels is their mean."""
    plain = MemoryCatalogue([make_scene(S2, "a", {"B4": NOISE})])
    node = call("Image.resample", image=band("B4"))

    _, (found,), _ = pixels(exact(call("Image.toFloat", value=node), 10, 10, (ORIGIN[0] + 5, ORIGIN[1] - 5)), plain)

    wide = NOISE.astype(float)
    mean = (wide[:10, :10] + wide[1:11, :10] + wide[:10, 1:11] + wide[1:11, 1:11]) / 4
    np.testing.assert_allclose(found, np.trunc(mean) if found.dtype.kind in "iu" else mean, rtol=1e-6)


def polygon(*corners):
    return call(
        "GeometryConstructors.Polygon",
        coordinates=[[list(corner) for corner in corners]],
        geodesic=False,
        crs=call("Projection", crs="EPSG:32633"),
    )


def test_clip_masks_outside_the_geometry():
    """A pixel belongs to a geometry if its centre does; the extent is the geometry's bounding box."""
    x, y = ORIGIN
    triangle = [(x + 100, y - 100), (x + 501, y - 100), (x + 100, y - 700)]
    lattice = call(
        "Image.reproject",
        image=call("Image.constant", value=1),
        crs=call("Projection", crs="EPSG:32633"),
        crsTransform=[10, 0, x, 0, -10, y],
    )

    image, _, valid = pixels(expression(call("Image.clip", input=lattice, geometry=polygon(*triangle))))

    shape = {"type": "Polygon", "coordinates": [[*triangle, triangle[0]]]}
    transform = rasterio.Affine(10, 0, x + 100, 0, -10, y - 100)
    expected = rasterio.features.geometry_mask([shape], (60, 41), transform, invert=True)
    assert image.grid.transform == (10, 0, x + 100, 0, -10, y - 100)
    np.testing.assert_array_equal(valid[0], expected)


def region_form(**sizes):
    x, y = ORIGIN
    square = polygon((x + 3, y - 3), (x + 203, y - 3), (x + 203, y - 403), (x + 3, y - 403))
    placed = call(
        "Image.setDefaultProjection",
        image=band("B4"),
        crs=call("Projection", crs="EPSG:32633"),
        crsTransform=[1, 0, 0, 0, -1, 0],
    )
    return expression(call("Image.clipToBoundsAndScale", input=placed, geometry=square, **sizes))


@pytest.mark.parametrize(
    ("sizes", "transform", "shape"),
    [
        pytest.param({"scale": 10}, (10, 0, 500000, 0, -10, 5200000), (41, 21), id="scale"),
        pytest.param({"width": 50, "height": 80}, (4, 0, 500003, 0, -5, 5199997), (80, 50), id="dimensions"),
        pytest.param({"maxDimension": 40}, (10, 0, 500003, 0, -10, 5199997), (40, 20), id="longest side"),
    ],
)
def test_exports_by_region_have_the_services_grids(sizes, transform, shape):
    """A scale keeps the lattice through the CRS's origin; dimensions stretch over the bounding box."""
    image, _, _ = pixels(region_form(**sizes), CATALOGUE)

    assert image.grid.transform == pytest.approx(transform)
    assert (image.grid.height, image.grid.width) == shape


def test_an_unbounded_image_has_no_grid():
    """A constant must be given a region."""
    with pytest.raises(EvaluationError, match="Unable to export unbounded image"):
        pixels(expression(call("Image.constant", value=1)))


def test_projections_must_agree():
    """Bands of several resolutions have no common projection."""
    mixed = MemoryCatalogue([make_scene(S2, "a", {"B4": NOISE, "SCL": NOISE[::2, ::2]}, scales={"SCL": 20})])

    with pytest.raises(EvaluationError, match="contain different projections"):
        answer(call("Image.projection", image=load("a")), mixed)


def test_scales_are_metres():
    """One degree is the equator's; scaling a UTM lattice keeps its origin and stays whole."""
    degree = call("Projection.nominalScale", proj=call("Projection", crs="EPSG:4326"))
    scaled = call("Projection.atScale", projection=call("Image.projection", image=band("B4")), meters=100)

    assert answer(degree) == pytest.approx(111319.49079327358)
    assert answer(scaled, CATALOGUE)["transform"] == [100, 0, 500000, 0, -100, 5200000]


def test_an_unknown_crs_is_refused():
    """The message names it."""
    with pytest.raises(EvaluationError, match="could not be parsed: 'EPSG:999999'"):
        answer(call("Projection", crs=constant("EPSG:999999")))


def test_scenes_elsewhere_are_not_read():
    """A window far from a scene is answered without reading it."""
    scene = make_scene(S2, "far", {"B4": NOISE})
    far = exact(call("Image.focalMax", image=band("B4", "far"), radius=2), 20, 20, (ORIGIN[0] + 90_000, ORIGIN[1]))

    _, _, valid = pixels(far, MemoryCatalogue([scene]))

    assert not valid.any()
    assert not scene.reads


def test_a_grid_may_be_given_beside_the_expression():
    """A request's own grid wins over the image's."""
    evaluator = Evaluator(CATALOGUE)
    wanted = evaluator.image(exact(band("B4"), 5, 6)).grid

    image = evaluator.image(expression(band("B4")), grid=wanted)

    assert image.grid == wanted
    np.testing.assert_array_equal(image.read(0, 0, 5, 6)[0][0], np.where(HOLES, NOISE, 0)[:5, :6])


def test_hopeless_reprojections_are_refused():
    """A continent computed at 10 m for a thumbnail is refused at once, in the service's words."""
    fine = call("Image.reproject", image=band("B4"), crs=call("Image.projection", image=band("B4")))

    with pytest.raises(EvaluationError, match="Reprojection output too large"):
        pixels(exact(call("Image.unmask", input=fine, sameFootprint=False), 600, 600, scale=1000.0), CATALOGUE)

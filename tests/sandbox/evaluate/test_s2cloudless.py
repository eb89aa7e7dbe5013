"""The standard cloudless mosaic of Sentinel-2, end to end, against the same rules written in plain numpy."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.ndimage
from evaluate_kit import (
    CLOUDS,
    DAY,
    S2,
    MemoryCatalogue,
    argument,
    call,
    define,
    exact,
    halved,
    make_scene,
    pixels,
    reference,
)

SIDE = 400
BANDS = ("B2", "B8")
AZIMUTHS = (150.0, 163.0, 171.5)


def blobs(rng, share):
    field = scipy.ndimage.uniform_filter(rng.random((SIDE, SIDE)), 25)
    return field > np.quantile(field, 1 - share)


def scenes():
    rng = np.random.default_rng(11)
    for at, azimuth in enumerate(AZIMUTHS):
        cloud = np.where(blobs(rng, 0.12), rng.integers(51, 101, (SIDE, SIDE)), rng.integers(0, 45, (SIDE, SIDE)))
        dark = blobs(rng, 0.2)
        bands = {name: rng.integers(1600, 5000, (SIDE, SIDE)).astype(np.uint16) for name in BANDS}
        bands["B8"] = np.where(dark, 900, bands["B8"]).astype(np.uint16)
        seen = np.ones((SIDE, SIDE), bool)
        seen[:, : 40 * at] = False
        scl = np.where(blobs(rng, 0.2), 6, 4).astype(np.uint8)[::2, ::2]
        arrays = {name: (values, seen) for name, values in bands.items()} | {"SCL": scl}
        when = {"when": at * 5 * DAY, "MEAN_SOLAR_AZIMUTH_ANGLE": azimuth}
        yield make_scene(S2, f"s{at}", arrays, scales={"SCL": 20.0}, **when)
        yield make_scene(CLOUDS, f"s{at}", {"probability": cloud.astype(np.uint8)}, when=at * 5 * DAY)


def select(image, name):
    return call("Image.select", input=image, bandSelectors=[name])


def renamed(image, name):
    return call("Image.rename", input=image, names=[name])


def graph():
    """The graph the client makes of the mosaic: two maps that share values with references to their argument."""
    scene = argument("_MAPPING_VAR_0_0")
    probability = select(call("Element.get", object=scene, property="s2cloudless"), "probability")
    clouds = renamed(call("Image.gt", image1=reference("probability"), image2=50), "clouds")
    dark = call(
        "Image.multiply",
        image1=call("Image.lt", image1=select(reference("cloudy"), "B8"), image2=1500),
        image2=call("Image.neq", image1=select(reference("cloudy"), "SCL"), image2=6),
    )
    angle = call(
        "Number.subtract",
        left=90,
        right=call("Element.get", object=reference("cloudy"), property="MEAN_SOLAR_AZIMUTH_ANGLE"),
    )
    cast = call(
        "Image.directionalDistanceTransform", source=select(reference("cloudy"), "clouds"), angle=angle, maxDistance=10
    )
    lattice = call("Image.projection", image=call("Image.select", input=reference("cloudy"), bandSelectors=[0]))
    far = select(call("Image.reproject", image=cast, crs=lattice, scale=100), "distance")
    both = call(
        "Image.add", image1=select(reference("shaded"), "clouds"), image2=select(reference("shaded"), "shadows")
    )
    grown = call(
        "Image.focalMax",
        radius=5,
        image=call("Image.focalMin", radius=2, image=call("Image.gt", image1=both, image2=0)),
    )
    smooth = call("Image.reproject", image=grown, crs=lattice, scale=20)
    clear = call("Image.not", value=select(scene, "cloudmask"))
    masked = call("Image.updateMask", image=call("Image.select", input=scene, bandSelectors=["B.*"]), mask=clear)
    same = call("Filter.equals", leftField="system:index", rightField="system:index")
    pairs = call(
        "Join.apply",
        join=call("Join.saveFirst", matchKey="s2cloudless"),
        condition=same,
        primary=call("ImageCollection.load", id=S2),
        secondary=call("ImageCollection.load", id=CLOUDS),
    )
    marked = call("Collection.map", collection=pairs, baseAlgorithm=define("marked", "_MAPPING_VAR_0_0"))
    cleared = call("Collection.map", collection=marked, baseAlgorithm=define("clear", "_MAPPING_VAR_0_0"))
    return call("reduce.median", collection=cleared), {
        "probability": probability,
        "cloudy": call(
            "Image.addBands",
            dstImg=scene,
            srcImg=call("Image.addBands", dstImg=reference("probability"), srcImg=clouds),
        ),
        "dark": renamed(dark, "dark_pixels"),
        "far": renamed(call("Image.mask", image=far), "cloud_transform"),
        "shaded": call(
            "Image.addBands",
            dstImg=reference("cloudy"),
            srcImg=call(
                "Image.addBands",
                dstImg=reference("dark"),
                srcImg=renamed(call("Image.multiply", image1=reference("far"), image2=reference("dark")), "shadows"),
            ),
        ),
        "marked": call("Image.addBands", dstImg=reference("shaded"), srcImg=renamed(smooth, "cloudmask")),
        "clear": call("Image.divide", image1=masked, image2=call("Image.constant", value=10000)),
    }


def levels(scene, name, count):
    values, valid = scene.arrays[name]
    spec = next(item for item in scene.bands if item.name == name)
    for _ in range(count):
        values, valid = halved(values, valid, spec.pyramid)
    return values, valid


def shifted(flags, rows, cols):
    """flags[r + rows, c + cols], false outside."""
    out = np.zeros_like(flags)
    height, width = flags.shape
    r0, r1, c0, c1 = max(0, -rows), min(height, height - rows), max(0, -cols), min(width, width - cols)
    if r0 < r1 and c0 < c1:
        out[r0:r1, c0:c1] = flags[r0 + rows : r1 + rows, c0 + cols : c1 + cols]
    return out


def disc(radius):
    span = np.arange(-radius, radius + 1)
    return span[:, None] ** 2 + span**2 <= radius**2


def cloud_mask(scene, clouds):
    """The mask on the 20 m grid, and where it is valid: shadows towards the sun, closed by 2 and grown by 5 pixels."""
    at_80, _ = levels(clouds, "probability", 3)
    nearest = np.floor((np.arange(SIDE // 10) + 0.5) * 100 / 80).astype(int)
    cloud_100 = at_80[np.ix_(nearest, nearest)] > 50
    angle = math.radians(90 - scene.properties["MEAN_SOLAR_AZIMUTH_ANGLE"])
    found = np.zeros_like(cloud_100)
    for step in range(11):
        found |= shifted(cloud_100, math.floor(-step * math.sin(angle) + 0.5), math.floor(step * math.cos(angle) + 0.5))
    towards_sun = found.repeat(5, 0).repeat(5, 1)
    b8, seen = levels(scene, "B8", 1)
    scl, _ = levels(scene, "SCL", 0)
    shadow = towards_sun & (b8 < 1500) & (scl != 6)
    cloud_20, _ = levels(clouds, "probability", 1)
    # Filters see valid pixels only and make pixels beside them valid: also beyond the edge of the scene.
    flags, seen = np.pad((cloud_20 > 50) | shadow, 7), np.pad(seen, 7)
    closed = scipy.ndimage.minimum_filter(np.where(seen, flags, True), footprint=disc(2), mode="constant", cval=True)
    known = scipy.ndimage.maximum_filter(seen, footprint=disc(2), mode="constant")
    grown = scipy.ndimage.maximum_filter(closed & known, footprint=disc(5), mode="constant")
    return grown[7:-7, 7:-7].repeat(2, 0).repeat(2, 1)


@pytest.fixture(scope="module")
def expected():
    """Median reflectance per band in double precision, NaN where no scene is clear."""
    pairs = list(scenes())
    stacks = {name: [] for name in BANDS}
    for scene, clouds in zip(pairs[::2], pairs[1::2], strict=True):
        mask = cloud_mask(scene, clouds)
        for name in BANDS:
            values, seen = scene.arrays[name]
            stacks[name].append(np.where(seen & ~mask, values / 10000, np.nan))
    with np.errstate(all="ignore"):
        return {name: np.nanmedian(np.stack(planes), axis=0) for name, planes in stacks.items()}


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
def test_the_mosaic_is_the_median_of_clear_pixels(expected):
    """Every pixel equals the independent computation, and the mask too."""
    node, values = graph()

    image, found, valid = pixels(exact(node, SIDE, SIDE, values=values), MemoryCatalogue(scenes()))

    assert [item.name for item in image.bands] == list(BANDS)
    assert {item.dtype for item in image.bands} == {"float32"}
    for at, name in enumerate(BANDS):
        clear = ~np.isnan(expected[name])
        assert 0.5 < clear.mean() < 1
        np.testing.assert_array_equal(valid[at], clear)
        np.testing.assert_allclose(found[at][clear], expected[name][clear], rtol=2e-7)


def test_windows_of_the_mosaic_have_no_seams():
    """Windows read by two threads at once make up the same image as one window."""
    node, values = graph()
    image, whole, valid = pixels(exact(node, SIDE, SIDE, values=values), MemoryCatalogue(scenes()))
    corners = [(row, col) for row in range(0, SIDE, 130) for col in range(0, SIDE, 170)]

    with ThreadPoolExecutor(2) as threads:
        parts = list(threads.map(lambda at: image.read(*at, min(130, SIDE - at[0]), min(170, SIDE - at[1])), corners))

    for (row, col), (found, mask) in zip(corners, parts, strict=True):
        rows, cols = slice(row, row + mask.shape[1]), slice(col, col + mask.shape[2])
        np.testing.assert_array_equal(mask, valid[:, rows, cols])
        np.testing.assert_array_equal(np.stack(found), np.stack(whole)[:, rows, cols])


def test_what_bands_share_is_computed_once():
    """Both bands of the mosaic use one cloud mask per scene: its probabilities are read once per grid."""
    node, values = graph()
    catalogue = MemoryCatalogue(scenes())

    pixels(exact(node, SIDE, SIDE, values=values), catalogue)

    for scene in catalogue.all:
        if scene.asset_id.startswith(CLOUDS):
            assert scene.reads["probability"] == 2  # for clouds at 20 m, and for shadows at 100 m

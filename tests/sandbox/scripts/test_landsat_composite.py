"""A cloudless composite: months of Landsat, masked by their quality bits, scaled, the median of what is left."""

from __future__ import annotations

import ee
import numpy as np
import pytest
import rasterio
from scripts_kit import VILLAGE

from orchestrator.sandbox.server import DEFAULT_BUCKET

COLLECTION = "LANDSAT/LC08/C02/T1_L2"
START, END = "2021-05-01", "2021-08-01"
BANDS = ["SR_B4", "SR_B5", "SR_B6"]


def prepare(image):
    """Mask fill, dilated cloud, cirrus, cloud, shadow and saturation; scale to reflectance."""
    clear = image.select("QA_PIXEL").bitwiseAnd(0b11111).eq(0)
    unsaturated = image.select("QA_RADSAT").eq(0)
    reflectance = image.select("SR_B.").multiply(0.0000275).add(-0.2)
    return image.addBands(reflectance, None, True).updateMask(clear).updateMask(unsaturated)


def prepare_by_properties(image):
    """Scale by the factors that the scene itself tells."""

    def factors(pattern):
        return ee.Image.constant(image.toDictionary().select([pattern]).values())

    reflectance = image.select("SR_B.")
    scaled = reflectance.multiply(factors("REFLECTANCE_MULT_BAND_.")).add(factors("REFLECTANCE_ADD_BAND_."))
    return scaled.updateMask(image.select("QA_PIXEL").bitwiseAnd(0b11111).eq(0))


def composite(region, prepared=prepare):
    scenes = ee.ImageCollection(COLLECTION).filterBounds(region).filterDate(START, END)
    return scenes.map(prepared).median().select(BANDS)


@pytest.fixture(scope="module")
def expected(world):
    """Band to the median of clear reflectances, computed from the scenes' own pixels."""
    stacks = {band: [] for band in BANDS}
    for scene in VILLAGE.scenes(world, COLLECTION, START, END):
        quality = VILLAGE.read(scene, "QA_PIXEL")
        clear = (np.nan_to_num(quality, nan=1).astype(int) & 0b11111 == 0) & (VILLAGE.read(scene, "QA_RADSAT") == 0)
        for band in BANDS:
            stacks[band].append(np.where(clear, VILLAGE.read(scene, band) * 0.0000275 - 0.2, np.nan))
    return {band: np.nanmedian(stack, axis=0) for band, stack in stacks.items()}


def test_every_scene_of_the_months_is_found(world):
    """As many scenes as the catalogue has there; some of their pixels are clouded, most are not."""
    scenes = VILLAGE.scenes(world, COLLECTION, START, END)
    quality = [np.nan_to_num(VILLAGE.read(scene, "QA_PIXEL"), nan=1).astype(int) for scene in scenes]

    found = ee.ImageCollection(COLLECTION).filterBounds(VILLAGE.region()).filterDate(START, END)

    assert found.aggregate_array("system:index").getInfo() == [each.properties["system:index"] for each in scenes]
    assert 0.05 < np.mean(np.array(quality) & 0b11111 != 0) < 0.5


@pytest.mark.parametrize("prepared", [prepare, prepare_by_properties], ids=["constants", "properties"])
def test_a_composite_is_the_median_of_clear_pixels(expected, prepared):
    """In every pixel and band the median of what the quality bits leave, scaled by the product's factors."""
    found = VILLAGE.compute(composite(VILLAGE.region(), prepared))

    for band in BANDS:
        assert found[band] == pytest.approx(np.nan_to_num(expected[band]), abs=1e-7)


def test_an_exported_tile_has_the_composite(expected, finish, downloaded):
    """The GeoTIFF in the bucket lies where it was asked, and holds the same medians."""
    task = ee.batch.Export.image.toCloudStorage(
        composite(VILLAGE.region()).toFloat(),
        description="composite",
        bucket=DEFAULT_BUCKET,
        fileNamePrefix="composites/village",
        crs=VILLAGE.crs,
        crsTransform=VILLAGE.transform(),
        region=VILLAGE.region(),
    )

    finish(task)

    with rasterio.MemoryFile(downloaded("composites/village.tif")) as memory, memory.open() as tile:
        assert tile.transform[:6] == (30, 0, VILLAGE.west, 0, -30, VILLAGE.north)
        assert tile.descriptions == tuple(BANDS)
        for band, values in zip(BANDS, tile.read(), strict=True):
            assert values == pytest.approx(np.nan_to_num(expected[band]), abs=1e-7)

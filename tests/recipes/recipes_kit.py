"""A patch of the invented ground near Ljubljana: what recipes make of it, and what the scenes themselves hold."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from functools import cache

import ee
import numpy as np
import shapely

from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe
from orchestrator.sandbox.scenes.world import WorldCatalogue

BOX = (14.40, 46.00, 14.41, 46.01)
REGION = dict(shapely.geometry.mapping(shapely.box(*BOX)))
SIDE = 6  # pixels of the patch
CORNER = (454_500, 5_094_600)  # of EPSG:32633, within BOX


def request(start="2024-05-01", end="2024-06-01", bands=(), **params):
    return ImageRequest(REGION, date.fromisoformat(start), date.fromisoformat(end), tuple(bands), params)


def undated(bands=(), **params):
    return ImageRequest(REGION, date.min, date.max, tuple(bands), params)


def made(recipe, asked, scale=30):
    """Return what a recipe makes of the patch, band by band (row, col), NaN where it is masked."""
    found = find_recipe(recipe)
    image = found.image(asked)
    spec = found.pixels(asked)
    pixels = patch(image.unmask(spec.nodata, sameFootprint=False), scale)
    assert tuple(pixels.dtype.names) == spec.bands
    assert {pixels.dtype[name].name for name in spec.bands} <= {spec.dtype, "int64", "float64"}
    return {name: np.where(pixels[name] == spec.nodata, np.nan, pixels[name].astype(np.float64)) for name in spec.bands}


def patch(image, scale=30):
    """Return the pixels of an image as a structured array (row, col)."""
    grid = {
        "dimensions": {"width": SIDE, "height": SIDE},
        "affineTransform": {
            "scaleX": scale, "shearX": 0, "translateX": CORNER[0],
            "shearY": 0, "scaleY": -scale, "translateY": CORNER[1],
        },
        "crsCode": "EPSG:32633",
    }  # fmt: skip
    return np.load(io.BytesIO(ee.data.computePixels({"expression": image, "fileFormat": "NPY", "grid": grid})))


@cache
def _world():
    return WorldCatalogue(seed=0)


def scenes(collection, start, end):
    """Return the scenes that touch BOX from `start` up to before `end`, as the catalogue itself finds them."""
    moments = [datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000 for day in (start, end)]
    return list(_world().scenes(collection, shapely.box(*BOX), int(moments[0]), int(moments[1])))


def stack(collection, bands, start, end, scale=30):
    """Return what scenes hold of the patch, band by band (scene, row, col), NaN where they are masked."""
    found = scenes(collection, start, end)
    layers = [
        ee.Image(scene.asset_id)
        .select(list(bands), [f"s{number}_{band}" for band in bands])
        .toDouble()
        .unmask(-1e9, False)
        for number, scene in enumerate(found)
    ]
    pixels = patch(ee.Image.cat(layers), scale)
    values = {band: np.stack([pixels[f"s{number}_{band}"] for number in range(len(found))]) for band in bands}
    return {band: np.where(stacked == -1e9, np.nan, stacked) for band, stacked in values.items()}

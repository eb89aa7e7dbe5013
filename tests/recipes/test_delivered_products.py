"""A mosaic of delivered products against the mosaic of the same ground, served directly."""

from __future__ import annotations

import io
from datetime import date

import ee
import numpy as np
import pytest
import shapely
from pyproj import Transformer

from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.registry import find_recipe
from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.source import Source
from orchestrator.sandbox.safe.tree import write
from orchestrator.sandbox.scenes.folder import FolderCatalogue
from orchestrator.sandbox.scenes.world import WorldCatalogue
from orchestrator.sandbox.server import Options as Serving
from orchestrator.sandbox.testing import running

pytestmark = pytest.mark.filterwarnings("ignore:Anonymous credentials:UserWarning")
CUT = Cut(600, 600, 36, 36)  # pixels of 60 m, in the middle of tile 33TWL, where no other tile reaches
PAD = 600  # metres: so far do clouds and their shadows reach in the recipe
LEFT, TOP, SIDE = 499_980 + 600 * 60 + PAD, 5_100_000 - 600 * 60 - PAD, 36 * 60 - 2 * PAD
DAYS = ("2024-06-01", "2024-06-12")


def pixels(image):
    """The pixels of 10 m of an image, band by band."""
    grid = {
        "dimensions": {"width": SIDE // 10, "height": SIDE // 10},
        "affineTransform": {"scaleX": 10, "translateX": LEFT, "scaleY": -10, "translateY": TOP},
        "crsCode": "EPSG:32633",
    }
    found = np.load(io.BytesIO(ee.data.computePixels({"expression": image, "fileFormat": "NPY", "grid": grid})))
    return {name: found[name].astype(float) for name in found.dtype.names}


def region():
    to_degrees = Transformer.from_crs(32633, 4326, always_xy=True)
    west, south = to_degrees.transform(LEFT, TOP - SIDE)
    east, north = to_degrees.transform(LEFT + SIDE, TOP)
    return dict(shapely.geometry.mapping(shapely.box(west, south, east, north)))


def clear(scene):
    """What a scene's own classes call ground."""
    classes = scene.select("SCL")
    return scene.select(["B2", "B5", "B8"]).updateMask(classes.gte(4).And(classes.lte(7)))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The median by classes and the recipe's mosaic, of the ground as it is served, and of its products."""
    folder = tmp_path_factory.mktemp("copernicus")
    options = Options(CUT, bands=("B02", "B04", "B05", "B08", "SCL"))
    for product in Source().of_tile("L2A", "33TWL", *DAYS, options):
        write(product, folder)
    recipe = find_recipe("sentinel2-cloudless")
    asked = ImageRequest(region(), *(date.fromisoformat(day) for day in DAYS), ("B2", "B4", "B8"), {})
    found = []
    for catalogue in (WorldCatalogue(seed=0), FolderCatalogue(folder)):
        with running(catalogue, Serving()):
            scenes = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterBounds(region()).filterDate(*DAYS)
            by_class = pixels(scenes.map(clear).median().unmask(-9999, False))
            by_recipe = pixels(recipe.image(asked).unmask(-9999, False))
            found.append((by_class, by_recipe))
    return found


def test_by_the_classes_of_the_scenes_every_pixel_is_the_same(both):
    """The same grids and numbers, with the offset away: nothing is resampled on the way."""
    (direct, _), (delivered, _) = both

    assert {name: np.count_nonzero(direct[name] != delivered[name]) for name in direct} == dict.fromkeys(direct, 0)
    assert np.mean(direct["B2"] != -9999) > 0.5


def test_by_the_recipe_only_the_probability_of_clouds_is_another(both):
    """It is derived from classes of 20 m: at the edges of clouds a median has a scene more or less."""
    (_, direct), (_, delivered) = both

    for band, values in direct.items():
        seen = (values != -9999) & (delivered[band] != -9999)
        apart = np.abs(values - delivered[band])[seen]
        assert np.mean(seen) > 0.9
        assert np.percentile(apart, 99) < 0.002
        assert apart.max() < 0.02

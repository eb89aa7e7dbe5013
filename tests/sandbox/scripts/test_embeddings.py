"""Similarity by embeddings: the dot product of every pixel's 64 numbers with those of a place."""

from __future__ import annotations

import ee
import numpy as np
import pytest
from scripts_kit import Plot

COLLECTION = "GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL"
VALLEY = Plot(473020, 5291000, 10, 100, "EPSG:32633")
ROW, COL = 50, 41
START, END = "2021-01-01", "2022-01-01"


def embedding():
    return ee.ImageCollection(COLLECTION).filterBounds(VALLEY.region()).filterDate(START, END).mosaic()


def place():
    x, y = VALLEY.west + (COL + 0.5) * VALLEY.scale, VALLEY.north - (ROW + 0.5) * VALLEY.scale
    return ee.Geometry.Point([x, y], VALLEY.crs)


def similarity():
    """The cosine of the angle to the reference, as both have unit length."""
    image = embedding()
    vector = image.reduceRegion(ee.Reducer.first(), place(), crs=VALLEY.projection())
    reference = ee.Image.constant(vector.values(image.bandNames()))
    return image.multiply(reference).reduce(ee.Reducer.sum()).rename("similarity")


def similarity_by_arrays():
    """The same with an array in each pixel."""
    image = embedding()
    vector = image.reduceRegion(ee.Reducer.first(), place(), crs=VALLEY.projection()).toArray(image.bandNames())
    return image.toArray().arrayDotProduct(ee.Image(vector)).rename("similarity")


@pytest.fixture(scope="module")
def vectors(world):
    """The numbers of each pixel (64, row, col), from the scene itself."""
    (scene,) = VALLEY.scenes(world, COLLECTION, START, END)
    return np.array([VALLEY.read(scene, f"A{number:02d}") for number in range(64)])


@pytest.mark.parametrize("of", [similarity, similarity_by_arrays], ids=["bands", "arrays"])
def test_similarity_is_the_dot_product(vectors, of):
    """In each pixel the sum of 64 products."""
    found = VALLEY.compute(of())["similarity"]

    assert found == pytest.approx(np.tensordot(vectors[:, ROW, COL], vectors, 1), abs=1e-6)


def test_a_place_is_most_like_itself():
    """The cosine is 1 at the reference but for the rounding of the stored numbers, and nowhere greater."""
    found = VALLEY.compute(similarity())["similarity"]

    assert found[ROW, COL] == pytest.approx(1, abs=0.01)
    assert found.max() < 1.02


def test_the_same_cover_is_more_alike():
    """Pixels of the reference's class are more like it than those of any other class, at the mean."""
    cover = ee.ImageCollection("ESA/WorldCover/v200").first().rename("cover")

    found = VALLEY.compute(similarity().addBands(cover))

    own = found["cover"][ROW, COL]
    means = {each: found["similarity"][found["cover"] == each].mean() for each in np.unique(found["cover"])}
    assert len(means) > 2
    assert max(means, key=means.get) == own

"""Supervised classification: samples of a land-cover map teach a forest, which maps its classes by reflectance."""

from __future__ import annotations

import importlib

import ee
import numpy as np
import pytest
from scripts_kit import VILLAGE

CLASSES = [10, 30, 40, 50, 60, 80]  # trees, grass, crops, houses, bare ground, water
BANDS = ["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"]


def reflectances():
    """A composite of one summer."""

    def prepare(image):
        clear = image.select("QA_PIXEL").bitwiseAnd(0b11111).eq(0)
        return image.select(BANDS).multiply(0.0000275).add(-0.2).updateMask(clear)

    scenes = ee.ImageCollection("LANDSAT/LC08/C02/T1_L2").filterBounds(VILLAGE.region())
    return scenes.filterDate("2021-06-01", "2021-08-01").map(prepare).median()


def cover():
    """Land cover with consecutive classes from 0."""
    worldcover = ee.ImageCollection("ESA/WorldCover/v200").first().select("Map")
    return worldcover.remap(CLASSES, list(range(len(CLASSES)))).rename("cover")


def samples():
    """Up to 60 pixels of each class, each with a random number."""
    stack = reflectances().addBands(cover())
    points = stack.stratifiedSample(
        numPoints=60, classBand="cover", region=VILLAGE.region(), projection=VILLAGE.projection(), seed=7
    )
    return points.randomColumn("random", 7)


@pytest.fixture(scope="module")
def sklearn():
    """scikit-learn; to import it takes a second, which every process that collects tests would pay."""
    found = pytest.importorskip("sklearn", reason="random forests need the extra `learn`")
    importlib.import_module("sklearn.ensemble")
    return found


@pytest.fixture(scope="module")
def trained(sklearn):  # noqa: ARG001  the sandbox needs it
    """A forest and the samples that it has not seen."""
    training = samples().filter("random < 0.7")
    forest = ee.Classifier.smileRandomForest(numberOfTrees=30, seed=3).train(training, "cover", BANDS)
    return forest, samples().filter("random >= 0.7")


def test_samples_are_the_pixels():
    """Samples at given points have the values of the pixels there."""
    rows, cols = np.array([3, 50, 97]), np.array([10, 41, 88])
    centres = zip(VILLAGE.west + 30 * (cols + 0.5), VILLAGE.north - 30 * (rows + 0.5), strict=True)
    points = [ee.Feature(ee.Geometry.Point(list(at), VILLAGE.crs), {"n": n}) for n, at in enumerate(centres)]
    stack = reflectances().addBands(cover())
    pixels = VILLAGE.compute(stack)[rows, cols]

    sampled = stack.sampleRegions(ee.FeatureCollection(points), ["n"], projection=VILLAGE.projection())

    features = sampled.getInfo()["features"]
    found = {each["properties"]["n"]: each["properties"] for each in features}
    for n, pixel in enumerate(pixels):
        assert [found[n][name] for name in pixels.dtype.names] == pytest.approx(list(pixel.item()))


def test_the_error_matrix_counts_what_the_table_says(trained, sklearn):
    """Matrix, accuracy and kappa of unseen samples are scikit-learn's, computed from the classified table."""
    (forest, unseen), metrics = trained, sklearn.metrics
    classified = unseen.classify(forest)
    matrix = classified.errorMatrix("cover", "classification")

    table, found, accuracy, kappa = ee.List(
        [
            classified.reduceColumns(ee.Reducer.toList(2), ["cover", "classification"]).get("list"),
            matrix,
            matrix.accuracy(),
            matrix.kappa(),
        ]
    ).getInfo()

    actual, predicted = np.array(table).T
    assert found == metrics.confusion_matrix(actual, predicted).tolist()
    assert accuracy == pytest.approx(metrics.accuracy_score(actual, predicted))
    assert kappa == pytest.approx(metrics.cohen_kappa_score(actual, predicted))
    assert accuracy > 0.7


def test_the_map_agrees_with_the_land_cover(trained, sklearn):
    """Seven pixels of ten have the class of the land-cover map: as many as scikit-learn's own forest gets right."""
    forest, _ = trained

    found = VILLAGE.compute(reflectances().classify(forest).addBands(cover()).addBands(reflectances()))

    actual = found["cover"].ravel()
    pixels = np.array([found[band].ravel() for band in BANDS]).T
    lots = np.random.default_rng(7)
    taught = np.concatenate([lots.permutation(np.flatnonzero(actual == each))[:42] for each in range(len(CLASSES))])
    own = (
        sklearn.ensemble.RandomForestClassifier(30, random_state=0).fit(pixels[taught], actual[taught]).predict(pixels)
    )
    assert set(np.unique(found["classification"])) == set(range(len(CLASSES)))
    agreement = np.mean(found["classification"].ravel() == actual)
    assert agreement > 0.7
    assert agreement == pytest.approx(np.mean(own == actual), abs=0.05)

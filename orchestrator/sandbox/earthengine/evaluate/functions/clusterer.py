"""Clusterers: made, trained, and applied to tables and images."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from orchestrator.sandbox.earthengine.evaluate import learning_forms, pixel_types
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.classifier import predicted
from orchestrator.sandbox.earthengine.evaluate.images import common_support, default_band
from orchestrator.sandbox.earthengine.evaluate.learning import Clusterer, Training, inputs_of, rows_of
from orchestrator.sandbox.earthengine.evaluate.learning_limits import expect_count, expect_range
from orchestrator.sandbox.earthengine.evaluate.nodes import PointwiseNode
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.tiles import Tile
from orchestrator.sandbox.earthengine.evaluate.values import Collection, Feature, Image, with_properties


def _euclidean(name: str, metric: str) -> None:
    if metric != "Euclidean":
        raise not_imitated(f"{name} with the distance function {metric}")


@function("Clusterer.wekaKMeans")
def k_means(
    count: int,
    start: int,
    canopies: bool,
    candidates: int,
    pruning: int,
    density: int,
    t1: float,
    t2: float,
    metric: str,
    rounds: int | None,
    ordered: bool,
    fast: bool,
    seed: int,
) -> Clusterer:
    """Make k means from random centres (0) or those of k-means++ (1)."""
    del candidates, pruning, density, t1, t2, ordered, fast  # of canopies, and of speed alone
    _euclidean("Clusterer.wekaKMeans", metric)
    if canopies or start not in {0, 1}:
        raise not_imitated(f"Clusterer.wekaKMeans with the initialization {start} or canopies")
    expect_count("Clusterer.wekaKMeans", "nClusters", count)
    return learning_forms.k_means("Clusterer.wekaKMeans", range(count, count + 1), rounds, seed, spread=start == 1)


@function("Clusterer.wekaCascadeKMeans")
def cascade(
    least: int, most: int, restarts: int, manual: bool, spread: bool, metric: str, rounds: int | None
) -> Clusterer:
    """Make k means of the number of clusters that Caliński and Harabasz's criterion chooses."""
    del restarts
    _euclidean("Clusterer.wekaCascadeKMeans", metric)
    if manual:
        raise not_imitated("Clusterer.wekaCascadeKMeans with 'manual'")
    expect_range("Clusterer.wekaCascadeKMeans", least, most)
    return learning_forms.k_means("Clusterer.wekaCascadeKMeans", range(least, most + 1), rounds, 10, spread=spread)


@function("Clusterer.wekaXMeans")
def x_means(
    least: int,
    most: int,
    rounds: int,
    inner: int,
    children: int,
    tree: bool,
    cutoff: float,
    metric: str,
    seed: int,
) -> Clusterer:
    """Make k means of the number of clusters that Bayes' information criterion chooses."""
    del rounds, children, tree, cutoff  # of the search, which looks at every number here
    _euclidean("Clusterer.wekaXMeans", metric)
    expect_range("Clusterer.wekaXMeans", least, most)
    return learning_forms.k_means("Clusterer.wekaXMeans", range(least, most + 1), inner, seed, spread=True, bic=True)


@function("Clusterer.train")
def train(
    clusterer: Clusterer, features: Collection, inputs: list[Any] | None, fraction: float, seed: int
) -> Clusterer:
    names = inputs_of("Clusterer.train", features, inputs)
    return replace(clusterer, schema=names, training=Training(features, names, None, fraction, seed))


@function("Clusterer.schema")
def schema(clusterer: Clusterer) -> list[str] | None:
    return None if clusterer.schema is None else list(clusterer.schema)


@function("FeatureCollection.cluster")
def cluster_features(features: Collection, clusterer: Clusterer, name: str) -> Collection:
    def produce() -> list[Feature]:
        elements = features.elements()
        if clusterer.schema is None:
            raise EvaluationError(f"{clusterer.name}: The clusterer has not been trained.")
        if not elements:
            return []
        found = clusterer.predict(rows_of(elements, clusterer.schema))
        return [with_properties(each, {name: int(value)}) for each, value in zip(elements, found, strict=True)]

    return features.derived(produce)


@function("Image.cluster")
def cluster_image(image: Image, clusterer: Clusterer, name: str) -> Image:
    if clusterer.schema is None:
        raise EvaluationError(f"{clusterer.name}: The clusterer has not been trained.")
    missing = [each for each in clusterer.schema if image.band(each) is None]
    if missing:
        raise EvaluationError(f"Image.cluster: The image lacks the bands {missing} of the clusterer's schema.")
    bands = [band for each in clusterer.schema if (band := image.band(each)) is not None]
    nodes = [band.node for band in bands]
    node = PointwiseNode(partial(_clustered, clusterer=clusterer), nodes, common_support(*nodes))
    return image.with_bands([default_band(name, node, pixel_types.NAMED_TYPES["int32"], bands[0])])


def _clustered(*tiles: Tile, clusterer: Clusterer) -> Tile:
    return predicted(tiles, clusterer.predict)

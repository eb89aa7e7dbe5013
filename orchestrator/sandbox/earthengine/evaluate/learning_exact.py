"""Classifiers that are defined to the last digit: distances to class means, trees given as text, regions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.learning import (
    CLASSIFICATION,
    RAW,
    REGRESSION,
    Classifier,
    Labels,
    Learned,
    Rows,
)
from orchestrator.sandbox.earthengine.evaluate.values import number_in

# A node of a tree as R prints it: `node), split, n, deviance, yval`, with a star behind a leaf.
_NODE = re.compile(
    r"^\s*(?P<id>\d+)\)\s*(?:(?P<root>root)|(?P<name>\S+?)\s*(?P<sign><=|>=|<|>)\s*(?P<bound>[-+.\deE]+))"
    r"\s+\S+\s+\S+\s+(?P<value>\S+)"
)
_ROOT = re.compile(r"^\s*1\)\s*root\b")
_SIGNS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


def minimum_distance(metric: str, nearest: int) -> Classifier:
    """
    Make a classifier by the distance from class means.

    Raises:
        NotImitatedError: For Mahalanobis' distance: whether classes share a covariance is not told.
        EvaluationError: If the metric is unknown.
    """
    name = "Classifier.minimumDistance"
    if metric == "mahalanobis":
        raise not_imitated(f"{name} with the metric 'mahalanobis'")
    if metric not in {"euclidean", "cosine", "manhattan"}:
        raise EvaluationError(f"{name}: Unknown metric: '{metric}'.")
    if nearest != 1:
        raise not_imitated(f"{name} with 'kNearest' {nearest}")

    def fit(rows: Rows, labels: Labels, mode: str) -> Learned:
        classes = np.unique(labels)
        means = np.array([rows[labels == each].mean(axis=0) for each in classes])

        def predict(asked: Rows) -> NDArray[Any]:
            distances = _distances(asked, means, metric)
            if mode == RAW:
                return distances
            return np.asarray(distances.min(axis=1) if mode == REGRESSION else classes[distances.argmin(axis=1)])

        return Learned(predict)

    return Classifier(name, fit, frozenset({CLASSIFICATION, REGRESSION, RAW}))


def _distances(rows: Rows, means: Rows, metric: str) -> NDArray[np.float64]:
    """Give (row, mean)."""
    if metric == "cosine":
        lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(means, axis=1)[None, :]
        cosine = np.divide(rows @ means.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return np.asarray(np.arccos(np.clip(cosine, -1, 1)))
    columns = []
    for mean in means:
        off = rows - mean
        columns.append(np.abs(off).sum(axis=1) if metric == "manhattan" else np.sqrt((off**2).sum(axis=1)))
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class _Split:
    name: str
    sign: str
    bound: float
    value: float


@dataclass(frozen=True, slots=True)
class Tree:
    """A binary tree: nodes by number, the children of n are 2 n and 2 n + 1; the root has no split."""

    root: float
    nodes: dict[int, _Split]

    def predict(self, columns: dict[str, Labels], count: int) -> Labels:
        """Give the value of the leaf that each row comes to."""
        found = np.full(count, self.root)
        waiting = [(child, np.ones(count, np.bool_)) for child in (2, 3)]
        while waiting:
            number, here = waiting.pop()
            node = self.nodes.get(number)
            if node is None:
                continue
            inside = here & _SIGNS[node.sign](columns[node.name], node.bound)
            found[inside] = node.value
            waiting += [(child, inside) for child in (2 * number, 2 * number + 1)]
        return found


def _unreadable(name: str, line: str) -> EvaluationError:
    return EvaluationError(f"{name}: Cannot read the node '{line.strip()}' of the tree.")


def _add(trees: list[Tree], node: re.Match[str]) -> None:
    """Add a node to the last tree, or begin the next one with its root."""
    if node["root"]:
        trees.append(Tree(float(node["value"]), {}))
    else:
        trees[-1].nodes[int(node["id"])] = _Split(
            node["name"], node["sign"], float(node["bound"]), float(node["value"])
        )


def trees_in(name: str, text: str) -> list[Tree]:
    """
    Read trees in R's text format.

    Raises:
        EvaluationError: If a line that begins with a number is no node, or there is no root.
    """
    trees: list[Tree] = []
    for line in text.splitlines():
        if not re.match(r"\s*\d+\)", line):
            continue  # R's headings
        node = _NODE.match(line)
        if node is None or (_ROOT.match(line) is None and not trees):
            raise _unreadable(name, line)
        try:
            _add(trees, node)
        except ValueError:
            raise _unreadable(name, line) from None
    if not trees:
        raise EvaluationError(f"{name}: No tree was found in the text.")
    return trees


def decision_trees(name: str, texts: Sequence[str]) -> Classifier:
    """Make a classifier of trees: of several, the class that most of them give, the least of equally many."""
    trees = [tree for text in texts for tree in trees_in(name, text)]
    names = tuple(dict.fromkeys(node.name for tree in trees for node in tree.nodes.values()))

    def fit(rows: Rows, labels: Labels, mode: str) -> Learned:
        del rows, labels, mode

        def predict(asked: Rows) -> NDArray[Any]:
            columns = dict(zip(names, asked.T, strict=True))
            votes = np.stack([tree.predict(columns, len(asked)) for tree in trees])
            values = np.unique(votes)
            counts = np.stack([(votes == value).sum(axis=0) for value in values])
            return np.asarray(values[counts.argmax(axis=0)])

        return Learned(predict)

    return Classifier(name, fit, frozenset({CLASSIFICATION}), schema=names)


def spectral_region(coordinates: Sequence[Any], schema: Sequence[str] | None) -> Classifier:
    """
    Make a classifier that is 1 where a pair of inputs lies in a polygon, by the number of edges on the way out.

    Raises:
        EvaluationError: If the rings are no lists of pairs, or the schema has not two names.
    """
    name = "Classifier.spectralRegion"
    names = tuple(schema) if schema else ("u", "v")
    if len(names) != 2:
        raise EvaluationError(f"{name}: The schema must have 2 names, found {list(names)}.")
    rings = [np.array([number_in(name, value) for value in ring]) for ring in coordinates if isinstance(ring, list)]
    if len(rings) != len(coordinates) or any(len(ring) % 2 or len(ring) < 6 for ring in rings):
        raise EvaluationError(f"{name}: Each ring must be a list of at least 3 pairs of coordinates.")

    def fit(rows: Rows, labels: Labels, mode: str) -> Learned:
        del rows, labels, mode

        def predict(asked: Rows) -> NDArray[Any]:
            crossings = sum(_crossings(asked[:, 0], asked[:, 1], ring.reshape(-1, 2)) for ring in rings)
            return np.asarray(crossings) % 2

        return Learned(predict)

    return Classifier(name, fit, frozenset({CLASSIFICATION}), schema=names)


def _crossings(u: Labels, v: Labels, ring: Rows) -> NDArray[np.int64]:
    """Count the edges that a ray from (u, v) towards growing u crosses."""
    count = np.zeros(u.shape, np.int64)
    for (u0, v0), (u1, v1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if v0 == v1:
            continue
        spans = (v0 > v) != (v1 > v)
        count += spans & (u < u0 + (v - v0) / (v1 - v0) * (u1 - u0))
    return count

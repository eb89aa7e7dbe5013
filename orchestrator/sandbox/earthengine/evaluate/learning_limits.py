"""What the parameters of classifiers and clusterers may be, told before anything is learned."""

from __future__ import annotations

import math

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated

_SEEDS = 2**32


def expect_count(name: str, parameter: str, value: float | None, least: int = 1) -> None:
    """
    Refuse a number of things that is too small; null is no limit.

    Raises:
        EvaluationError: With the value found.
    """
    if value is not None and value < least:
        raise EvaluationError(f"{name}: '{parameter}' must be at least {least}, found {value}.")


def expect_leaves(name: str, nodes: int | None) -> None:
    """
    Refuse a limit of leaves that is none.

    Raises:
        EvaluationError: If it is not positive.
        NotImitatedError: For a tree of a single leaf.
    """
    expect_count(name, "maxNodes", nodes)
    if nodes == 1:
        raise not_imitated(f"{name} with 'maxNodes' 1")


def expect_share(name: str, parameter: str, value: float) -> None:
    """
    Refuse a share that is not within (0, 1].

    Raises:
        EvaluationError: With the value found.
    """
    if not 0 < value <= 1:
        raise EvaluationError(f"{name}: '{parameter}' must be within (0, 1], found {value}.")


def expect_number(name: str, parameter: str, value: float | None, *, positive: bool) -> None:
    """
    Refuse a number that is negative (or zero, with `positive`), or not finite; null is a default.

    Raises:
        EvaluationError: With the value found.
    """
    if value is None:
        return
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        wanted = "positive" if positive else "0 or positive"
        raise EvaluationError(f"{name}: '{parameter}' must be {wanted}, found {value}.")


def expect_range(name: str, least: int, most: int) -> None:
    """
    Refuse numbers of clusters among which there is none.

    Raises:
        EvaluationError: With the values found.
    """
    expect_count(name, "minClusters", least)
    if most < least:
        raise EvaluationError(f"{name}: 'maxClusters' must be at least 'minClusters', found {most} and {least}.")


def folded(seed: int) -> int:
    """Give a seed that the generator of chance takes: every whole number is one."""
    return seed % _SEEDS

"""From scenes to the axis of time: those of one satellite and solar day are one moment, in a stated order."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from orchestrator.core.errors import UserError
from orchestrator.model.scene import Scene

# How scenes of one moment are ordered: the first that has a value gives the pixel.
ORDERS = ("most-overlap", "clearest", "first")


def _rank(order: str) -> Callable[[Scene], tuple[float, int, str]]:
    """Return what scenes of one moment are sorted by; equal ones by time, then by name."""

    def rank(one: Scene) -> tuple[float, int, str]:
        number = {"most-overlap": -one.overlap, "clearest": one.cloud, "first": 0.0}[order]
        return (math.inf if math.isnan(number) else number, one.time_ms, one.asset)

    return rank


def grouped(scenes: Iterable[Scene], order: str, *, apart: bool = False) -> tuple[tuple[Scene, ...], ...]:
    """
    Return the scenes of each moment, in the order in which they win, moments by time.

    Args:
        scenes: In any order.
        order: One of ORDERS.
        apart: Every scene is a moment of its own.

    Raises:
        UserError: One image stands there twice, or the order is unknown.
    """
    if order not in ORDERS:
        raise UserError(f"order {order!r} is unknown; choose one of {', '.join(ORDERS)}")
    found: dict[tuple[str, ...], list[Scene]] = defaultdict(list)
    seen: set[str] = set()
    for scene in scenes:
        if scene.asset in seen:
            raise UserError(f"image {scene.asset} stands twice among the scenes; leave one out")
        seen.add(scene.asset)
        found[(scene.asset,) if apart else (scene.solar_day, scene.satellite)].append(scene)
    moments = [tuple(sorted(group, key=_rank(order))) for group in found.values()]
    return tuple(sorted(moments, key=lambda group: (taken(group), group[0].satellite, group[0].asset)))


def taken(group: Sequence[Scene]) -> int:
    """Return when the first scene of a moment was taken, milliseconds since 1970."""
    return min(scene.time_ms for scene in group)

"""Faults of services that are drawn: which of the calls to come go wrong, and how."""

from __future__ import annotations

import math
import random
from typing import Any

FAULTS: tuple[dict[str, Any], ...] = (
    {"action": "http", "status": 503},
    {"action": "http", "status": 429},
    {"action": "reset"},
    {"action": "truncate"},
)


def drawn(chance: random.Random, share: float, count: int) -> list[dict[str, Any]]:
    """
    Return orders of so many faults, each of one call of any method, in their order.

    Each call goes wrong with the probability `share`, above 0 and below 1, whatever became of those before it: what
    lies between two faults is drawn from the geometric distribution.
    """
    at, orders = -1, []
    for before in range(count):
        at += 1 + int(chance.expovariate(1) / -math.log1p(-share))
        orders.append({**chance.choice(FAULTS), "skip": at - before})  # a call goes to one order only
    return orders

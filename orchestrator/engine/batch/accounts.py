"""What operations have cost, counted once, whichever run or process they were begun by."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence

from orchestrator.core.clock import Clock, quota_month
from orchestrator.engine.stores.contract import Costs
from orchestrator.model.batch import Operation


class Accounts:
    """
    Counts the costs that lists of operations tell, also of attempts that were given up; safe from several threads.

    Attempts are recognised by their descriptions. What the last list told already is not handed to the store again.
    """

    def __init__(self, usage: Costs, clock: Clock) -> None:
        self._usage = usage
        self._clock = clock
        self._told: Mapping[str, float] = {}
        self._lock = threading.Lock()

    def hear(self, operations: Sequence[Operation]) -> None:
        """Count what is new in a list, or in the answer for one operation."""
        told: defaultdict[str, float] = defaultdict(float)
        for operation in operations:  # of two operations of one attempt, both have cost
            told[operation.description] += operation.eecu_seconds
        with self._lock:
            news = {
                description: spent for description, spent in told.items() if spent > self._told.get(description, 0.0)
            }
            if news:
                self._usage.count(news, quota_month(self._clock.now()))
            self._told = told

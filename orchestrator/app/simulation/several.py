"""
Many runs that share what there is: the cells of an area that is too large for one raster, or one job done many times.

One of them is simulated, the largest; what the others take grows with the pixels they ask for. Together they take what
the busiest thing takes for all of them, and what of one run no other can fill: its beginning and its end. A daemon
carries so many of them at once, `[serve] slots`; with one at a time, one comes after the other. This is modelled: no
turns, priorities or deadlines of the daemon are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.app.simulation.bounds import ResourceUse, resource_uses
from orchestrator.app.simulation.simulator import SimulatedRun


@dataclass(frozen=True, slots=True)
class RunSeries:
    """
    Runs that share what there is.

    Attributes:
        run: All of them: sums, and the makespan from the first command to the last result.
        uses: How busy everything was.
        count: How many runs.
    """

    run: SimulatedRun
    uses: tuple[ResourceUse, ...]
    count: int


def simulate_series(largest: SimulatedRun, weights: Sequence[float], at_once: int) -> RunSeries:
    """
    Return many runs as one.

    Args:
        largest: The one that was simulated, of weight 1.
        weights: Of all, it included: how much each asks for, as a share of what it asks for.
        at_once: Runs that are carried at a time.
    """
    total, uses = sum(weights), resource_uses(largest)
    if len(weights) == 1:
        return RunSeries(largest, uses, 1)
    bound = max((use.busy_seconds / use.places for use in uses), default=0.0)
    alone = [largest.makespan - bound * (1 - weight) for weight in weights]
    makespan = max(total * bound + largest.makespan - bound, sum(alone) / at_once) if largest.makespan else 0.0
    run = replace(
        largest,
        makespan=makespan,
        pieces_done=makespan - (largest.makespan - largest.pieces_done),
        tasks=round(total * largest.tasks),
        parts=round(total * largest.parts),
        requests=round(total * largest.requests),
        eecu_seconds=total * largest.eecu_seconds,
        bytes=total * largest.bytes,
        result_bytes=total * largest.result_bytes,
        bucket_bytes=min(at_once, len(weights)) * largest.bucket_bytes,
        disk_bytes=total * largest.result_bytes + min(at_once, len(weights)) * largest.disk_bytes,
    )
    return RunSeries(run, tuple(_grown(use, total, len(weights), makespan) for use in uses), len(weights))


def _grown(use: ResourceUse, total: float, count: int, makespan: float) -> ResourceUse:
    busy, usable = use.busy_seconds * total, min(use.places, use.usable * count)
    share = busy / usable / makespan if makespan else 0.0
    return replace(use, usable=usable, busy_seconds=busy, share=share, without=makespan)

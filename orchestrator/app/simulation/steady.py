"""
Runs of very many requests: the beginning is simulated, request by request, and goes on as it was.

All requests of a run are alike to what they wait for: places, a line, a processor. Once all places are taken, so many
more requests take so much more time; two beginnings of different length tell how much. This is modelled; exports are
never counted on so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.app.simulation.costs import RunCosts
from orchestrator.app.simulation.simulator import SimulatedRun, SimulationSetting
from orchestrator.app.simulation.subject import SimulatedJob

# As many requests are simulated one by one; of more, this many and half of it.
MOST_REQUESTS = 4_000

Simulate = Callable[[SimulatedJob, RunCosts, SimulationSetting], SimulatedRun]


def simulate_long(
    subject: SimulatedJob, costs: RunCosts, around: SimulationSetting, simulate: Simulate
) -> SimulatedRun:
    """Simulate a run; one of more requests than `MOST_REQUESTS` by its beginning."""
    count = len(subject.units)
    if count <= MOST_REQUESTS:
        return simulate(subject, costs, around)
    longer = simulate(_begun(subject, MOST_REQUESTS), costs, around)
    shorter = simulate(_begun(subject, MOST_REQUESTS // 2), costs, around)
    if longer.held:
        return longer
    return _gone_on(shorter, longer, (count - MOST_REQUESTS) / (MOST_REQUESTS - MOST_REQUESTS // 2), count)


def _begun(subject: SimulatedJob, count: int) -> SimulatedJob:
    """Return a job of so many of its requests, taken evenly: their sizes are those of all."""
    step = len(subject.units) / count
    return replace(subject, units=tuple(subject.units[int(number * step)] for number in range(count)))


def _gone_on(shorter: SimulatedRun, longer: SimulatedRun, times: float, count: int) -> SimulatedRun:
    def onward(name: str) -> float:
        low, high = getattr(shorter, name), getattr(longer, name)
        return float(high + (high - low) * times)

    return replace(
        longer,
        makespan=onward("makespan"),
        pieces_done=onward("pieces_done"),
        requests=count,
        eecu_seconds=onward("eecu_seconds"),
        bytes=onward("bytes"),
        result_bytes=onward("result_bytes"),
        disk_bytes=onward("disk_bytes"),
        stretched=onward("makespan") / longer.makespan,
    )

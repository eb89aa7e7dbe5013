"""What twice of a thing would help: the run, simulated once more with twice of it."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.app.simulation.bounds import ResourceUse, resource_uses
from orchestrator.app.simulation.costs import RunCosts
from orchestrator.app.simulation.simulator import SimulatedRun, SimulationSetting
from orchestrator.app.simulation.steady import Simulate, simulate_long
from orchestrator.app.simulation.subject import SimulatedJob

# What was busy for less of the time helps less, doubled, than costs are known.
LEAST_SHARE = 0.25


def uses_with_twice(
    subject: SimulatedJob, costs: RunCosts, around: SimulationSetting, run: SimulatedRun, simulate: Simulate
) -> tuple[ResourceUse, ...]:
    """Return how busy everything was in `run`, and how long it takes with twice of what was busy and can be had."""

    def seen(use: ResourceUse) -> ResourceUse:
        twice = None if run.held or use.share < LEAST_SHARE else _twice(use.name, costs, around)
        if twice is None:
            return use
        return replace(use, without=min(run.makespan, simulate_long(subject, *twice, simulate).makespan))

    return tuple(seen(use) for use in resource_uses(run))


def _twice(name: str, costs: RunCosts, around: SimulationSetting) -> tuple[RunCosts, SimulationSetting] | None:
    """Return costs and surroundings with twice of a thing; None of what there is one of: the end of a run."""
    match name:
        case "exports":
            return costs, replace(around, slots=2 * around.slots)
        case "requests":
            direct = around.direct
            twice = replace(direct, at_once=2 * direct.at_once, per_second=2 * direct.per_second)
            return costs, replace(around, direct=twice)
        case "line":
            return costs.but(bandwidth=2 * costs.bandwidth), around
        case "placing":
            halves = {"place_seconds_per_gb": costs.place_seconds_per_gb / 2, "unit_seconds": costs.unit_seconds / 2}
            return costs.but(**halves), around
        case _:
            return None

"""What a simulation tells: of one run, or of many alike that share what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator.app.simulation.bounds import Limit, ResourceUse
from orchestrator.app.simulation.costs import KnownCosts
from orchestrator.app.simulation.machines import Occupation
from orchestrator.app.simulation.simulator import SimulatedRun
from orchestrator.model.eecu import HOUR

SLOTS = 60
_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Strip:
    """How much of something was taken over time: the share of its places, 0 to 1, in equal pieces of the makespan."""

    name: str
    shares: tuple[float, ...]

    def drawn(self) -> str:
        """Return it as a row of bars."""
        return "".join(_BARS[min(8, round(share * 8))] for share in self.shares)


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """
    What became of a simulation.

    Attributes:
        base_name: Of the job.
        runs: How many runs were simulated as one; more than one where the job is cut into cells, or done many times.
        workers: Machines.
        slots: Exports at once.
        run: How it went; of several runs the sums, with the makespan of all.
        uses: How busy everything was, the busiest first.
        limits: What gives way when the job grows, the first first.
        strips: How busy everything was over time.
        pixels: That exports and requests ask for.
        known: The costs, and where they are from.
        notes: What a person should know, a sentence each.
        picture: Where it was drawn; None where it was not.
    """

    base_name: str
    runs: int
    workers: int
    slots: int
    run: SimulatedRun
    uses: tuple[ResourceUse, ...]
    limits: tuple[Limit, ...]
    strips: tuple[Strip, ...]
    pixels: int
    known: KnownCosts
    notes: tuple[str, ...] = ()
    picture: Path | None = None

    def facts(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        run = self.run
        return {
            "base_name": self.base_name,
            "runs": self.runs,
            "workers": self.workers,
            "slots": self.slots,
            "makespan_seconds": round(run.makespan, 3),
            "pieces_done_seconds": round(run.pieces_done, 3),
            "held": run.held,
            "tasks": run.tasks,
            "parts": run.parts,
            "requests": run.requests,
            "pixels": self.pixels,
            "eecu_hours": round(run.eecu_seconds / HOUR, 6),
            "bytes": round(run.bytes),
            "result_bytes": round(run.result_bytes),
            "bucket_bytes": round(run.bucket_bytes),
            "disk_bytes": round(run.disk_bytes),
            "resources": [asdict(use) for use in self.uses],
            "limits": [_limit_facts(limit) for limit in self.limits],
            "timeline": [{"name": strip.name, "shares": [round(s, 3) for s in strip.shares]} for strip in self.strips],
            "costs": self.known.facts(),
            "notes": list(self.notes),
            "picture": str(self.picture) if self.picture else "",
        }


def _limit_facts(limit: Limit) -> dict[str, Any]:
    at = limit.at_times
    return {**asdict(limit), "at_times": round(at, 6) if at != float("inf") else None}


def strips_of(occupations: Sequence[Occupation], makespan: float, slots: int = SLOTS) -> tuple[Strip, ...]:
    """Return how busy everything was, in so many equal pieces of time; the bucket by its own fullest."""
    return tuple(Strip(one.name, _shares(one, makespan, slots)) for one in occupations if one.changes)


def _shares(one: Occupation, makespan: float, slots: int) -> tuple[float, ...]:
    width = makespan / slots if makespan else 1.0
    sums = [0.0] * slots
    ends = [*(change.at for change in one.changes[1:]), makespan]
    for change, end in zip(one.changes, ends, strict=True):
        first, last = int(change.at / width), min(slots - 1, int(end / width))
        for slot in range(first, last + 1):
            inside = min(end, (slot + 1) * width) - max(change.at, slot * width)
            sums[slot] += max(0.0, inside) * change.taken
    whole = one.places or max(change.taken for change in one.changes) or 1.0
    return tuple(total / width / whole for total in sums)

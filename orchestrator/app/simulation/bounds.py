"""What holds a simulated run up, what would help, and what breaks first when the job grows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.app.simulation.simulator import SimulatedRun, SimulationSetting
from orchestrator.app.simulation.subject import SimulatedJob
from orchestrator.core.units import format_bytes
from orchestrator.model.eecu import format_hours

# Where several COGs serve better than one: a COG of 20 Gpx has 305,000 blocks of each level's first, and 5 MB of
# offsets that every reader fetches first.
MOST_COG_PIXELS = 20_000_000_000
# Cloud Storage, "Quotas and limits": the largest object is 5 TiB.
MOST_OBJECT_BYTES = 5 * 2**40
# Earth Engine, "Processing environments": a task lives for ten days at most.
MOST_TASK_SECONDS = 10 * 86_400.0


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """
    How busy a kind of thing was in a run.

    Attributes:
        name: Of the kind: `exports`, `requests`, `line`, `placing`, `finishing`.
        places: How many there are of it.
        usable: How many of them the run can use at once: one export uses one slot.
        busy_seconds: Place-seconds.
        share: Of the makespan that its usable places were busy on the average, 0 to 1.
        without: How long the run takes with twice of it, as it is simulated; the makespan where that was not.
    """

    name: str
    places: float
    usable: float
    busy_seconds: float
    share: float
    without: float


def resource_uses(run: SimulatedRun) -> tuple[ResourceUse, ...]:
    """Return how busy everything was, the busiest first; `doubling.py` tells what twice of it would help."""
    sums: dict[str, tuple[float, float]] = {}
    for one in run.occupations:
        if one.name == "bucket":
            continue
        name = one.name.rstrip(" 0123456789")
        places, busy = sums.get(name, (0.0, 0.0))
        sums[name] = places + one.places, busy + one.busy_seconds * run.stretched
    uses = [_use(name, places, busy, run) for name, (places, busy) in sums.items()]
    return tuple(sorted(uses, key=lambda use: (-use.share, use.name)))


def _use(name: str, places: float, busy: float, run: SimulatedRun) -> ResourceUse:
    pieces = run.parts + run.requests
    most = {"exports": run.tasks, "requests": run.requests, "line": pieces, "placing": pieces}.get(name, places)
    usable = max(1.0, min(places, most))
    share = busy / usable / run.makespan if run.makespan else 0.0
    return ResourceUse(name, places, usable, busy, share, run.makespan)


@dataclass(frozen=True, slots=True)
class Limit:
    """
    Something that gives way when a job grows.

    Attributes:
        name: What it is.
        used: How much of it the run takes.
        most: How much there is.
        unit: Of both.
        advice: What to do about it.
    """

    name: str
    used: float
    most: float
    unit: str
    advice: str

    @property
    def at_times(self) -> float:
        """At how many times this size it gives way; below 1 it does now."""
        return self.most / self.used if self.used else float("inf")

    def told(self) -> str:
        """Say it in a sentence without an end."""
        used, most = (_written(value, self.unit) for value in (self.used, self.most))
        reach = "now" if self.at_times < 1 else f"at {_times(self.at_times)} times this size"
        return f"{self.name}, {reach}: {used} of {most}; {self.advice}"


def _times(count: float) -> str:
    """Write how many times in two or three digits, as a person reads it."""
    if count < 100:
        return f"{count:.3g}"
    rounded = float(f"{count:.2g}")
    for size, word in ((1e9, " billion"), (1e6, " million")):
        if rounded >= size:
            return f"{rounded / size:,.3g}{word}"
    return f"{rounded:,.0f}"


def _written(value: float, unit: str) -> str:
    if unit == "bytes":
        return format_bytes(value)
    return format_hours(value) + " EECU-hours" if unit == "EECU-seconds" else f"{value:,.0f} {unit}"


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """
    What there is of things that a large job uses up.

    Attributes:
        disk: Bytes free where the result goes.
        tier_eecu_seconds: What the project's tier gives a month; 0 where that is not known.
    """

    disk: float
    tier_eecu_seconds: float


def breaking_limits(
    subject: SimulatedJob, run: SimulatedRun, around: SimulationSetting, room: RoomLeft
) -> tuple[Limit, ...]:
    """Return what gives way, the first first."""
    return tuple(sorted(_limits(subject, run, around, room), key=lambda limit: limit.at_times))


def _limits(subject: SimulatedJob, run: SimulatedRun, around: SimulationSetting, room: RoomLeft) -> Iterator[Limit]:
    yield Limit("the disk of one machine", run.disk_bytes, room.disk, "bytes", "cut the area into cells (--cells)")
    if room.tier_eecu_seconds:
        yield Limit(
            "the month's compute time of the project's tier",
            run.eecu_seconds,
            room.tier_eecu_seconds,
            "EECU-seconds",
            "spread it over months, or over a coarser scale, fewer months of scenes or another tier",
        )
    if around.eecu.run:
        yield Limit("the run's budget", run.eecu_seconds, around.eecu.run, "EECU-seconds", "raise [budget] eecu_hours")
    if subject.plan is not None:
        grid = subject.plan.grid
        yield Limit("one file as a COG", grid.pixels, MOST_COG_PIXELS, "pixels", "cut the area into cells (--cells)")
        yield Limit(
            "one object in a bucket",
            run.result_bytes * 4 / 3,
            MOST_OBJECT_BYTES,
            "bytes",
            "cut the area into cells (--cells)",
        )
    if run.longest_task > MOST_TASK_SECONDS:  # it does not grow with the area: tasks are cut by their bytes
        yield Limit(
            "an export's life of ten days", run.longest_task, MOST_TASK_SECONDS, "seconds", "take fewer months or bands"
        )

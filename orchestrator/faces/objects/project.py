"""What is told of the whole: what was used, how limits stand, how the daemon is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from orchestrator.app.heartbeat import Health
from orchestrator.app.verbs.usage import MonthReport
from orchestrator.engine.standing import LimitStanding, Standing
from orchestrator.faces.objects import JsonObject


@dataclass(frozen=True, slots=True)
class JobUseFacts:
    """
    What the runs of a job have used in a month.

    Attributes:
        job: Its name.
        eecu_hours: By kind.
        runs: EECU-hours by the run's id.
    """

    job: str
    eecu_hours: Mapping[str, float]
    runs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """
    What was used in a month, EECU-hours.

    Attributes:
        month: Such as 2026-11, by Pacific time.
        eecu_hours: All of it.
        reserved: What exports under way may use beyond that.
        budget: What all runs may use; 0 is no limit.
        tier: What the project's tier gives; 0 where that is not known.
        jobs: Those that used most first.
    """

    month: str
    eecu_hours: float
    reserved: float
    budget: float
    tier: float
    jobs: list[JobUseFacts]


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """
    One limit, in its own unit.

    Attributes:
        name: Such as `ee.tasks`, `ee.requests`, `gcs.bytes`.
        allowed: How much at once now.
        used: What is under way.
        resume: When a pause ends, RFC 3339, UTC; empty where there is none.
        why: What the service said when it asked for it.
        throttled: How often in a row it has asked for less.
    """

    name: str
    allowed: float
    used: float
    resume: str
    why: str
    throttled: int


@dataclass(frozen=True, slots=True)
class LimitsFacts:
    """
    How the limits of the project stand.

    Attributes:
        limits: Those that were used.
        slots: Exports that Earth Engine runs at once; 0 where it has not said.
        others_queued: Exports of others of the project that wait.
        others_running: Those that run.
        restricted: Whether the project is in restricted mode.
        quota_status: Earth Engine's own words for it.
        sentences: What holds runs back now.
    """

    limits: list[LimitFacts]
    slots: int
    others_queued: int
    others_running: int
    restricted: bool
    quota_status: str
    sentences: list[str]


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """
    Whether the daemon of the state works.

    Attributes:
        healthy: Whether it was heard of lately.
        because: A sentence about it.
        ready: Whether it takes work, too.
        heartbeat_age_seconds: Since it was heard of; null where there is none.
    """

    healthy: bool
    because: str
    ready: bool
    heartbeat_age_seconds: float | None


@dataclass(frozen=True, slots=True)
class DaemonFacts:
    """
    What a daemon says of itself.

    Attributes:
        version: Of the program.
        busy: Runs in slots.
        waiting: Runs that have not ended.
        troubles: Of jobs, by name.
    """

    version: str | None
    busy: int | None
    waiting: int | None
    troubles: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class MetricsFacts:
    """How everything stands in numbers. `text` is the page as Prometheus reads it."""

    text: str


def usage_facts(told: MonthReport) -> JsonObject:
    """Return what was used in a month."""
    jobs = [JobUseFacts(one.job, dict(one.kinds), dict(one.runs)) for one in told.jobs]
    return asdict(UsageFacts(told.month, told.hours, told.reserved, told.budget, told.tier, jobs))


def limits_facts(stands: Standing, now: float) -> JsonObject:
    """Return how the limits of the project stand at `now`, seconds since 1970."""
    told = LimitsFacts(
        [_limit(one) for one in stands.limits.values()],
        stands.slots,
        stands.others_queued,
        stands.others_running,
        stands.restricted,
        stands.quota_status,
        [*stands.sentences(now)],
    )
    return asdict(told)


def _limit(one: LimitStanding) -> LimitFacts:
    resume = datetime.fromtimestamp(one.resume, UTC).isoformat(timespec="seconds") if one.resume else ""
    return LimitFacts(one.name, one.allowed, one.used, resume, one.why, one.throttled)


def health_facts(found: Health) -> JsonObject:
    """Return how the daemon is; its own words only where one was heard of."""
    age = None if found.age_seconds is None else round(found.age_seconds, 1)
    told = asdict(HealthFacts(found.alive, found.because, found.ready, age))
    if not found.facts:
        return told
    return told | {name: found.facts.get(name) for name in DaemonFacts.__slots__}

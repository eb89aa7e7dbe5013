"""How the limits of the project stand, for those who show them: `status`, `why`, a page, metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from orchestrator.core.units import format_count, format_seconds
from orchestrator.engine.stores.contract_limits import SharedLimits
from orchestrator.engine.stores.limit_records import Grant, LimitRow
from orchestrator.engine.stores.sharing import OTHERS_QUEUED, OTHERS_RUNNING, QUEUE_TASKS, RESTRICTED, SLOTS, live_limit

# Names of limits; each has its own unit.
TASKS = "ee.tasks"
REQUESTS = "ee.requests"
BYTES = "gcs.bytes"
LOCAL = "local.bytes"
DOWNLOADS = "downloads"
SESSIONS = "copernicus.sessions"
CATALOGUE = "copernicus.requests"
# Facts of the limit of tasks, beside those of `sharing`.
SEEN_AT, QUOTA_STATUS, QUOTA_AT, SLOTS_AT = "seen_at", "quota_status", "quota_at", "slots_at"


@dataclass(frozen=True, slots=True)
class LimitStanding:
    """
    One limit.

    Attributes:
        name: Such as `ee.requests`.
        allowed: How much at once now, in its own unit: tasks, requests, bytes.
        used: What holders have under way.
        holders: What each of them has: processes, or runs.
        resume: A pause ends then, seconds since 1970; 0 where there is none now.
        why: What the service said when it asked for the pause.
        throttled: How often in a row it has asked for fewer.
        updated: When something of it was last written, seconds since 1970.
    """

    name: str
    allowed: float
    used: float
    holders: Mapping[str, float]
    resume: float
    why: str
    throttled: int
    updated: float


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How the limits of the project stand.

    Attributes:
        limits: By their names; those that were never used are left out. `used` of the tasks is `live`.
        live: Live tasks of each run of this state.
        slots: Tasks that the service runs at once, 0 where it has not said.
        others_queued: Tasks of others of the project that wait in the service's queue.
        others_running: Those that run.
        seen_at: When the service last listed them, seconds since 1970; 0 is never.
        restricted: Whether the project is in restricted mode, where a few tasks a day begin.
        quota_status: The service's own words for it.
        quota_at: When they were last heard, seconds since 1970; 0 is never.
    """

    limits: Mapping[str, LimitStanding]
    live: Mapping[str, int]
    slots: int = 0
    others_queued: int = 0
    others_running: int = 0
    seen_at: float = 0.0
    restricted: bool = False
    quota_status: str = ""
    quota_at: float = 0.0

    def sentences(self, now: float) -> Iterator[str]:
        """Yield what holds tasks and requests back, for people; nothing where nothing does."""
        if self.restricted:
            heard = datetime.fromtimestamp(self.quota_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
            yield (
                f"The Earth Engine project is in restricted mode ({self.quota_status}, last heard {heard}): tasks "
                "start a few a day, and few are handed over; a higher tier ends it at once, else the next month."
            )
        for limit in self.limits.values():
            if limit.resume > now:
                wait = format_seconds(limit.resume - now)
                yield f"{limit.name}: paused for {wait} more; the service said: {limit.why.rstrip('. ')}."
        if self.others_queued + self.others_running:
            count = format_count(self.others_queued + self.others_running, "task")
            yield f"Others of the project have {count} in Earth Engine, {self.others_running} of them running."
        if self.others_queued + self.others_running + sum(self.live.values()) >= QUEUE_TASKS:
            yield f"Earth Engine's queue of {QUEUE_TASKS} tasks is full: tasks are handed over as others end."


def standing(
    store: SharedLimits,
    live: Mapping[str, int],
    live_tasks: int,
    now: float,
    scopes: Mapping[str, str] = MappingProxyType({}),
) -> Standing:
    """
    Return how the limits stand.

    Args:
        store: Where they are kept.
        live: Live tasks of each run (`store.tasks.live()`).
        live_tasks: The setting; 0 is as many as the service's slots ask for.
        now: Seconds since 1970.
        scopes: What the names of limits end with, by the word that they begin with; they are shown without.
    """
    rows, held = _in_scope(*store.all(), scopes)
    known = {row.name: row for row in rows}
    names = sorted({*known, *(grant.name for grant in held)})
    limits = {name: _one(known.get(name), name, held, now) for name in names}
    row = known.get(TASKS)
    if row is not None:
        limits[TASKS] = _tasks(row, limits[TASKS], live, live_tasks)
    facts = row.facts if row else {}
    return Standing(
        limits,
        live,
        slots=int(facts.get(SLOTS) or 0),
        others_queued=int(facts.get(OTHERS_QUEUED, 0)),
        others_running=int(facts.get(OTHERS_RUNNING, 0)),
        seen_at=float(facts.get(SEEN_AT, 0.0)),
        restricted=bool(facts.get(RESTRICTED)),
        quota_status=str(facts.get(QUOTA_STATUS) or ""),
        quota_at=float(facts.get(QUOTA_AT, 0.0)),
    )


def _in_scope(
    rows: Sequence[LimitRow], held: Sequence[Grant], scopes: Mapping[str, str]
) -> tuple[list[LimitRow], list[Grant]]:
    """Return what is said of the services that are meant, by plain names."""

    def plain(name: str) -> str:
        first, at, scope = name.partition("@")
        return first if at + scope == scopes.get(first.partition(".")[0], "") else ""

    kept = [replace(row, name=plain(row.name)) for row in rows if plain(row.name)]
    return kept, [replace(grant, name=plain(grant.name)) for grant in held if plain(grant.name)]


def _one(row: LimitRow | None, name: str, held: Sequence[Grant], now: float) -> LimitStanding:
    # A process may be granted more than it has a use for; a run's bytes are what they are.
    holders = {
        grant.holder: min(grant.amount, grant.wanted) if grant.wanted else grant.amount
        for grant in held
        if grant.name == name and (grant.wanted if name == LOCAL else grant.amount or grant.wanted)
    }
    row = row or LimitRow(name, sum(holders.values()))
    resume = row.resume if row.resume > now else 0.0
    return LimitStanding(name, row.allowed, sum(holders.values()), holders, resume, row.why, row.throttled, row.updated)


def _tasks(row: LimitRow, one: LimitStanding, live: Mapping[str, int], live_tasks: int) -> LimitStanding:
    return LimitStanding(
        TASKS,
        live_limit(row, live_tasks),
        sum(live.values()),
        {run: float(count) for run, count in live.items()},
        one.resume,
        one.why,
        one.throttled,
        one.updated,
    )

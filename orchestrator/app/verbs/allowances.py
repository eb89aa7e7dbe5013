"""What all runs share, and how much of it is used: limits of the services, compute time, disks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from orchestrator.app.records import Records
from orchestrator.app.verbs.figures import DiskRoom, disks_of, nearest
from orchestrator.core.clock import quota_month
from orchestrator.engine.standing import BYTES, CATALOGUE, DOWNLOADS, REQUESTS, SESSIONS, TASKS, LimitStanding, Standing
from orchestrator.model.eecu import HOUR


@dataclass(frozen=True, slots=True)
class LimitUse:
    """
    One limit that all runs share.

    Attributes:
        name: Such as `ee.requests`.
        words: What is limited, for people.
        unit: `bytes`, `EECU-hours`, or a plural.
        used: How much is under way, or was used.
        reserved: How much more what is under way may use.
        allowed: How much may be; 0 where there is no limit.
        resume: When a pause ends, RFC 3339; empty where there is none.
        why: What the service said when it asked for it.
        throttled: How often in a row it asked for fewer.
    """

    name: str
    words: str
    unit: str
    used: float
    allowed: float
    reserved: float = 0.0
    resume: str = ""
    why: str = ""
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system with what of ours lies on it: folders as they are set, bytes free to us and in all."""

    folders: tuple[str, ...]
    free: int
    size: int
    is_low: bool


_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        TASKS: ("Export tasks in Earth Engine", "tasks"),
        REQUESTS: ("Requests to Earth Engine at once", "requests"),
        BYTES: ("Bytes of ours in the bucket", "bytes"),
        DOWNLOADS: ("Downloads at once", "downloads"),
        SESSIONS: ("Sessions of Copernicus", "sessions"),
        CATALOGUE: ("Requests to Copernicus's catalogue at once", "requests"),
    }
)


def limits_of(app: Records, standing: Standing) -> Iterator[LimitUse]:
    """Yield each limit that was ever used, and what this month has cost."""
    for name, (words, unit) in _WORDS.items():
        if limit := standing.limits.get(name):
            yield _limit(limit, words, unit)
    month, budget = quota_month(app.clock.now()), app.settings.budget
    used = app.store.usage.in_month(month)
    allowed = budget.month_eecu_hours or budget.tier_eecu_hours
    if allowed or used.used or used.reserved:
        words = f"Compute time in {month}" + ("" if budget.month_eecu_hours or not allowed else ", of the tier's")
        yield LimitUse("eecu", words, "EECU-hours", used.used / HOUR, allowed, used.reserved / HOUR)


def _limit(limit: LimitStanding, words: str, unit: str) -> LimitUse:
    resume = datetime.fromtimestamp(limit.resume, UTC).isoformat(timespec="seconds") if limit.resume else ""
    why = limit.why if resume else ""
    return LimitUse(limit.name, words, unit, limit.used, limit.allowed, 0.0, resume, why, limit.throttled)


def file_systems(app: Records) -> Iterator[Disk]:
    """Yield each file system once, with the folders that lie on it."""
    found: dict[int, tuple[list[str], DiskRoom]] = {}
    for folder, room in disks_of(app):
        try:
            device = nearest(Path(folder).expanduser()).stat().st_dev
        except OSError:  # it went away just now
            continue
        found.setdefault(device, ([], room))[0].append(folder)
    for folders, room in found.values():
        yield Disk(tuple(folders), room.free, room.size, room.free < app.settings.limits.disk_stop)

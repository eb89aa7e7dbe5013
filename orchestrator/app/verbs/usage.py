"""`usage`: what runs have cost, by month and job, beside what may be spent."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.app.records import Records
from orchestrator.core.clock import quota_month
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.work_records import UsageRow
from orchestrator.model.eecu import HOUR

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class JobUse:
    """What the runs of one job have used in a month: EECU-hours by kind, and by run."""

    job: str
    kinds: Mapping[str, float]
    runs: Mapping[str, float]

    @property
    def hours(self) -> float:
        return sum(self.kinds.values())


@dataclass(frozen=True, slots=True)
class MonthReport:
    """
    What was used in a month, EECU-hours.

    Attributes:
        month: Such as 2026-11, by Pacific time.
        jobs: Those that used most first.
        reserved: What tasks under way may use beyond that; of this month only.
        budget: What all runs may use; 0 is no limit.
        tier: What the project's tier gives; 0 where that is not known.
    """

    month: str
    jobs: tuple[JobUse, ...]
    reserved: float
    budget: float
    tier: float

    @property
    def hours(self) -> float:
        return sum(job.hours for job in self.jobs)


def report_usage(app: Records, month: str = "") -> list[MonthReport]:
    """
    Return what was used, this month first; of one month where that is given.

    Raises:
        UserError: `month` is none.
    """
    if month and not _MONTH.fullmatch(month):
        raise UserError(f"--month {month!r} is no month; write it as 2026-11")
    by_month: defaultdict[str, list[UsageRow]] = defaultdict(list)
    this = quota_month(app.clock.now())
    by_month[month or this] = []  # also where nothing was used
    for row in app.store.usage.months(month):
        by_month[row.month].append(row)
    return [_report(app, name, rows, is_now=name == this) for name, rows in sorted(by_month.items(), reverse=True)]


def _report(app: Records, month: str, rows: Sequence[UsageRow], *, is_now: bool) -> MonthReport:
    limits = app.settings.budget
    reserved = app.store.usage.in_month(month).reserved / HOUR if is_now else 0.0
    return MonthReport(month, tuple(_jobs(rows)), reserved, limits.month_eecu_hours, limits.tier_eecu_hours)


def _jobs(rows: Sequence[UsageRow]) -> list[JobUse]:
    kinds: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    runs: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        kinds[row.job_name][row.kind] += row.eecu_seconds / HOUR
        runs[row.job_name][row.run_id] += row.eecu_seconds / HOUR
    found = [JobUse(job, dict(kinds[job]), dict(runs[job])) for job in kinds]
    return sorted(found, key=lambda job: (-job.hours, job.job))

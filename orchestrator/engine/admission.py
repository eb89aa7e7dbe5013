"""How a job becomes a run: once for each date, however often it is asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Admission, Run
from orchestrator.model.job import Job


def admit(
    store: Store,
    name: str,
    job: Job,
    today: date,
    *,
    declaration: str = "",
    installation: str = "",
    again: bool = False,
    overwrite: bool = False,
    priority: int = 0,
) -> Run:
    """
    Admit a job for a day: the same declaration continues the run it has.

    `declaration` is the job's before its dates were settled, where that was done by the caller.
    """
    dated = job.dated(today)
    # The dates are settled, so a job that does not mention today is the same job tomorrow.
    logical = today.isoformat() if dated != job else ""
    declared = declaration or job.declaration()
    order = _order(name, logical, dated, declared, installation, overwrite=overwrite, priority=priority)
    return store.runs.admit(order, again=again)


def fire(
    store: Store,
    name: str,
    job: Job,
    logical_date: str,
    *,
    installation: str = "",
    overwrite: bool = False,
    priority: int = 0,
    finish_by: float = 0.0,
    triggered: bool = False,
) -> Run | None:
    """
    Admit a scheduled job for a logical date (ISO 8601, a day or a minute), once; None when it had its run.

    With `triggered`, by a person, a date that was skipped gets a run after all.
    """
    dated = job.dated(datetime.fromisoformat(logical_date).date())
    order = _order(name, logical_date, dated, f"job {name}", installation, overwrite=overwrite, priority=priority)
    return store.runs.fire(replace(order, finish_by=finish_by), triggered=triggered)


def _order(
    name: str, logical_date: str, job: Job, declaration: str, installation: str, *, overwrite: bool, priority: int
) -> Admission:
    return Admission(
        name,
        logical_date,
        job.fingerprints(),
        job.to_json(),
        declaration,
        installation,
        overwrite=overwrite,
        base_name=job.base_name,
        product=job.product,
        priority=priority,
    )

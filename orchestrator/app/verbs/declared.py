"""A job as a program declares it, the keys of a job file as a table: read, and made one job for each area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestrator.app.heartbeat import as_daemon
from orchestrator.app.scheduled import check_code
from orchestrator.config import JobTable, explain
from orchestrator.core.errors import ConfigError, UserError
from orchestrator.engine.stores.records import Run
from orchestrator.model.job import Job

if TYPE_CHECKING:
    from orchestrator.app.application import Application


@dataclass(frozen=True, slots=True)
class Declared:
    """A job as it was declared: its table, and what it asks for, one job for each of its areas."""

    table: JobTable
    jobs: tuple[Job, ...]


def declare(app: Application, content: Mapping[str, Any]) -> Declared:
    """
    Read what a job file would hold, for the services of the daemon that works on this state, where one does.

    Relative paths count from the folder of config.toml. A job that runs a Python file of the user's is one that
    nobody looks at while it begins: `[serve] allow_code` must say so, as for jobs of a schedule.

    Raises:
        UserError: It cannot be done as declared.
    """
    from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

    try:
        table = JobTable.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, "job", JobTable)) from None
    app.settings = as_daemon(app)
    job = table.job(app.config_dir, app.settings.services)
    try:
        check_code(app, job)
    except ConfigError as error:  # the settings are as their owner wants them: it is this job that they do not allow
        raise UserError(str(error)) from None
    return Declared(table, tuple(expand(job)))


def submit_declared(
    app: Application,
    content: Mapping[str, Any],
    *,
    again: bool = False,
    overwrite: bool = False,
    priority: int | None = None,
) -> list[Run]:
    """
    Hand a declared job to the daemon: a run for each of its areas; errors as `declare` and `runs.submit`.

    `priority` None is that of the declaration.
    """
    from orchestrator.app.verbs.runs import submit  # noqa: PLC0415  who only plans does not need it

    declared = declare(app, content)
    early = (declared.table.priority or None) if priority is None else priority
    return [submit(app, job, again=again, overwrite=overwrite, priority=early) for job in declared.jobs]

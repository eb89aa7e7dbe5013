"""`serve`: the daemon. Works on what is unfinished, wakes scheduled jobs, ends cleanly on SIGTERM."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rich_click as click
import structlog

from orchestrator.app import Application, expand
from orchestrator.config import JobTable
from orchestrator.core import log
from orchestrator.core.files import exclusive
from orchestrator.engine.scheduler import Clockwork, Schedule, logical_date, logical_time
from orchestrator.engine.service import Service, fire
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened


@click.command()
@service_options
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do (for a CronJob).")
@click.pass_obj
def serve(context: Context, /, until_idle: bool, **given: Any) -> int:
    """
    Work for months: scheduled jobs of config.toml, submitted jobs, and what an earlier process left unfinished.

    SIGTERM ends it cleanly: each run commits its state and goes on at the next start.
    """
    with opened(context, given, context.output()) as app:
        log.configure("debug" if context.verbose else app.settings.log.level, app.settings.log.style)
        logger = log.get("serve")
        app.notify = _logging(logger)
        app.check_service()
        with exclusive(app.settings.state_dir / "serve.lock", "this state folder's daemon"):
            logger.info("serve.started", pid=os.getpid(), state_dir=str(app.settings.state_dir))
            _work(app, until_idle=until_idle)
            logger.info("serve.stopped")
    return 0


def _work(app: Application, *, until_idle: bool) -> None:
    service = Service(
        store=app.store,
        execute=app.execution,
        lock=app.lock,
        slots=app.settings.serve.slots,
        stop=app.stop,
        notify=app.notify,
    )
    jobs = {name: table for name, table in app.settings.jobs.items() if table.cron or table.every}
    schedules = {name: Schedule(table.cron, table.every, table.timezone) for name, table in jobs.items()}
    with Clockwork(schedules, lambda name: _due(app, name, jobs[name], schedules[name])):
        _tell_systemd("READY=1")
        service.work(until_idle=until_idle)
        _tell_systemd("STOPPING=1")


def _due(app: Application, name: str, table: JobTable, schedule: Schedule) -> None:
    """Admit a job's latest scheduled time, once, whoever wakes us and however often."""
    moment = logical_time(schedule, datetime.now(UTC))
    if moment is None:
        return
    base = app.config_dir
    for job in expand(table.job(base, app.settings.service)):
        run = fire(
            app.store,
            name if job.base_name == table.base_name else job.base_name,
            job,
            logical_date(moment),
            installation=app.owner,
        )
        if run is not None:
            app.notify("run.admitted", run.id, {"job": name, "logical_date": run.logical_date})


def _logging(logger: Any) -> Any:
    """Return a listener that writes every event as one log line."""

    def listen(name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        level = "warning" if name.split(".", 1)[-1] in _LOUD else "info"
        bound: structlog.stdlib.BoundLogger = logger.bind(run=run_id)
        getattr(bound, level)(name, **facts)

    return listen


_LOUD = frozenset(
    {"held", "failed", "fault", "error", "trouble", "doubt", "objects_missing", "over_threshold", "unknown_state"}
)


def _tell_systemd(state: str) -> None:
    """Tell systemd (Type=notify) where we are; elsewhere this does nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)

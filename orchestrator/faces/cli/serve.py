"""`serve`: the daemon. Works on what is unfinished, wakes scheduled jobs, ends cleanly on SIGTERM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rich_click as click

from orchestrator.app.verbs import daemon
from orchestrator.core import log
from orchestrator.core.errors import ConfigError, PermanentError, Stopped, TransientError
from orchestrator.faces.cli.exits import WAITS_FOR_PERSON
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened


@click.command()
@service_options
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do (for a CronJob).")
@click.pass_obj
def serve(context: Context, /, until_idle: bool, **given: Any) -> int:
    """
    Work for months: scheduled jobs of config.toml, submitted jobs, and what an earlier process left unfinished.

    SIGTERM ends it cleanly: each run commits its state and goes on at the next start. With --until-idle the exit code
    tells the worst that is left: 1 a run failed, 4 a job or a setting is wrong, 3 a run waits for a person, 5 one is
    to be tried later, 130 stopped before the end.
    """
    with opened(context, given, context.output()) as app:
        log.configure("debug" if context.verbose else app.settings.log.level, app.settings.log.style)
        logger = log.get("serve")
        app.notify = _logging(logger)
        served = daemon.serve(app, until_idle=until_idle)
        if until_idle:
            app.notify("serve.summary", "", _facts(served))
        code = exit_code(served) if until_idle else 0
        logger.info("serve.stopped", exit_code=code)
    return code


def exit_code(served: daemon.Served) -> int:
    """Return what `--until-idle` ends with: the worst of what is left."""
    if served.stopped:
        return Stopped.exit_code
    if served.summary.failed:
        return PermanentError.exit_code
    if served.wrong_jobs or served.summary.unjoined:
        return ConfigError.exit_code
    if served.summary.person:
        return WAITS_FOR_PERSON
    return TransientError.exit_code if served.summary.later else 0


def _facts(served: daemon.Served) -> dict[str, Any]:
    return {
        "failed": served.summary.failed,
        "unjoined": served.summary.unjoined,
        "for_person": served.summary.person,
        "later": served.summary.later,
        "wrong_jobs": served.wrong_jobs,
    }


def _logging(logger: Any) -> Any:
    """Return a listener that writes every event as one log line."""

    def listen(name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        level = "warning" if name.split(".", 1)[-1] in _LOUD else "info"
        bound = logger.bind(run=run_id) if run_id else logger
        getattr(bound, level)(name, **facts)

    return listen


_LOUD = frozenset(
    {"held", "failed", "fault", "error", "trouble", "doubt", "objects_missing", "over_threshold", "unknown_state"}
    | {"refused", "skipped", "elsewhere", "lease_lost"}
)

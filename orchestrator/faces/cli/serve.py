"""`serve`: the daemon. Works on what is unfinished, wakes scheduled jobs, ends cleanly on SIGTERM."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import rich_click as click

from orchestrator.app import Application
from orchestrator.app.scheduled import scheduled
from orchestrator.core import log
from orchestrator.core.errors import ConfigError, PermanentError, SpaceError, Stopped, TransientError
from orchestrator.core.files import exclusive
from orchestrator.engine.scheduler import Clockwork
from orchestrator.engine.service import LONGEST_TROUBLE_WAIT_SECONDS, LOOK_SECONDS, Service, Summary
from orchestrator.engine.timetable import Timetable
from orchestrator.faces.cli.exits import WAITS_FOR_PERSON
from orchestrator.faces.cli.heartbeat import Heartbeat, tell_systemd
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
        app.check_service()
        with exclusive(app.settings.state_dir / "serve.lock", "this state folder's daemon"):
            logger.info("serve.started", pid=os.getpid(), state_dir=str(app.settings.state_dir))
            _wait_for_state(app, until_idle=until_idle)
            code = _work(app, until_idle=until_idle)
            logger.info("serve.stopped", exit_code=code)
    return code


def _wait_for_state(app: Application, *, until_idle: bool) -> None:
    """
    Open the database, waiting as long as it is locked or its disk is full; said once.

    Raises:
        Stopped: The daemon is to end.
        TransientError, SpaceError: With `until_idle`: for longer than the patience.
    """
    patient_until = app.clock.monotonic() + app.settings.serve.patience
    wait = 0.0
    while True:
        try:
            app.store.queue.waiting()
        except (TransientError, SpaceError) as error:
            if until_idle and app.clock.monotonic() > patient_until:
                raise
            if not wait:
                app.notify("serve.trouble", "", {"error": str(error)})
            wait = min(LONGEST_TROUBLE_WAIT_SECONDS, max(LOOK_SECONDS, 2 * wait))
            tell_systemd("WATCHDOG=1", f"STATUS={error}")
            if app.stop.wait(wait):
                raise Stopped("stopped while the state database could not be used") from None
        else:
            if wait:
                app.notify("serve.recovered", "", {})
            return


def _work(app: Application, *, until_idle: bool) -> int:
    entries, refused = scheduled(app)
    at_work = threading.Event()
    for sentence in refused.values():
        app.notify("job.refused", "", {"error": sentence})
    timetable = Timetable(
        entries,
        store=app.store,
        clock=app.clock,
        stop=app.stop,
        installation=app.owner,
        notify=app.notify,
        alive=lambda: None if at_work.is_set() else heart.beat(),
    )
    slots = app.settings.serve.slots
    heart = Heartbeat(app.store, app.clock, lambda: {"slots": slots, "troubles": {**refused, **timetable.troubles}})
    service = Service(
        store=app.store,
        execute=app.execution,
        lock=app.lock,
        slots=slots,
        stop=app.stop,
        clock=app.clock,
        notify=app.notify,
        hold_seconds=app.settings.retry.hold,
        patience_seconds=app.settings.serve.patience,
        looked=heart.beat,
    )
    heart.beat()
    try:
        # Before the first look, which reads areas and may take longer than systemd waits for a start.
        tell_systemd("READY=1")
        with Clockwork(timetable.look):
            at_work.set()
            summary = service.work(until_idle=until_idle)
            tell_systemd("STOPPING=1")
    finally:
        heart.end()
    if not until_idle:
        return 0
    app.notify("serve.summary", "", _facts(summary) | {"wrong_jobs": len(refused) + len(timetable.troubles)})
    return exit_code(summary, jobs_wrong=bool(refused or timetable.troubles), stopped=app.stop.is_set())


def exit_code(summary: Summary, *, jobs_wrong: bool, stopped: bool) -> int:
    """Return what `--until-idle` ends with: the worst of what is left."""
    if stopped:
        return Stopped.exit_code
    if summary.failed:
        return PermanentError.exit_code
    if jobs_wrong or summary.unjoined:
        return ConfigError.exit_code
    if summary.person:
        return WAITS_FOR_PERSON
    return TransientError.exit_code if summary.later else 0


def _facts(summary: Summary) -> dict[str, Any]:
    return {
        "failed": summary.failed,
        "unjoined": summary.unjoined,
        "for_person": summary.person,
        "later": summary.later,
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
    | {"refused", "skipped", "elsewhere"}
)

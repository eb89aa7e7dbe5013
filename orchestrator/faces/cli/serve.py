"""`serve`: the daemon. Works on what is unfinished, wakes scheduled jobs, ends cleanly on SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

import rich_click as click

from orchestrator.app.connections import Notify
from orchestrator.app.reloading import Reload
from orchestrator.app.verbs import daemon
from orchestrator.core import guard, log
from orchestrator.core.errors import ConfigError, FencedError, PermanentError, Stopped, TransientError
from orchestrator.faces.cli.exits import WAITS_FOR_PERSON
from orchestrator.faces.cli.metrics import LOOPBACK, page_of
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, loaded_for, opened
from orchestrator.faces.cli.web_child import page_process
from orchestrator.faces.metrics import EventCounter


@click.command()
@service_options
@click.option(
    "--standby/--no-standby",
    "standby",
    default=None,
    help="While another daemon leads, wait, and take over when it is gone.  [default: as set]",
)
@click.option("--until-idle", is_flag=True, help="End when nothing is left to do (for a CronJob).")
@click.option(
    "--metrics",
    is_flag=False,
    flag_value=LOOPBACK,
    metavar="[ADDRESS:PORT]",
    help=f"Serve the page of numbers for Prometheus there; without an address at {LOOPBACK}.  [default: as set]",
)
@click.option("--behind-proxy", is_flag=True, help="A proxy before --metrics has TLS and asks who reads.")
@click.option("--web", is_flag=True, help="Serve the page, too, in a process of its own (`orchestrator web --help`).")
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
@click.pass_obj
def serve(
    context: Context,
    /,
    standby: bool | None,
    until_idle: bool,
    metrics: str | None,
    behind_proxy: bool,
    web: bool,
    open_: bool,
    **given: Any,
) -> int:
    """
    Work for months: scheduled jobs of config.toml, submitted jobs, and what an earlier process left unfinished.

    SIGTERM ends it cleanly: each run commits its state and goes on at the next start. SIGHUP reads the jobs of
    config.toml anew; a file that is wrong changes nothing, and runs go on as they began.

    One daemon leads. With --standby another one waits beside it, on this machine or on one that shares the database,
    and takes over: at once where the first ended in order, within [serve] lease where it died.

    With --until-idle the exit code tells the worst that is left: 1 a run failed, 4 a job or a setting is wrong, 3 a run
    waits for a person, 5 one is to be tried later, 130 stopped before the end.
    """
    guard.seal()
    reload = Reload(lambda: loaded_for(context, given), _asked_by_hangup())
    while True:
        with opened(context, given, context.output()) as app:
            log.configure("debug" if context.verbose else app.settings.log.level, app.settings.log.style)
            logger, heard = log.get("serve"), EventCounter()
            app.notify = _both(logging_notify(logger), heard.hear)
            stands_by = app.settings.serve.standby if standby is None else standby
            with page_of(app, heard, metrics, behind_proxy=behind_proxy) as address:
                if address:
                    logger.info("serve.metrics", address=address)
                with page_process(context, app, logger, wanted=web or app.settings.web.enabled, open_=open_):
                    served = daemon.serve(app, until_idle=until_idle, reload=reload, standby=stands_by)
            if served.deposed:
                logger.warning("serve.deposed", then="stands by" if stands_by else "ends")
                app.close()
                if stands_by and context.go_on():
                    continue  # from the beginning, as another process would: nothing that it knew counts any more
            if until_idle:
                app.notify("serve.summary", "", _facts(served))
            code = exit_code(served) if until_idle else 0
            if served.deposed and not context.signalled.is_set():
                code = FencedError.exit_code
            logger.info("serve.stopped", exit_code=code)
        return code


def _asked_by_hangup() -> Callable[[], bool]:
    """Return what tells whether SIGHUP came since it was last asked."""
    came = threading.Event()
    number = getattr(signal, "SIGHUP", None)
    if number is not None and threading.current_thread() is threading.main_thread():
        signal.signal(number, lambda _number, _frame: came.set())

    def asked() -> bool:
        was = came.is_set()
        came.clear()
        return was

    return asked


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


def _both(first: Notify, second: Notify) -> Notify:
    def tell(name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        first(name, run_id, facts)
        second(name, run_id, facts)

    return tell


def logging_notify(logger: Any) -> Notify:
    """Return a listener that writes every event as one log line."""

    def listen(name: str, run_id: str, facts: Mapping[str, Any]) -> None:
        level = "warning" if name.split(".", 1)[-1] in _LOUD else "info"
        bound = logger.bind(run=run_id) if run_id else logger
        getattr(bound, level)(name, **facts)

    return listen


_LOUD = frozenset(
    {"held", "failed", "fault", "error", "trouble", "doubt", "objects_missing", "over_threshold", "unknown_state"}
    | {"refused", "skipped", "elsewhere", "lease_lost", "left_alone", "took_over", "deposed"}
)

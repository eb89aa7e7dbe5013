"""`worker`: a process beside the daemon, here or on another machine, that does single units of its runs."""

from __future__ import annotations

import signal
import threading
from typing import Any

import rich_click as click

from orchestrator.app.verbs.worker import work_on_units
from orchestrator.core import guard, log
from orchestrator.faces.cli.options import BUCKET_OPTION, SANDBOX_URL_OPTION
from orchestrator.faces.cli.serve import logging_notify
from orchestrator.faces.cli.session import Context, opened


@click.command()
@BUCKET_OPTION
@SANDBOX_URL_OPTION
@click.option("--at-once", type=click.IntRange(min=1), metavar="N", help="Units at once.  [default: as set]")
@click.option(
    "--kinds", metavar="NAMES", default="", help="Only units of these kinds, such as `pixels,scene`.  [default: all]"
)
@click.option("--until-idle", is_flag=True, help="End when no run that is worked on has units left.")
@click.pass_obj
def worker(context: Context, /, at_once: int | None, kinds: str, until_idle: bool, **given: Any) -> int:
    """
    Do single units of runs that other processes hold: requests for pixels, files to fetch, scenes to compute.

    Begin as many as you like, on this machine or on others that reach the same database and the folders of the runs.
    A worker never submits, cancels or publishes anything; it may be killed at any moment. SIGTERM lets it finish what
    is under way, gives the rest back and ends with 0; a second one stops at once what is under way.
    """
    guard.seal()
    drain = threading.Event()
    with opened(context, given, context.output()) as app:
        log.configure("debug" if context.verbose else app.settings.log.level, app.settings.log.style)
        logger = log.get("worker")
        app.notify = logging_notify(logger)
        drain_on_signals(drain, context.stop)
        names = [name.strip() for name in kinds.split(",") if name.strip()]
        ended = work_on_units(app, drain, at_once=at_once or 0, kinds=names, until_idle=until_idle)
        logger.info("worker.stopped", done=ended.done)
    return 0


def drain_on_signals(drain: threading.Event, stop: threading.Event) -> None:
    """The first signal asks for a clean end, the second one stops what is under way, the third ends the process."""

    def ask(number: int, _frame: object) -> None:
        if drain.is_set():
            stop.set()
            signal.signal(number, signal.SIG_DFL)
        drain.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask)

"""`watch` and `logs`: a run that another process works on, as the store tells it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import rich_click as click

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.core.errors import Stopped
from orchestrator.engine.progress import Snapshot
from orchestrator.engine.stores.records import EventRow, Head
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.runs import is_worked_on
from orchestrator.faces.cli.session import Context, obey_signals, resting
from orchestrator.faces.cli.status import snapshot_of
from orchestrator.model.states import RUN_FINAL, PartState

LOOK_SECONDS = 1.0
_ALL = 1_000_000
_HERE = (PartState.VERIFIED, PartState.MERGED, PartState.CLEANED)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.pass_obj
def watch(context: Context, /, run_id: str) -> int:
    """
    Follow a run that another process works on, until it ends.

    The exit code is that of the run: 0 done, 1 failed or cancelled, 3 it waits for a person. Ctrl-C ends the watch,
    not the run.
    """
    app, output = resting(context), context.output()
    run = find_head(app.store, run_id)
    if not _has_ended(run) and not is_worked_on(app, run.id):
        output.note(f"no process works on {run.id} now; `run` or `serve` goes on with it")
    obey_signals(context.stop)
    followed = _Followed(app, run)
    last = max((event.sequence for event in app.store.events.latest(run.id, 1)), default=0)
    with output.watching(followed.look, run.job_name):
        for event in _follow(app, run.id, last, context.stop):
            output.event(event.name, run.id, json.loads(event.facts))
    from orchestrator.faces.cli.run import conclude  # noqa: PLC0415  `logs` and a watch that goes on do not need it

    return conclude(app.store.runs.get(run.id), output)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@click.option(
    "--lines", "-n", default=50, type=click.IntRange(0), metavar="N", help="Latest events shown.  [default: 50]"
)
@click.pass_obj
def logs(context: Context, /, run_id: str, follow: bool, lines: int) -> int:
    """Show what happened to a run, event by event."""
    app, output = resting(context), context.output()
    run = find_head(app.store, run_id)
    seen = app.store.events.latest(run.id, lines or 1)
    for event in seen if lines else ():
        _write(event, run.id, output)
    if follow:
        obey_signals(context.stop)
        for event in _follow(app, run.id, max((event.sequence for event in seen), default=0), context.stop):
            _write(event, run.id, output)
    return 0


class _Followed:
    """How far a run is, read from the store at most once a second."""

    def __init__(self, app: Records, run: Head) -> None:
        self._app = app
        self._id = run.id
        self._read_at = float("-inf")
        self._seen = Snapshot()
        self._since = time.monotonic()
        self._here_at_first: int | None = None

    def look(self) -> Snapshot:
        now = time.monotonic()
        if now - self._read_at >= LOOK_SECONDS:
            before, self._seen, self._read_at = self._seen, self._read(), now
            if (before.state, before.detail) != (self._seen.state, self._seen.detail):
                self._since = now
        return replace(self._seen, seconds=now - self._since)

    def _read(self) -> Snapshot:
        store = self._app.store
        head = store.runs.heads(run_id=self._id)[0]
        here = sum(held.bytes for state, held in store.parts.tally(self._id).items() if state in _HERE)
        if self._here_at_first is None:
            self._here_at_first = here
        seen = snapshot_of(store, head, store.tasks.of(self._id))
        return replace(seen, bytes_done=max(0, here - self._here_at_first))


def _follow(app: Records, run_id: str, last: int, stop: threading.Event) -> Iterator[EventRow]:
    """
    Yield the events of a run as they come, until it has ended.

    Raises:
        Stopped: The process was asked to stop.
    """
    while True:
        ended = _has_ended(app.store.runs.heads(run_id=run_id)[0])  # before the events: those of its end are among them
        while found := app.store.events.latest(run_id, _ALL, after=last):
            last = found[-1].sequence
            yield from found
        if ended:
            return
        if stop.wait(LOOK_SECONDS):
            raise Stopped("stopped watching; the run goes on")


def _has_ended(run: Head) -> bool:
    return run.state in RUN_FINAL or run.needs_person


def _write(event: EventRow, run_id: str, output: Output) -> None:
    facts: dict[str, Any] = json.loads(event.facts)
    output.message("event", {"event": event.name, "run": run_id, "at": event.at, **facts})
    told = "  ".join(f"{key}={value}" for key, value in facts.items())
    output.say(f"{event.at[:19].replace('T', ' ')} UTC  {event.name}  {told}".rstrip())

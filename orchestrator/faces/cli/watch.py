"""`watch` and `logs`: a run that another process works on, as the store tells it."""

from __future__ import annotations

import json
from typing import Any

import rich_click as click

from orchestrator.app.finding import find_head
from orchestrator.app.verbs import events
from orchestrator.app.verbs.reasons import is_worked_on
from orchestrator.engine.stores.records import EventRow
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, obey_signals, resting
from orchestrator.faces.objects import runs as objects


@click.command()
@click.argument("run_id", metavar="RUN")
@click.pass_obj
def watch(context: Context, /, run_id: str) -> int:
    """
    Follow a run that another process works on, until it ends.

    The exit code is that of the run: 0 done, 1 failed or cancelled, 3 partly done, or waits for a person. Ctrl-C ends
    the watch, not the run.
    """
    app, output = resting(context), context.output()
    run = find_head(app.store, run_id)
    if not events.has_ended(run) and not is_worked_on(app, run.id):
        output.note(f"no process works on {run.id} now; `run` or `serve` goes on with it")
    obey_signals(context.stop)
    _, last = events.latest_events(app, run.id, 1)
    with output.watching(events.Followed(app, run.id).look, run.job_name):
        for event in events.follow(app, run.id, last, context.stop):
            output.event(event.name, run.id, json.loads(event.facts))
    from orchestrator.faces.cli.ends import conclude  # noqa: PLC0415  a look at the log does not need what ends a run

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
    seen, last = events.latest_events(app, run.id, lines)
    for event in seen:
        _write(event, run.id, output)
    if follow:
        obey_signals(context.stop)
        for event in events.follow(app, run.id, last, context.stop):
            _write(event, run.id, output)
    return 0


def _write(event: EventRow, run_id: str, output: Output) -> None:
    facts: dict[str, Any] = json.loads(event.facts)
    output.message("event", objects.event_facts(event, run_id))
    told = "  ".join(f"{key}={value}" for key, value in facts.items())
    output.say(f"{event.at[:19].replace('T', ' ')} UTC  {event.name}  {told}".rstrip())

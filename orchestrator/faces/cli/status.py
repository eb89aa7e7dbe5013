"""`status`: the latest runs, or one run in detail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.engine.progress import Snapshot, counted
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.records import Head, Pace, Task
from orchestrator.faces.cli.display import cut, format_eecu
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, looking, resting
from orchestrator.faces.cli.standing import standing, wrong_jobs
from orchestrator.model.states import PART_DONE, RUN_FINAL, PartState, RunState
from orchestrator.model.validity import valid_words

# The pace of a run is that of its last minutes: what it was yesterday says nothing about when it ends.
PACE_MINUTES = 10
_LONGEST_LIST = 10_000


@click.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option(
    "--limit", default=20, type=click.IntRange(1, _LONGEST_LIST), metavar="N", help="Runs shown.  [default: 20]"
)
@click.pass_obj
def status(context: Context, /, run_id: str | None, limit: int) -> int:
    """
    Show the latest runs, or one run with its tasks and latest events.

    RUN is the name of a job, a base name, `latest`, or an id or its beginning. Times are UTC.
    """
    output = context.output()
    if run_id:
        app = resting(context)
        _show_run(app, find_head(app.store, run_id), output)
        return 0
    app = looking(context)
    shown = heads_of(app.store, limit, datetime.now(UTC)) if app.has_state() else []
    for facts in shown:
        output.message("run", facts)
    if not output.as_json:
        for line in listing(shown, output.width()):
            output.say(line)
        if not shown:
            output.say("no runs yet; `orchestrator demo` makes one")
    for name, sentence in wrong_jobs(app).items():
        output.message("job", {"name": name, "error": sentence})
    for line in standing(app):
        output.say(line)
    return 0


def heads_of(store: Store, limit: int, now: datetime) -> list[dict[str, Any]]:
    """Return what is shown of the latest runs, in three queries however many they are."""
    heads = store.runs.heads(limit)
    tallies = store.parts.tallies([head.id for head in heads])
    since = (now - timedelta(minutes=PACE_MINUTES)).isoformat(timespec="milliseconds")
    paces = store.events.paces([head.id for head in heads if head.state is RunState.EXPORTING], since)
    return [facts_of(head, tallies.get(head.id, {}), paces.get(head.id), now) for head in heads]


def facts_of(head: Head, tally: Mapping[PartState, int], pace: Pace | None, now: datetime) -> dict[str, Any]:
    """Return what is shown of one run."""
    job: dict[str, Any] = json.loads(head.job)
    result: dict[str, Any] = json.loads(head.result) if head.result else {}
    parts, done = sum(tally.values()), sum(count for state, count in tally.items() if state in PART_DONE)
    area = job["area"]
    rate, eta = _pace(pace, parts - done, now)
    return {
        "run": head.id,
        "name": head.job_name,
        "base_name": job["base_name"],
        "logical_date": head.logical_date,
        "state": head.state,
        "reason": head.reason,
        "who": head.who if head.state is RunState.HELD else "",
        "service": job.get("service", ""),
        "area": " ".join(filter(None, [area["source"], area.get("piece", ""), area.get("where", "")])),
        "output": result.get("path") or str(Path(job["output"]) / f"{job['base_name']}_clipped.tif"),
        "parts": parts,
        "parts_done": done,
        "bytes_per_second": rate,
        "eta_seconds": eta,
        "created": head.created,
        "updated": head.updated,
        "path": result.get("path", ""),
        "sha256": result.get("sha256", ""),
        "valid": result.get("valid", {}),
    }


def _pace(pace: Pace | None, left: int, now: datetime) -> tuple[int | None, int | None]:
    """Return bytes a second and seconds left by what came in the last minutes; None where that tells nothing."""
    if pace is None or pace.parts < 2:
        return None, None
    seconds = max(1.0, (now - datetime.fromisoformat(pace.first)).total_seconds())
    return round(pace.bytes / seconds), round(left * seconds / pace.parts)


def listing(runs: Sequence[Mapping[str, Any]], width: int | None) -> list[str]:
    """Return lines about runs: a table where `width` columns hold it (None: any), else a few lines each."""
    rows = [_row(facts) for facts in runs]
    table = [_HEADER, *rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(_HEADER))]
    if not rows:
        return []
    if width is not None and sum(widths) + 2 * len(widths) > width:
        return [line for facts in runs for line in _block(facts, width)]
    return ["  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip() for row in table]


_HEADER = ("run", "name", "state", "parts", "pace", "service", "area", "output", "updated (UTC)", "why")


def _row(facts: Mapping[str, Any]) -> tuple[str, ...]:
    area = Path(facts["area"]).name if facts["area"].startswith("/") else facts["area"]
    return (
        facts["run"],
        facts["name"],
        facts["state"],
        f"{facts['parts_done']}/{facts['parts']}" if facts["parts"] else "",
        _pace_words(facts),
        facts["service"],
        cut(area, 30),
        facts["output"],
        facts["updated"][:16].replace("T", " "),
        cut(" ".join(facts["reason"].split()), 80),
    )


def _pace_words(facts: Mapping[str, Any]) -> str:
    if facts["bytes_per_second"] is None:
        return ""
    return f"{format_bytes(facts['bytes_per_second'])}/s, about {format_seconds(facts['eta_seconds'])} left"


def _block(facts: Mapping[str, Any], width: int) -> list[str]:
    run, name, state, parts, pace, service, area, _output, updated, why = _row(facts)
    lines = [f"{name}  {state}{f'  {parts} parts' if parts else ''}", f"  {run}  {service}", f"  {updated} UTC"]
    lines += [f"  {pace}"] if pace else []
    lines += [f"  area {area}"]
    lines += [f"  why  {why}"] if why else []
    # A path is not cut: people copy it.
    return [*(cut(line, width) for line in lines), f"  {facts['output']}"]


def snapshot_of(store: Store, head: Head, tasks: Sequence[Task]) -> Snapshot:
    """Return how far a run is by what is stored."""
    detail = head.reason if head.state in (RunState.HELD, RunState.FAILED, RunState.CANCELLED) else ""
    return counted(Snapshot(state=head.state, detail=detail), store.parts.tally(head.id), tasks)


def _show_run(app: Records, head: Head, output: Output) -> None:
    store, now = app.store, datetime.now(UTC)
    tasks = store.tasks.of(head.id)
    seen = snapshot_of(store, head, tasks)
    since = (now - timedelta(minutes=PACE_MINUTES)).isoformat(timespec="milliseconds")
    pace = store.events.paces([head.id], since).get(head.id) if head.state is RunState.EXPORTING else None
    tally = {PartState(state): count for state, count in seen.parts.items()}
    facts = facts_of(head, tally, pace, now) | {"part_states": dict(seen.parts), "tasks_share": seen.tasks_share}
    facts |= {"eecu_seconds": round(seen.eecu_seconds, 3)}
    facts |= {"tasks": [{"key": t.key, "state": t.state, "attempt": t.attempt, "error": t.error} for t in tasks]}
    output.message("run", facts)
    if output.as_json:
        return
    for name, value in _details(facts, seen, now):
        output.say(f"{name:<13}{value}")
    if facts["valid"]:
        output.say(valid_words(facts["valid"]))
    for line in _task_lines(tasks, output.width()):
        output.say(line)
    for event in store.events.latest(head.id, 15):
        output.say(f"{event.at[:19].replace('T', ' ')} UTC  {event.name}  {event.facts}")


def _details(facts: Mapping[str, Any], seen: Snapshot, now: datetime) -> list[tuple[str, str]]:
    """Return what is known of one run, as (name, value)."""
    parts = ", ".join(f"{count} {state}" for state, count in sorted(seen.parts.items()))
    tasks = ", ".join(f"{count} {state}" for state, count in sorted(seen.tasks.items()))
    took = (now if facts["state"] not in RUN_FINAL else datetime.fromisoformat(facts["updated"])) - (
        datetime.fromisoformat(facts["created"])
    )
    date = f" for {facts['logical_date']}" if facts["logical_date"] else ""
    found = [
        ("run", f"{facts['run']}  {facts['name']}{date}"),
        ("state", f"{facts['state']}  {facts['reason']}".rstrip()),
        ("service", facts["service"]),
        ("area", facts["area"]),
        ("output", facts["output"]),
        ("begun", f"{facts['created'][:19].replace('T', ' ')} UTC; {format_seconds(took.total_seconds())}"),
        ("changed", f"{facts['updated'][:19].replace('T', ' ')} UTC"),
        ("tasks", f"{tasks}; {seen.tasks_share:.0%}, {format_eecu(seen.eecu_seconds)}" if tasks else "none yet"),
        ("parts", f"{parts}; {format_bytes(seen.bytes_expected)}" if parts else "none yet"),
        ("pace", _pace_words(facts)),
        ("sha256", facts["sha256"]),
    ]
    return [(name, value) for name, value in found if value]


def _task_lines(tasks: Sequence[Task], width: int | None) -> list[str]:
    errors = Counter(" ".join(task.error.split()) for task in tasks if task.error)
    shared = {error for error, count in errors.items() if count > 1}
    lines = []
    for task in tasks:
        operation = task.operation.rsplit("/", 1)[-1]
        error = " ".join(task.error.split())
        told = [f"task {task.key}", f"{task.state} {task.progress:.0%}", f"attempt {task.attempt}"]
        told += [format_eecu(task.eecu_seconds)] if task.eecu_seconds else []
        told += [operation] if operation else []
        told += [error] if error and error not in shared else []
        lines.append("  ".join(told))
    lines += [f"{count} tasks: {error}" for error, count in errors.items() if count > 1]
    return [line if width is None else cut(line, width) for line in lines]

"""`status`: the latest runs, or one run in detail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app.display import fit_columns, format_eecu, running_words
from orchestrator.app.records import Records
from orchestrator.app.verbs.jobs import standing, wrong_jobs
from orchestrator.app.verbs.listing import asked, params_of, report_asked
from orchestrator.app.verbs.reasons import passed_over
from orchestrator.app.verbs.reports import RunDetail, RunReport, report_detail
from orchestrator.app.workers import worker_sentences
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.engine.progress import Snapshot
from orchestrator.engine.stores.work_records import Task
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, looking, resting
from orchestrator.faces.objects import runs as objects
from orchestrator.model.eecu import format_hours
from orchestrator.model.states import RUN_FINAL
from orchestrator.model.validity import valid_words

_LONGEST_AREA = 200  # columns; one that is kept as text may have megabytes
_LONGEST_LIST = 10_000
_NONE_YET = "no runs yet; `orchestrator demo` makes one, and `orchestrator recover` rebuilds a state that was lost"
_NOT_LIKE_THAT = "no run is like that; leave an option out"


@click.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option(
    "--limit", default=20, type=click.IntRange(1, _LONGEST_LIST), metavar="N", help="Runs shown.  [default: 20]"
)
@click.option("--state", multiple=True, metavar="STATE", help="Only runs in this state; may be given several times.")
@click.option("--job", metavar="NAME", help="Only runs of this job.")
@click.option("--service", metavar="NAME", help="Only runs that were begun on this service.")
@click.option("--text", metavar="WORDS", help="Only runs with these words in id, name, area, output or reason.")
@click.option("--since", metavar="TIME", help="Only runs begun since then: 2026-11-26, or 2026-11-26T18:00.")
@click.option("--until", metavar="TIME", help="Only runs begun until then; of a day, its end.")
@click.option("--sort", metavar="KEY", help="By started, took, size, valid, name ...; -size: largest first.")
@click.pass_obj
def status(context: Context, /, run_id: str | None, limit: int, **given: Any) -> int:
    """
    Show the latest runs, or one run with its tasks and latest events.

    Options choose among the runs that are listed. RUN is the name of a job, a base name, `latest`, or an id or its
    beginning. Times are UTC.
    """
    output, query = context.output(), asked({key: _texts(value) for key, value in given.items()})
    if run_id:
        return _show_one(context, run_id, output)
    app = looking(context)
    shown = report_asked(app, query, limit) if app.has_state() else []
    for report in shown:
        output.message("run", objects.run_facts(report))
    if not output.as_json:
        for line in listing(shown, output.width()) or [_NOT_LIKE_THAT if params_of(query) else _NONE_YET]:
            output.say(line)
    if not app.is_file and app.has_state():
        about = app.store.database()
        output.message("database_facts", asdict(about))
        output.say(f"the state is in {about}")
    for name, sentence in wrong_jobs(app).items():
        output.message("job", {"name": name, "error": sentence})
    for line in _by_sentence(_passed_over(app, shown)):
        output.say(line)
    told = worker_sentences(app) if app.has_state() else ()
    for line in (*standing(app), *(_held_back(app) if shown else ()), *told):
        output.say(line)
    return 0


def _show_one(context: Context, run_id: str, output: Output) -> int:
    app = resting(context)
    detail = report_detail(app, run_id)
    _show_run(detail, app.clock.now(), output, _passed_over(app, [detail.report]).get(detail.report.run, ""))
    for line in _held_back(app) if detail.report.state not in RUN_FINAL else ():
        output.say(line)
    return 0


def _texts(value: str | tuple[str, ...] | None) -> Sequence[str]:
    return (value or "",) if not isinstance(value, tuple) else value


def _held_back(app: Records) -> Iterator[str]:
    """Yield what holds all runs of the project back."""
    return app.standing().sentences(app.clock.now().timestamp())


def _passed_over(app: Records, reports: Sequence[RunReport]) -> Mapping[str, str]:
    return passed_over(app, {report.run: report.service for report in reports if report.state not in RUN_FINAL})


def _by_sentence(told: Mapping[str, str]) -> Iterator[str]:
    for sentence in dict.fromkeys(told.values()):
        runs = [run_id for run_id, said in told.items() if said == sentence]
        yield f"nobody works on {', '.join(runs)}: {sentence}"


def listing(runs: Sequence[RunReport], width: int | None) -> list[str]:
    """Return lines about runs: a table where `width` columns hold it (None: any), else a few lines each."""
    rows = [_row(report) for report in runs]
    table = [_HEADER, *rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(_HEADER))]
    if not rows:
        return []
    if width is not None and sum(widths) + 2 * len(widths) > width:
        return [line for report in runs for line in _block(report, width)]
    return ["  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip() for row in table]


_HEADER = (
    *("run", "name", "state", "parts", "Earth Engine", "pace", "EECU-hours", "elapsed", "service", "area", "output"),
    *("updated (UTC)", "why"),
)


def _row(report: RunReport) -> tuple[str, ...]:
    area = Path(report.area).name if report.area.startswith("/") else " ".join(report.area.split())
    return (
        report.run,
        report.name,
        report.state,
        f"{report.parts_done}/{report.parts}" if report.parts else "",
        _engine_words(report),
        _pace_words(report),
        _eecu_words(report),
        format_seconds(report.elapsed_seconds),
        report.service,
        fit_columns(area, 30),
        report.output,
        report.updated[:16].replace("T", " "),
        fit_columns(" ".join((report.reason or report.missing).split()), 80),
    )


def _pace_words(report: RunReport) -> str:
    if report.bytes_per_second is None or report.eta_seconds is None:
        return ""
    left = format_seconds(report.eta_seconds)
    ends = f"{format_seconds(report.eta_low_seconds or 0)} to {format_seconds(report.eta_high_seconds or 0)}"
    return f"{format_bytes(report.bytes_per_second)}/s, about {left} left ({ends})"


def _engine_words(report: RunReport) -> str:
    """Say what Earth Engine has of a run now."""
    running = running_words(report.tasks_running, report.running_share)
    queued = f"{report.tasks_queued} queued" if report.tasks_queued else ""
    return ", ".join(filter(None, [running, queued]))


def _eecu_words(report: RunReport) -> str:
    """Say what a run has cost, of what it may cost."""
    if not report.eecu_seconds and not report.eecu_budget_seconds:
        return ""
    of = f" of {format_hours(report.eecu_budget_seconds)}" if report.eecu_budget_seconds else ""
    return f"{format_hours(report.eecu_seconds)}{of}"


def _block(report: RunReport, width: int) -> list[str]:
    run, name, state, parts, engine, pace, eecu, elapsed, service, area, _output, updated, why = _row(report)
    lines = [f"{name}  {state}{f'  {parts} parts' if parts else ''}", f"  {run}  {service}", f"  {updated} UTC"]
    lines[-1] += f"; {elapsed}"
    lines += [f"  Earth Engine: {engine}"] if engine else []
    lines += [f"  {pace}"] if pace else []
    lines += [f"  {eecu} EECU-hours"] if eecu else []
    lines += [f"  area {area}"]
    lines += [f"  why  {why}"] if why else []
    # A path is not cut: people copy it.
    return [*(fit_columns(line, width) for line in lines), f"  {report.output}"]


def _show_run(detail: RunDetail, now: datetime, output: Output, why: str) -> None:
    seen, report = detail.seen, detail.report
    output.message("run", objects.run_detail_facts(detail))
    if output.as_json:
        return
    for name, value in _details(report, seen, now):
        output.say(f"{name:<13}{value}")
    if why:
        output.say(f"{'daemon':<13}{why}")
    if report.valid:
        output.say(valid_words(report.valid))
    for line in _task_lines(detail.tasks, output.width()):
        output.say(line)
    for event in detail.events:
        output.say(f"{event.at[:19].replace('T', ' ')} UTC  {event.name}  {event.facts}")


def _details(report: RunReport, seen: Snapshot, now: datetime) -> list[tuple[str, str]]:
    """Return what is known of one run, as (name, value)."""
    parts = ", ".join(f"{count} {state}" for state, count in sorted(seen.parts.items()))
    tasks = ", ".join(f"{count} {state}" for state, count in sorted(seen.tasks.items()))
    took = (now if report.state not in RUN_FINAL else datetime.fromisoformat(report.updated)) - (
        datetime.fromisoformat(report.created)
    )
    none = "" if seen.total_units else "none yet"
    date = f" for {report.logical_date}" if report.logical_date else ""
    found = [
        ("run", f"{report.run}  {report.name}{date}"),
        ("state", f"{report.state}  {report.reason}".rstrip()),
        ("service", report.service),
        ("area", fit_columns(" ".join(report.area.split()), _LONGEST_AREA)),
        ("output", report.output),
        ("begun", f"{report.created[:19].replace('T', ' ')} UTC; {format_seconds(took.total_seconds())}"),
        ("changed", f"{report.updated[:19].replace('T', ' ')} UTC"),
        ("tasks", f"{tasks}; {seen.tasks_share:.0%}, {format_eecu(seen.eecu_seconds)}" if tasks else none),
        ("parts", f"{parts}; {format_bytes(seen.bytes_expected)}" if parts else none),
        ("requests", ", ".join(f"{count} {state}" for state, count in sorted(seen.units.items()))),
        ("engine", _engine_words(report)),
        ("pace", _pace_words(report)),
        ("compute", f"{_eecu_words(report)} EECU-hours" if _eecu_words(report) else ""),
        ("missing", report.missing),
        ("sha256", report.sha256),
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
    return [line if width is None else fit_columns(line, width) for line in lines]

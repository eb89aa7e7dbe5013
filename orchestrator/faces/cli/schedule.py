"""`schedule`: the jobs of the daemon, when they run, and what a person may say about it."""

from __future__ import annotations

from dataclasses import asdict

import rich_click as click

from orchestrator.app.display import flow
from orchestrator.app.verbs import schedule as verbs
from orchestrator.faces.cli.session import Context, looking, resting
from orchestrator.faces.objects import jobs, runs

_JOB = click.argument("job", metavar="JOB")


@click.group()
def schedule() -> None:
    """
    See when jobs run; pause one, let it go on, run a date of it now, and say who goes first.

    Jobs stand in config.toml; the daemon (`orchestrator serve`) obeys within a minute, and needs no restart.
    """


@schedule.command("list")
@click.pass_obj
def list_(context: Context, /) -> int:
    """List the scheduled jobs: their next and last dates, whether one is paused, and what is wrong with one."""
    output = context.output()
    reports = verbs.list_jobs(looking(context))
    for report in reports:
        output.message("job", asdict(report))
        for line in _lines(report, output.width() or 10_000):
            output.say(line)
    if not reports:
        output.note("config.toml has no job with cron or every; see docs/howto/schedules.md")
    return 0


def _lines(report: verbs.JobReport, width: int) -> list[str]:
    if not report.schedule:
        return [report.name, f"  left out: {report.trouble}"]
    zone = f"{report.timezone}, finish by {report.finish_by}" if report.finish_by else report.timezone
    said = [f"overlap {report.overlap}", f"catch_up {report.catch_up}", f"priority {report.priority}"]
    lines = [*flow([f"{report.name}  {report.schedule} ({zone})", *said], width)]
    if report.paused:
        lines.append(f"  paused since {report.paused_since[:16]} UTC{f': {report.why}' if report.why else ''}")
    if report.trouble:
        lines.append(f"  in trouble: {report.trouble}")
    due = report.next_date or "never"
    lines.append(
        f"  next none while it is paused; {due} goes by" if report.paused and due != "never" else f"  next {due}"
    )
    if report.last_date:
        lines.append(f"  last {report.last_date}  {report.last_run or f'skipped: {report.last_skipped}'}")
    return lines


@schedule.command("next")
@click.argument("job", metavar="[JOB]", required=False, default="")
@click.option("--count", "-n", default=5, type=click.IntRange(1, 1000), help="So many.  [default: 5]")
@click.pass_obj
def next_(context: Context, /, job: str, count: int) -> int:
    """Show the next times of a job, or of all jobs together."""
    output = context.output()
    for time in verbs.next_times(looking(context), job, count):
        output.message("next", asdict(time))
        end = f"  finish by {time.finish_by[:16].replace('T', ' ')} UTC" if time.finish_by else ""
        paused = "  paused" if time.paused else ""
        output.say(f"{time.at[:16].replace('T', ' ')} UTC  {time.job}  for {time.logical_date}{end}{paused}")
    return 0


@schedule.command("pause")
@_JOB
@click.option("--reason", default="", metavar="TEXT", help="Written down with each date that goes by.")
@click.pass_obj
def pause(context: Context, /, job: str, reason: str) -> int:
    """
    Let the dates of a job go by until `schedule resume`.

    Each is written down as skipped, with the reason; those that `catch_up` would bring after downtime run when the job
    is resumed. Runs that there are go on.
    """
    output = context.output()
    verbs.pause(looking(context), job, reason)
    output.message("job", jobs.paused_facts(job, reason))
    output.say(f"{job} is paused; `orchestrator schedule resume {job}` lets it go on")
    return 0


@schedule.command("resume")
@_JOB
@click.pass_obj
def resume(context: Context, /, job: str) -> int:
    """Let a paused job go on: with its next date, and with those that its `catch_up` brings."""
    output = context.output()
    was_paused = verbs.resume(looking(context), job)
    output.message("job", jobs.resumed_facts(job, was_paused=was_paused))
    output.say(f"{job} goes on" if was_paused else f"{job} was not paused")
    return 0


@schedule.command("trigger")
@_JOB
@click.option(
    "--date",
    default="",
    metavar="DATE",
    help="A day or minute of the job's time zone, e.g. 2026-06-01; also one that was skipped.  [default: this minute]",
)
@click.pass_obj
def trigger(context: Context, /, job: str, date: str) -> int:
    """Run a job now, for this minute or for an earlier date, once; the daemon carries it."""
    from orchestrator.app import Application  # noqa: PLC0415  who only looks does not need it

    output = context.output()
    loaded = context.load()
    folder = loaded.path.resolve().parent if loaded.path else None
    app = Application(loaded.settings, stop=context.stop, config_dir=folder, refused_jobs=loaded.refused_jobs)
    with output.busy("reading the area"):
        begun = verbs.trigger(app, job, date)
    for run in begun:
        output.message("submitted", jobs.triggered_facts(run))
        output.say(f"{run.id}  {run.job_name} for {run.logical_date}  {run.state}")
    return 0


@schedule.command("priority")
@click.argument("run", metavar="RUN")
@click.argument("priority", type=click.IntRange(-verbs.HIGHEST_PRIORITY, verbs.HIGHEST_PRIORITY), metavar="NUMBER")
@click.pass_obj
def priority(context: Context, /, run: str, priority: int) -> int:
    """
    Say how early a run is taken: the higher number first; 0 is the default, and `--` goes before one below it.

    It takes the next slot that is free; a run that has a slot keeps it, unless this one has a deadline.
    """
    output = context.output()
    head = verbs.prioritise(resting(context), run, priority)
    output.message("run", runs.priority_facts(head))
    output.say(f"{head.id} has priority {head.priority}")
    return 0

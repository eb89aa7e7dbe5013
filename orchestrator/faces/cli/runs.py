"""`why`, `retry`, `cancel`, `clean`: looking after runs."""

from __future__ import annotations

from typing import Any

import rich_click as click

from orchestrator.app.finding import find_head
from orchestrator.app.verbs import endings, reasons
from orchestrator.core.units import format_count
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.session import Context, opened, resting
from orchestrator.faces.objects import runs as objects
from orchestrator.model.states import RunState


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("unit", metavar="[UNIT]", default="")
@click.pass_obj
def why(context: Context, /, run_id: str, unit: str) -> int:
    """
    Say what a run is waiting for, and what happens next.

    UNIT is a piece of it: the key of a task (`0007`), of a request, chip or file, or `ROW,COL` of a part.
    """
    app, output = resting(context), context.output()
    told = reasons.why(app, run_id, unit)
    output.message("why", objects.why_facts(told, unit))
    for sentence in told.because:
        output.say(sentence)
    return 0


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--min-valid", type=float, metavar="SHARE", help="Publish it with this share of valid pixels, e.g. 0.4, or more."
)
@click.option("--accept-audit", is_flag=True, help="Publish it whatever its audit finds; the proof says so.")
@click.option(
    "--eecu-hours", type=float, metavar="HOURS", help="Let its exports cost so much in all, in EECU-hours; 0: any."
)
@click.pass_obj
def retry(
    context: Context, /, run_id: str, min_valid: float | None, eecu_hours: float | None, *, accept_audit: bool
) -> int:
    """Take a failed, cancelled or held run up again where it stopped; `run` or `serve` then carries it on."""
    app, output = resting(context), context.output()
    run = endings.retry(app, run_id, min_valid, accept_audit=accept_audit, eecu_hours=eecu_hours)
    output.message("run", objects.run_state_facts(run))
    output.say(f"{run.id} is {run.state} again; the daemon goes on with it, or the same `run` command")
    return 0


@click.command()
@click.argument("run_id", metavar="RUN")
@service_options
@click.pass_obj
def cancel(context: Context, /, run_id: str, **given: Any) -> int:
    """End a run: its tasks in Earth Engine are cancelled; what it left is kept until `clean`."""
    output = context.output()
    ended = endings.cancel(resting(context), run_id, lambda: opened(context, given, output), output.busy)
    if ended.elsewhere:
        output.say(f"{ended.run} will be cancelled by the process that works on it")
    elif ended.state is RunState.CANCELLED:
        output.say(f"{ended.run} is cancelled")
    else:
        output.say(
            f"too late: files of its result had their names already; {ended.run} is {ended.state}, not cancelled"
        )
    output.message("run", objects.cancelled_facts(ended))
    return 0


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False, default="")
@click.option("--leaks", is_flag=True, help="Instead of one run's: whatever of this installation no run owns any more.")
@click.option("--dry-run", is_flag=True, help="With --leaks: only say what would be done, as it is without --yes.")
@click.option("--yes", is_flag=True, help="With --leaks: do it.")
@click.option("--max-delete", type=int, metavar="N", help="With --leaks: at most so many objects.  [default: 1000]")
@service_options
@click.pass_obj
def clean(
    context: Context,
    /,
    run_id: str,
    *,
    leaks: bool,
    dry_run: bool,
    yes: bool,
    max_delete: int | None,
    **given: Any,
) -> int:
    """Take away what an ended run left in the cloud and on disk; never its result, never what is not ours."""
    if leaks or not run_id:
        from orchestrator.faces.cli.leaks import clean_leaks  # noqa: PLC0415  who cleans one run does not need it

        return clean_leaks(context, run_id, given, leaks=leaks, act=yes and not dry_run, most=max_delete)
    output = context.output()
    run = find_head(resting(context).store, run_id)  # a wrong name is said before a service is joined
    with opened(context, given, output) as app:
        cleaned = endings.clean(app, run.id, output.busy)
    output.message("cleaned", objects.cleaned_facts(cleaned))
    output.say(f"{format_count(cleaned.deleted, 'object')} deleted, {cleaned.absent} were gone already")
    for name in cleaned.changed:
        output.say(f"kept, because somebody replaced it: {name}")
    for name in cleaned.foreign:
        output.say(f"kept, because it is not ours: {name}")
    return 0

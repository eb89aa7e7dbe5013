"""`usage`: what runs have cost, month by month."""

from __future__ import annotations

from collections.abc import Iterator

import rich_click as click

from orchestrator.app.verbs.usage import MonthReport, report_usage
from orchestrator.core.units import format_count
from orchestrator.faces.cli.session import Context, resting
from orchestrator.faces.objects import project
from orchestrator.model.eecu import HOUR, format_hours


@click.command()
@click.option("--month", default="", metavar="YYYY-MM", help="One month alone.  [default: all, the newest first]")
@click.pass_obj
def usage(context: Context, /, month: str) -> int:
    """
    Show what runs have cost in EECU-hours, by month and job, beside the budget and the project's tier.

    Counted is what Earth Engine says of export tasks, failed ones too; answers to requests do not say what they cost.
    Months are those of Pacific time, as the service's quotas are.
    """
    output = context.output()
    for told in report_usage(resting(context), month):
        output.message("usage", project.usage_facts(told))
        for line in _lines(told):
            output.say(line)
    return 0


def _lines(told: MonthReport) -> Iterator[str]:
    yield f"{told.month}  {_hours(told.hours)} EECU-hours{_beside(told)}"
    for one in told.jobs:
        yield f"  {_hours(one.hours):>10}  {one.job}, {format_count(len(one.runs), 'run')}"


def _beside(told: MonthReport) -> str:
    words = [f"tasks under way may use {_hours(told.reserved)} more"] if told.reserved else []
    words += [f"the budget is {_hours(told.budget)}"] if told.budget else []
    words += [f"{told.hours / told.tier:.2%} of the tier's {_hours(told.tier)}"] if told.tier else []
    return "".join(f"; {word}" for word in words)


def _hours(hours: float) -> str:
    return format_hours(hours * HOUR)

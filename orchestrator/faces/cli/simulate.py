"""`simulate`: how long a job would take, what it would cost, and what would hold it up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app import Application, expand
from orchestrator.app.simulation.report import SimulationReport
from orchestrator.app.verbs.simulations import SimulationOrder, known_costs, simulate_job
from orchestrator.core.errors import UserError
from orchestrator.core.units import format_bytes, format_count, format_seconds, parse_bytes
from orchestrator.faces.cli.boxes import AreaCommand
from orchestrator.faces.cli.options import ENVIRONMENT, build_job, job_options, service_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, loaded_for
from orchestrator.model.eecu import format_hours

# Notes of an area and limits that are far away, for people: the rest is in the JSON.
_SHOWN_LIMITS = 4


@click.command(cls=AreaCommand, epilog=ENVIRONMENT)
@job_options
@service_options
@click.option("--workers", type=int, default=1, metavar="N", help="Machines that share the run.  [default: 1]")
@click.option("--slots", type=int, default=0, metavar="S", help="Exports that Earth Engine runs at once.  [default: 2]")
@click.option("--latency", type=float, metavar="SECONDS", help="How long a request for pixels takes.")
@click.option("--bandwidth", metavar="BYTES", help="What one machine receives in a second, e.g. 100MB.")
@click.option(
    "--costs", type=click.Path(path_type=Path), metavar="FILE", help="What steps take, as --measure writes it."
)
@click.option("--measure", is_flag=True, help="Learn what steps take from finished runs; without a job, print it.")
@click.option(
    "--cells", type=int, default=0, metavar="PIXELS", help="Cut the area into cells of this side, a job each."
)
@click.option("--times", type=int, default=1, metavar="N", help="So many jobs alike.  [default: 1]")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE", help="Draw the course of it as a PNG.")
@click.pass_obj
def simulate(context: Context, /, bandwidth: str | None, measure: bool, **given: Any) -> int:
    """
    Show how long a job would take, what it would cost and what would hold it up, without doing it.

    The real planner and the real engine decide, on a virtual clock. What takes time is modelled: Earth Engine's
    slots and exports, requests, lines, placing and finishing, by costs that are measured, published or said to be
    assumed (`--json` names the source of each). Also modelled: parts go to the machine that has least to fetch; of
    many cells or times the largest is simulated and the others counted by their pixels; very many requests go on as
    the first 4,000. Failures are not simulated.
    """
    output = context.output()
    own = ("workers", "slots", "latency", "costs", "cells", "times", "picture")
    asked = {name: given.pop(name) for name in own}
    asked["request_seconds"] = asked.pop("latency")
    order = SimulationOrder(bandwidth=_bandwidth(bandwidth), measured=measure, **asked)
    app = Application(loaded_for(context, given).settings, stop=context.stop)
    if measure and not any(given.values()):
        return _show_costs(app, order, output)
    with output.busy("reading the area"):
        jobs = expand(build_job(given, app.settings.services))
    if len(jobs) > 1 and order.picture:
        raise UserError("--picture names one file, but --each makes several simulations; leave it out")
    for job in jobs:
        _show(simulate_job(app, job, order, output.busy), output)
    return 0


def _bandwidth(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(parse_bytes(text))
    except ValueError as error:
        raise UserError(f"--bandwidth {error}") from None


def _show_costs(app: Application, order: SimulationOrder, output: Output) -> int:
    known = known_costs(app, order)
    output.message("costs", known.facts())
    for line in known.to_toml().splitlines():
        output.say(line)
    return 0


def _show(report: SimulationReport, output: Output) -> None:
    output.message("simulation", report.facts())
    for line in _lines(report):
        output.say(line)


def _lines(report: SimulationReport) -> Iterator[str]:
    run = report.run
    runs = f"{format_count(report.runs, 'run')}, " if report.runs > 1 else ""
    yield (
        f"{report.base_name}: {format_seconds(run.makespan)}, {runs}"
        f"{format_count(report.workers, 'machine')}, {format_count(report.slots, 'export')} at once"
    )
    if run.held:
        yield f"  held      after {format_seconds(run.pieces_done)}: {run.held}"
    if run.tasks:
        longest = format_seconds(run.longest_task)
        yield f"  exports   {run.tasks:,}; {format_count(run.parts, 'part')}; the longest {longest}"
    if run.requests:
        yield f"  requests  {run.requests:,}"
    yield f"  compute   {format_hours(run.eecu_seconds)} EECU-hours for {report.pixels / 1e9:,.3g} gigapixels"
    yield f"  bytes     {format_bytes(run.bytes)} received; a result of about {format_bytes(run.result_bytes)}"
    yield f"  fullest   bucket {format_bytes(run.bucket_bytes)}, disk {format_bytes(run.disk_bytes)}"
    for use in report.uses:
        more = f"; with twice of it about {format_seconds(use.without)}" if use.without < 0.99 * run.makespan else ""
        of = f", {use.usable:.0f} of {use.places:.0f} used at most" if use.usable < use.places else ""
        yield f"  {use.name:<9} busy {use.share:4.0%} of the time{of}{more}"
    for limit in report.limits[:_SHOWN_LIMITS]:
        yield f"  breaks    {limit.told()}"
    for strip in report.strips:
        yield f"  {strip.name:<9} |{strip.drawn()}|"
    for note in report.notes:
        yield f"  note      {note}"
    if report.picture:
        yield f"  {report.picture}"

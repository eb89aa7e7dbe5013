"""`calibrate`: asks the service what the sandbox only assumes, and writes a file that the sandbox takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from orchestrator.app.calibration.assumptions import Observation
from orchestrator.app.verbs.calibrate import calibrate as verb
from orchestrator.core.units import parse_seconds
from orchestrator.faces.cli.options import service_options
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context, opened

_SIGNS = {"confirmed": "confirmed", "different": "DIFFERENT", "not tried": "not tried"}


@click.command()
@service_options
@click.option(
    "--budget", type=float, default=0.1, show_default=True, metavar="HOURS", help="EECU-hours the exports may cost."
)
@click.option("--wait", default="30m", show_default=True, metavar="DURATION", help="How long one export is awaited.")
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path),
    default=Path("calibration.json"),
    show_default=True,
    metavar="FILE",
    help="Where the answers go.",
)
@click.pass_obj
def calibrate(context: Context, /, budget: float, wait: str, target: Path, **given: Any) -> int:
    """
    Ask the service, by a dozen of the smallest experiments, what the sandbox only assumes of it.

    Four exports of at most 512 × 512 pixels, four requests for pixels and three refusals that cost nothing; all is
    taken away again. `orchestrator sandbox --behaviour FILE` then behaves as the service did.
    """
    try:
        seconds = parse_seconds(wait)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--wait") from None
    output, different = context.output(), 0
    with opened(context, given, output) as app:
        looks = verb(app, budget_hours=budget, wait_seconds=seconds, target=target)
        while True:
            with output.busy("asking"):
                found = next(looks, None)
            if found is None:
                break
            if isinstance(found, str):
                output.note(found)
                continue
            _show(found, output)
            different += found.verdict == "different"
    output.message("calibration", {"file": str(target), "different": different})
    output.say(f"\n{different} different; written to {target}: orchestrator sandbox --behaviour {target}")
    return 0


def _show(found: Observation, output: Output) -> None:
    """Show what one experiment told."""
    facts = {"name": found.assumption.name, "verdict": found.verdict, "assumed": found.assumption.assumed}
    output.message("finding", {**facts, "found": found.value, "note": found.note})
    output.say(f"{_SIGNS[found.verdict]:10} {found.assumption.says}")
    if found.verdict == "different":
        output.say(f"{'':10} found: {found.value}")
    if found.note and found.verdict != "confirmed":
        output.say(f"{'':10} {found.note}")

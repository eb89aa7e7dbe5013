"""`health`: whether the daemon of this state works, for whoever may restart it."""

from __future__ import annotations

import rich_click as click

from orchestrator.app.heartbeat import FRESH_SECONDS, find_daemon
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.units import parse_seconds
from orchestrator.faces.cli.session import Context, looking


@click.command()
@click.option(
    "--max-age",
    default=f"{FRESH_SECONDS:.0f}s",
    metavar="DURATION",
    help=f"The daemon must have been heard of within.  [default: {FRESH_SECONDS:.0f}s]",
)
@click.pass_obj
def health(context: Context, /, max_age: str) -> int:
    """
    Tell whether the daemon lives and its database can be read: exit code 0, else 1 with a sentence.

    For Docker, Kubernetes and monitoring. A daemon that waits for Google is healthy; a stopped one is not.
    """
    try:
        allowed = parse_seconds(max_age)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--max-age") from None
    healthy, sentence = examine(context, allowed)
    output = context.output()
    output.message("health", {"healthy": healthy, "because": sentence})
    if not (healthy and context.quiet):
        output.say(sentence)
    return 0 if healthy else 1


def examine(context: Context, max_age_seconds: float) -> tuple[bool, str]:
    """Return whether the daemon works, and a sentence about it; nothing is made where no state is."""
    try:
        app = looking(context)
        if not app.has_state():
            return False, f"there is no state in {app.settings.state_dir}; start `orchestrator serve`"
        row, sentence = find_daemon(app.store, app.clock, max_age_seconds)
    except (OrchestratorError, OSError) as error:
        return False, str(error)
    return row is not None, sentence

"""`health`: whether the daemon of this state works, or a worker, for whoever may restart it."""

from __future__ import annotations

from collections.abc import Callable

import rich_click as click

from orchestrator.app.heartbeat import FRESH_SECONDS, Health, health_here, health_of
from orchestrator.app.records import Records
from orchestrator.app.workers import health_of_worker
from orchestrator.core.errors import OrchestratorError
from orchestrator.core.units import parse_seconds
from orchestrator.faces.cli.session import Context
from orchestrator.faces.objects import project

# Of settings that are wrong elsewhere these are read all the same: they say where the state is.
_NEEDED = (("local", "state_dir"), ("store", "url"), ("store", "password_file"))


@click.command()
@click.option(
    "--max-age",
    default=f"{FRESH_SECONDS:.0f}s",
    metavar="DURATION",
    help=f"It must have been heard of within.  [default: {FRESH_SECONDS:.0f}s]",
)
@click.option("--ready", is_flag=True, help="It must take work, too: not while it reads areas at its start.")
@click.option(
    "--here", is_flag=True, help="Of the daemon on this machine or in this container, leading or standing by."
)
@click.option("--worker", is_flag=True, help="Of the worker on this machine or in this container, not of the daemon.")
@click.pass_obj
def health(context: Context, /, max_age: str, *, ready: bool, here: bool, worker: bool) -> int:
    """
    Tell whether the daemon lives and its database can be read: exit code 0, else 1 with a sentence.

    For Docker, Kubernetes and monitoring. A daemon that waits for Google is healthy; a stopped one is not. Of the
    settings it needs where the state is alone: a mistake in config.toml is said, and the daemon goes on without it.
    """
    try:
        allowed = parse_seconds(max_age)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--max-age") from None
    if here and worker:
        raise click.UsageError("--here is about a daemon, --worker about a worker; ask one after the other")
    output = context.output()
    look = health_of_worker if worker else health_of_daemon_here if here else health_of_daemon
    found = examine(context, allowed, output.note, look)
    well = found.ready if ready else found.alive
    output.message("health", project.health_facts(found))
    if not (well and context.quiet):
        output.say(found.because)
    return 0 if well else 1


def health_of_daemon(app: Records, max_age_seconds: float) -> Health:
    """Return how the daemon of a state is."""
    return health_of(app.store, app.clock, max_age_seconds)


def health_of_daemon_here(app: Records, max_age_seconds: float) -> Health:
    """Return how the daemon on this machine is, or in this container."""
    return health_here(app.store, app.clock, max_age_seconds)


def examine(
    context: Context, max_age_seconds: float, note: Callable[[str], None], look: Callable[[Records, float], Health]
) -> Health:
    """Return what `look` finds; nothing is made where no state is. `note` is told what is wrong with the settings."""
    try:
        loaded, wrong = context.load_part(_NEEDED)
        if wrong:
            note(f"the settings cannot be read, which is another matter than the daemon's health: {wrong}")
        app = Records(loaded.settings)
        if not app.has_state():
            none = f"there is no state in {app.settings.state_dir}; start `orchestrator serve`"
            return Health(alive=False, ready=False, because=none)
        return look(app, max_age_seconds)
    except (OrchestratorError, OSError) as error:
        return Health(alive=False, ready=False, because=str(error))

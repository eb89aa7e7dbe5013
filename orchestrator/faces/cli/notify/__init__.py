"""The commands `orchestrator notify ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.notify"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "test": Listed(f"{_HERE}.sending", "Send a message to everybody who is told, now, and say what became of it."),
    "send": Listed(
        f"{_HERE}.sending", "Send TEXT to everybody who is told: for scripts, and for a unit that failed (OnFailure)."
    ),
    "list": Listed(f"{_HERE}.listing", "Show who was told what lately, and what is still to be sent.", "list_messages"),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def notify() -> None:
    """
    Tell people what happens: try who is told, send a word, look at what was sent.

    Who is told, and what, is set under [notify]; docs/howto/monitor.md shows how.
    """

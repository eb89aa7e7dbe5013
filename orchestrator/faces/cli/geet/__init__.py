"""The commands `orchestrator geet ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.geet"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {}


@click.group(cls=LazyGroup, listed=COMMANDS)
def geet() -> None:
    """
    Speak as to geetiles: its words, old and new, are understood as they are printed.

    What each is called here says the page *If you know geetiles*.
    """

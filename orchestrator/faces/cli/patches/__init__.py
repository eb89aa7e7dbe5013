"""The commands `orchestrator patches ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {}


@click.group(cls=LazyGroup, listed=COMMANDS)
def patches() -> None:
    """Cut training-ready scenes into patches, filter and split them, and pack them into shards."""

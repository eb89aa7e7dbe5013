"""The commands `orchestrator copernicus ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {}


@click.group(cls=LazyGroup, listed=COMMANDS)
def copernicus() -> None:
    """Find, fetch and verify Sentinel-2 products of Copernicus, and make them ready for training."""

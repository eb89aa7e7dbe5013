"""The commands `orchestrator aoi ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.aoi"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {}


@click.group(cls=LazyGroup, listed=COMMANDS)
def aoi() -> None:
    """
    Find areas by name: countries, continents and regions of the Earth.

    Wherever an area is asked for, such a name may be given.
    """

"""The commands `orchestrator aoi ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.aoi"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "list": Listed(
        f"{_HERE}.listing",
        "List the countries, continents and regions that may be named as an area, all or those that TEXT names.",
        "list_areas",
    ),
    "extract": Listed(
        f"{_HERE}.extract",
        "Write the area of a country, a continent or a region to a file, a row for each country.",
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def aoi() -> None:
    """
    Find areas by name: countries, continents and regions of the Earth.

    Wherever an area is asked for, such a name may be given.
    """

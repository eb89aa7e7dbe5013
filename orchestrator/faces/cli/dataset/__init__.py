"""The commands `orchestrator dataset ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.dataset"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "list": Listed(
        f"{_HERE}.listing",
        "List the datasets that can be downloaded by name, all or those that TEXT names.",
        "list_datasets",
    ),
    "show": Listed(
        f"{_HERE}.show",
        "Draw a contact sheet of random chips with their labels beside them, their splits and a legend of classes.",
        "show_chips",
    ),
    "pack": Listed(f"{_HERE}.pack", "Make a training set of chips, with their labels, splits, statistics and a card."),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def dataset() -> None:
    """
    List what can be downloaded, look at chips, and pack a training set.

    A dataset is what `tiles download` brought for a file of tiles.
    """

"""The commands `orchestrator patches ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = "orchestrator.faces.cli.patches"
# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "cut": Listed(
        f"{_HERE}.cut",
        "Cut scenes that are ready for training into patches, filter and split them, and write shards.",
    ),
    "pack": Listed(
        f"{_HERE}.pack",
        "Make other shards of patches: other splits, a balance of classes, other sizes or another format.",
        "pack_patches",
    ),
    "show": Listed(
        f"{_HERE}.show",
        "Draw a contact sheet of random patches with their labels beside them, and a map of the splits.",
        "show_patches",
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def patches() -> None:
    """Cut training-ready scenes into patches, filter and split them, and pack them into shards."""

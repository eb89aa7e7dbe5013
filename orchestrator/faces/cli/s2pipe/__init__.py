"""The commands `orchestrator s2pipe ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = __name__

# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "download": Listed(
        f"{_HERE}.download", "Bring the scenes that a configuration names: `copernicus download`.", "s2pipe_download"
    ),
    "preprocess": Listed(
        f"{_HERE}.preprocess", "Make scenes ready for training: `copernicus preprocess`.", "s2pipe_preprocess"
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def s2pipe() -> None:
    """
    Speak as to s2pipe: its configuration files run unchanged, YAML or TOML.

    What each key is called here says the page *If you know s2pipe*.
    """

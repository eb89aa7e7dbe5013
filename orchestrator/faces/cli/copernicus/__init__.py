"""The commands `orchestrator copernicus ...`, a file each."""

from __future__ import annotations

import rich_click as click

from orchestrator.faces.cli.lazily import LazyGroup, Listed

_HERE = __name__

# Each with the first sentence of its own help.
COMMANDS: dict[str, Listed] = {
    "search": Listed(
        f"{_HERE}.search",
        "List the scenes of the catalogue, with their time, baseline, orbit, cloud, coverage, levels and size.",
    ),
    "download": Listed(
        f"{_HERE}.download",
        "Bring the wanted files of Sentinel-2 products, each verified, into one folder with an index.",
        "download_scenes",
    ),
    "verify": Listed(
        f"{_HERE}.verify",
        "Compare every file of a folder of scenes with its index and manifests: there, size, checksum, nobody's.",
        "verify_scenes",
    ),
    "index": Listed(
        f"{_HERE}.index",
        "Make an index of SAFE folders that you have already, each file compared with its product's manifest.",
        "index_scenes",
    ),
    "preprocess": Listed(
        f"{_HERE}.preprocess", "Make downloaded scenes ready for training: bands on one grid, masks, labels, angles."
    ),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def copernicus() -> None:
    """Find, fetch and verify Sentinel-2 products of Copernicus, and make them ready for training."""

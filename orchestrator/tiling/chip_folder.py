"""The chips that were downloaded for a file of tiles: a folder for each dataset, beside the file and called like it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.core.optional import required
from orchestrator.tiling.file import Tiles

OWN_MAP = "own"  # the map that a dataset tells of itself
MANIFEST, ABOUT = "chips.parquet", "dataset.json"
DONE, EMPTY, ABSENT = "DONE", "EMPTY", "ABSENT"
_READ = ("identifier", "state", "file", "why")


@dataclass(frozen=True, slots=True)
class StoredChip:
    """
    What is known of the chip of a tile.

    Attributes:
        path: The file; None where there is none.
        state: DONE, EMPTY (no pixel has data), FAILED, or ABSENT where nothing is known of it.
        why: Why there is none.
    """

    path: Path | None
    state: str
    why: str = ""


def chips_of(tiles: Tiles, dataset: str) -> list[StoredChip]:
    """
    Return the chip of each tile, in their order.

    A folder without a manifest, as other programs leave it, is read by the names of its files.

    Raises:
        UserError: There is no such folder, or its manifest cannot be read.
    """
    folder = dataset_folder(tiles, dataset)
    identifiers = [str(each) for each in tiles.frame["identifier"]]
    known = _manifest(folder)
    if known is None:
        return [_by_name(folder, identifier) for identifier in identifiers]
    return [_listed(folder, identifier, known.get(identifier)) for identifier in identifiers]


def dataset_folder(tiles: Tiles, dataset: str) -> Path:
    """
    Return the folder of a dataset's chips.

    Raises:
        UserError: There is none; those that there are, are named.
    """
    folder = tiles.folder / dataset
    if dataset and folder.parent == tiles.folder and folder.is_dir():
        return folder
    there = sorted(each.name for each in tiles.folder.glob("*") if each.is_dir() and not each.name.startswith("."))
    named = hint(dataset, there) if there else "nothing was downloaded for these tiles yet"
    source = tiles.path.name if tiles.path else tiles.name.stem
    raise UserError(
        f"there are no chips of {dataset!r} for {source}: {named}; `orchestrator tiles download` brings them"
    )


def dataset_about(folder: Path) -> Mapping[str, Any]:
    """Return what a folder of chips says of its dataset; nothing where it says nothing."""
    try:
        found = json.loads((folder / ABOUT).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / ABOUT} cannot be read: {error}; download the dataset anew") from None
    return found if isinstance(found, dict) else {}


def _manifest(folder: Path) -> dict[str, Mapping[str, Any]] | None:
    path = folder / MANIFEST
    if not path.exists():
        return None
    parquet = required("pyarrow.parquet", "parquet", "the list of chips")
    try:
        rows = parquet.read_table(path, columns=list(_READ)).to_pylist()
    except (OSError, ValueError, KeyError) as error:  # arrow's own are these
        raise UserError(f"{path} cannot be read: {error}; download the dataset anew") from None
    return {str(row["identifier"]): row for row in rows}


def _listed(folder: Path, identifier: str, row: Mapping[str, Any] | None) -> StoredChip:
    if row is None:
        return StoredChip(None, ABSENT, f"{MANIFEST} does not list it")
    state, path = str(row["state"]), folder / str(row["file"] or f"{identifier}.tif")
    if state == EMPTY:
        return StoredChip(None, EMPTY)
    if state != DONE:
        return StoredChip(None, state, str(row["why"] or "its download failed"))
    return StoredChip(path, DONE) if path.is_file() else StoredChip(None, ABSENT, f"{path.name} is not in the folder")


def _by_name(folder: Path, identifier: str) -> StoredChip:
    path = folder / f"{identifier}.tif"
    return StoredChip(path, DONE) if path.is_file() else StoredChip(None, ABSENT, f"{path.name} is not in the folder")

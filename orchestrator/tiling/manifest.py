"""
The list of a dataset's chips: what each file must be.

What lists say is kept apart from what files are: `inspection.py` compares the two.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.files import sha256_of, write_whole
from orchestrator.core.mended import note_mended
from orchestrator.core.optional import required
from orchestrator.core.trees import digest_of_files
from orchestrator.tiling.chip_folder import ABOUT, DONE, MANIFEST, dataset_about, dataset_folder
from orchestrator.tiling.file import IDENTIFIER, Tiles

FAILED = "FAILED"
RASTER = ".tif"
CODE = "definition.py"
OURS = (MANIFEST, ABOUT, CODE)


@dataclass(frozen=True, slots=True)
class ChipList:
    """
    The chips of a dataset.

    Attributes:
        path: Where they lie; the folder is called like the dataset.
        rows: What the list says of each, by identifier, in its order; None where there is no list.
        about: What is said of the whole: `classes`, `bands`, ...; empty where nothing is.
    """

    path: Path
    rows: Mapping[str, Mapping[str, Any]] | None
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.path.name

    def file_of(self, identifier: str) -> Path:
        """Return where the chip of a tile lies, or would: always in this folder, whatever the list says."""
        told = str(((self.rows or {}).get(identifier) or {}).get("file") or "")
        return self.path / (told if told and Path(told).name == told else f"{identifier}{RASTER}")

    def files(self, tiles: Tiles) -> dict[str, Path]:
        """Return the files that are there, by identifier, in the order of the tiles."""
        named = {each: self.file_of(each) for each in identifiers_of(tiles)}
        return {each: path for each, path in named.items() if path.is_file()}


def identifiers_of(tiles: Tiles) -> list[str]:
    return [str(each) for each in tiles.frame[IDENTIFIER]]


def names_of_datasets(tiles: Tiles) -> list[str]:
    """Return the datasets of which chips lie beside a file of tiles."""
    folder = tiles.folder
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(each.name for each in there if each.is_dir() and not each.name.startswith("."))


def open_chips(tiles: Tiles, dataset: str) -> ChipList:
    """
    Return what is known of a dataset's chips.

    Raises:
        UserError: There are none, or what is said of them cannot be read.
    """
    folder = dataset_folder(tiles, dataset)
    return ChipList(folder, _rows(folder / MANIFEST), dataset_about(folder))


def mark_failed(chips: ChipList, whys: Mapping[str, str]) -> None:
    """
    Write into the list that chips are lost, and why: the next download asks for them again.

    It is noted that the folder, if it was what a download left, is so still: files of others in it make it another.
    """
    arrow, parquet = (required(name, "parquet", "the list of chips") for name in ("pyarrow", "pyarrow.parquet"))
    table = parquet.read_table(chips.path / MANIFEST)
    rows = [_failed(row, whys.get(str(row["identifier"]), "")) for row in table.to_pylist()]
    content = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows, table.schema), content, compression="zstd")
    body = content.getvalue()
    _note(chips, rows, body)
    write_whole(chips.path / MANIFEST, body)


def _note(chips: ChipList, rows: Sequence[Mapping[str, Any]], body: bytes) -> None:
    """Note what the folder was when it was as its list says, and what it is with another list."""
    own = {name: sha256_of(path) for name in OURS if (path := chips.path / name).is_file()}
    before, after = own | _listed(chips.rows or {}), own | _listed({str(row["identifier"]): row for row in rows})
    after[MANIFEST] = hashlib.sha256(body).hexdigest()
    there = [path for name in after if name != MANIFEST and (path := chips.path / name).is_file()]
    size = len(body) + sum(path.stat().st_size for path in there)
    note_mended(chips.path, _digest(before), _digest(after), size)


def _listed(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {str(row.get("file")): str(row.get("sha256")) for row in rows.values() if row["state"] == DONE}


def _digest(files: Mapping[str, str]) -> str:
    return digest_of_files(dict(sorted(files.items(), key=lambda each: os.fsencode(each[0]))))


def _failed(row: dict[str, Any], why: str) -> dict[str, Any]:
    if not why:
        return row
    gone = {"state": FAILED, "why": why, "file": "", "sha256": ""}
    return row | {name: value for name, value in gone.items() if name in row}


def _rows(path: Path) -> Mapping[str, Mapping[str, Any]] | None:
    if not path.exists():
        return None
    parquet = required("pyarrow.parquet", "parquet", "the list of chips")
    try:
        return {str(row["identifier"]): row for row in parquet.read_table(path).to_pylist()}
    except (OSError, ValueError, KeyError) as error:  # arrow's own are these
        raise UserError(f"{path} cannot be read: {error}; download the dataset again") from None

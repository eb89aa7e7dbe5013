"""
The chips of a dataset as they lie beside a file of tiles: `{tiles}/{dataset}/{identifier}.tif`, a list, a description.

All who read such folders read them here. What a list says is kept apart from what files are: `chip_raster.py` opens
one, `inspection.py` compares the two. A folder without a list, as other programs leave it, is read by its files' names.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.core.files import sha256_of, write_whole
from orchestrator.core.mended import note_mended
from orchestrator.core.nearest import hint
from orchestrator.core.optional import required
from orchestrator.core.trees import digest_of_files

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles

MANIFEST, ABOUT, CODE = "chips.parquet", "dataset.json", "definition.py"
DONE, EMPTY, FAILED, ABSENT = "DONE", "EMPTY", "FAILED", "ABSENT"
RASTER = ".tif"


@dataclass(frozen=True, slots=True)
class StoredChip:
    """
    What is known of the chip of a tile.

    Attributes:
        path: The file; None where there is none.
        state: DONE, EMPTY (no pixel has data), FAILED, or ABSENT where nothing is known of it.
        why: Why there is none.
        sha256: Of the file, as the list tells it; empty where none does.
    """

    path: Path | None
    state: str
    why: str = ""
    sha256: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether pixels that a tile has are not there."""
        return self.path is None and self.state != EMPTY

    def checked(self) -> StoredChip:
        """Return the same where the file is the one that the list tells; else a missing one, and why."""
        if self.path is None or not self.sha256 or (self.path.is_file() and sha256_of(self.path) == self.sha256):
            return self
        return StoredChip(None, ABSENT, f"{self.path.name} is not the file that {MANIFEST} tells: changed or damaged")


@dataclass(frozen=True, slots=True)
class ChipFolder:
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
        return self.path / f"{identifier}{RASTER}"

    def chip_of(self, identifier: str) -> StoredChip:
        """Return the chip of a tile, or what is known instead."""
        sha256 = ""
        if self.rows is not None:
            row = self.rows.get(identifier)
            if row is None:
                return StoredChip(None, ABSENT, f"{MANIFEST} does not list it")
            if (state := str(row["state"])) != DONE:
                plain = "it holds no data" if state == EMPTY else "its download failed"
                return StoredChip(None, state, str(row.get("why") or plain))
            sha256 = str(row.get("sha256") or "")
        path = self.file_of(identifier)
        if not path.is_file():
            return StoredChip(None, ABSENT, f"{path.name} is not in the folder")
        return StoredChip(path, DONE, sha256=sha256)


def open_chips(tiles: Tiles, dataset: str) -> ChipFolder:
    """
    Return what is known of a dataset's chips.

    Raises:
        UserError: There are none, or what is said of them cannot be read.
    """
    folder = dataset_folder(tiles, dataset)
    return ChipFolder(folder, read_rows(folder), dataset_about(folder))


def dataset_folder(tiles: Tiles, dataset: str) -> Path:
    """
    Return the folder of a dataset's chips.

    Raises:
        UserError: There is none; those that there are, are named.
    """
    folder = tiles.folder / dataset
    if dataset and folder.parent == tiles.folder and folder.is_dir():
        return folder
    there = names_of_datasets(tiles)
    named = hint(dataset, there) if there else "nothing was downloaded for these tiles yet"
    source = tiles.path.name if tiles.path else tiles.name.stem
    raise UserError(
        f"there are no chips of {dataset!r} for {source}: {named}; `orchestrator tiles download` brings them"
    )


def names_of_datasets(tiles: Tiles) -> list[str]:
    """Return the datasets of which chips lie beside a file of tiles."""
    folder = tiles.folder
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(each.name for each in there if each.is_dir() and not each.name.startswith("."))


def dataset_about(folder: Path) -> Mapping[str, Any]:
    """
    Return what a folder of chips says of its dataset; nothing where it says nothing.

    Raises:
        UserError: It cannot be read.
    """
    try:
        found = json.loads((folder / ABOUT).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / ABOUT} cannot be read: {error}; download the dataset anew") from None
    return found if isinstance(found, dict) else {}


def code_of(folder: Path) -> Path | None:
    """
    Return the user's code that lies beside chips, if it made them.

    Raises:
        UserError: What is said of it would lead elsewhere.
    """
    told = dataset_about(folder).get("code")
    if told and told != CODE:
        raise UserError(f"{folder / ABOUT} says that its code is {told!r}, must be {CODE!r}; download the dataset anew")
    return folder / CODE if told else None


def class_rows(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    Return the classes of a dataset, `value`, `name` and `color`, however its remarks hold them.

    Six digits, as Earth Engine's catalogue writes colours, get the `#` that people and pages write before them.
    """
    told = about.get("classes") or ()
    rows = [_class_row(value, one) for value, one in told.items()] if isinstance(told, Mapping) else list(told)
    return [dict(map(_plainly, row.items())) for row in rows]


def _plainly(item: tuple[str, Any]) -> tuple[str, Any]:
    key, value = item
    if key not in ("color", "colour"):
        return item
    return "color", f"#{value}" if re.fullmatch(r"[0-9A-Fa-f]{6}", str(value)) else value


def _class_row(value: object, told: Any) -> dict[str, Any]:
    if isinstance(told, Mapping):
        return {"value": value, **told}
    if isinstance(told, Sequence) and not isinstance(told, str):
        return {"value": value, **dict(zip(("name", "color"), told, strict=False))}
    return {"value": value, "name": str(told)}


def read_rows(folder: Path) -> Mapping[str, Mapping[str, Any]] | None:
    """
    Return what the list in a folder says of each chip, by identifier, in its order; None where there is no list.

    Raises:
        UserError: It cannot be read, or a chip is called as no tile can be.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    from orchestrator.tiling.identifiers import is_identifier  # noqa: PLC0415  numpy is heavy

    parquet = required("pyarrow.parquet", "parquet", "the list of chips")
    try:
        table = parquet.read_table(path)
        identifiers, _state = table["identifier"], table["state"]  # a list without them is none
        rows, names = table.to_pylist(), identifiers.to_pylist()
    except (OSError, ValueError, KeyError) as error:  # arrow's own are these
        raise UserError(f"{path} cannot be read: {error}; download the dataset anew") from None
    seen: set[str] = set()
    for number, name in enumerate(names, 1):
        if not is_identifier(name) or name in seen:
            what = f"two chips {name!r}" if is_identifier(name) else f"a chip {name!r}, as no tile can be called"
            raise UserError(f"{path} lists {what}, the last in row {number} of {len(rows)}; download the dataset anew")
        seen.add(name)
    return dict(zip(names, rows, strict=True))


def mark_failed(chips: ChipFolder, whys: Mapping[str, str]) -> None:
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


def _note(chips: ChipFolder, rows: Sequence[Mapping[str, Any]], body: bytes) -> None:
    """Note what the folder was when it was as its list says, and what it is with another list."""
    own = {name: sha256_of(path) for name in (MANIFEST, ABOUT, CODE) if (path := chips.path / name).is_file()}
    before, after = own | _sums(chips.rows or {}), own | _sums({str(row["identifier"]): row for row in rows})
    after[MANIFEST] = hashlib.sha256(body).hexdigest()
    there = [path for name in after if name != MANIFEST and (path := chips.path / name).is_file()]
    size = len(body) + sum(path.stat().st_size for path in there)
    note_mended(chips.path, _digest(before), _digest(after), size)


def _sums(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {str(row.get("file")): str(row.get("sha256")) for row in rows.values() if row["state"] == DONE}


def _digest(files: Mapping[str, str]) -> str:
    return digest_of_files(dict(sorted(files.items(), key=lambda each: os.fsencode(each[0]))))


def _failed(row: dict[str, Any], why: str) -> dict[str, Any]:
    if not why:
        return row
    gone = {"state": FAILED, "why": why, "file": "", "sha256": ""}
    return row | {name: value for name, value in gone.items() if name in row}

"""What a strip leaves for the join: objects full of blocks, and an index that says which blocks, where, of what sum."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from orchestrator.assemble.codec import Encoding
from orchestrator.assemble.report import PlacedPart
from orchestrator.assemble.writing import Segment
from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.objects import StoredObject
from orchestrator.model.strip import OutputStrip
from orchestrator.raster.arrays import Ints

# Changes whenever a join of another version would misread it, or its blocks would have other bytes; such a strip is
# made again.
INDEX_FORMAT = 2
_NOWHERE = Segment((0, 0), (0, 0))


class RunKind(StrEnum):
    """What the blocks of an object are."""

    PARTS = "parts"  # each decided by one part alone, in the order of the parts
    LAST = "last"  # decided by several parts of the strip, row by row
    FRAGMENTS = "fragments"  # of full resolution, with pixels of this strip and of another: read, never joined


@dataclass(frozen=True, slots=True)
class BlockRun:
    """
    Blocks of one level that fill an object, one behind the other.

    Attributes:
        kind: What they are.
        level: 0 is full resolution.
        blocks: Which, as flat indexes into the (block row, block col) table of the level.
        sizes: Bytes of each.
        crcs: CRC32C of each.
        stored: The object.
        pieces: Of fragments: the pixels of the grid that each knows.
    """

    kind: RunKind
    level: int
    blocks: Ints
    sizes: Ints
    crcs: Ints
    stored: StoredObject
    pieces: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        same = len(self.blocks) == len(self.sizes) == len(self.crcs)
        if not same or int(self.sizes.sum()) != self.stored.size:
            raise IntegrityError(
                f"{self.stored.name} has {self.stored.size} bytes, and its index lists {len(self.blocks)} blocks of "
                f"{int(self.sizes.sum())} bytes; make this strip again"
            )


@dataclass(frozen=True, slots=True)
class BlockTable:
    """
    The blocks of one encoding.

    Attributes:
        encoding: How they are stored.
        runs: The objects.
        empty: Of each level: blocks, as flat indexes, that were made and hold nodata only.
    """

    encoding: Encoding
    runs: tuple[BlockRun, ...]
    empty: tuple[Ints, ...]


@dataclass(frozen=True, slots=True)
class StripIndex:
    """
    A strip that is done.

    Attributes:
        strip: Which.
        clear: From this row on no part of an earlier strip has pixels: what lies whole between it and the strip's
            bottom is this strip's alone.
        fingerprint: Of all that decides about the output's bytes, parts apart.
        parts: In the order of their windows.
        tables: One for each encoding that a part has.
        valid: Pixels that hold data, of each band, in all of its blocks at full resolution, fragments apart; None where
            these are of several encodings.
    """

    strip: OutputStrip
    clear: int
    fingerprint: str
    parts: tuple[PlacedPart, ...]
    tables: tuple[BlockTable, ...]
    valid: tuple[int, ...] | None

    @property
    def objects(self) -> tuple[StoredObject, ...]:
        """Every object that it names."""
        return tuple(run.stored for table in self.tables for run in table.runs)

    def to_json(self) -> bytes:
        """Return it as it is kept beside its objects."""
        content = {
            "format": INDEX_FORMAT,
            "strip": asdict(self.strip),
            "clear": self.clear,
            "fingerprint": self.fingerprint,
            "parts": [_part_json(part) for part in self.parts],
            "tables": [_table_json(table) for table in self.tables],
            "valid": self.valid,
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> StripIndex:
        """
        Return what `to_json` was called on.

        Raises:
            IntegrityError: It is no index of this version.
        """
        try:
            return _index(json.loads(content))
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(f"the index of a strip cannot be read: {error!r}; make this strip again") from error


def _part_json(part: PlacedPart) -> dict[str, Any]:
    return {
        "window": asdict(part.window),
        "encoding": asdict(part.encoding),
        "copied": part.copied,
        "reason": part.reason,
        "own_overviews": part.own_overviews,
    }


def _table_json(table: BlockTable) -> dict[str, Any]:
    return {
        "encoding": asdict(table.encoding),
        "runs": [_run_json(run) for run in table.runs],
        "empty": [blocks.tolist() for blocks in table.empty],
    }


def _run_json(run: BlockRun) -> dict[str, Any]:
    stored = {"name": run.stored.name, "size": run.stored.size, "generation": run.stored.generation}
    return {
        "kind": run.kind,
        "level": run.level,
        "blocks": run.blocks.tolist(),
        "sizes": run.sizes.tolist(),
        "crcs": run.crcs.tolist(),
        "object": stored | {"crc32c": run.stored.crc32c, "md5": run.stored.md5},
        "pieces": [asdict(piece) for piece in run.pieces],
    }


def _index(found: Mapping[str, Any]) -> StripIndex:
    if found["format"] != INDEX_FORMAT:
        raise IntegrityError(f"the index of a strip has format {found['format']!r}, expected {INDEX_FORMAT}")
    valid = found["valid"]
    return StripIndex(
        OutputStrip(**found["strip"]),
        int(found["clear"]),
        str(found["fingerprint"]),
        tuple(_part(part) for part in found["parts"]),
        tuple(_table(table) for table in found["tables"]),
        None if valid is None else tuple(map(int, valid)),
    )


def _part(found: Mapping[str, Any]) -> PlacedPart:
    window, encoding = Window(**found["window"]), Encoding(**found["encoding"])
    return PlacedPart(window, encoding, _NOWHERE, found["copied"], found["reason"], found["own_overviews"])


def _table(found: Mapping[str, Any]) -> BlockTable:
    runs = tuple(_run(run) for run in found["runs"])
    return BlockTable(Encoding(**found["encoding"]), runs, tuple(_ints(blocks) for blocks in found["empty"]))


def _run(found: Mapping[str, Any]) -> BlockRun:
    return BlockRun(
        RunKind(found["kind"]),
        int(found["level"]),
        _ints(found["blocks"]),
        _ints(found["sizes"]),
        _ints(found["crcs"]),
        StoredObject.of(found["object"]),
        tuple(Window(**piece) for piece in found["pieces"]),
    )


def _ints(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, np.int64)

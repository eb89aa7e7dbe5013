"""
Columns of class shares in a file of tiles, and where each came from.

`{dataset}_proportions` holds the share of each class among the pixels with data, `{dataset}_valid` the share of the
tile that holds data, and `{dataset}_{class}` one class, where flat columns are asked for. What a column was counted
from stands in the file's remarks, so that nothing else takes its place unasked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.tiling.file import SHARES, Tiles, rewrite_tiles

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

LABELS = "labels"  # where the remarks stand
VALID = "_valid"
Shares = Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class ShareColumn:
    """
    A column of class shares that is to be written.

    Attributes:
        name: `{dataset}_proportions`, or `{dataset}_proportions_at_{tiles}`.
        shares: Of each tile; None where nothing is known.
        source: What it was counted from, as JSON can hold it: the same source may replace its own column.
        beside: Other columns that belong to it.
        about: More that is told of it.
    """

    name: str
    shares: Sequence[Shares]
    source: Mapping[str, Any]
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def shares_name(dataset: str, coarse: str = "") -> str:
    """Return what the column of a dataset's shares is called: its own, or those of coarser tiles."""
    return f"{dataset}{SHARES}" + (f"_at_{coarse}" if coarse else "")


def shares_of(tiles: Tiles, dataset: str, coarse: str = "") -> list[Shares]:
    """
    Return the shares of each tile.

    Raises:
        UserError: They were not counted; those that were, are named.
    """
    name = shares_name(dataset, coarse)
    if name in tiles.frame.columns:
        return [each if isinstance(each, Mapping) else None for each in tiles.frame[name]]
    there = [str(column).removesuffix(SHARES) for column in tiles.frame.columns if str(column).endswith(SHARES)]
    counted = hint(dataset, there) if there else "no classes were counted in it yet"
    file = tiles.path.name if tiles.path else tiles.name.stem
    raise UserError(f"{file} has no column {name!r}: {counted}; `orchestrator labels count` makes it")


def flat_columns(shares: Sequence[Shares], prefix: str, classes: Sequence[str]) -> dict[str, Any]:
    """Return a column `{prefix}{class}` for each class: 0 where a tile has none of it, NaN where nothing is known."""
    return {
        f"{prefix}{word}": np.array([np.nan if each is None else each.get(word, 0.0) for each in shares])
        for word in classes
    }


def write_shares(
    tiles: Tiles, column: ShareColumn, *, overwrite: bool = False, linked: GeoDataFrame | None = None
) -> Tiles:
    """
    Write a column, and what belongs to it, into the file of tiles, whole or not at all.

    Args:
        tiles: As they were read.
        column: What is written.
        overwrite: Replace a column that came from something else.
        linked: The table with the columns that are written too.

    Raises:
        UserError: A column of that name came from something else, or the tiles were changed.
    """
    known = dict(tiles.about.get(LABELS, {}))
    former = known.get(column.name, {})
    if not overwrite:
        _refuse_others(tiles, column, former)
    table = tiles.frame if linked is None else linked
    frame: GeoDataFrame = table.drop(columns=[one for one in former.get("columns", ()) if one in table])
    values = np.empty(len(frame), object)
    values[:] = [None if each is None else dict(each) for each in column.shares]
    frame = frame.assign(**{column.name: values}, **{name: list(each) for name, each in column.beside.items()})
    known[column.name] = {**column.about, "source": dict(column.source), "columns": list(column.beside)}
    return rewrite_tiles(tiles, frame, {**tiles.about, LABELS: known}, overwrite=overwrite)


def _refuse_others(tiles: Tiles, column: ShareColumn, former: Mapping[str, Any]) -> None:
    """Refuse to replace columns that were not counted from the same source."""
    ours = {column.name, *former.get("columns", ())} if former.get("source") == dict(column.source) else set()
    taken = [name for name in (column.name, *column.beside) if name in tiles.frame.columns and name not in ours]
    if taken:
        source = former.get("source")
        origin = f"was counted from {_told(source)}" if source and taken[0] == column.name else "is there already"
        raise UserError(f"the column {taken[0]!r} {origin}; give --overwrite to replace it, or another --dataset")


def _told(source: Mapping[str, Any]) -> str:
    return " ".join(f"{key} {value}" for key, value in source.items())

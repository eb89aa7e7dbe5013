"""What tiles are coloured by, and what is burnt of them: a value for each tile, out of one of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.tiling.chip_folder import ABOUT, class_rows, dataset_about
from orchestrator.tiling.file import SHARES, Tiles, is_shares
from orchestrator.tiling.label_columns import LABELS
from orchestrator.tiling.picture import SPLIT, Colouring

CLASS = "class"
_NOTHING: Mapping[str, str] = MappingProxyType({})


def values_of_tiles(tiles: Tiles, by: str) -> Colouring:
    """
    Return the value of each tile.

    Args:
        tiles: Any.
        by: A column; `split`; `class` for the class that most of a tile has, where one column tells shares of classes;
            of several such columns the name of one, maybe after it `:CLASS` for that class's share.

    Raises:
        UserError: There is no such column.
    """
    if by == CLASS:
        return _majority(tiles, _one_of_shares(tiles))
    if by in tiles.frame.columns and by != tiles.frame.geometry.name:
        return _majority(tiles, by) if is_shares(by) else _plain(tiles, by)
    column, colon, wanted = by.rpartition(":")
    if colon and column in tiles.frame.columns and is_shares(column):
        return _share(tiles, column, wanted)
    known = [str(each) for each in tiles.frame.columns if each != tiles.frame.geometry.name]
    if by == SPLIT:
        raise UserError(f"{tiles.name.stem} is not split yet: `orchestrator tiles split` does it")
    raise UserError(f"{tiles.name.stem} has no column {by!r}: {hint(by, known)}")


def _one_of_shares(tiles: Tiles) -> str:
    found = [str(column) for column in tiles.frame.columns if is_shares(str(column))]
    if not found:
        raise UserError(f"{tiles.name.stem} has no shares of classes yet: `orchestrator labels count` makes them")
    if len(found) > 1:
        raise UserError(f"{tiles.name.stem} has shares of several datasets; name one of {', '.join(found)}")
    return found[0]


def _plain(tiles: Tiles, column: str) -> Colouring:
    values = tiles.frame[column]
    if values.dtype.kind not in "iufb":
        values = values.map(lambda value: None if value is None or value != value else str(value))  # noqa: PLR0124  NaN
    return Colouring(column, values)


def _majority(tiles: Tiles, column: str) -> Colouring:
    """Return the class with the greatest share; of equal ones the first."""
    classes = tiles.frame[column].map(lambda shares: max(shares, key=shares.__getitem__) if shares else None)
    names, colours = _class_words(tiles, column)
    return Colouring(f"most of each tile, {column.partition(SHARES)[0]}", classes, names, colours)


def _share(tiles: Tiles, column: str, wanted: str) -> Colouring:
    known = sorted({each for shares in tiles.frame[column].dropna() for each in shares})
    if wanted not in known:
        raise UserError(f"{column} has no class {wanted!r}: {hint(wanted, known)}")
    values = tiles.frame[column].map(lambda shares: float(shares.get(wanted, 0.0)) if shares else np.nan)
    return Colouring(f"share of {wanted}, {column.partition(SHARES)[0]}", values.astype(float))


def _class_words(tiles: Tiles, column: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return names and colours of classes: as the file remembers them, or as the dataset beside it says."""
    known = tiles.about.get(LABELS, {}).get(column)
    dataset = column.partition(SHARES)[0]
    if known is not None:
        told = class_rows(known)
    elif tiles.path is not None and (tiles.folder / dataset / ABOUT).is_file():
        told = class_rows(dataset_about(tiles.folder / dataset))
    else:
        return _NOTHING, _NOTHING
    names = {str(row["value"]): str(row["name"]) for row in told if row.get("name")}
    return names, {str(row["value"]): str(row["color"]) for row in told if row.get("color")}

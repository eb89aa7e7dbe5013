"""Tiles that stay together: those of one group, of one square, or of one band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.file import SHARES, is_shares
from orchestrator.tiling.neighbours import Codes, PlacedTiles

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

FOREIGN = "foreignid_"
NO_LINK = "-1"  # how geetiles writes that a tile lies in no other


def groups_of(frame: GeoDataFrame, name: str) -> Codes:
    """
    Return the number of each tile's group, counted as they come; a tile without a value is a group of its own.

    Args:
        frame: The tiles.
        name: Of a column, or of the tiles that `tiles link` wrote as foreignid_{name}.

    Raises:
        UserError: There is no such column.
    """
    values = frame[group_column(frame, name)]
    texts = values.astype(object).where(values.notna(), None).tolist()
    numbers: dict[str, int] = {}
    # Identifiers are text; `1.0` and `1` are one number that GeoJSON has read back.
    keys = [f"\0{row}" if _is_none(value) else str(value) for row, value in enumerate(texts)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def group_column(frame: GeoDataFrame, name: str) -> str:
    """
    Return the column of which a group is spoken: foreignid_{name}, or the name itself.

    Raises:
        UserError: There is none.
    """
    for column in (f"{FOREIGN}{name}", name):
        if column in frame.columns and column != frame.geometry.name:
            return column
    known = [str(column).removeprefix(FOREIGN) for column in frame.columns if column != frame.geometry.name]
    raise UserError(f"there is no column {name!r}, nor {FOREIGN}{name}, which `tiles link` writes; {hint(name, known)}")


def squares_of(laid: PlacedTiles, metres: float) -> Codes:
    """Return the number of each tile's square, at multiples of so many metres of the plane, in order of the squares."""
    cells = np.floor(laid.middles / metres).astype(np.int64)
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def classes_of(frame: GeoDataFrame, dataset: str) -> tuple[tuple[str, ...], Floats]:
    """
    Return the classes of a dataset and the share of each in each tile, (tiles, classes); NaN where none is known.

    Args:
        frame: The tiles.
        dataset: Its name, or that of a column of shares.

    Raises:
        UserError: There are no shares of it.
    """
    column = dataset if is_shares(dataset) else f"{dataset}{SHARES}"
    known = [str(name).removesuffix(SHARES) for name in frame.columns if is_shares(str(name))]
    if column not in frame.columns:
        told = hint(dataset, known) if known else "there are none"
        raise UserError(f"there is no column {column!r} of shares to stratify by; {told}; `labels count` writes them")
    rows = [value if isinstance(value, dict) else None for value in frame[column]]
    classes = sorted({name for row in rows if row for name in row}, key=_by_number)
    if not classes:
        raise UserError(f"the column {column!r} knows no class of any tile; count its labels again")
    nothing = [np.nan] * len(classes)
    shares = [[float(row.get(name, 0.0)) for name in classes] if row else nothing for row in rows]
    return tuple(classes), np.array(shares, np.float64)


def _by_number(name: str) -> tuple[float, str]:
    return (float(name), name) if name.replace(".", "", 1).lstrip("-").isdigit() else (np.inf, name)


def _is_none(value: object) -> bool:
    return value is None or str(value) == NO_LINK

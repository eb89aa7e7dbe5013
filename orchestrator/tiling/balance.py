"""How common each class is over all tiles, and in each split: what a loss is weighted with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.tiling.file import AREA, Tiles
from orchestrator.tiling.label_columns import LABELS, VALID, shares_name, shares_of
from orchestrator.tiling.labelling import ordered
from orchestrator.tiling.split_options import NAMES

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

SPLIT = "split"
ALL, NO_GROUP = "all", "none"  # every tile; those without a value


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """
    One class in one group of tiles.

    Attributes:
        group: `all`, or the value of the column by which tiles are grouped.
        word: What the class is called in the column of shares.
        name: Its name, where the dataset tells one.
        area_km2: Its area: of each tile the area, the share that holds data, the share of the class.
        share: Its area over that of all classes of the group.
        tiles: How many tiles contain it.
        majority: In how many it is the most common, the first of equals.
        weight: Inverse frequency: 1 / (classes of the group × share), so that the mean over all pixels is 1; None for
            a class that does not occur.
    """

    group: str
    word: str
    name: str
    area_km2: float
    share: float
    tiles: int
    majority: int
    weight: float | None

    def facts(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        told = asdict(self)
        return {"group": told.pop("group"), "class": told.pop("word"), **told}


def class_balance(tiles: Tiles, dataset: str, by: str | None = None) -> list[ClassBalance]:
    """
    Return each class over all tiles, then in each group, classes in order.

    Args:
        tiles: With a column of the dataset's shares; tiles without shares take no part.
        dataset: Which.
        by: The column by which tiles are grouped; by default `split`, where there is one. Empty: no groups.

    Raises:
        UserError: The classes were not counted, or there is no such column.
    """
    shares = shares_of(tiles, dataset)
    classes = ordered({word for each in shares if each for word in each})
    table = np.array([[(each or {}).get(word, 0.0) for word in classes] for each in shares]).reshape(len(shares), -1)
    areas = tiles.frame[AREA].to_numpy(float) * _valid(tiles.frame, dataset)
    known = np.array([each is not None for each in shares], bool)
    told = tiles.about.get(LABELS, {}).get(shares_name(dataset), {}).get("classes", {})
    names = [str(told.get(word, {}).get("name", "")) for word in classes]
    rows = _rows(ALL, (classes, names), table[known], areas[known])
    groups = _groups(tiles.frame, SPLIT if by is None and SPLIT in tiles.frame.columns else by or "")
    for group in _in_order(groups):
        here = known & np.array([one == group for one in groups])
        rows += _rows(group, (classes, names), table[here], areas[here])
    return rows


def _in_order(groups: Sequence[str]) -> list[str]:
    """Return each group once: splits as they are told elsewhere, numbers by size, words by the alphabet, none last."""
    words = set(groups)
    known = [name for name in NAMES if name in words]
    last = [NO_GROUP] if NO_GROUP in words else []
    return [*known, *ordered(words.difference(known, last)), *last]


def _rows(
    group: str, classes: tuple[Sequence[str], Sequence[str]], table: NDArray[Any], areas: NDArray[Any]
) -> list[ClassBalance]:
    covered = areas @ table
    total = float(covered.sum())
    share = covered / total if total else covered
    there = int((covered > 0).sum())
    most = (
        np.bincount(table.argmax(axis=1), minlength=len(classes[0])) if table.size else np.zeros(len(classes[0]), int)
    )
    return [
        ClassBalance(
            group,
            word,
            name,
            float(covered[at]),
            float(share[at]),
            int((table[:, at] > 0).sum()),
            int(most[at]),
            1 / (there * float(share[at])) if share[at] else None,
        )
        for at, (word, name) in enumerate(zip(*classes, strict=True))
    ]


def _valid(frame: GeoDataFrame, dataset: str) -> NDArray[np.float64]:
    """Return the share of each tile that holds data: 1 where it was not told."""
    column = f"{dataset}{VALID}"
    if column not in frame.columns:
        return np.ones(len(frame))
    return np.asarray(np.nan_to_num(frame[column].to_numpy(float)))


def _groups(frame: GeoDataFrame, by: str) -> list[str]:
    if not by:
        return []
    if by not in frame.columns:
        columns = [str(one) for one in frame.columns if one != frame.geometry.name]
        raise UserError(f"there is no column {by!r} to group tiles by: {hint(by, columns)}")
    values = frame[by].astype(object).where(frame[by].notna(), NO_GROUP)
    return [str(value) for value in values]

"""What came of a split: shares, areas, and how many tiles of different splits lie near each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from orchestrator.raster.arrays import Floats
from orchestrator.tiling.file import AREA, Tiles
from orchestrator.tiling.neighbours import TOUCHING_METRES, Codes, PlacedTiles, cross_pairs
from orchestrator.tiling.split_options import SplitOptions
from orchestrator.tiling.units import classes_of

_NO_CLASSES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SplitRow:
    """
    One split.

    Attributes:
        name: train, test, val, or the number of a fold.
        tiles: How many it has.
        wanted: Share of the tiles that was asked for.
        achieved: Share of the tiles that are in a split.
        area_km2: Of its tiles.
        touching: Pairs of a tile of it and one of another split that touch.
        near: The same of those nearer than the gap.
        classes: Share of each class in it, where splits are stratified.
    """

    name: str
    tiles: int
    wanted: float
    achieved: float
    area_km2: float
    touching: int
    near: int
    classes: Mapping[str, float] = field(default_factory=lambda: _NO_CLASSES)


@dataclass(frozen=True, slots=True)
class SplitReport:
    """
    All of them.

    Attributes:
        column: Where it is written.
        rows: A row for each split, in their order.
        tiles: How many there are.
        given_up: How many of them are in no split, for the gap.
        gap: Metres.
        touching: Pairs of tiles of different splits that touch.
        near: Pairs that are nearer than the gap.
        seed: What decided between equals; None where nothing was to be decided.
        units: How many groups, squares or bands were given out whole; 0 where tiles were.
        classes: Share of each class in all tiles, where splits are stratified.
        path: The file of tiles.
        csv: The file of splits beside it.
    """

    column: str
    rows: tuple[SplitRow, ...]
    tiles: int
    given_up: int
    gap: float
    touching: int
    near: int
    seed: int | None
    units: int
    classes: Mapping[str, float] = field(default_factory=lambda: _NO_CLASSES)
    path: Path | None = None
    csv: Path | None = None

    @property
    def largest_deviation(self) -> float:
        """How far a share is from what was wanted, at most."""
        return max(abs(row.achieved - row.wanted) for row in self.rows)

    @property
    def largest_class_deviation(self) -> float:
        """How far the share of a class in a split is from its share in all tiles, at most; 0 without classes."""
        return max(
            (abs(row.classes[name] - self.classes[name]) for row in self.rows for name in row.classes), default=0
        )

    def table(self) -> pd.DataFrame:
        """Return a row for each split, with columns as of `SplitRow` and one for each class."""
        fields = [name for name in SplitRow.__slots__ if name != "classes"]
        rows = [{name: getattr(row, name) for name in fields} | dict(row.classes) for row in self.rows]
        return pd.DataFrame(rows).set_index("name")

    def at(self, path: Path | None, csv: Path) -> SplitReport:
        """Return the same with the files in which it is written."""
        return replace(self, path=path, csv=csv)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON holds it."""
        plain = ("column", "tiles", "given_up", "gap", "touching", "near", "seed", "units")
        rows = [
            {name: getattr(row, name) for name in SplitRow.__slots__ if name != "classes" or row.classes}
            | ({"classes": dict(row.classes)} if row.classes else {})
            for row in self.rows
        ]
        facts = {name: getattr(self, name) for name in plain} | {"splits": rows}
        facts["largest_deviation"] = self.largest_deviation
        if self.classes:
            facts |= {"classes": dict(self.classes), "largest_class_deviation": self.largest_class_deviation}
        return facts | {"path": str(self.path or ""), "csv": str(self.csv or "")}


def report_of(tiles: Tiles, laid: PlacedTiles, codes: Codes, options: SplitOptions, units: int) -> SplitReport:
    """Return what came of a split: `codes` are the split of each tile, of `options.names`."""
    touching, near = (_pairs(laid, codes, metres) for metres in (TOUCHING_METRES, options.gap))
    in_split = int(np.count_nonzero(codes >= 0))
    classes, shares = classes_of(tiles.frame, options.stratify) if options.stratify else ((), np.empty((len(codes), 0)))
    areas = tiles.frame[AREA].to_numpy(np.float64)

    def row(code: int) -> SplitRow:
        here = codes == code
        return SplitRow(
            str(options.names[code]),
            int(here.sum()),
            float(options.shares[code]),
            float(here.sum() / max(in_split, 1)),
            float(areas[here].sum()),
            int((codes[touching] == code).any(axis=1).sum()),
            int((codes[near] == code).any(axis=1).sum()),
            _means(classes, shares[here]),
        )

    decided = None if options.by_bands or options.balance == "width" else options.seed
    given_up = len(codes) - in_split
    return SplitReport(
        options.called,
        tuple(map(row, range(len(options.names)))),
        len(codes),
        given_up,
        options.gap,
        len(touching),
        len(near),
        decided,
        units,
        _means(classes, shares),
    )


def _pairs(laid: PlacedTiles, codes: Codes, metres: float) -> Codes:
    return cross_pairs(laid, codes, metres) if metres else np.empty((0, 2), np.int64)


def _means(classes: tuple[str, ...], shares: Floats) -> Mapping[str, float]:
    """Return the mean share of each class over tiles (tiles, classes), those left out that know none."""
    known = shares[~np.isnan(shares).any(axis=1)]
    if not classes:
        return _NO_CLASSES
    means = known.mean(axis=0) if len(known) else np.zeros(len(classes))
    return MappingProxyType(dict(zip(classes, means.tolist(), strict=True)))

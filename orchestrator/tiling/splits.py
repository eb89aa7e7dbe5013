"""
Splits: which tile trains, which tests, which validates; and what each split has then.

A split is made of units that stay whole, be they tiles, groups, squares or bands. Tiles that stand nearer to another
split than the gap are given up. What came of it is counted, not assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.core.writing import writing
from orchestrator.raster.arrays import Floats
from orchestrator.tiling.assignment import assign
from orchestrator.tiling.bands import bands_by_count, bands_of_width, counts_of, pattern_of, positions_of
from orchestrator.tiling.degrees import in_degrees
from orchestrator.tiling.file import IDENTIFIER, Tiles, rewrite_tiles
from orchestrator.tiling.gaps import apart, balanced
from orchestrator.tiling.neighbours import Codes, PlacedTiles, lay
from orchestrator.tiling.split_options import FOLD, SPLIT, SplitOptions
from orchestrator.tiling.split_report import SplitReport, report_of
from orchestrator.tiling.units import classes_of, groups_of, squares_of
from orchestrator.tiling.windows import with_gaps

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def split_tiles(tiles: Tiles, options: SplitOptions) -> tuple[Tiles, SplitReport]:
    """
    Return tiles with a split, and what came of it.

    Where they are in a file it is written again, whole or not at all, and beside it a CSV of all splits.

    Raises:
        UserError: The options cannot be met, a column is not there, or that of the split is there already.
    """
    columns = [SPLIT, options.called] if _in_groups_of_bands(options) else [options.called]
    _refuse_replacing(tiles, columns, options)
    laid = lay(tiles.frame)
    codes, units = split_codes(tiles.frame, laid, options)
    frame = tiles.frame.copy(deep=False)
    if _in_groups_of_bands(options):
        frame[SPLIT] = _values(_by_width(tiles.frame, options), options)
    frame[options.called] = _values(codes, options)
    report = report_of(tiles, laid, codes, options, units)
    gaps = {SPLIT: 0.0} if SPLIT in columns else {}
    about = with_gaps(tiles.about, gaps | {options.called: options.gap})
    if tiles.path is None:
        return Tiles(frame, tiles.name, about), report
    written = rewrite_tiles(tiles, frame, about, overwrite=options.overwrite, also=write_splits)
    return written, report.at(written.path, _splits_file(written))


def split_codes(frame: GeoDataFrame, laid: PlacedTiles, options: SplitOptions) -> tuple[Codes, int]:
    """
    Return the split of each tile, a place in `options.names`, negative for none; and how many units were given out.

    Raises:
        UserError: The options cannot be met.
    """
    if options.balance == "width":
        codes = _by_width(frame, options)
        if options.group_by:
            codes = _most_frequent(codes, groups_of(frame, options.group_by), len(options.names))
        return apart(laid, codes, options), 0
    members = _members(frame, laid, options)
    units = int(members.max()) + 1
    if units < len(options.names):
        there = "is 1 group of tiles that stays" if units == 1 else f"are {units} groups of tiles that stay"
        raise UserError(
            f"{len(options.names)} splits are wanted, and there {there} together; take "
            "smaller blocks, other groups, or fewer splits"
        )
    give = _by_count(members, laid, options) if options.by_bands else _by_choice(members, frame, options)
    found = balanced(give, laid, options, members)
    return found.codes, found.units or (units if units < len(members) else 0)


def write_splits(tiles: Tiles) -> Path:
    """Write the CSV beside a file of tiles: identifier and every column of splits or folds; return where it lies."""
    columns = [name for name in tiles.frame.columns if name == IDENTIFIER or SPLIT in name or FOLD in name]
    path = _splits_file(tiles)
    table = pd.DataFrame({name: tiles.frame[name] for name in columns})
    with writing(path):
        write_whole(path, table.to_csv(index=False, lineterminator="\n").encode())
    return path


def _splits_file(tiles: Tiles) -> Path:
    return tiles.folder.parent / f"{tiles.name.stem}_splits.csv"


def _in_groups_of_bands(options: SplitOptions) -> bool:
    """Tell whether bands are written too: so does geetiles, which groups by what most tiles have."""
    return options.balance == "width" and bool(options.group_by) and not options.column


def _refuse_replacing(tiles: Tiles, columns: list[str], options: SplitOptions) -> None:
    there = [name for name in columns if name in tiles.frame.columns]
    if there and not options.overwrite:
        raise UserError(
            f"{tiles.name.stem} has a column {there[0]!r} already; --overwrite replaces it, --column writes another "
            "beside it"
        )


def _members(frame: GeoDataFrame, laid: PlacedTiles, options: SplitOptions) -> Codes:
    """Return the unit of each tile."""
    if options.blocks:
        return squares_of(laid, options.blocks)
    if options.group_by:
        return groups_of(frame, options.group_by)
    single = np.arange(len(frame), dtype=np.int64)
    if options.by_bands:
        return single
    every = np.ones(len(frame), np.int64)
    counts = counts_of(np.zeros(options.band_count, np.int64), np.ones(1), len(frame))
    bands = bands_by_count(positions_of(laid.middles, options.direction), every, counts)
    return np.unique(bands, return_inverse=True)[1].astype(np.int64)


def _by_count(members: Codes, laid: PlacedTiles, options: SplitOptions) -> Callable[[Floats], Codes]:
    """Return what gives out units by where they lie: bands that hold as many tiles as the shares ask for."""
    pattern = pattern_of(options.given, options.band_count)
    sizes = np.bincount(members)
    middles = np.column_stack([np.bincount(members, weights=axis) / sizes for axis in laid.middles.T])
    positions = positions_of(middles, options.direction)

    def give(shares: Floats) -> Codes:
        return pattern[bands_by_count(positions, sizes, counts_of(pattern, shares, len(members)))][members]

    return give


def _by_choice(members: Codes, frame: GeoDataFrame, options: SplitOptions) -> Callable[[Floats], Codes]:
    """Return what gives out units by how many tiles they have and of which classes."""
    sizes = np.bincount(members)
    amounts = sizes[:, None].astype(np.float64)
    if options.stratify:
        shares = np.nan_to_num(classes_of(frame, options.stratify)[1])
        amounts = np.column_stack([amounts, *(np.bincount(members, weights=one) for one in shares.T)])

    def give(shares: Floats) -> Codes:
        return assign(amounts, shares, options.seed)[members]

    return give


def _by_width(frame: GeoDataFrame, options: SplitOptions) -> Codes:
    bands = bands_of_width(shapely.bounds(in_degrees(frame)), options.band_count, options.direction)
    return pattern_of(options.given, options.band_count)[bands]


def _most_frequent(codes: Codes, groups: Codes, splits: int) -> Codes:
    """Return for each tile the split that most tiles of its group have, of equal ones that which comes first."""
    counts = np.zeros((groups.max() + 1, splits), np.int64)
    np.add.at(counts, (groups, codes), 1)
    first = np.full(counts.shape, len(codes))
    np.minimum.at(first, (groups, codes), np.arange(len(codes)))
    best = np.lexsort((first, -counts), axis=1)[:, 0]
    return best[groups]


def _values(codes: Codes, options: SplitOptions) -> Any:
    """Return what is written for the split of each tile: nothing for none."""
    if options.folds:
        return pd.array([None if code < 0 else int(code) for code in codes], dtype="Int64")
    return pd.array([None if code < 0 else options.names[code] for code in codes], dtype=object)

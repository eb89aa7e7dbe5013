"""`labels`: classes counted in tiles, taken from coarser tiles, and weighed against each other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.verbs.own_maps import OWN_MAP, hooks_beside, own_map
from orchestrator.core.errors import UserError
from orchestrator.core.files import write_whole
from orchestrator.tiling.balance import ClassBalance, class_balance
from orchestrator.tiling.coarse import coarse_shares
from orchestrator.tiling.counting import ClassRule
from orchestrator.tiling.file import Tiles, read_tiles
from orchestrator.tiling.label_columns import (
    LABELS,
    VALID,
    ShareColumn,
    flat_columns,
    shares_name,
    shares_of,
    write_shares,
)
from orchestrator.tiling.labelling import ClassCounts, count_chips, count_raster, ordered
from orchestrator.tiling.links import link_tiles
from orchestrator.tiling.value_maps import ValueMap

if TYPE_CHECKING:
    from orchestrator.tiling.counting import Mapped


def _unheard(_what: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class LabelReport:
    """
    What was counted.

    Attributes:
        tiles: As the file has them now.
        column: The name of the column.
        classes: What classes are called, in order.
        counted: How many tiles have shares now.
        empty: Identifiers of tiles without one pixel of data: they have none.
        missing: (identifier, why) of tiles whose chips are missing: nothing is known of them.
    """

    tiles: Tiles
    column: str
    classes: tuple[str, ...]
    counted: int
    empty: tuple[str, ...]
    missing: tuple[tuple[str, str], ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        return {
            "path": str(self.tiles.path),
            "column": self.column,
            "classes": list(self.classes),
            "counted": self.counted,
            "empty": list(self.empty),
            "missing": [{"identifier": one, "why": why} for one, why in self.missing],
        }


def count_labels(
    path: Path,
    dataset: str,
    *,
    raster: Path | None = None,
    band: int = 0,
    mapping: str | Mapped | None = None,
    run_code: bool = False,
    nodata: float | None = None,
    all_touched: bool = False,
    flat: bool = False,
    published: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = _unheard,
) -> LabelReport:
    """
    Count the classes of a dataset in each tile, and write their shares into the file of tiles.

    Args:
        path: The file of tiles.
        dataset: Which; its chips are read, and the columns are called like it.
        raster: A raster of the user's that is counted instead of chips.
        band: Which band holds the classes, from 1; 0 for the only one.
        mapping: From values to classes: a text as `ValueMap.parse` reads it, a map, or a function of an array; `own`
            for the map that the dataset has itself, or the `map_values` of the user's code that it was made with.
        run_code: Run the user's code that lies beside the chips, whose `map_values` is then the map.
        nodata: The value of pixels without data, instead of the one that the raster names.
        all_touched: Count every pixel that a tile touches.
        flat: Write a column for each class as well.
        published: Count as geetiles 0.1.7 does, and write only its column; for the old words.
        overwrite: Replace a column that came from something else.
        say: Told how far it is.

    Raises:
        UserError: The file, the dataset, the raster or the map is none, or a column would be replaced.
    """
    tiles = read_tiles(path)
    _check_name(dataset)
    if run_code and mapping not in {None, "", OWN_MAP}:
        raise UserError("--run-code is for the map of the code beside the chips; leave it out, or give --map own")
    own = run_code or mapping == OWN_MAP
    made = _own_map(tiles, dataset, raster, run_code=run_code) if own else _map_of(mapping)
    rule = ClassRule(band, nodata, made, all_touched, published)
    counts = count_raster(tiles, raster, rule, say) if raster else count_chips(tiles, dataset, rule, say)
    source = {"raster": raster.name} if raster else {"chips": dataset}
    column = _column(counts, dataset, source | ({"band": band} if band else {}), rule, flat=flat)
    written = write_shares(tiles, column, overwrite=overwrite)
    each = zip(tiles.identifiers, counts.tiles, strict=True)
    empty = tuple(name for name, count in each if count is not None and not count.counted)
    counted = len(counts.tiles) - len(empty) - len(counts.missing)
    return LabelReport(written, column.name, counts.classes, counted, empty, counts.missing)


def _map_of(mapping: str | Mapped | None) -> Mapped | None:
    return ValueMap.parse(mapping) if isinstance(mapping, str) else mapping


def _own_map(tiles: Tiles, dataset: str, raster: Path | None, *, run_code: bool) -> Mapped:
    """
    Return the map that a dataset has itself.

    Raises:
        UserError: It has none, or it is code that may not be run.
    """
    if raster:
        raise UserError("a raster of yours has no map and no code of its own; write a map: 10=1,20=2")
    if run_code:
        hooks_beside(tiles, dataset)
    return own_map(tiles, dataset, run_code=run_code)


def _check_name(dataset: str) -> None:
    if not dataset or "/" in dataset or "\\" in dataset or dataset.startswith("."):
        raise UserError(f"the dataset is called {dataset!r}; give the plain name of a folder of chips")


def _column(counts: ClassCounts, dataset: str, source: dict[str, Any], rule: ClassRule, *, flat: bool) -> ShareColumn:
    shares = [one.shares() if one else None for one in counts.tiles]
    beside: dict[str, Any] = {}
    if not rule.published:
        beside[f"{dataset}{VALID}"] = [one.valid if one else float("nan") for one in counts.tiles]
    if flat:
        beside |= flat_columns(shares, f"{dataset}_", counts.classes)
    about: dict[str, Any] = {"classes": {word: dict(told) for word, told in counts.known.items()}}
    if isinstance(rule.mapping, ValueMap):
        about["map"] = rule.mapping.text()
    elif rule.mapping is not None:
        about["map"] = OWN_MAP
    return ShareColumn(shares_name(dataset), shares, source, beside, about)


def coarse_labels(
    path: Path,
    coarse: Path,
    dataset: str,
    *,
    flat: bool = False,
    published: bool = False,
    overwrite: bool = False,
) -> LabelReport:
    """
    Give each tile the class shares of the coarser tiles in which it lies, by the area that it shares with each.

    The file of tiles gets the column `{dataset}_proportions_at_{tiles}` and, as `tiles link` writes it,
    `foreignid_{tiles}`.

    Args:
        path: The file of tiles.
        coarse: The file of the coarser tiles, whose classes were counted.
        dataset: Which.
        flat: Write a column for each class as well.
        published: As geetiles 0.1.7: areas are square degrees.
        overwrite: Replace a column that came from something else.

    Raises:
        UserError: A file is none, the coarser tiles have no shares, or a column would be replaced.
        IntegrityError: Shares do not add up to 1.
    """
    tiles, others = read_tiles(path), read_tiles(coarse)
    _check_name(dataset)
    shares = coarse_shares(tiles.frame, others.frame, shares_of(others, dataset), published=published)
    name = shares_name(dataset, others.name.tiles)
    classes = ordered({word for each in shares if each for word in each})
    beside = flat_columns(shares, f"{dataset}_at_{others.name.tiles}_", classes) if flat else {}
    told = others.about.get(LABELS, {}).get(shares_name(dataset), {}).get("classes", {})
    column = ShareColumn(name, shares, {"tiles": others.name.stem}, beside, {"classes": told})
    if not published:  # both columns with one writing
        tiles = replace(tiles, frame=link_tiles(replace(tiles, path=None), others).frame)
    written = write_shares(tiles, column, overwrite=overwrite)
    if published:
        written = link_tiles(written, others, square_degrees=True)
    empty = tuple(name for name, each in zip(tiles.identifiers, shares, strict=True) if each is None)
    return LabelReport(written, name, classes, len(shares) - len(empty), empty)


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """
    How common classes are.

    Attributes:
        tiles: The file that was read.
        dataset: Whose classes.
        rows: Each class over all tiles, then in each group.
        unknown: How many tiles have no shares and take no part.
    """

    tiles: Tiles
    dataset: str
    rows: tuple[ClassBalance, ...]
    unknown: int

    def facts(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        told = {"path": str(self.tiles.path), "dataset": self.dataset, "tiles_without_shares": self.unknown}
        return {**told, "classes": [row.facts() for row in self.rows]}


def balance_labels(path: Path, dataset: str, *, by: str | None = None) -> BalanceReport:
    """
    Return how common each class of a dataset is, over all tiles and in each group.

    Args:
        path: The file of tiles, with the dataset's shares.
        dataset: Which.
        by: The column by which tiles are grouped; by default `split`, where there is one.

    Raises:
        UserError: The file is none, the classes were not counted, or there is no such column.
    """
    tiles = read_tiles(path)
    rows = class_balance(tiles, dataset, by)
    return BalanceReport(tiles, dataset, tuple(rows), sum(each is None for each in shares_of(tiles, dataset)))


def write_balance(report: BalanceReport, path: Path, *, overwrite: bool = False) -> None:
    """
    Write a table of classes as CSV or JSON, whole or not at all.

    Raises:
        UserError: The file is called otherwise, or is there already.
    """
    if path.suffix not in (".csv", ".json"):
        raise UserError(f"{path.name} is no name of a table of classes; write {path.stem}.csv, or {path.stem}.json")
    if path.exists() and not overwrite:
        raise UserError(f"{path} is there already; give --overwrite to replace it, or another name")
    if path.suffix == ".json":
        content = json.dumps(report.facts(), indent=1) + "\n"
    else:
        text = io.StringIO()
        rows = [row.facts() for row in report.rows]
        table = csv.DictWriter(text, rows[0] if rows else ["group", "class"], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        content = text.getvalue()
    write_whole(path, content.encode())

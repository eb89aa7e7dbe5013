"""Chips of a run as a page shows them: which there are, of which split, where, and a small picture of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.finding import find_head
from orchestrator.app.records import Records
from orchestrator.app.verbs.layers import shown_bands
from orchestrator.app.verbs.previews import CACHE_BYTES
from orchestrator.app.verbs.results import result_of
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.records import Head

if TYPE_CHECKING:
    from orchestrator.previews.cache import PictureCache
    from orchestrator.previews.source import PublishedRaster
    from orchestrator.previews.style import Style
    from orchestrator.tiling.chip_folder import ChipFolder

PRODUCT = "chips"
NO_SPLIT = "no split"
PAGE = 60  # chips of a page of the contact sheet


@dataclass(frozen=True, slots=True)
class ShownChip:
    """
    A chip, or why there is none.

    Attributes:
        identifier: Of its tile.
        state: DONE, EMPTY or FAILED.
        why: Why there is none; empty where there is one.
        split: Of its tile; `NO_SPLIT` where it has none.
        label: The class that most of the tile has; empty where classes were not counted.
        valid: The least share of its pixels that holds data, of all bands.
        corners: Longitude and latitude of its four corners; empty where its place is not told.
    """

    identifier: str
    state: str
    why: str
    split: str
    label: str
    valid: float
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ChipSheet:
    """
    The chips of a dataset.

    Attributes:
        dataset: Its name.
        folder: Where they lie.
        chips: In the order of the list.
        bands: Names, in order.
        splits: How many chips each split has, as the file of tiles tells; empty where it tells none.
        states: How many there are of each state.
        labels: How many tiles each class has most of; empty where classes were not counted.
        classes: Value, name and colour of each class of the pixels.
        bounds: West, south, east, north; None where no place is told.
    """

    dataset: str
    folder: Path
    chips: tuple[ShownChip, ...]
    bands: tuple[str, ...]
    splits: Mapping[str, int]
    states: Mapping[str, int]
    labels: Mapping[str, int]
    classes: tuple[Mapping[str, Any], ...]
    bounds: tuple[float, float, float, float] | None

    def chosen(self, *, split: str = "", state: str = "", label: str = "") -> tuple[ShownChip, ...]:
        """Return the chips of a split, a state and a class; what is empty is any."""
        return tuple(
            chip
            for chip in self.chips
            if split in ("", chip.split) and state in ("", chip.state) and label in ("", chip.label)
        )


def chip_sheet(app: Records, name: str) -> ChipSheet:
    """
    Return the chips of a run.

    Raises:
        UserError: No run is called so, it made no chips, or their list cannot be read.
        NeedsPerson: The run is held for a person.
        RunFailed: It has no result.
    """
    head = find_head(app.store, name)
    folder, tiles = _places(head)
    return _sheet(folder, tiles, (_mark(folder / "chips.parquet"), _mark(tiles)))


def chip_picture(app: Records, name: str, identifier: str) -> bytes:
    """
    Return a small picture of a chip, a PNG; all of a dataset are stretched alike.

    Raises:
        UserError: See `chip_sheet`; or there is no such chip, it is gone, or another file.
        NeedsPerson: See `chip_sheet`.
        RunFailed: See `chip_sheet`.
    """
    from orchestrator.previews.source import stamp  # noqa: PLC0415  GDAL is heavy
    from orchestrator.previews.thumbnails import thumbnail  # noqa: PLC0415

    folder, _ = _places(find_head(app.store, name))
    mark = (_mark(folder / "chips.parquet"),)
    chips = _folder(folder, mark)
    source = _source(chips, identifier)
    style = _style(folder, mark)
    return _pictures().get((stamp(source), style.key), lambda: thumbnail(source, style))


@lru_cache(maxsize=1)
def _pictures() -> PictureCache:
    from orchestrator.previews.cache import PictureCache  # noqa: PLC0415

    return PictureCache(CACHE_BYTES // 4)


def _places(head: Head) -> tuple[Path, Path]:
    """Return the folder of the chips, and the file of tiles that they were cut for."""
    if head.product != PRODUCT:
        raise UserError(f"run {head.id} made no chips but a {head.product}")
    return result_of(head).path, Path(str(json.loads(head.job).get("keys", {}).get("tiles", "")))


def _mark(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=8)
def _folder(folder: Path, _marks: tuple[tuple[int, ...], ...]) -> ChipFolder:
    from orchestrator.tiling.chip_folder import ChipFolder, dataset_about, read_rows  # noqa: PLC0415

    rows = read_rows(folder)
    if rows is None:
        raise UserError(f"{folder} has no list of chips; put it back, or download the dataset anew")
    return ChipFolder(folder, rows, dataset_about(folder))


@lru_cache(maxsize=8)
def _sheet(folder: Path, tiles: Path, marks: tuple[tuple[int, ...], ...]) -> ChipSheet:
    from orchestrator.tiling.chip_folder import class_rows  # noqa: PLC0415

    found = _folder(folder, marks[:1])
    splits, labels = _told_by(tiles)
    rows = dict(found.rows or {})
    chips = tuple(
        ShownChip(
            identifier,
            str(row["state"]),
            str(row.get("why") or ""),
            splits.get(identifier, NO_SPLIT) if splits else "",
            labels.get(identifier, ""),
            min(row.get("valid") or (0.0,)),
            corners,
        )
        for (identifier, row), corners in zip(rows.items(), _corners(list(rows.values())), strict=True)
    )
    return ChipSheet(
        folder.name,
        folder,
        chips,
        tuple(found.about.get("bands", ())),
        dict(sorted(Counter(chip.split for chip in chips if chip.split).items())),
        dict(sorted(Counter(chip.state for chip in chips).items())),
        dict(sorted(Counter(chip.label for chip in chips if chip.label).items())),
        tuple(class_rows(found.about)),
        _bounds([corner for chip in chips for corner in chip.corners]),
    )


def _told_by(tiles: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return split and class of each tile, by identifier; nothing where the file is gone or tells none."""
    from orchestrator.tiling.file import read_tiles  # noqa: PLC0415
    from orchestrator.tiling.shown import CLASS, values_of_tiles  # noqa: PLC0415

    splits: dict[str, str] = {}
    labels: dict[str, str] = {}
    with suppress(UserError):
        found = read_tiles(tiles, check=False)
        if "split" in found.frame.columns:
            pairs = zip(found.identifiers, found.frame["split"], strict=True)
            splits = {name: str(value) for name, value in pairs if isinstance(value, str)}
        with suppress(UserError):
            shown = values_of_tiles(found, CLASS)
            named = zip(found.identifiers, shown.series, strict=True)
            labels = {name: shown.names.get(str(value), str(value)) for name, value in named if value is not None}
    return splits, labels


def _corners(rows: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[float, float], ...]]:
    """Return longitude and latitude of the corners of each chip, of one CRS together."""
    from rasterio.warp import transform  # noqa: PLC0415  GDAL is heavy

    found: list[tuple[tuple[float, float], ...]] = [()] * len(rows)
    by_crs: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        if row.get("crs") and row.get("transform"):
            by_crs.setdefault(str(row["crs"]), []).append(at)
    for crs, places in by_crs.items():
        xs, ys = zip(*(corner for at in places for corner in _box(rows[at])), strict=True)
        degrees = list(zip(*transform(crs, "EPSG:4326", xs, ys)[:2], strict=True))
        for number, at in enumerate(places):
            found[at] = tuple(degrees[4 * number : 4 * number + 4])
    return found


def _box(row: Mapping[str, Any]) -> list[tuple[float, float]]:
    a, _b, c, _d, e, f = row["transform"]
    right, bottom = c + a * row["width"], f + e * row["height"]
    return [(c, f), (right, f), (right, bottom), (c, bottom)]


def _bounds(corners: Sequence[tuple[float, float]]) -> tuple[float, float, float, float] | None:
    if not corners:
        return None
    west, east = min(x for x, _ in corners), max(x for x, _ in corners)
    if east - west > 180:  # they lie on both sides of longitude 180
        turned = [x + 360 if x < 0 else x for x, _ in corners]
        west, east = min(turned), max(turned)
    return west, min(y for _, y in corners), east, max(y for _, y in corners)


def _source(chips: ChipFolder, identifier: str) -> PublishedRaster:
    from orchestrator.previews.source import PublishedRaster  # noqa: PLC0415

    rows = chips.rows or {}
    if identifier not in rows:
        raise UserError(
            f"there is no chip {identifier[:80]!r} in {chips.path}; {chips.path / 'chips.parquet'} lists them"
        )
    chip = chips.chip_of(identifier)
    if chip.path is None:
        raise UserError(f"there is no chip of {identifier}: {chip.why}")
    return PublishedRaster(chip.path, chip.sha256)


@lru_cache(maxsize=8)
def _style(folder: Path, marks: tuple[tuple[int, ...], ...]) -> Style:
    from orchestrator.previews.style import Style, class_colours  # noqa: PLC0415
    from orchestrator.previews.thumbnails import common_ranges  # noqa: PLC0415
    from orchestrator.tiling.chip_folder import class_rows  # noqa: PLC0415

    chips = _folder(folder, marks)
    bands = shown_bands([str(band) for band in chips.about.get("bands", ("",))])
    if classes := class_colours(class_rows(chips.about)):
        return Style((1,), ((0.0, 1.0),), classes=classes)
    there = [name for name, row in (chips.rows or {}).items() if row["state"] == "DONE"]
    found = [chips.chip_of(name) for name in there]
    from orchestrator.previews.source import PublishedRaster  # noqa: PLC0415

    return Style(bands, common_ranges([PublishedRaster(chip.path) for chip in found if chip.path], bands))

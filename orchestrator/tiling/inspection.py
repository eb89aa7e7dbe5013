"""Chips compared with what is said of them: every file opens and is what the list says, and nothing else lies there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from orchestrator.core.errors import PlanError, Stopped
from orchestrator.core.files import StopFlag, make_folder, sha256_of
from orchestrator.plan.reproject import crs_name, parse_crs
from orchestrator.raster.opening import opened
from orchestrator.tiling.chip_folder import (
    ABOUT,
    CODE,
    DONE,
    EMPTY,
    FAILED,
    MANIFEST,
    RASTER,
    ChipFolder,
    mark_failed,
)
from orchestrator.tiling.degrees import in_degrees
from orchestrator.tiling.file import IDENTIFIER, Tiles
from orchestrator.tiling.identifiers import file_hash, identify, is_identifier
from orchestrator.tiling.rasters import quietly

ASIDE = ".aside"
_GONE = "the file is not there"
_OURS = frozenset({MANIFEST, ABOUT, CODE})
MOST_CHIP_BYTES = 1 << 32  # of pixels; a chip is small, and one of which no list tells may say any size
_NEAR = 1e-9  # of a transform's numbers, by their size


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Something that is not as it is said to be.

    Attributes:
        kind: `tiles` (the file of tiles), `chip` (a file is there and is not what it must be), `missing` (there is
            none, and must be), `stranger` (a file that nothing speaks of).
        dataset: Of which; empty of the file of tiles.
        name: Identifier of the tile, or name of the file.
        path: Where.
        what: What is wrong, in words.
    """

    kind: str
    dataset: str
    name: str
    path: Path
    what: str

    @property
    def is_new(self) -> bool:
        """Whether the list does not tell it yet: a bad chip, or one that is gone."""
        return self.kind == "chip" or self.what == _GONE


def inspect_tiles(tiles: Tiles) -> Iterator[Fault]:
    """Yield what is wrong with a file of tiles: it was changed since it was named, or a tile is not called like it."""
    path = tiles.path or Path(tiles.name.stem)
    if IDENTIFIER not in tiles.frame.columns:
        yield Fault("tiles", "", path.name, path, f"has no column {IDENTIFIER!r}")
        return
    told, true = tiles.identifiers, identify(in_degrees(tiles.frame))
    if file_hash(true) != tiles.name.hash:
        found = file_hash(true)
        yield Fault("tiles", "", path.name, path, f"was changed since it was named: its tiles hash to {found}")
    for name, other in zip(told, true, strict=True):
        if name != other:
            yield Fault("tiles", "", name, path, f"the tile called {name} is {other} by its envelope")


def inspect_chips(
    tiles: Tiles, chips: ChipFolder, stop: StopFlag, say: Callable[[int, int], None] = lambda _done, _of: None
) -> Iterator[Fault]:
    """
    Yield what is wrong with the chips of a dataset; nothing is changed.

    Where a list tells checksums, files are believed by them and by their headers; where there is none, as other
    programs leave it, every file is read to its end.

    Raises:
        Stopped: `stop` was set.
    """
    wanted = [each for each in tiles.identifiers if is_identifier(each)]  # others are names of no file
    for number, identifier in enumerate(wanted):
        if stop.is_set():
            raise Stopped("stopped; nothing was changed")
        say(number, len(wanted))
        fault = _alone(chips, identifier) if chips.rows is None else _listed(chips, identifier)
        if fault is not None:
            yield fault
    yield from _cut_list(chips)
    yield from _strangers(chips, set(wanted))


def never_asked_for(tiles: Tiles, chips: ChipFolder) -> int:
    """Return how many tiles the list does not speak of: a download may be of some of them only."""
    return 0 if chips.rows is None else len(set(tiles.identifiers) - set(chips.rows))


def _cut_list(chips: ChipFolder) -> Iterator[Fault]:
    """Tell a list that has other rows than its dataset counts."""
    told = chips.about.get("counts")
    if chips.rows is not None and isinstance(told, Mapping) and sum(told.values()) != len(chips.rows):
        what = f"lists {len(chips.rows)} chips, {ABOUT} counts {sum(told.values())}"
        yield Fault("missing", chips.name, MANIFEST, chips.path / MANIFEST, what)


def set_aside(tiles: Tiles, chips: ChipFolder, faults: list[Fault]) -> dict[Path, Path]:
    """
    Move bad chips out of their folder and mark them and the missing ones lost; return where each has gone.

    Nothing is deleted: they lie in `.aside/DATASET` beside the folder. Strangers stay where they are.
    """
    bad = [fault for fault in faults if fault.dataset == chips.name and fault.kind in ("chip", "missing")]
    moved: dict[Path, Path] = {}
    folder = tiles.folder / ASIDE / chips.name
    for fault in bad:
        if fault.kind == "chip":
            make_folder(folder)
            moved[fault.path] = fault.path.rename(_free_name(folder, fault.path))
    if bad and chips.rows is not None:
        states = {name: row["state"] for name, row in chips.rows.items()}
        whys = {each.name: f"tiles verify: {each.what}" for each in bad if states.get(each.name, FAILED) != FAILED}
        if whys:
            mark_failed(chips, whys)
    return moved


def _free_name(folder: Path, path: Path) -> Path:
    number, found = 1, folder / path.name
    while found.exists():
        number += 1
        found = folder / f"{path.stem}-{number}{path.suffix}"
    return found


def _listed(chips: ChipFolder, identifier: str) -> Fault | None:
    row = (chips.rows or {}).get(identifier)
    if row is None:
        return None  # never asked for: a download may be of some tiles only
    state, path = str(row["state"]), chips.file_of(identifier)
    if state == EMPTY:
        return _unless(not path.exists(), "chip", chips, identifier, path, "is there, and is said to hold no data")
    if state != DONE:
        why = str(row.get("why") or "its download failed")
        return Fault("missing", chips.name, identifier, path, f"{state}: {why}")
    if not path.is_file() or path.is_symlink():
        return Fault("missing", chips.name, identifier, path, _GONE)
    return _unless(not (what := _difference(path, row)), "chip", chips, identifier, path, what)


def _unless(right: bool, kind: str, chips: ChipFolder, name: str, path: Path, what: str) -> Fault | None:
    return None if right else Fault(kind, chips.name, name, path, what)


def _alone(chips: ChipFolder, identifier: str) -> Fault | None:
    """Look at a chip of which no list speaks: it is there and can be read."""
    path = chips.path / f"{identifier}{RASTER}"
    if not path.is_file():
        return Fault("missing", chips.name, identifier, path, _GONE)
    try:
        with quietly(), opened(path, most_bytes=MOST_CHIP_BYTES) as source:
            for _, window in source.block_windows(1):
                source.read(window=window)
    except rasterio.errors.RasterioError as error:
        return Fault("chip", chips.name, identifier, path, f"does not open: {error}")
    return None


def _difference(path: Path, row: Mapping[str, Any]) -> str:
    """Return in what a file is not what its row says; nothing where it is."""
    try:
        with quietly(), opened(path) as source:
            found, transform, crs = _header(source), tuple(source.transform)[:6], source.crs
    except rasterio.errors.RasterioError as error:
        return f"does not open: {error}"
    for name, value in found.items():
        if name in row and not _same(value, row[name]):
            return f"its {name} is {_shown(value)}, must be {_shown(row[name])}"
    if elsewhere := _elsewhere(transform, crs, row):
        return elsewhere
    told = str(row.get("sha256") or "")
    if told and (sha256 := sha256_of(path)) != told:
        return f"its sha256 is {sha256[:12]}..., must be {told[:12]}...: it was changed or damaged"
    return ""


def _elsewhere(transform: tuple[float, ...], crs: Any, row: Mapping[str, Any]) -> str:
    if lacking := [name for name in ("transform", "crs") if row.get(name) is None]:
        return f"{MANIFEST} tells no {lacking[0]} of it"
    if len(row["transform"]) != len(transform) or not np.allclose(transform, row["transform"], rtol=_NEAR, atol=0):
        return f"its transform is {_shown(transform)}, must be {_shown(row['transform'])}"
    name = _crs_of(crs)
    return "" if name == _crs_of(row["crs"]) else f"its crs is {name}, must be {row['crs']}"


def _header(source: Any) -> dict[str, Any]:
    return {
        "height": source.height,
        "width": source.width,
        "bands": [name or "" for name in source.descriptions],
        "dtype": source.dtypes[0] if len(set(source.dtypes)) == 1 else ",".join(source.dtypes),
        "nodata": source.nodata,
    }


def _same(found: Any, told: Any) -> bool:
    if isinstance(found, list):
        # A list of names, or their number.
        return len(found) == told if isinstance(told, int) else _same_names(found, list(told or ()))
    if isinstance(found, float) and isinstance(told, float):
        return found == told or (np.isnan(found) and np.isnan(told))
    return bool(found == told)


def _same_names(found: list[str], told: list[str]) -> bool:
    return len(found) == len(told) and (not any(found) or found == told)


def _crs_of(crs: Any) -> str:
    text = crs.to_wkt() if hasattr(crs, "to_wkt") else str(crs or "")
    with suppress(PlanError):
        return crs_name(parse_crs(text)) if text else "none"
    return text


def _shown(value: Any) -> str:
    return (
        ",".join(f"{each:.12g}" if isinstance(each, float) else str(each) for each in value)
        if isinstance(value, list | tuple)
        else str(value)
    )


def _strangers(chips: ChipFolder, wanted: set[str]) -> Iterator[Fault]:
    """Yield files that nothing speaks of; those of unknown tiles too."""
    rows = chips.rows or {}
    known = _OURS | {f"{name}{RASTER}" for name in wanted}
    for path in sorted(chips.path.iterdir()):
        if path.name not in known:
            what = "is of no tile of this file" if path.suffix == RASTER else "is none of ours"
            yield Fault("stranger", chips.name, path.name, path, what)
    for name in rows:
        if name not in wanted:
            what = f"{MANIFEST} lists it, and no tile is called so"
            yield Fault("stranger", chips.name, name, chips.path / MANIFEST, what)

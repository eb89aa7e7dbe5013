"""Datasets of chips as they are packed: which chips there are, what is told of the others and of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import UserError
from orchestrator.tiling.chip_folder import MANIFEST, class_rows, open_chips
from orchestrator.tiling.chip_raster import ChipRaster, band_names, read_header

if TYPE_CHECKING:
    from orchestrator.tiling.chip_folder import ChipFolder, StoredChip
    from orchestrator.tiling.file import Tiles


@dataclass(frozen=True, slots=True)
class ChipDataset:
    """
    Chips of one dataset for a file of tiles.

    Attributes:
        name: On disk.
        folder: Where they lie.
        chips: Those that are there, by identifier.
        lacking: What is known of the others.
        about: What is known of the whole, as it lies beside them.
        band_names: Of the bands, in order; as many as the chips have.
        unasked: Which of those that are lacking were never asked for: a download may be of some tiles only.
    """

    name: str
    folder: Path
    chips: Mapping[str, ChipRaster]
    lacking: Mapping[str, StoredChip]
    about: Mapping[str, Any]
    band_names: tuple[str, ...]
    unasked: frozenset[str] = frozenset()

    @property
    def classes(self) -> tuple[dict[str, Any], ...]:
        """The classes that values stand for: `value`, `name` and `color` where they are known."""
        return tuple({**row, "value": int(row["value"])} for row in class_rows(self.about))


def read_dataset(tiles: Tiles, name: str) -> ChipDataset:
    """
    Return the chips of a dataset that was brought for `tiles`.

    Raises:
        UserError: There is no such folder, its list cannot be read, or a chip without a list does not open.
    """
    folder = open_chips(tiles, name)
    known = {each: folder.chip_of(each) for each in tiles.identifiers}
    chips = {each: _raster(folder, each, chip.path) for each, chip in known.items() if chip.path}
    lacking = {each: chip for each, chip in known.items() if not chip.path}
    unasked = frozenset() if folder.rows is None else frozenset(lacking) - frozenset(folder.rows)
    return ChipDataset(name, folder.path, chips, lacking, folder.about, _band_names(chips, folder.about), unasked)


def _raster(folder: ChipFolder, identifier: str, path: Path) -> ChipRaster:
    """Return what the list says of a chip that is there; what its file says where there is no list."""
    if folder.rows is None:
        return read_header(path)
    try:
        return _as_listed(folder.rows[identifier], path)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder.path / MANIFEST} cannot be read as a manifest of chips: {error!r}") from None


def _as_listed(row: Mapping[str, Any], path: Path) -> ChipRaster:
    a, b, c, d, e, f = (float(number) for number in row["transform"])
    bands, nodata = row["bands"], row.get("nodata")
    return ChipRaster(
        path,
        str(row["crs"]),
        (a, b, c, d, e, f),
        int(row["height"]),
        int(row["width"]),
        bands if isinstance(bands, int) else len(bands),
        str(row["dtype"]),
        None if nodata is None else float(nodata),
        str(row.get("sha256") or ""),
    )


def _band_names(chips: Mapping[str, ChipRaster], about: Mapping[str, Any]) -> tuple[str, ...]:
    first = next(iter(chips.values()), None)
    told = about.get("bands") or ()
    names = tuple(str(each["name"] if isinstance(each, Mapping) else each) for each in told)
    if first is None or len(names) == first.bands:
        return names
    return tuple(name or f"band_{number}" for number, name in enumerate(band_names(first.path), 1))

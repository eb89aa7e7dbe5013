"""
Datasets of chips as they lie on disk: `{tiles}/{dataset}/{identifier}.tif`, a manifest and what is known of the whole.

A folder without a manifest, as the published tool leaves it, is read by opening its files.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import IntegrityError, UserError
from orchestrator.core.optional import required
from orchestrator.model.grid import Transform
from orchestrator.tiling.chip_folder import DONE, MANIFEST, dataset_about, dataset_folder

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles

SUFFIX = ".tif"
FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ChipRaster:
    """
    A chip on disk.

    Attributes:
        path: A GeoTIFF.
        crs: Of its grid.
        transform: a, b, c, d, e, f: x = a col + b row + c, y = d col + e row + f.
        height: Rows.
        width: Columns.
        bands: How many.
        dtype: Number type, as numpy calls it.
        nodata: The value that stands for nothing; None where there is none.
        sha256: Of the file; empty where no manifest tells it.
    """

    path: Path
    crs: str
    transform: Transform
    height: int
    width: int
    bands: int
    dtype: str
    nodata: float | None
    sha256: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    def content(self) -> bytes:
        """
        Return the bytes of the file.

        Raises:
            IntegrityError: They are not those that the manifest tells.
        """
        content = self.path.read_bytes()
        if self.sha256 and hashlib.sha256(content).hexdigest() != self.sha256:
            raise IntegrityError(
                f"{self.path} is not the chip that {MANIFEST} tells: it was changed or damaged since; "
                "`tiles verify` finds all such chips, and `tiles download` brings them again"
            )
        return content


@dataclass(frozen=True, slots=True)
class ChipDataset:
    """
    Chips of one dataset for a file of tiles.

    Attributes:
        name: On disk.
        folder: Where they lie.
        chips: Those that are there, by identifier.
        lacking: Of the others the state, EMPTY or FAILED, and why.
        about: What is known of the whole, as it lies beside them.
        band_names: Of the bands, in order; as many as the chips have.
    """

    name: str
    folder: Path
    chips: Mapping[str, ChipRaster]
    lacking: Mapping[str, tuple[str, str]]
    about: Mapping[str, Any]
    band_names: tuple[str, ...]

    @property
    def classes(self) -> tuple[dict[str, Any], ...]:
        """The classes that values stand for: `value`, `name` and `color` where they are known."""
        told = self.about.get("classes") or ()
        rows = [{"value": value, **_named(one)} for value, one in told.items()] if isinstance(told, Mapping) else told
        return tuple({**row, "value": int(row["value"])} | _coloured(row) for row in rows)


def _coloured(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the colour as people and pages write it, with a # where it is six digits."""
    text = str(row.get("color") or "")
    return {"color": f"#{text}" if re.fullmatch(r"[0-9A-Fa-f]{6}", text) else text} if text else {}


def _named(told: Any) -> dict[str, Any]:
    if isinstance(told, Mapping):
        return {("color" if key == "colour" else key): value for key, value in told.items()}
    if isinstance(told, Sequence) and not isinstance(told, str):
        return dict(zip(("name", "color"), told, strict=False))
    return {"name": str(told)}


def read_dataset(tiles: Tiles, name: str) -> ChipDataset:
    """
    Return the chips of a dataset that was brought for `tiles`.

    Raises:
        UserError: There is no such folder, or its manifest cannot be read.
    """
    folder = dataset_folder(tiles, name)
    identifiers = [str(each) for each in tiles.frame["identifier"]]
    told = folder / MANIFEST
    chips, lacking = _from_manifest(told, folder, identifiers) if told.exists() else _from_files(folder, identifiers)
    about = dataset_about(folder)
    return ChipDataset(name, folder, chips, lacking, about, _band_names(chips, about))


def _from_manifest(
    path: Path, folder: Path, identifiers: Sequence[str]
) -> tuple[dict[str, ChipRaster], dict[str, tuple[str, str]]]:
    parquet = required("pyarrow.parquet", "parquet", f"{MANIFEST}")
    try:
        rows = {str(row["identifier"]): row for row in parquet.read_table(path).to_pylist()}
        states = {name: str(rows[name]["state"]) if name in rows else FAILED for name in identifiers}
        chips = {name: _chip(rows[name], folder) for name, state in states.items() if state == DONE}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read as a manifest of chips: {error!r}") from None
    lacking = {
        name: (state, str((rows.get(name) or {}).get("why") or "it is not in the manifest"))
        for name, state in states.items()
        if state != DONE
    }
    return chips, lacking


def _chip(row: Mapping[str, Any], folder: Path) -> ChipRaster:
    a, b, c, d, e, f = (float(number) for number in row["transform"])
    bands, nodata = row["bands"], row.get("nodata")
    return ChipRaster(
        folder / str(row["file"]),
        str(row["crs"]),
        (a, b, c, d, e, f),
        int(row["height"]),
        int(row["width"]),
        bands if isinstance(bands, int) else len(bands),
        str(row["dtype"]),
        None if nodata is None else float(nodata),
        str(row.get("sha256") or ""),
    )


def _from_files(folder: Path, identifiers: Sequence[str]) -> tuple[dict[str, ChipRaster], dict[str, tuple[str, str]]]:
    chips, lacking = {}, {}
    for name in identifiers:
        path = folder / f"{name}{SUFFIX}"
        if path.is_file():
            chips[name] = _opened(path)
        else:
            lacking[name] = FAILED, f"there is no file {path.name}"
    return chips, lacking


def _opened(path: Path) -> ChipRaster:
    import rasterio  # noqa: PLC0415  heavy

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as source:
                if len(set(source.dtypes)) != 1:
                    raise UserError(f"{path} has bands of several number types ({', '.join(source.dtypes)})")
                crs = source.crs.to_string() if source.crs else ""
                transform: Any = tuple(source.transform)[:6]
                height, width = source.shape
                return ChipRaster(path, crs, transform, height, width, source.count, source.dtypes[0], source.nodata)
    except rasterio.errors.RasterioIOError as error:
        raise UserError(f"{path} does not open as a GeoTIFF: {error}; `tiles verify --fix` sets it aside") from None


def _band_names(chips: Mapping[str, ChipRaster], about: Mapping[str, Any]) -> tuple[str, ...]:
    first = next(iter(chips.values()), None)
    told = about.get("bands") or ()
    names = [str(each["name"] if isinstance(each, Mapping) else each) for each in told]
    if first is None or len(names) == first.bands:
        return tuple(names)
    return tuple(_descriptions(first))


def _descriptions(chip: ChipRaster) -> Iterator[str]:
    import rasterio  # noqa: PLC0415  heavy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(chip.path, driver="GTiff") as source:
            for number, name in enumerate(source.descriptions, 1):
                yield name or f"band_{number}"

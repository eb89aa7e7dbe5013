"""Which tiles a job is for, and what tells them apart from others: their names and shapes, not the file's bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from orchestrator.core.errors import AreaError, UserError
from orchestrator.core.nearest import hint
from orchestrator.model.job import Job
from orchestrator.model.scene import PropertyFilter
from orchestrator.products.chips.keys import ChipKeys
from orchestrator.tiling.file import IDENTIFIER, Tiles, read_tiles

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_COMPARED = {
    "==": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


@dataclass(frozen=True, slots=True)
class ChosenTiles:
    """
    The tiles of a job.

    Attributes:
        frame: A row for each, in the order of the file and in its CRS.
        about: How they were made; see `tiling.file.Tiles`.
        stem: What the file is called.
        sha256: Of names and shapes.
        whole: All tiles of the file.
    """

    frame: GeoDataFrame
    about: Mapping[str, Any]
    stem: str
    sha256: str
    whole: GeoDataFrame

    @property
    def identifiers(self) -> tuple[str, ...]:
        """What the tiles are called."""
        return tuple(self.frame[IDENTIFIER])

    def with_others(self, identifiers: Collection[str]) -> ChosenTiles:
        """Return them with others of the same file, all in its order."""
        wanted = {*self.identifiers, *identifiers}
        return replace(self, frame=self.whole[self.whole[IDENTIFIER].isin(wanted)])


def chip_keys(job: Job) -> ChipKeys:
    """Return the keys of a job's table."""
    return ChipKeys.model_validate(dict(job.keys))


def chosen_tiles(job: Job) -> ChosenTiles:
    """
    Read the tiles of a job.

    Raises:
        UserError: The file is none of tiles, or the condition fits none of them.
        AreaError: They are not those that the job was declared with.
    """
    keys = chip_keys(job)
    if not keys.tiles:
        raise UserError("which tiles? Name their file: tiles = FILE in the table [chips]")
    tiles = read_tiles(Path(keys.tiles))
    frame = _where(tiles, keys.where) if keys.where else tiles.frame
    frame = frame.iloc[: keys.first] if keys.first else frame
    if not len(frame):
        raise UserError(f"no tile of {Path(keys.tiles).name} fits {keys.where!r}")
    found = ChosenTiles(frame, tiles.about, tiles.name.stem, _digest(frame), tiles.frame)
    if job.pins.get("tiles", found.sha256) != found.sha256:
        raise AreaError(f"the tiles in {Path(keys.tiles).name} have changed since the job was declared; start it anew")
    return found


def pins_of(job: Job) -> dict[str, str]:
    """Return what tells the tiles of a job apart; columns that are added to their file make no other job."""
    return {"tiles": chosen_tiles(job).sha256}


def _digest(frame: GeoDataFrame) -> str:
    """Return a checksum of names and shapes as they are drawn."""
    digest = hashlib.sha256(f"{frame.crs.to_string()}\n".encode())
    step = 1e-10 if frame.crs.is_geographic else 1e-6
    for name, shape in zip(frame[IDENTIFIER], frame.geometry.to_numpy(), strict=True):
        corners = np.round(shapely.get_coordinates(shape) / step).astype(np.int64)
        digest.update(name.encode() + corners.tobytes())
    return digest.hexdigest()


def _where(tiles: Tiles, text: str) -> GeoDataFrame:
    condition = PropertyFilter.of(text)
    frame = tiles.frame
    if condition.key not in frame.columns:
        raise UserError(f"the tiles have no column {condition.key!r}; {hint(condition.key, list(frame.columns))}")
    column = frame[condition.key]
    if condition.operator == "in":
        return frame[column.isin(condition.values)]
    compare = _COMPARED.get(condition.operator)
    if compare is None:
        raise UserError(f"{condition.operator!r} is no comparison of a column; take one of {', '.join(_COMPARED)}, in")
    try:
        return frame[compare(column, condition.values[0])]
    except TypeError:
        raise UserError(
            f"{condition.key} holds {column.dtype}, which cannot be compared with {condition.values[0]!r}"
        ) from None

"""What a run has delivered, in Python."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.stores import open_cube
from orchestrator.core.errors import UserError
from orchestrator.core.optional import required
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.model.validity import valid_words

if TYPE_CHECKING:
    from orchestrator.engine.stores.records import Run as Row


@dataclass(frozen=True)
class Result:
    """
    A finished result, and what proves it.

    Attributes:
        path: Of the raster.
        run: Id of the run that made it.
        bytes: Size of the raster.
        sha256: Of the raster, in hexadecimal; empty where it was put together in its bucket, and nobody has read it.
        valid: For each band the share of the area's pixels that hold data, 0 to 1; empty in results of the first
            version.
        seconds: From the run's beginning to its end.
        files: Path of every file of it, by its role: `data`, `proof`, `picture`, `item` (STAC), ...
        place: Where it was delivered to, `gs://bucket/prefix`; empty where it is in a folder. In a bucket its files are
            called as in `files`, which are no paths here any more.
    """

    path: Path
    run: str
    bytes: int
    sha256: str
    valid: Mapping[str, float]
    seconds: float
    files: Mapping[str, Path]
    _proof: Path
    _picture: Path
    place: str = ""

    @classmethod
    def of(cls, row: Row) -> Result:
        """
        Return what a run has delivered.

        Raises:
            NeedsPerson: It is held for a person.
            RunFailed: It failed, was cancelled, or has no result yet.
        """
        from orchestrator.app.verbs.results import result_of  # noqa: PLC0415  who only looks does not need it

        told = result_of(row)
        kept = told.kept
        valid = dict(kept.get("valid", {}))
        files = {file.role: file.path for file in told.files}
        size, sha256, seconds = kept["bytes"], kept["sha256"], told.took_seconds
        proof, picture = told.proof, told.picture
        return cls(told.path, told.run, size, sha256, valid, seconds, files, proof, picture, told.place)

    @cached_property
    def proof(self) -> dict[str, Any]:
        """
        Where every pixel came from: the proof that lies beside the raster, as JSON.

        Raises:
            UserError: It is there no more.
        """
        found: dict[str, Any] = json.loads(
            self._here(self._proof, "orc.run(job, again=True)").read_text(encoding="utf-8")
        )
        return found

    def open(self) -> Any:
        """
        Return the raster as an open `rasterio` dataset; close it, or use it with `with`.

        Raises:
            UserError: It is there no more.
        """
        import rasterio  # noqa: PLC0415  GDAL is heavy

        return rasterio.open(self._here(self.path), driver="GTiff")

    def to_xarray(self, *, decoded: bool = True, chunks: Any = None) -> Any:
        """
        Return the raster as an `xarray.DataArray` of (band, y, x), with its CRS and the names of its bands.

        A cube in a Zarr store is one of (time, band, y, x); see `orchestrator.open_cube`.

        `attrs["decoded"]` says in a sentence what was done to the numbers.

        Args:
            decoded: Masked pixels become NaN, and stored numbers become physical ones (× scale + offset), as floats.
                Otherwise the numbers are those of the file, and `nodata` stands in `rio.nodata`.
            chunks: See `rioxarray.open_rasterio`.

        Raises:
            ExtraError: The extra `xarray` is not installed.
            UserError: The raster is there no more.
        """
        if self.path.suffix == ".zarr":
            return open_cube(self._here(self.path), masked=decoded)
        rioxarray = required("rioxarray", "xarray", "to_xarray")
        array = rioxarray.open_rasterio(self._here(self.path), mask_and_scale=decoded, chunks=chunks)
        with self.open() as raster:
            names = [name or f"band {number}" for number, name in enumerate(raster.descriptions, 1)]
            nodata, scale, offset = raster.nodata, raster.scales[0], raster.offsets[0]
        array = array.assign_coords(band=names)
        did = f"nodata {nodata:g} became NaN; numbers are stored × {scale:g} + {offset:g}"
        array.attrs["decoded"] = (
            did if decoded else f"no; nodata is {nodata:g}, a number is stored × {scale:g} + {offset:g}"
        )
        return array

    def preview(self) -> Picture:
        """
        Return the picture that lies beside the raster; a notebook shows it.

        Raises:
            UserError: There is none: drawing it failed, which is in the run's events.
        """
        if self.place:
            self._here(self._picture)
        if not self._picture.is_file():
            raise UserError(f"there is no picture {self._picture}; `orchestrator logs {self.run}` says why")
        return Picture(self._picture)

    def _here(self, path: Path, remedy: str = "orc.run(job)") -> Path:
        """
        Raises:
            UserError: A file is not here, or no more.
        """
        if self.place:
            raise UserError(f"the result lies in {self.place}; `orchestrator fetch {self.run}` brings it here")
        if not path.exists():
            raise UserError(f"{path} is there no more; {remedy} with the same job makes it again")
        return path

    def _repr_html_(self) -> str:
        where = f"{self.place}/{self.path.name}" if self.place else str(self.path)
        rows = [
            ("result", where),
            ("size", format_bytes(self.bytes)),
            *([("sha256", self.sha256)] if self.sha256 else []),
        ]
        rows += [("valid", valid_words(self.valid))] if self.valid else []
        rows += [("took", format_seconds(self.seconds)), ("run", self.run)]
        picture = self.preview().html() if self._picture.is_file() else ""
        return f"<div>{table_html(rows)}{picture}</div>"


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that a notebook shows."""

    path: Path

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()

    def html(self) -> str:
        """Return the picture as an element of a page that needs no other file."""
        data = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return f'<img style="max-width: 100%" alt="{html.escape(self.path.name)}" src="data:image/png;base64,{data}">'


def table_html(rows: list[tuple[str, str]]) -> str:
    """Return rows of a name and a text as an element of a page."""
    cells = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
    return f"<table>{''.join(cells)}</table>"

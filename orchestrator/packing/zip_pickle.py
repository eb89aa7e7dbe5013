"""
The archive that geetiles 0.1.7 writes, its names and columns: for programs that read it. Its chips are pickles.

Inside `{area}_{images}[_{labels}]/`: `data/{identifier}.pkl`, the tiles as GeoJSON without the checksum in their name,
the same with a column for each class, `splits.csv`, `README.txt`, the coarser tiles.
"""

from __future__ import annotations

import io
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.packing.formats import SamplePlace, Target
from orchestrator.packing.index import flat_shares, splits_csv
from orchestrator.packing.published import chip_dict
from orchestrator.tiling.file import GEOJSON, Tiles, is_shares, write_tiles

if TYPE_CHECKING:
    from orchestrator.packing.pixels import SamplePixels
    from orchestrator.packing.samples import TrainingSample

_YEAR = (1980, 1, 1, 0, 0, 0)  # the first that an archive can tell
_PROTOCOL = 4  # what every Python 3 since 3.4 reads
_LEVEL = 9


class Archive:
    """Writes one zip, its chips first, then what is known of them."""

    def __init__(self, target: Target) -> None:
        self._target = target
        labels = [target.labels.name] if target.labels else []
        self._name = "_".join([target.tiles.name.area, target.images.name, *labels])
        self._zip = zipfile.ZipFile(target.folder / f"{self._name}.zip", "w")
        self._rows: list[int] = []

    def add(self, sample: TrainingSample, pixels: SamplePixels) -> SamplePlace:
        target = self._target
        coarse = target.coarse.name.tiles if target.coarse else ""
        told = chip_dict(target.tiles, target.labels, sample, pixels, coarse, target.value_map)
        for key in ("chip", "label"):
            if key in told:
                told[key] = _as_int16(told[key], key, sample)
        content = io.BytesIO()
        pickle.Pickler(content, _PROTOCOL).dump(told)
        member = self._put(f"data/{sample.identifier}.pkl", content.getvalue())
        self._rows.append(sample.row)
        archive = f"{self._name}.zip"
        return (
            SamplePlace(archive, image_member=member)
            if pixels.label is None
            else SamplePlace(archive, archive, member, member)
        )

    def close(self) -> None:
        target, tiles = self._target, self._target.tiles
        frame = tiles.frame.iloc[sorted(self._rows)].reset_index(drop=True)
        labels = target.labels.name if target.labels else ""
        frame = frame.drop(columns=[each for each in frame.columns if is_shares(str(each)) and labels not in str(each)])
        stem = f"{tiles.name.area}_partitions_{tiles.name.tiles}"
        self._put(f"{stem}{GEOJSON}", _geojson(tiles, frame))
        self._put(f"{stem}_expanded{GEOJSON}", _geojson(tiles, flat_shares(frame, unknown=0.0, keep=True)))
        if any("split" in str(each) for each in frame.columns):
            self._put("splits.csv", splits_csv(frame))
        if target.readme:
            self._put("README.txt", target.readme.encode())
        if target.coarse:
            name = target.coarse.name
            self._put(f"{name.area}_partitions_{name.tiles}{GEOJSON}", _geojson(target.coarse, target.coarse.frame))
        self._zip.close()

    def _put(self, name: str, content: bytes) -> str:
        """Add a file that says nothing of when and by whom it was written; return its name in the archive."""
        member = zipfile.ZipInfo(f"{self._name}/{name}", _YEAR)
        member.compress_type, member.external_attr, member.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
        self._zip.writestr(member, content, compresslevel=_LEVEL)
        return member.filename


def _as_int16(values: NDArray[Any], what: str, sample: TrainingSample) -> NDArray[np.int16]:
    """
    Return values as the type that these archives have.

    Raises:
        UserError: It cannot hold them; the published tool wraps them.
    """
    with np.errstate(invalid="ignore"):  # what comes of NaN is seen below
        made = values.astype(np.int16)
        wrong = made.astype(np.float64) != values.astype(np.float64)  # in their own type it would wrap back
    if wrong.any():
        first = values[wrong][0]
        raise UserError(
            f"the {what} of tile {sample.identifier} has the value {first}, which int16 cannot hold, and zip-pickle "
            "has no other type; pack it as npz, webdataset or geotiff, which keep the type"
        )
    return made


def _geojson(tiles: Tiles, frame: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = write_tiles(Tiles(frame, tiles.name, tiles.about), Path(folder), GEOJSON)
        return made.path.read_bytes() if made.path else b""

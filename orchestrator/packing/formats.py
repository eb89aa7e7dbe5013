"""The formats of a training set: what each writes of a sample, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.core.errors import UserError

if TYPE_CHECKING:
    from orchestrator.packing.folders import ChipDataset
    from orchestrator.packing.pixels import SamplePixels, ValueMapping
    from orchestrator.packing.samples import TrainingSample
    from orchestrator.tiling.file import Tiles

MEGABYTE = 1_000_000
_TOLD: Mapping[str, int] = MappingProxyType({"MB": MEGABYTE, "MiB": 1 << 20, "B": 1})
_UNITS: Mapping[str, int] = MappingProxyType({"MB": MEGABYTE, "GB": 1000 * MEGABYTE, "MIB": 1 << 20, "GIB": 1 << 30})
SHARD = f"{256}MB"  # by default: what is read at one go from a disk or a bucket


@dataclass(frozen=True, slots=True)
class SamplePlace:
    """
    Where a sample lies, by paths inside the training set.

    Attributes:
        image: The file that holds the image.
        label: That of the label; empty where there is none.
        image_member: Its name in that file, where that is an archive.
        label_member: Likewise.
    """

    image: str
    label: str = ""
    image_member: str = ""
    label_member: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """
    What a format is told before it writes.

    Attributes:
        folder: Where it writes; all of it gets its name at once, later.
        tiles: The file of tiles.
        images: The dataset of images.
        labels: That of labels, or None.
        shard: The most samples or bytes of a shard.
        classes: Of the labels as they are written: `value`, `name`, `color`.
        readme: What the user says of it, or empty.
        coarse: Coarser tiles, or None.
        value_map: What values of labels became, or None.
    """

    folder: Path
    tiles: Tiles
    images: ChipDataset
    labels: ChipDataset | None
    shard: ShardSize
    classes: Sequence[Mapping[str, Any]] = ()
    readme: str = ""
    coarse: Tiles | None = None
    value_map: ValueMapping | None = None


class Writer(Protocol):
    """Writes samples, one after another; the samples of a split follow each other."""

    def add(self, sample: TrainingSample, pixels: SamplePixels) -> SamplePlace: ...

    def close(self) -> None:
        """Write what is left; called once, after the last sample."""
        ...


@dataclass(frozen=True, slots=True)
class ShardSize:
    """The most samples, or the most bytes, of a shard; a sample that is heavier has one of its own."""

    samples: int = 0
    size: int = 0

    @staticmethod
    def parse(text: str) -> ShardSize:
        """
        Return what `1000` (samples), `256MB` or `256MiB` (bytes) say.

        Raises:
            UserError: It is neither.
        """
        found = re.fullmatch(rf"([1-9][0-9]{{0,11}})\s*({'|'.join(_UNITS)})?", text.strip(), re.IGNORECASE)
        if found is None:
            raise UserError(f"the size of a shard is {text!r}; give samples, such as 1000, or bytes, such as {SHARD}")
        number, unit = int(found[1]), (found[2] or "").upper()
        if not unit:
            return ShardSize(samples=number)
        return ShardSize(size=number * _UNITS[unit])

    def text(self) -> str:
        """Return what `parse` reads as the same."""
        if self.samples:
            return str(self.samples)
        unit, of = next((name, of) for name, of in _TOLD.items() if self.size % of == 0)
        return f"{self.size // of}{unit}"

    def is_full(self, samples: int, size: int, more: int) -> bool:
        """Tell whether `more` bytes do not go into a shard of so many samples and bytes."""
        return bool(samples) and (
            (bool(self.samples) and samples >= self.samples) or (bool(self.size) and size + more > self.size)
        )


@dataclass(frozen=True, slots=True)
class Format:
    """
    A format.

    Attributes:
        says: In a line.
        made: Where its writer is made, as `module:function` of a Target.
        media: Media types of image and label.
        archived: What the files are where samples are members of one: `tar`, `zip`, or nothing.
    """

    says: str
    made: str
    media: tuple[str, str]
    archived: str = ""

    def writer(self, target: Target) -> Writer:
        """Return what writes samples."""
        module, _, name = self.made.partition(":")
        made: Writer = getattr(import_module(f"orchestrator.packing.{module}"), name)(target)
        return made


_NPY, _TIFF = "application/x-npy", "image/tiff; application=geotiff"
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "npz": Format("a file for each chip, arrays image and label", "npz:Npz", ("application/x-npz",) * 2),
        "webdataset": Format(
            "tar files of many chips, a series for each split", "webdataset:TarShards", (_NPY,) * 2, "tar"
        ),
        "geotiff": Format(
            "images/ and labels/ with their georeference, lists of splits", "geotiff:Rasters", (_TIFF,) * 2
        ),
        "zip-pickle": Format(
            "the archive that geetiles writes, with pickles", "zip_pickle:Archive", ("application/x-pickle",) * 2, "zip"
        ),
    }
)  # fmt: skip


def find_format(name: str) -> Format:
    """
    Return a format by its name.

    Raises:
        UserError: There is none of that name.
    """
    if name not in FORMATS:
        raise UserError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]

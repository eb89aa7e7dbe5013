"""
WebDataset: tar files of which the members of a sample follow each other and have one name up to the first point.

`train-000000.tar`, `train-000001.tar`, ...: those of a split are one series.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.packing.formats import SamplePlace, ShardSize, Target
from orchestrator.packing.index import plain_row

if TYPE_CHECKING:
    from orchestrator.packing.pixels import SamplePixels
    from orchestrator.packing.samples import TrainingSample

IMAGE, LABEL, FACTS = "img.npy", "label.npy", "json"


class TarShards:
    """Writes `{split}-%06d.tar` with `{key}.img.npy`, `{key}.label.npy`, `{key}.json`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shard: Shard | None = None
        self._numbers: dict[str, int] = {}

    def add(self, sample: TrainingSample, pixels: SamplePixels) -> SamplePlace:
        members = {IMAGE: npy(pixels.image)} | ({} if pixels.label is None else {LABEL: npy(pixels.label)})
        members[FACTS] = self._facts(sample)
        shard = self._open(sample.split, sum(map(len, members.values())))
        for suffix, content in members.items():
            shard.add(f"{sample.key}.{suffix}", content)
        shard.samples += 1
        image, label = f"{sample.key}.{IMAGE}", f"{sample.key}.{LABEL}"
        if pixels.label is None:
            return SamplePlace(shard.name, image_member=image)
        return SamplePlace(shard.name, shard.name, image, label)

    def close(self) -> None:
        if self._shard is not None:
            self._shard.close()

    def _open(self, split: str, more: int) -> Shard:
        """Return the shard that the next sample goes into."""
        current = self._shard
        if current is not None and current.split == split and not current.is_full(self._target.shard, more):
            return current
        self.close()
        number = self._numbers.get(split, -1) + 1
        self._numbers[split] = number
        self._shard = Shard(self._target.folder, split, number)
        return self._shard

    def _facts(self, sample: TrainingSample) -> bytes:
        image = sample.image
        row = plain_row(self._target.tiles.frame, sample.row)
        told = {
            "id": sample.identifier,
            "split": sample.split,
            "crs": image.crs,
            "transform": list(image.transform),
            "tile": row,
        }
        return json.dumps(told, sort_keys=True).encode()


class Shard:
    """A tar file that says nothing of when and by whom it was written."""

    def __init__(self, folder: Path, split: str, number: int) -> None:
        self.split, self.name = split, f"{split}-{number:06d}.tar"
        self.samples = self.size = 0
        self._tar = tarfile.open(folder / self.name, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed by `close`

    @property
    def end(self) -> int:
        """Where the next member begins, bytes from the beginning of the file."""
        return int(self._tar.offset)

    def is_full(self, size: ShardSize, more: int) -> bool:
        return size.is_full(self.samples, self.size, more)

    def add(self, name: str, content: bytes) -> None:
        self._tar.addfile(member_of(name, len(content)), io.BytesIO(content))
        self.size += len(content)

    def copy(self, content: bytes) -> None:
        """Add members as they stand in another tar, with their headers: whole blocks of 512 bytes."""
        assert self._tar.fileobj is not None  # noqa: S101  it was opened by name
        self._tar.fileobj.write(content)
        self._tar.offset += len(content)
        self.size += len(content)

    def close(self) -> None:
        self._tar.close()


def member_of(name: str, size: int) -> tarfile.TarInfo:
    """Return what a tar tells of a member: of user and group 0, without names, of the year 1970."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def npy(array: NDArray[Any]) -> bytes:
    """Return an array as the file that numpy writes of it, rows in C order."""
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
    return content.getvalue()

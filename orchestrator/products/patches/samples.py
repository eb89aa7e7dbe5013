"""A sample of patches as it is written: its arrays and what is told of it, in each format, and read again."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import sync_file
from orchestrator.packing.webdataset import Shard, member_of, npy

SHARDS, DATA = "shards", "data"
X, Y, ANGLES, FACTS = "x.npy", "y.npy", "angles.npy", "json"
_BLOCK, _FACTS_BYTES = 512, 2048  # of a tar; what facts usually weigh, one block of them at least


@dataclass(frozen=True, slots=True)
class PatchSample:
    """
    One sample.

    Attributes:
        key: What its members are called, without a point.
        arrays: `x` (band, row, col), `y` (row, col), `angles` (band, row, col), as far as they are there; of several
            times each has one more axis, in front.
        facts: What is told of it, as JSON can hold it.
    """

    key: str
    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]

    def members(self) -> dict[str, bytes]:
        """Return its members by suffix, in the order in which they are written."""
        return {f"{name}.npy": npy(array) for name, array in self.arrays.items()} | {FACTS: facts_json(self.facts)}


@dataclass(frozen=True, slots=True)
class StoredSample:
    """
    Where the bytes of a sample are: those of its members in a tar, headers with them, or a file of its own.

    Attributes:
        file: By its path in the set.
        offset: Of the first byte.
        size: Bytes.
        sha256: Of them.
    """

    file: str
    offset: int
    size: int
    sha256: str


class SampleWriter(Protocol):
    """Writes samples, one after another; what it has written is durable when it is closed."""

    def add(self, key: str, members: Mapping[str, bytes]) -> StoredSample: ...

    def copy(self, content: bytes) -> StoredSample:
        """Add a sample as the bytes that it had in a set of the same format."""
        ...

    def close(self) -> None: ...


class TarWriter:
    """One shard, `shards/{split}-{number}.tar`."""

    def __init__(self, folder: Path, split: str, number: int) -> None:
        self._path = folder / SHARDS
        self._path.mkdir(parents=True, exist_ok=True)
        self._shard = Shard(self._path, split, number)

    def add(self, key: str, members: Mapping[str, bytes]) -> StoredSample:
        return self.copy(tar_bytes(key, members))

    def copy(self, content: bytes) -> StoredSample:
        begin = self._shard.end
        self._shard.copy(content)
        return StoredSample(f"{SHARDS}/{self._shard.name}", begin, len(content), hashlib.sha256(content).hexdigest())

    def close(self) -> None:
        self._shard.close()
        sync_file(self._path / self._shard.name)


class NpzWriter:
    """A file for each sample, `data/{split}/{key}.npz`, with the arrays and `facts`, JSON as bytes."""

    def __init__(self, folder: Path, split: str, _number: int) -> None:
        self._folder, self._inside = folder, f"{DATA}/{split}"
        (folder / self._inside).mkdir(parents=True, exist_ok=True)

    def add(self, key: str, members: Mapping[str, bytes]) -> StoredSample:
        content = io.BytesIO()
        arrays = arrays_of(members)
        told = np.frombuffer(members[FACTS], np.uint8)
        np.savez_compressed(content, allow_pickle=False, **arrays, facts=told)
        return self._put(key, content.getvalue())

    def copy(self, content: bytes) -> StoredSample:
        return self._put(str(json.loads(npz_members(content)[FACTS])["key"]), content)

    def _put(self, key: str, content: bytes) -> StoredSample:
        name = f"{self._inside}/{key}.npz"
        (self._folder / name).write_bytes(content)
        sync_file(self._folder / name)
        return StoredSample(name, 0, len(content), hashlib.sha256(content).hexdigest())

    def close(self) -> None:
        """Have nothing left to write."""


WRITERS: Mapping[str, Callable[[Path, str, int], SampleWriter]] = {"webdataset": TarWriter, "npz": NpzWriter}


def facts_json(facts: Mapping[str, Any]) -> bytes:
    """Return what is told of a sample as JSON that is equal where it is equal."""
    return json.dumps(facts, sort_keys=True, allow_nan=False).encode()


def tar_bytes(key: str, members: Mapping[str, bytes]) -> bytes:
    """Return members as they stand in a tar, each behind its header."""
    parts = []
    for suffix, content in members.items():
        header = member_of(f"{key}.{suffix}", len(content)).tobuf(tarfile.PAX_FORMAT)
        parts += [header, content, b"\0" * (-len(content) % _BLOCK)]
    return b"".join(parts)


def tar_members(content: bytes) -> dict[str, bytes]:
    """Return the members of a sample by suffix, out of the bytes of `tar_bytes`."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content + b"\0" * 2 * _BLOCK), mode="r:") as tar:
        for member in tar:
            file = tar.extractfile(member)
            found[member.name.partition(".")[2]] = file.read() if file else b""
    return found


def npz_members(content: bytes) -> dict[str, bytes]:
    """Return the members of a sample by suffix, out of a file of `NpzWriter`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as told:
        arrays = {f"{name}.npy": npy(told[name]) for name in told.files if name != "facts"}
        return arrays | {FACTS: told["facts"].tobytes()}


MEMBERS: Mapping[str, Callable[[bytes], dict[str, bytes]]] = {"webdataset": tar_members, "npz": npz_members}


def arrays_of(members: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a sample by name."""
    suffix = ".npy"
    return {
        name.removesuffix(suffix): np.load(io.BytesIO(content), allow_pickle=False)
        for name, content in members.items()
        if name.endswith(suffix)
    }


def read_places(folder: Path, places: Sequence[StoredSample]) -> Iterator[bytes]:
    """
    Yield the bytes of samples, each checked.

    Raises:
        IntegrityError: They are not those that the table tells.
    """
    for place in places:
        path = folder / place.file
        try:
            with path.open("rb") as file:
                file.seek(place.offset)
                content = file.read(place.size)
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read ({error.strerror}); the set is not whole") from None
        if hashlib.sha256(content).hexdigest() != place.sha256:
            raise IntegrityError(
                f"{path}, bytes {place.offset:,} to {place.offset + place.size:,}, is not the sample that the table "
                "tells: it was changed or damaged since; cut the patches again"
            )
        yield content


def usual_bytes(shapes: Sequence[tuple[int, int]]) -> int:
    """Return what a sample weighs in a tar: of arrays the elements and the bytes of one, and the usual facts."""
    sizes = [count * width + 128 for count, width in shapes] + [_FACTS_BYTES]
    return sum(_BLOCK + size + -size % _BLOCK for size in sizes)

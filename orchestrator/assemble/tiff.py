"""Reads the directories of a TIFF or BigTIFF file: tags as they are stored, tables of blocks as arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError

WIDTH, HEIGHT, BITS, COMPRESSION = 256, 257, 258, 259
SAMPLES, PLANAR, PREDICTOR = 277, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
SUBFILE, JPEG_TABLES = 254, 347
PIXEL_SCALE, TIEPOINT = 33550, 33922

# numpy's name of each TIFF field type.
TYPES = {1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u8", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 10: "i8"}
WHOLE = frozenset({1, 3, 4, 6, 7, 8, 9, 13, 16, 17, 18})  # those of whole numbers
TYPES |= {11: "f4", 12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8"}
MAX_DIRECTORIES = 64


class Readable(Protocol):
    """Bytes with addresses."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes | memoryview:
        """Return exactly `size` bytes, or raise IntegrityError."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as stored: its field type, the number of values and their bytes, little-endian."""

    kind: int
    count: int
    data: bytes

    def values(self) -> NDArray[Any]:
        return np.frombuffer(self.data, "<" + TYPES[self.kind])


@dataclass(frozen=True, slots=True)
class Directory:
    """One image of a TIFF file."""

    tags: dict[int, Tag]

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first value of a tag, or `default` when it is absent; IntegrityError if it is no number."""
        found = self.tags.get(tag)
        return int(_whole(tag, found)[0]) if found and found.count else default

    def numbers(self, tag: int) -> NDArray[np.int64]:
        """Return all values of a tag, none when it is absent; IntegrityError if they are no whole numbers."""
        found = self.tags.get(tag)
        return _whole(tag, found).astype(np.int64) if found else np.empty(0, np.int64)


def _whole(number: int, tag: Tag) -> NDArray[Any]:
    if tag.kind not in WHOLE:
        raise IntegrityError(f"tag {number} of the file has the type {tag.kind}, expected whole numbers")
    return tag.values()


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header of a TIFF file decides about all others: byte order and the width of its fields."""

    order: str
    first: int
    count_format: str
    entry_format: str
    inline: int

    @classmethod
    def of(cls, source: Readable) -> Layout:
        head = bytes(source.read(0, 16))
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        version = struct.unpack((order or "<") + "H", head[2:4])[0]
        if order is None or version not in {42, 43}:
            raise IntegrityError(f"the file starts with {head[:4]!r} and is no TIFF")
        if version == 42:
            return cls(order, struct.unpack(order + "I", head[4:8])[0], order + "H", order + "HHI4s", 4)
        return cls(order, struct.unpack(order + "Q", head[8:16])[0], order + "Q", order + "HHQ8s", 8)


@dataclass(frozen=True, slots=True)
class File:
    """The byte order of a file (`<` or `>`) and its directories, in the order of the file."""

    order: str
    directories: list[Directory]


def read(source: Readable) -> File:
    """
    Read all directories of a file.

    Raises:
        IntegrityError: The file is no TIFF, is cut short, or its tags say more than it has bytes.
    """
    layout = Layout.of(source)
    found = list(_chain(_Counted(source), layout))
    if not found:
        raise IntegrityError("the file is a TIFF without an image")
    return File(layout.order, found)


class _Counted:
    """
    Bytes of which not much more is read than there are.

    Tags of a file lie apart. Where thousands of them name the same bytes, a file of some megabytes would be terabytes.
    """

    def __init__(self, source: Readable) -> None:
        self.size = source.size
        self._source, self._left = source, 2 * source.size  # some writers let two tags share their bytes

    def read(self, offset: int, size: int) -> bytes | memoryview:
        self._left -= size
        if self._left < 0:
            raise IntegrityError(
                f"the tags of the file say far more than its {self.size} bytes; they lie upon each other"
            )
        return self._source.read(offset, size)


def _chain(source: Readable, layout: Layout) -> Iterator[Directory]:
    offset = layout.first
    for _ in range(MAX_DIRECTORIES):
        if not offset:
            return
        width = struct.calcsize(layout.count_format)
        count = struct.unpack(layout.count_format, source.read(offset, width))[0]
        entry = struct.Struct(layout.entry_format)
        table = source.read(offset + width, count * entry.size + layout.inline)
        fields = (entry.unpack_from(table, i * entry.size) for i in range(count))
        tags = {number: _tag(source, layout, kind, n, value) for number, kind, n, value in fields if kind in TYPES}
        yield Directory(tags)
        pointer = layout.order + ("I" if layout.inline == 4 else "Q")
        offset = struct.unpack_from(pointer, table, count * entry.size)[0]
    raise IntegrityError(f"the file has more than {MAX_DIRECTORIES} directories, or they form a circle")


def _tag(source: Readable, layout: Layout, kind: int, count: int, value: bytes) -> Tag:
    code = np.dtype(TYPES[kind])
    size = code.itemsize * count
    if size > layout.inline:
        offset = struct.unpack(layout.order + ("I" if layout.inline == 4 else "Q"), value)[0]
        value = bytes(source.read(offset, size))
    data = value[:size]
    if layout.order == ">" and kind not in {5, 10}:  # pairs of numbers are never needed from foreign files
        data = np.frombuffer(data, code.newbyteorder(">")).astype(code.newbyteorder("<")).tobytes()
    return Tag(kind, count, data)

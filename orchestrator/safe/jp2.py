"""
Whether a JPEG 2000 file is whole, by its structure alone: nothing is decoded, and a few bytes of each part are read.

ISO/IEC 15444-1: Annex I (boxes of the file), Annex A (markers of the codestream, A.4.2 the length of a tile-part).
A decoder that is given half a file may end the process instead of refusing it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")  # I.5.1
_RAW = bytes.fromhex("ff4fff51")  # a codestream without a file around it: SOC, SIZ
_BOX = b"jp2c"  # I.5.4
_SOC, _SIZ, _SOT, _SOD, _EOC = 0xFF4F, 0xFF51, 0xFF90, 0xFF93, 0xFFD9  # A.2
_LEAST_PART = 14  # bytes of a tile-part: SOT and SOD


class _DamageError(Exception):
    """What is wrong, in words that follow the name of the file."""


def damage_of(path: Path) -> str:
    """
    Return why a JPEG 2000 file cannot be whole, in a few words; empty where it is whole, or is another kind of file.

    Boxes lie within the file, tile-parts within the codestream, one behind the other up to its end marker, and each
    tile of the image has one. What is compressed in them is not looked at: that is what checksums are for.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        try:
            if _at(file, 0, 4) == _RAW:
                _check_codestream(file, 0, size)
            elif _at(file, 0, 8) == _SIGNATURE[:8]:
                _check_file(file, size)
        except _DamageError as damage:
            return str(damage)
    return ""


def _check_file(file: BinaryIO, size: int) -> None:
    if _at(file, 0, 12) != _SIGNATURE:
        raise _DamageError("its signature is damaged")
    found = [(begin, end) for kind, begin, end in _boxes(file, size) if kind == _BOX]
    if not found:
        raise _DamageError("it has no codestream")
    for begin, end in found:
        _check_codestream(file, begin, end)


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the content of each box of the file (I.4)."""
    at = 0
    while at < size:
        length, kind = struct.unpack(">I4s", _whole(file, at, 8))
        head = 8
        if length == 1:
            (length,), head = struct.unpack(">Q", _whole(file, at + 8, 8)), 16
        end = at + length if length else size  # 0: up to the end
        if length and length < head:
            raise _DamageError(f"a box at byte {at:,} says {length} bytes, less than its own head")
        if end > size:
            raise _DamageError(f"{size:,} bytes, and a box of it ends at {end:,}: it is cut short")
        yield kind, at + head, end
        at = end


def _check_codestream(file: BinaryIO, begin: int, end: int) -> None:
    at, tiles = _main_header(file, begin)
    seen: set[int] = set()
    while (marker := _number(file, at)) == _SOT:
        tile, length = struct.unpack(">HI", _whole(file, at + 4, 6))
        after = at + length if length else end - 2  # 0: the last one, up to the end marker (A.4.2)
        if tile >= tiles or (length and length < _LEAST_PART):
            raise _DamageError(f"a tile-part at byte {at:,} says tile {tile} of {tiles} and {length} bytes")
        if after + 2 > end:
            raise _DamageError(
                f"its codestream ends at byte {end:,}, and a tile-part in it at {after:,}: it is cut short"
            )
        seen.add(tile)
        at = after
    if marker != _EOC or at + 2 > end:
        raise _DamageError(f"at byte {at:,} neither a tile-part begins nor the codestream ends")
    if len(seen) < tiles:
        raise _DamageError(f"{len(seen)} of its {tiles} tiles are there")


def _main_header(file: BinaryIO, begin: int) -> tuple[int, int]:
    """Return where the first tile-part begins, and how many tiles there are (A.5.1)."""
    if _number(file, begin) != _SOC or _number(file, begin + 2) != _SIZ:
        raise _DamageError("its codestream does not begin as one")
    numbers = struct.unpack(">8I", _whole(file, begin + 8, 32))
    (wide, high, _left, _top), (tile_wide, tile_high, tile_left, tile_top) = numbers[:4], numbers[4:]
    if not (tile_wide and tile_high and wide > tile_left and high > tile_top):
        raise _DamageError(f"its header says {wide} x {high} pixels in tiles of {tile_wide} x {tile_high}")
    tiles = -(-(wide - tile_left) // tile_wide) * -(-(high - tile_top) // tile_high)
    at = begin + 2
    while (marker := _number(file, at)) != _SOT:
        if marker >> 8 != 0xFF or marker in (_SOD, _EOC):
            raise _DamageError(f"its header is damaged at byte {at:,}")
        at += 2 + max(2, _number(file, at + 2))
    return at, tiles


def _number(file: BinaryIO, at: int) -> int:
    return int.from_bytes(_whole(file, at, 2), "big")


def _whole(file: BinaryIO, at: int, count: int) -> bytes:
    if len(found := _at(file, at, count)) < count:
        raise _DamageError(f"it ends at byte {at + len(found):,}, in the middle of a header: it is cut short")
    return found


def _at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)

"""The table beside a shapefile: its code page found, and its text written anew in UTF-8."""

from __future__ import annotations

import codecs
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# dBASE language driver IDs (byte 29 of the header). 0x57 is written by whoever does not know better.
LANGUAGE_DRIVERS = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x08: "cp865", 0x13: "cp932", 0x1F: "cp852", 0x22: "cp852",
    0x23: "cp852", 0x26: "cp866", 0x37: "cp850", 0x40: "cp852", 0x4D: "cp936", 0x4E: "cp949", 0x4F: "cp950",
    0x50: "cp874", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866", 0x66: "cp865", 0x67: "cp861",
    0x6A: "cp737", 0x6B: "cp857", 0x78: "cp950", 0x79: "cp949", 0x7A: "cp936", 0x7B: "cp932", 0x7C: "cp874",
    0x7D: "cp1255", 0x7E: "cp1256", 0x86: "cp737", 0x87: "cp852", 0x88: "cp857", 0xC8: "cp1250", 0xC9: "cp1251",
    0xCA: "cp1254", 0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip
USUAL = "cp1252"
MAX_WIDTH = 254  # of a text field (dBASE III)


@dataclass(frozen=True, slots=True)
class _Table:
    header: bytes
    descriptors: list[bytearray]
    rows: Bytes  # (row, byte)

    def text_columns(self) -> list[tuple[int, int, int]]:
        """Return (field, first byte, byte after the last) of each field of text."""
        columns, at = [], 1
        for index, field in enumerate(self.descriptors):
            if field[11:12] == b"C":
                columns.append((index, at, at + field[16]))
            at += field[16]
        return columns


def to_utf8(source: Path, target: Path, stated: str | None) -> tuple[str, bool]:
    """
    Write the table `source` to `target` with its text in UTF-8.

    Args:
        source: A dBASE table (.dbf).
        target: Where to write; a table of nothing but ASCII, or one that cannot be parsed, is copied as it is.
        stated: Content of the file (.cpg) that names the code page, or None.

    Returns:
        The code page the text was read with, and whether it is a guess.
    """
    data = source.read_bytes()
    table = _parsed(data)
    if table is None or not table.rows.size or int(table.rows.max()) < 128:
        target.write_bytes(data)
        return "ascii", False
    codec, guessed = _code_page(table, stated)
    if codec == "utf-8":
        target.write_bytes(data)
    else:
        target.write_bytes(_recoded(table, codec))
    return codec, guessed


def _parsed(data: bytes) -> _Table | None:
    """Take a table apart, or return None where its header does not add up."""
    if len(data) < 33:
        return None
    count, header_size, row_size = struct.unpack("<IHH", data[4:12])
    end = min(header_size, len(data))
    starts = [at for at in range(32, end - 31, 32) if data[at] != 0x0D]
    fields: list[bytearray] = []
    for at in starts:
        if fields and at != 32 + 32 * len(fields):
            break
        fields.append(bytearray(data[at : at + 32]))
    if not fields or 1 + sum(field[16] for field in fields) != row_size or header_size > len(data):
        return None
    count = min(count, (len(data) - header_size) // row_size)
    rows = np.frombuffer(data, np.uint8, count * row_size, header_size).reshape(count, row_size)
    return _Table(data[:32], fields, rows)


def _code_page(table: _Table, stated: str | None) -> tuple[str, bool]:
    if stated is not None and (named := _codec(stated)):
        return named, False
    if table.header[29] in LANGUAGE_DRIVERS:
        return LANGUAGE_DRIVERS[table.header[29]], False
    try:
        for _, start, stop in table.text_columns():
            for value in _beyond_ascii(table.rows, start, stop)[1]:
                value.decode("utf-8")
    except UnicodeDecodeError:
        return USUAL, True
    return "utf-8", False


def _codec(stated: str) -> str | None:
    """Return Python's name of what a .cpg says: `UTF-8`, `1252`, `ANSI 1252`, `OEM 852`, `88591`, `ISO 8859-2`."""
    text = stated.strip().lower()
    digits = "".join(re.findall(r"\d+", text))
    if digits == "65001":
        return "utf-8"
    tries = [text.replace(" ", "-")]
    if digits.startswith("8859"):
        tries.append(f"iso8859-{digits[4:] or 1}")
    elif digits:
        tries.append(f"cp{digits}")
    for name in tries:
        try:
            return codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
    return None


def _beyond_ascii(rows: Bytes, start: int, stop: int) -> tuple[NDArray[np.intp], list[bytes]]:
    """Return which rows hold letters beyond ASCII in a field, and their text."""
    cells = rows[:, start:stop]
    chosen = np.flatnonzero((cells > 127).any(axis=1)) if cells.size else np.empty(0, np.intp)
    return chosen, [cells[row].tobytes().rstrip(b" \0") for row in chosen]


def _recoded(table: _Table, codec: str) -> bytes:
    columns: list[Bytes] = [table.rows[:, :1]]
    descriptors = [bytearray(field) for field in table.descriptors]
    texts = {index: (start, stop) for index, start, stop in table.text_columns()}
    at = 1
    for index, field in enumerate(table.descriptors):
        cells = table.rows[:, at : at + field[16]]
        if index in texts:
            chosen, values = _beyond_ascii(table.rows, *texts[index])
            cells = _widened(cells, chosen, [_in_utf8(value, codec) for value in values])
            descriptors[index][16] = cells.shape[1]
        columns.append(cells)
        at += field[16]
    rows = np.concatenate(columns, axis=1)
    header = bytearray(table.header)
    header[4:12] = struct.pack("<IHH", len(rows), 33 + 32 * len(descriptors), rows.shape[1])
    header[29] = 0
    return bytes(header) + b"".join(bytes(field) for field in descriptors) + b"\r" + rows.tobytes() + b"\x1a"


def _in_utf8(value: bytes, codec: str) -> bytes:
    text = value.decode(codec, "replace").encode("utf-8")
    # A letter that does not fit whole is left out.
    return text if len(text) <= MAX_WIDTH else text[:MAX_WIDTH].decode("utf-8", "ignore").encode("utf-8")


def _widened(cells: Bytes, chosen: NDArray[np.intp], values: list[bytes]) -> Bytes:
    width = max([cells.shape[1], *(len(value) for value in values)])
    wide: Bytes = np.full((len(cells), width), 0x20, np.uint8)
    wide[:, : cells.shape[1]] = cells
    for row, value in zip(chosen, values, strict=True):
        wide[row] = 0x20
        wide[row, : len(value)] = np.frombuffer(value, np.uint8)
    return wide

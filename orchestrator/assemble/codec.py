"""How a block is stored, and the way from its bytes to its pixels and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from orchestrator.core.errors import IntegrityError

Pixels = NDArray[Any]  # (row, col, band)

# Numbers of the TIFF tag Compression; 32946 is the older number of the same deflate stream.
COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 50000: "zstd"}
COMPRESSION_TAGS = {"none": 1, "lzw": 5, "deflate": 8, "zstd": 50000}
PREDICTORS = {"none": 1, "horizontal": 2, "float": 3}

# Of ISA-L; the faster level takes two thirds of the time on half empty blocks, for 0.6 % more bytes. Measured in
# docs/decisions/0008-deflate-by-isal.md.
DEFLATE_LEVEL, DEFLATE_FAST_LEVEL = 3, 2
# Level 3 takes a third of the time of level 9 for 4 % more bytes; level 1 a seventh of that for 11 % more,
# which is nothing where only the blocks on a boundary are encoded.
ZSTD_LEVEL, ZSTD_FAST_LEVEL = 3, 1

# ISA-L's faster level enters the third byte of what it compresses in a single piece under a hash of the address of its
# own state, which stack and heap decide. Bytes that are flushed first are taken by another routine, which does not. It
# takes the first byte right from four bytes on. docs/decisions/0008-deflate-by-isal.md has the line.
FLUSHED_FIRST = 8


def _deflate(raw: Any, fast: bool) -> bytes:
    if not fast:
        return isal_zlib.compress(raw, DEFLATE_LEVEL)
    stream = isal_zlib.compressobj(DEFLATE_FAST_LEVEL)
    first = stream.compress(raw[:FLUSHED_FIRST]) + stream.flush(isal_zlib.Z_SYNC_FLUSH)
    return first + stream.compress(raw[FLUSHED_FIRST:]) + stream.flush()


_ENCODERS: dict[str, Callable[[Any, bool], Any]] = {
    "none": lambda raw, _fast: raw,
    "lzw": lambda raw, _fast: imagecodecs.lzw_encode(raw),
    "deflate": _deflate,
    "zstd": lambda raw, fast: imagecodecs.zstd_encode(raw, level=ZSTD_FAST_LEVEL if fast else ZSTD_LEVEL),
}
_DECODERS: dict[str, Callable[[Any, int], Any]] = {
    "none": lambda data, _size: data,
    "lzw": lambda data, size: imagecodecs.lzw_decode(data, out=size),
    "deflate": lambda data, size: imagecodecs.deflate_decode(data, out=size),
    "zstd": lambda data, size: imagecodecs.zstd_decode(data, out=size),
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """
    How blocks are stored: pixel-interleaved, little-endian.

    Attributes:
        compression: `none`, `lzw`, `deflate` or `zstd`.
        predictor: 1 (none), 2 (horizontal differences) or 3 (floating point).
        block: Rows and columns of a block.
    """

    compression: str
    predictor: int
    block: int


@dataclass(frozen=True, slots=True)
class Codec:
    """Turns blocks of one encoding, number type and band count into pixels and back; safe in threads."""

    encoding: Encoding
    dtype: np.dtype[Any]
    bands: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a decoded block: (row, col, band)."""
        return (self.encoding.block, self.encoding.block, self.bands)

    @property
    def raw_bytes(self) -> int:
        """Bytes of a decoded block."""
        return self.encoding.block**2 * self.bands * self.dtype.itemsize

    def decode(self, data: bytes | memoryview) -> Pixels:
        """
        Return the pixels of a stored block, writable.

        Raises:
            IntegrityError: The bytes are not a block of this encoding.
        """
        try:
            raw = _DECODERS[self.encoding.compression](data, self.raw_bytes)
        except (RuntimeError, ValueError) as error:
            raise IntegrityError(f"a {self.encoding.compression} block cannot be decoded: {error}") from error
        if len(raw) != self.raw_bytes:
            raise IntegrityError(
                f"a {self.encoding.compression} block holds {len(raw)} bytes of pixels, expected {self.raw_bytes}"
            )
        return self._unpredict(raw)

    def encode(self, pixels: Pixels, *, fast: bool = False) -> bytes:
        """Return the stored form of a whole block, on one kind of machine always the same; `fast` rather than small."""
        predicted = self._predict(np.ascontiguousarray(pixels, self.dtype))
        return bytes(_ENCODERS[self.encoding.compression](predicted.ravel().view(np.uint8), fast))

    def _unpredict(self, raw: bytes) -> Pixels:
        if self.encoding.predictor == PREDICTORS["float"]:
            stored = np.frombuffer(raw, self.dtype).reshape(self.shape)
            return np.asarray(imagecodecs.floatpred_decode(stored, axis=-2, dist=1))
        stored = np.frombuffer(raw, self._integers).reshape(self.shape)
        if self.encoding.predictor == PREDICTORS["horizontal"]:
            return np.asarray(imagecodecs.delta_decode(stored, axis=-2)).view(self.dtype)
        return stored.view(self.dtype).copy()

    def _predict(self, pixels: Pixels) -> Pixels:
        if self.encoding.predictor == PREDICTORS["float"]:
            return np.asarray(imagecodecs.floatpred_encode(pixels, axis=-2, dist=1))
        if self.encoding.predictor == PREDICTORS["horizontal"]:
            return np.asarray(imagecodecs.delta_encode(pixels.view(self._integers), axis=-2))
        return pixels

    @property
    def _integers(self) -> np.dtype[Any]:
        # TIFF takes horizontal differences of the bit patterns, also of floating point numbers.
        return np.dtype(f"<u{self.dtype.itemsize}")

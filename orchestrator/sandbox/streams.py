"""Bodies that lie on disk: opened before the answer begins, so that one that has begun can end."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

Found = TypeVar("Found")

PIECE_BYTES = 1 << 20
MOST_LOOKS = 20  # each but the last meets another overwrite between the look-up and the opening


@dataclass(frozen=True, slots=True)
class FileBody:
    """
    A stretch of an open file: what is overwritten or deleted meanwhile is read to its end all the same.

    Attributes:
        source: Open; whoever sends the body, or drops it, closes it.
        offset: Where the stretch begins, in bytes of the file.
        length: Bytes that are sent.
        gzipped: The file is gzip and is sent decompressed, all of it.
    """

    source: BinaryIO
    offset: int
    length: int
    gzipped: bool = False

    @classmethod
    def opened(cls, path: Path, offset: int, length: int) -> Self:
        """
        Open a stretch of the file at `path`.

        Raises:
            FileNotFoundError: The file has gone.
        """
        return cls(path.open("rb"), offset, length)

    @classmethod
    def inflated(cls, path: Path) -> Self:
        """
        Open the gzip file at `path`, to be sent decompressed; it is read once for the length.

        Raises:
            OSError: The file is no gzip, or has gone.
            EOFError: It ends too early.
            zlib.error: It is damaged.
        """
        source = path.open("rb")
        try:
            return cls(source, 0, sum(len(each) for each in _inflating(source)), gzipped=True)
        except BaseException:
            source.close()
            raise

    def pieces(self) -> Iterator[bytes]:
        """Yield what is sent, at most `PIECE_BYTES` at a time."""
        if self.gzipped:
            yield from _inflating(self.source)
            return
        self.source.seek(self.offset)
        left = self.length
        while left and (piece := self.source.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece

    @property
    def watched(self) -> bool:
        """Tell whether somebody counts what is under way: then `ending` is called before the last byte leaves."""
        return False

    def ending(self) -> None:
        """Hear that the last byte leaves now: whoever has got it may ask for the next file at once."""

    def delivered(self, count: int) -> None:
        """Hear how many bytes have left, whatever became of the rest."""

    def close(self) -> None:
        self.source.close()


def steadily(look: Callable[[], Found]) -> Found:
    """
    Run `look`, which finds a record and opens its file; again where the file was replaced between the two.

    Raises:
        FileNotFoundError: The file of a record that stays is not there.
    """
    for _ in range(MOST_LOOKS - 1):
        try:
            return look()
        except FileNotFoundError:
            continue
    return look()


def _inflating(source: BinaryIO) -> Iterator[bytes]:
    source.seek(0)
    with closing(gzip.GzipFile(fileobj=source, mode="rb")) as inner:  # leaves `source` open
        while piece := inner.read(PIECE_BYTES):
            yield piece

"""Files of results, opened to be looked at: only as what was published, and with little memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rasterio
from rasterio.errors import RasterioError

from orchestrator.core.errors import UserError
from orchestrator.core.files import sha256_of
from orchestrator.raster.opening import ALONE, open_raster

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

# A larger file is not read to its end before its first tile is shown: 256 MiB take a good part of a second.
MOST_HASHED = 256 << 20
CACHE_BYTES = 64 << 20  # of decoded blocks that GDAL keeps, for all tiles together
_AT_ONCE = threading.BoundedSemaphore(3)  # rasters that are read: one tile holds some tens of MB while it is warped
_MOST_KNOWN = 1024
_known: dict[tuple[object, ...], bool] = {}
_checking = threading.Lock()


@dataclass(frozen=True, slots=True)
class PublishedRaster:
    """
    A raster of a result, or another file of it.

    Attributes:
        path: Where it lies.
        sha256: What was published, in hexadecimal; empty where nothing says so.
        bytes: Its size then; None where nothing says so.
    """

    path: Path
    sha256: str = ""
    bytes: int | None = None


def stamp(source: PublishedRaster) -> tuple[object, ...]:
    """
    Return what changes whenever the file does; it is the one that was published, as far as its size and its time tell.

    A file of at most `MOST_HASHED` bytes is compared by its checksum, once for each stamp.

    Raises:
        UserError: It is gone, or another one.
    """
    try:
        found = source.path.stat()
    except OSError as error:
        raise UserError(f"{source.path} is there no more ({error.strerror}); put it back, or make it again") from None
    if source.bytes is not None and source.path.is_file() and found.st_size != source.bytes:
        raise UserError(
            f"{source.path} has {found.st_size:,} bytes, {source.bytes:,} were published: it was replaced or damaged "
            "since, and is neither shown nor handed out; put the published file back, or make it again"
        )
    mark = (str(source.path), found.st_ino, found.st_size, found.st_mtime_ns, source.sha256)
    if source.sha256 and source.path.is_file() and found.st_size <= MOST_HASHED:
        _compare(source, mark)
    return mark


def _compare(source: PublishedRaster, mark: tuple[object, ...]) -> None:
    with _checking:
        if mark not in _known:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[mark] = sha256_of(source.path) == source.sha256
    if not _known[mark]:
        raise UserError(
            f"{source.path} is not the file that was published: its sha256 is another than {source.sha256}; "
            "put the published file back, or make it again"
        )


@contextmanager
def in_turn() -> Iterator[None]:
    """Wait until few others read: what all of them hold in memory is bounded so."""
    with _AT_ONCE:
        yield


@contextmanager
def reading(source: PublishedRaster) -> Iterator[DatasetReader]:
    """
    Open a raster for as long as the context lasts; few are open at once, and others wait.

    Raises:
        UserError: It is gone, another one, or cannot be read.
    """
    stamp(source)
    try:
        with in_turn(), rasterio.Env(**ALONE, GDAL_CACHEMAX=CACHE_BYTES), open_raster(source.path) as dataset:
            if dataset.crs is None:
                raise UserError(f"{source.path} has no CRS, and cannot be put on a map")
            yield dataset
    except RasterioError as error:
        told = " ".join(str(error).split())
        raise UserError(f"{source.path} cannot be read, and may be damaged: {told}") from None

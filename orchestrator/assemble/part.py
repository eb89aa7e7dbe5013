"""Opens a part, refuses it unless it is the planned one, and gives its blocks, compressed or as pixels."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile

from orchestrator.assemble import tiff
from orchestrator.assemble.accepted import Accepted
from orchestrator.assemble.codec import COMPRESSIONS, Codec, Encoding, Pixels
from orchestrator.assemble.reduce import is_nodata
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.storage import BufferBytes, FileBytes
from orchestrator.core.errors import IntegrityError
from orchestrator.core.system import open_descriptor
from orchestrator.model.grid import Window
from orchestrator.raster.opening import alone, check_header

PartData = Path | bytes | bytearray | memoryview

# How far a corner of a part may lie from where it was planned, in pixels.
MAX_SHIFT = 1e-6
GDAL_CACHE_BYTES = 48 << 20
# A block this many times smaller than its pixels may hold nothing but nodata; it is looked at. The smallest
# blocks never pack that well, so a few bytes are always suspicious.
SUSPICIOUS, FEW_BYTES = 64, 256


@dataclass(frozen=True, slots=True)
class TileTable:
    """Where the tiles of one image of a part lie, as (tile row, tile col) arrays; size 0 is a tile not stored."""

    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PartReader:
    """
    An open part that is the planned one.

    Attributes:
        window: The pixels of the grid it covers.
        encoding: How its blocks are written to the output.
        reason: Why its blocks cannot be copied, in a sentence; empty when they can.
        tables: Tiles of the image and of those of its overviews that halve it; empty unless tiles can be read
            without GDAL.
        stored: How those tiles are stored.
        bytes: The file.
        dataset: The file as GDAL reads it; None where `tables` do.
        masked: Whether it has a mask of its own.
    """

    window: Window
    encoding: Encoding
    reason: str
    tables: dict[int, TileTable]
    stored: Codec | None
    bytes: FileBytes | BufferBytes
    dataset: DatasetReader | None
    masked: bool
    settings: MosaicSettings
    lock: threading.Lock

    @property
    def copyable(self) -> bool:
        return not self.reason

    @property
    def nodata(self) -> float:
        return self.settings.spec.pixels.nodata

    def tile(self, level: int, row: int, col: int) -> tuple[int, int]:
        """Return (offset, size) in the file of the tile that is block (row, col) of the output; size 0: not stored."""
        table, side = self.tables[level], self.encoding.block << level
        at = row - self.window.row // side, col - self.window.col // side
        return int(table.offsets[at]), int(table.sizes[at])

    def pixels(self, level: int, row: int, col: int) -> Pixels | None:
        """Return the tile that is block (row, col) of the output, or None when it is not stored."""
        offset, size = self.tile(level, row, col)
        if not size or self.stored is None:
            return None
        return self.stored.decode(self.bytes.read(offset, size))

    def may_be_empty(self, level: int, row: int, col: int) -> bool:
        """Tell whether a tile is so small, or begins so, that it may hold nothing but nodata."""
        if self.stored is None:
            return True
        offset, size = self.tile(level, row, col)
        if self.stored.encoding.compression != "none":
            return size <= self.stored.raw_bytes // SUSPICIOUS + FEW_BYTES
        first = np.frombuffer(self.bytes.read(offset, self.stored.dtype.itemsize), self.stored.dtype)[0]
        return bool(first == self.nodata or (np.isnan(first) and np.isnan(self.nodata)))

    def read(self, piece: Window) -> Pixels:
        """Return the (row, col, band) pixels of `piece`, a window of the grid within one block."""
        if self.tables:
            block = self.encoding.block
            row, col = piece.row // block, piece.col // block
            tile = self.pixels(0, row, col)
            if tile is None:
                bands = len(self.settings.spec.pixels.bands)
                return np.full((piece.height, piece.width, bands), self.nodata, self.settings.dtype)
            top, left = piece.row - row * block, piece.col - col * block
            return tile[top : top + piece.height, left : left + piece.width]
        return self._read_by_gdal(piece.relative_to(self.window))

    def _read_by_gdal(self, at: Window) -> Pixels:
        rows, cols = (at.row, at.bottom), (at.col, at.right)
        if self.dataset is None:
            raise IntegrityError(f"the part at {self.window} is not open for GDAL")
        with self.lock:  # a dataset of GDAL belongs to one thread at a time
            try:
                bands = self.dataset.read(window=(rows, cols))
                mask = self.dataset.dataset_mask(window=(rows, cols)) if self.masked else None
            except RasterioError as error:
                raise IntegrityError(f"the part at {self.window} cannot be read: {error}") from error
        pixels: Pixels = np.moveaxis(bands, 0, 2)
        if mask is not None:
            if self.settings.spec.nodata_by_word and is_nodata(pixels[mask != 0], self.nodata).any():
                raise IntegrityError(
                    f"the part at {self.window} has pixels of the nodata value {self.nodata:g} that its mask calls "
                    "data; choose a --nodata that no pixel has"
                )
            pixels[mask == 0] = self.nodata
        return pixels


def gdal() -> rasterio.Env:
    """Return the settings of GDAL under which parts are to be opened and read."""
    return alone(GDAL_CACHEMAX=GDAL_CACHE_BYTES)


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is said to be the part at `window`; `name` is what it is called in errors."""

    name: str
    window: Window
    settings: MosaicSettings
    bytes: FileBytes | BufferBytes


@contextmanager
def open_part(data: PartData, window: Window, settings: MosaicSettings, accepted: Accepted) -> Iterator[PartReader]:
    """
    Open a part that covers `window`; GDAL is not asked about one like those that were `accepted` before.

    Raises:
        IntegrityError: It is no GeoTIFF, is cut short, or its grid, bands, number type or nodata is not the
            planned one; the message names what was found and what was wanted.
    """
    name = str(data) if isinstance(data, Path) else f"the part at {window}"
    with _bytes(data) as source:
        claim = Claim(name, window, settings, source)
        part = _known(claim, accepted)
        if part is not None:
            yield part
            return
        with _dataset(data, name) as dataset:
            yield _checked(claim, dataset, accepted)


@contextmanager
def _bytes(data: PartData) -> Iterator[FileBytes | BufferBytes]:
    if not isinstance(data, Path):
        yield BufferBytes(memoryview(data).cast("B"))
        return
    fd = open_descriptor(data, os.O_RDONLY)
    try:
        yield FileBytes.of(fd)
    finally:
        os.close(fd)


@contextmanager
def _dataset(data: PartData, name: str) -> Iterator[DatasetReader]:
    with ExitStack() as opened:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused below, with what was wanted
                target: Path | str
                if isinstance(data, Path):
                    target = data
                else:
                    target = opened.enter_context(MemoryFile(data if isinstance(data, bytes) else bytes(data))).name
                dataset = opened.enter_context(rasterio.open(target, driver="GTiff"))
                check_header(dataset, name)
        except RasterioError as error:
            raise IntegrityError(f"{name} is no readable GeoTIFF: {error}") from error
        yield dataset


def _known(claim: Claim, accepted: Accepted) -> PartReader | None:
    """Return a part that says of itself what an accepted one said and lies where it should, else None."""
    try:
        file = tiff.read(claim.bytes)
    except IntegrityError:
        return None  # GDAL has better words for what is wrong
    transform = accepted.transform(file, claim.window)
    wanted = claim.settings.spec.grid.window_transform(claim.window)
    if transform is None or not _same_place(transform, wanted, claim.window):
        return None
    part = _part(claim, file, None, masked=False)
    return part if part.tables else None


def _checked(claim: Claim, dataset: DatasetReader, accepted: Accepted) -> PartReader:
    """Return a part that GDAL finds to be the planned one."""
    masked = MaskFlags.per_dataset in dataset.mask_flag_enums[0]
    for what, found, wanted in _comparisons(dataset, claim.window, claim.settings, masked=masked):
        if found != wanted:
            raise IntegrityError(f"{claim.name}: {what} is {found}, expected {wanted}")
    file = tiff.read(claim.bytes)
    if not masked:
        accepted.learn(file, claim.window)
    return _part(claim, file, dataset, masked=masked)


def _part(claim: Claim, file: tiff.File, dataset: DatasetReader | None, *, masked: bool) -> PartReader:
    window, settings = claim.window, claim.settings
    images = [image for image in file.directories if not image.number(tiff.SUBFILE) & 4]
    stored, why_not = _stored(images[0], file.order, settings, masked=masked)
    encoding = settings.encoding_for(stored)
    aligned = not (window.row % encoding.block or window.col % encoding.block)
    readable = stored is not None and stored.block == encoding.block and aligned
    codec = Codec(stored, settings.dtype, len(settings.spec.pixels.bands)) if stored and readable else None
    tables = _tables(images, window, encoding.block, claim.bytes.size, claim.name) if codec else {}
    return PartReader(
        window=window,
        encoding=encoding,
        reason=why_not or _difference(stored, encoding, aligned=aligned),
        tables=tables,
        stored=codec,
        bytes=claim.bytes,
        dataset=dataset,
        masked=masked,
        settings=settings,
        lock=threading.Lock(),
    )


def _comparisons(
    dataset: DatasetReader, window: Window, settings: MosaicSettings, *, masked: bool
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (what, found, wanted) of all that must be as planned."""
    pixels, grid = settings.spec.pixels, settings.spec.grid
    yield "its CRS", _crs_name(dataset.crs, settings.crs, grid.crs), grid.crs
    yield "its size (height, width)", dataset.shape, (window.height, window.width)
    wanted = grid.window_transform(window)
    found = tuple(dataset.transform)[:6]
    yield "its transform", wanted if _same_place(found, wanted, window) else found, wanted
    yield "its band count", dataset.count, len(pixels.bands)
    if any(dataset.descriptions):
        shows = settings.spec.appearance
        yield "the order of its bands", dataset.descriptions, shows.descriptions if shows else pixels.bands
    yield "its number type", tuple(sorted(set(dataset.dtypes))), (pixels.dtype,)
    nodata = dataset.nodata
    same = nodata is not None and (nodata == pixels.nodata or (np.isnan(nodata) and np.isnan(pixels.nodata)))
    if not same and not (nodata is None and (masked or settings.spec.nodata_by_word)):
        yield "its nodata value", nodata, pixels.nodata


def _crs_name(found: CRS | None, wanted: CRS, name: str) -> str:
    return name if found == wanted else str(found)


def _same_place(found: tuple[float, ...], wanted: tuple[float, ...], window: Window) -> bool:
    """Tell whether both corners of a part lie within MAX_SHIFT pixels of where they were planned."""
    shifts = [
        (found[2] - wanted[2]) / wanted[0],
        (found[5] - wanted[5]) / wanted[4],
        (found[2] + found[0] * window.width - wanted[2] - wanted[0] * window.width) / wanted[0],
        (found[5] + found[4] * window.height - wanted[5] - wanted[4] * window.height) / wanted[4],
        found[1] * window.height / wanted[0],
        found[3] * window.width / wanted[4],
    ]
    return all(abs(shift) <= MAX_SHIFT for shift in shifts)


def _stored(
    image: tiff.Directory, order: str, settings: MosaicSettings, *, masked: bool
) -> tuple[Encoding | None, str]:
    """Return how the tiles of an image are stored, or None and why they cannot be read one by one."""
    width, height = image.number(tiff.TILE_WIDTH), image.number(tiff.TILE_HEIGHT)
    compression = COMPRESSIONS.get(image.number(tiff.COMPRESSION, 1))
    bits = set(image.numbers(tiff.BITS).tolist())
    bands = image.number(tiff.SAMPLES, 1)
    obstacles = [
        (masked, "parts carry an internal mask"),
        (not width, "parts are stored in strips, not in blocks"),
        (width != height or width % 16 != 0, f"blocks of parts are not square ({height} × {width})"),
        (compression is None, f"compression {image.number(tiff.COMPRESSION, 1)} of parts cannot be copied"),
        (image.number(tiff.PLANAR, 1) != 1 and bands > 1, "parts store each band apart"),
        (order != "<", "parts are big-endian"),
        (bits != {settings.dtype.itemsize * 8}, f"parts store {sorted(bits)} bits of each value"),
        (tiff.JPEG_TABLES in image.tags, "blocks of parts share tables"),
    ]
    for found, sentence in obstacles:
        if found:
            return None, sentence
    # GDAL ignores the predictor of uncompressed blocks.
    predictor = 1 if compression == "none" else image.number(tiff.PREDICTOR, 1)
    return Encoding(str(compression), predictor, width), ""


def _difference(stored: Encoding | None, wanted: Encoding, *, aligned: bool) -> str:
    if not aligned:
        return f"windows of parts are not multiples of the block of {wanted.block} pixels"
    if stored is None or stored == wanted:
        return ""
    return (
        f"parts are stored as {stored.compression}, predictor {stored.predictor}, blocks of {stored.block}; "
        f"wanted is {wanted.compression}, predictor {wanted.predictor}, blocks of {wanted.block}"
    )


def _tables(images: list[tiff.Directory], window: Window, block: int, size: int, name: str) -> dict[int, TileTable]:
    """Return the tiles of the image (level 0) and of each overview that can stand for blocks of the output."""
    first, tables = images[0], {}
    for image in images:
        level = _level(image, window)
        if (
            level is None
            or level in tables
            or any(image.number(t) != block for t in (tiff.TILE_WIDTH, tiff.TILE_HEIGHT))
        ):
            continue
        if any(image.number(t, 1) != first.number(t, 1) for t in (tiff.COMPRESSION, tiff.PREDICTOR, tiff.PLANAR)):
            continue
        if window.row % (block << level) or window.col % (block << level):
            continue
        tables[level] = _table(image, block, size, name)
    return tables


def _level(image: tiff.Directory, window: Window) -> int | None:
    # GDAL's COG driver rounds half pixels at the edge down; such an overview is squeezed into its raster, its
    # pixels are not means of 2 × 2, and it is left alone.
    shape = image.number(tiff.HEIGHT), image.number(tiff.WIDTH)
    for level in range(24):
        if shape == (-(-window.height >> level), -(-window.width >> level)):
            return level
    return None


def _table(image: tiff.Directory, block: int, size: int, name: str) -> TileTable:
    shape = -(-image.number(tiff.HEIGHT) // block), -(-image.number(tiff.WIDTH) // block)
    offsets, sizes = image.numbers(tiff.TILE_OFFSETS), image.numbers(tiff.TILE_SIZES)
    if len(offsets) != shape[0] * shape[1] or len(sizes) != len(offsets):
        raise IntegrityError(f"{name}: its table lists {len(offsets)} tiles, expected {shape[0] * shape[1]}")
    if ((offsets > size - sizes) | (offsets < 0) | (sizes < 0)).any():
        raise IntegrityError(f"{name}: the file is cut short at {size} bytes, tiles lie behind its end")
    return TileTable(offsets.reshape(shape), np.where(offsets == 0, 0, sizes).reshape(shape))

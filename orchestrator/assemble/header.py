"""
Writes the head of the output: a BigTIFF whose directories all come before the data, as a cloud-optimised
GeoTIFF wants it.

What GDAL knows better — CRS keys, metadata, nodata — is taken from a tiny file GDAL writes for the purpose.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from orchestrator.assemble import tiff
from orchestrator.assemble.codec import COMPRESSION_TAGS, Encoding
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.storage import BufferBytes
from orchestrator.model.mosaic import Appearance
from orchestrator.model.spec import PixelSpec

# Told to GDAL between header and first directory; a writer that changes the file flips the last line.
_PROMISES = b"LAYOUT=IFDS_BEFORE_DATA\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_PROMISES) + _PROMISES
SHORT, LONG, LONG8 = 3, 4, 16
TEMPLATE_SIDE = 16
# Tags of the template that hold for every image of the file, and those of the full image alone.
_EVERY_IMAGE = (258, 262, 277, 284, 320, 338, 339, 42113)
_FULL_IMAGE = (305, 33432, 33550, 33922, 34264, 34735, 34736, 34737, 42112)


@dataclass(frozen=True, slots=True)
class Image:
    """One level of the output: its shape in pixels, and where its blocks lie, as (block row, block col) arrays."""

    height: int
    width: int
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]


def template(settings: MosaicSettings, band_tags: Sequence[Mapping[str, str]] = ()) -> tiff.Directory:
    """Return the tags GDAL writes for the CRS, bands and metadata of the output; `band_tags` are in band order."""
    spec, pixels = settings.spec, settings.spec.pixels
    shows = spec.appearance or _plain(pixels)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=TEMPLATE_SIDE,
            width=TEMPLATE_SIDE,
            count=len(pixels.bands),
            dtype=pixels.dtype,
            crs=settings.crs,
            transform=Affine(*spec.grid.transform),
            nodata=pixels.nodata,
            photometric=_photometric(shows),
            interleave="pixel",
        ) as dataset:
            # Before the bands' own: where it lies decides how GDAL writes the transform.
            dataset.update_tags(**dict(spec.tags))
            _dress(dataset, shows)
            for band, tags in enumerate(band_tags, start=1):
                dataset.update_tags(band, **tags)
        return tiff.read(BufferBytes(memoryview(memory.read()))).directories[0]


def _plain(pixels: PixelSpec) -> Appearance:
    """Return what bands look like of which no more than `pixels` is known."""
    count = len(pixels.bands)
    colours = (ColorInterp.gray.name, *[ColorInterp.undefined.name] * (count - 1))
    return Appearance(pixels.bands, (pixels.scale,) * count, (pixels.offset,) * count, ("",) * count, colours)


def _photometric(shows: Appearance) -> str:
    if shows.palette:
        return "PALETTE"
    return "RGB" if shows.colours[:3] == ("red", "green", "blue") else "MINISBLACK"


def _dress(dataset: Any, shows: Appearance) -> None:
    if shows.palette:
        dataset.write_colormap(1, {value: colour for value, *colour in shows.palette})
    else:
        dataset.colorinterp = [ColorInterp[name] for name in shows.colours]
    dataset.descriptions = shows.descriptions
    if set(zip(shows.scales, shows.offsets, strict=True)) != {(1.0, 0.0)}:
        dataset.scales, dataset.offsets = shows.scales, shows.offsets
    for band, unit in enumerate(shows.units, start=1):
        if unit:
            dataset.set_band_unit(band, unit)
    for band, tags in enumerate(shows.band_tags, start=1):
        dataset.update_tags(band, **dict(tags))


def header_size(base: tiff.Directory, encoding: Encoding, shapes: list[tuple[int, int]]) -> int:
    """Return the bytes of the head of a file with images of these (height, width)."""
    empty = []
    for height, width in shapes:
        blocks = -(-height // encoding.block), -(-width // encoding.block)
        empty.append(Image(height, width, np.zeros(blocks, np.int64), np.zeros(blocks, np.int64)))
    return len(header(base, encoding, empty))


def header(base: tiff.Directory, encoding: Encoding, images: list[Image]) -> bytes:
    """Return the head of the file; `images` are the full one and its overviews, from fine to coarse."""
    first = 16 + len(GHOST) + len(GHOST) % 2
    out = bytearray(struct.pack("<2sHHHQ", b"II", 43, 8, 0, first) + GHOST).ljust(first, b"\0")
    for number, image in enumerate(images):
        tags = _tags(base, encoding, image, overview=number > 0)
        out += _directory(tags, len(out), last=number == len(images) - 1)
    return bytes(out)


def _tags(base: tiff.Directory, encoding: Encoding, image: Image, *, overview: bool) -> dict[int, tiff.Tag]:
    kept = _EVERY_IMAGE if overview else _EVERY_IMAGE + _FULL_IMAGE
    tags = {number: base.tags[number] for number in kept if number in base.tags}
    if overview:
        tags[tiff.SUBFILE] = _numbers(LONG, [1])
    tags[tiff.WIDTH], tags[tiff.HEIGHT] = _numbers(LONG, [image.width]), _numbers(LONG, [image.height])
    tags[tiff.COMPRESSION] = _numbers(SHORT, [COMPRESSION_TAGS[encoding.compression]])
    if encoding.predictor > 1:
        tags[tiff.PREDICTOR] = _numbers(SHORT, [encoding.predictor])
    tags[tiff.TILE_WIDTH] = tags[tiff.TILE_HEIGHT] = _numbers(SHORT, [encoding.block])
    tags[tiff.TILE_OFFSETS] = _numbers(LONG8, image.offsets)
    tags[tiff.TILE_SIZES] = _numbers(LONG, image.sizes)
    return dict(sorted(tags.items()))


def _numbers(kind: int, values: list[int] | NDArray[np.int64]) -> tiff.Tag:
    array = np.asarray(values, "<" + tiff.TYPES[kind]).ravel()
    return tiff.Tag(kind, array.size, array.tobytes())


def _directory(tags: dict[int, tiff.Tag], at: int, *, last: bool) -> bytes:
    """Return a directory for position `at`, followed by the values that do not fit into it."""
    entries, values = bytearray(struct.pack("<Q", len(tags))), bytearray()
    values_at = at + 8 + 20 * len(tags) + 8
    for number, tag in tags.items():
        field = tag.data.ljust(8, b"\0")
        if len(tag.data) > 8:
            field = struct.pack("<Q", values_at + len(values))
            values += tag.data.ljust(math.ceil(len(tag.data) / 8) * 8, b"\0")
        entries += struct.pack("<HHQ8s", number, tag.kind, tag.count, field)
    following = 0 if last else values_at + len(values)
    return bytes(entries + struct.pack("<Q", following) + values)

"""What the assembler is asked for, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.grid import Grid
from orchestrator.model.objects import StoredObject
from orchestrator.model.spec import PixelSpec


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """
    How a raster is written. One value, on its way from the declaration to whoever writes.

    Attributes:
        compress: `same` as the parts, or `zstd`, `deflate`, `lzw`, `none`.
        predictor: `same` as the parts, or `none`, `horizontal`, `float`.
        block: Side of a block, in pixels, a multiple of 16; 0 is the same as the parts.
        overviews: `auto`, `parts`, `average`, `nearest` or `none`.
        all_touched: Keep every pixel the area touches, rather than those whose centre lies inside.
    """

    compress: str = "same"
    predictor: str = "same"
    block: int = 0
    overviews: str = "auto"
    all_touched: bool = False


@dataclass(frozen=True, slots=True)
class Appearance:
    """
    What else parts say of their bands, where they come from somewhere else and are carried on as they are.

    Attributes:
        descriptions: Of each band; None where it has none.
        scales: Of each band: physical value = stored value × scale + offset.
        offsets: See `scales`.
        units: Of each band; empty where it has none.
        colours: GDAL's name of what each band shows: `gray`, `red`, `palette`, `undefined`, ...
        palette: The colour table of the first band, as (value, red, green, blue, opacity); empty where it has none.
        band_tags: GDAL metadata of each band, as (key, value).
    """

    descriptions: tuple[str | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    units: tuple[str, ...]
    colours: tuple[str, ...]
    palette: tuple[tuple[int, int, int, int, int], ...] = ()
    band_tags: tuple[tuple[tuple[str, str], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class MosaicSpec:
    """
    The file to build.

    Attributes:
        grid: Its grid.
        pixels: Its bands, number type, nodata, scale and offset.
        area_wkb: What it is cut with, in the grid's CRS, as WKB; None keeps every pixel.
        options: How it is written.
        threads: Blocks encoded at once.
        tags: Written as GDAL metadata of the file.
        appearance: What parts say of their bands besides `pixels`; None where `pixels` says it all.
        nodata_by_word: Parts that name no nodata value are taken: somebody says that it is that of `pixels`.
    """

    grid: Grid
    pixels: PixelSpec
    area_wkb: bytes | None = None
    options: OutputOptions = OutputOptions()
    threads: int = 2
    tags: tuple[tuple[str, str], ...] = ()
    appearance: Appearance | None = None
    nodata_by_word: bool = False


@dataclass(frozen=True, slots=True)
class MosaicReport:
    """
    What was built, and how.

    Attributes:
        path: The finished file, fsynced, not yet published under its final name; with `placed`, its head and coarse
            overviews alone, which are read as if the rest were there.
        size: Bytes.
        method: `splice` (compressed blocks were copied) or `stream` (every block was decoded and encoded).
        reason: Why not `splice`, in a sentence; empty when it was.
        overviews: Which resampling made them, and from what.
        blocks_copied: Blocks taken over compressed.
        blocks_encoded: Blocks decoded, masked and encoded.
        blocks_sparse: Blocks not stored because they hold nodata only.
        placed: The finished object, where it lies at a place and not here.
        crc32c: What the CRC32C of the file must be, as Cloud Storage writes it, where that is known of what it was put
            together of; else empty.
    """

    path: Path
    size: int
    method: str
    reason: str
    overviews: str
    blocks_copied: int
    blocks_encoded: int
    blocks_sparse: int
    placed: StoredObject | None = None
    crc32c: str = ""

"""
How heavy a part can become as a file, whatever its pixels are.

The bound is honest because it never guesses how well pixels compress: every TIFF tile is counted whole,
every codec at its worst, every overview in full. A measured figure of the same job may replace it
(`learned_bytes_per_pixel`), and can only make parts lighter, never the promise weaker than the bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import BLOCK, Grid, Window
from orchestrator.model.spec import PixelSpec

MIB = 2**20
GIB = 2**30

# Earth Engine, guide "Exporting images": a side of `fileDimensions` is at most 131,072 pixels, and a file
# before compression must stay below 17,179,869,184 bytes (the sentence of the service's own refusal).
MAX_FILE_SIDE = 131_072
MAX_FILE_RAW_BYTES = 16 * GIB - 1

# Which codec the service uses is not promised, so the worst of the usual ones counts. TIFF 6.0, section 13: an LZW
# code has 9 to 12 bits and stands for at least one byte, so 12 bits per byte = × 1.5, plus the clear and end codes.
# DEFLATE (zlib `compressBound`: n + n/4096 + n/16384 + 13 bytes) and Zstandard (`ZSTD_COMPRESSBOUND`: n + n/256 +
# at most 64 bytes) grow by less than one percent; uncompressed tiles do not grow.
WORST_CODEC_NUMERATOR, WORST_CODEC_DENOMINATOR = 3, 2
CODEC_EXTRA_BYTES = 64

# BigTIFF keeps 8 bytes of offset and 8 of length per tile; a cloud-optimized file by GDAL puts 4 bytes before and 4
# after each tile (GDAL, "Cloud Optimized GeoTIFF driver", ghost area).
TABLE_BYTES_PER_TILE = 24
# Header, tags, geokeys with a long WKT, XML metadata; then one entry of XML per band (name, scale, offset) and
# 16 bytes of per-band tags (BitsPerSample, SampleFormat) that every overview repeats.
HEADER_BYTES = 16 * 1024
HEADER_BYTES_PER_BAND = 1024


def round_up(value: int, multiple: int) -> int:
    """Return the smallest multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple


def raw_bytes(height: int, width: int, pixels: PixelSpec) -> int:
    """Return the bytes of `height` × `width` pixels before compression, as Earth Engine counts them."""
    return height * width * pixels.bytes_per_pixel


def tile_count(height: int, width: int, *, cloud_optimized: bool) -> int:
    """
    Return how many 256 × 256 tiles a file holds, overviews included.

    A tile that the image fills only partly is stored whole (TIFF 6.0, section 15), so a strip of 10 pixels costs
    as many tiles as one of 256. Overviews halve both sides, rounding up, until the image is one tile; for large
    images they add one third (1/4 + 1/16 + ...), for small ones more.
    """
    tiles = -(-height // BLOCK) * -(-width // BLOCK)
    while cloud_optimized and (height > BLOCK or width > BLOCK):
        height, width = -(-height // 2), -(-width // 2)
        tiles += -(-height // BLOCK) * -(-width // BLOCK)
    return tiles


def part_bytes_bound(
    height: int,
    width: int,
    pixels: PixelSpec,
    cloud_optimized: bool = True,
    *,
    learned_bytes_per_pixel: float | None = None,
) -> int:
    """
    Return the bytes a part of `height` × `width` pixels cannot exceed as a file.

    Without `learned_bytes_per_pixel` this holds for any data: tiles (see `tile_count`) × 256 × 256 × bytes per
    pixel × 1.5 for the worst codec, and the tables and headers. With it (bytes of finished files of the same
    job per pixel of theirs, safety margin included) the estimate replaces the worst case; the smaller counts.
    """
    tiles = tile_count(height, width, cloud_optimized=cloud_optimized)
    return _file_bytes(tiles, tiles, height * width, pixels, learned_bytes_per_pixel)


def output_bytes_bound(
    grid: Grid, parts: Sequence[Window], pixels: PixelSpec, *, learned_bytes_per_pixel: float | None = None
) -> int:
    """
    Return the bytes the assembled file cannot exceed: the parts' tiles and the overviews of the whole grid.

    Tiles outside every part are not stored, but keep their place in the tables. With
    `learned_bytes_per_pixel` the parts' pixels at that weight replace the worst case, if that is less.
    """
    stored = sum(tile_count(part.height, part.width, cloud_optimized=False) for part in parts)
    everything = tile_count(grid.height, grid.width, cloud_optimized=True)
    overviews = everything - tile_count(grid.height, grid.width, cloud_optimized=False)
    covered = sum(part.pixels for part in parts)
    return _file_bytes(stored + overviews, everything, covered, pixels, learned_bytes_per_pixel)


def _file_bytes(stored: int, listed: int, covered: int, pixels: PixelSpec, learned: float | None) -> int:
    """Return the bound of a file with `stored` tiles of `listed` in its tables and `covered` pixels of data."""
    tile_bytes = raw_bytes(BLOCK, BLOCK, pixels) * WORST_CODEC_NUMERATOR // WORST_CODEC_DENOMINATOR
    overhead = HEADER_BYTES + HEADER_BYTES_PER_BAND * len(pixels.bands) + TABLE_BYTES_PER_TILE * listed
    bound = stored * (tile_bytes + CODEC_EXTRA_BYTES) + overhead
    if learned is None:
        return bound
    if not learned > 0:
        raise PlanError(f"learned_bytes_per_pixel is {learned}; it must be above 0")
    return min(bound, int(covered * learned) + 1 + overhead)


def total_bytes_bound(
    parts: Iterable[Window],
    pixels: PixelSpec,
    cloud_optimized: bool = True,
    *,
    learned_bytes_per_pixel: float | None = None,
) -> int:
    """Return the sum of `part_bytes_bound` over `parts`; quick for many parts of few shapes."""
    shapes = Counter((part.height, part.width) for part in parts)
    return sum(
        count
        * part_bytes_bound(height, width, pixels, cloud_optimized, learned_bytes_per_pixel=learned_bytes_per_pixel)
        for (height, width), count in shapes.items()
    )


def max_pixels(window: Window) -> int:
    """
    Return the `maxPixels` an export of `window` must carry.

    Earth Engine counts the pixels of the bounding box, masked ones included, and fails the task only after it
    has started when they are more (default 1e8), so the exact number is always sent.
    """
    return window.pixels


def file_fits_service(height: int, width: int, pixels: PixelSpec) -> bool:
    """Tell whether Earth Engine accepts `fileDimensions` of `width` × `height` for these pixels."""
    return max(height, width) <= MAX_FILE_SIDE and raw_bytes(height, width, pixels) <= MAX_FILE_RAW_BYTES

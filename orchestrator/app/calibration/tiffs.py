"""What a GeoTIFF says of how it was written, from its own tags."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import tifffile

from orchestrator.core.errors import IntegrityError

_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 50000: "zstd"}


@dataclass(frozen=True, slots=True)
class Written:
    """
    Attributes:
        compression: `lzw`, `deflate`, `zstd`, `none`, or the number of another.
        predictor: 1 none, 2 or 3 differences.
        interleave: `pixel` or `band`.
        no_data: What the file names as the value without data; None is nothing.
        first: The value of the first pixel of the first band.
    """

    compression: str
    predictor: int
    interleave: str
    no_data: float | None
    first: float


def examine(content: bytes) -> Written:
    """
    Read a file of at least one pixel.

    Raises:
        IntegrityError: If it is no TIFF.
    """
    try:
        with tifffile.TiffFile(io.BytesIO(content)) as opened:
            page = opened.pages[0]
            if not isinstance(page, tifffile.TiffPage):
                raise IntegrityError("the file's first page is none")
            number, tag = int(page.compression), page.tags.get("GDAL_NODATA")
            values = np.asarray(opened.asarray())
            return Written(
                _COMPRESSIONS.get(number, str(number)),
                2 if page.predictor in (2, 3) else int(page.predictor),
                "pixel" if int(page.planarconfig or 1) == 1 else "band",
                None if tag is None else float(str(tag.value).strip("\0 ")),
                float(values.flat[0]),
            )
    except (tifffile.TiffFileError, ValueError, IndexError) as error:
        raise IntegrityError(f"what came is no GeoTIFF: {error}") from error

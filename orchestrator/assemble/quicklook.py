"""A small picture of a finished raster, in which a person recognises the place."""

from __future__ import annotations

import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from orchestrator.core.files import write_whole

SIDE = 1024  # pixels of the longer side: fits a screen, reads from overviews in no time
TRUE_COLOUR = ("B4", "B3", "B2")
LOW, HIGH = 2.0, 98.0  # percentiles that become black and white; beyond them lie clouds' rests and deep shadow
LEAST_WIDTH = 240  # a caption under a narrower picture would be broken after every word
DOTS_PER_INCH, POINTS = 100, 8.0
LINE, MARGIN, LETTER = 15, 6, 6.5  # height of a line, room around the text, mean width of a letter; in pixels


def load() -> None:
    """Load what draws text, which takes half a second, before somebody waits for a picture."""
    # matplotlib is wanted only where a picture is drawn.
    import matplotlib.backends.backend_agg  # noqa: PLC0415
    import matplotlib.figure  # noqa: F401, PLC0415


class Quicklook:
    """The engine's `Illustrator`."""

    def draw(self, raster: Path, picture: Path, caption: str) -> None:
        """
        Write `raster` in true colour where it has B4, B3 and B2, else its first band in grey, as PNG with alpha.

        The caption stands below on white, and as the text `Description` in the file.
        """
        with rasterio.open(raster, driver="GTiff") as source:
            bands = _bands(source.descriptions)
            ratio = max(1.0, max(source.height, source.width) / SIDE)
            shape = (len(bands), max(1, round(source.height / ratio)), max(1, round(source.width / ratio)))
            pixels = source.read(bands, out_shape=shape, masked=True, resampling=Resampling.nearest)
        _write(picture, _captioned(_stretch(pixels), caption), caption)


def _bands(names: tuple[str | None, ...]) -> list[int]:
    return [names.index(name) + 1 for name in TRUE_COLOUR] if set(TRUE_COLOUR) <= set(names) else [1]


def _stretch(pixels: Any) -> NDArray[np.uint8]:
    """Return (4, row, col): red, green, blue by one common stretch, and opacity."""
    valid = ~np.ma.getmaskarray(pixels).any(axis=0) & np.isfinite(pixels.filled(0).astype("float64")).all(axis=0)
    stored = pixels.filled(0)
    values = stored.astype("float32")
    low, high = np.percentile(values[:, valid], (LOW, HIGH)) if valid.any() else (0.0, 1.0)
    if stored.dtype in {np.dtype("uint8"), np.dtype("uint16")}:  # fewer values than pixels: each is stretched once
        every = np.arange(np.iinfo(stored.dtype).max + 1, dtype="float32")
        shown = _shown(every, low, high)[stored]
    else:
        shown = _shown(values, low, high)
    colours = np.broadcast_to(shown, (3, *valid.shape))
    opacity = np.where(valid, 255, 0).astype("uint8")
    rgba: NDArray[np.uint8] = np.concatenate([colours, opacity[np.newaxis]])
    return rgba


def _shown(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Return the brightness of values, of which `low` is black and `high` is white."""
    # A gamma below 1 lifts the dark greens that most land is made of.
    scaled = np.clip((values - low) / max(float(high - low), 1e-9), 0, 1) ** 0.8 * 255
    return np.asarray(scaled.round(), np.uint8)


def _captioned(rgba: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    """Return the picture, at least LEAST_WIDTH wide, with the caption below it."""
    missing = max(0, LEAST_WIDTH - rgba.shape[2])
    wide = np.pad(rgba, ((0, 0), (0, 0), (0, missing)))
    return np.concatenate([wide, _text(caption, wide.shape[2])], axis=1)


def _text(caption: str, width: int) -> NDArray[np.uint8]:
    """Return (4, row, col): the caption in dark grey on white, broken to fit into `width` pixels."""
    # matplotlib loads in a second, and only where a picture is drawn.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    lines = textwrap.wrap(caption, max(8, int((width - 2 * MARGIN) / LETTER)))
    height = LINE * len(lines) + 2 * MARGIN
    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    for number, line in enumerate(lines):
        top = 1 - (MARGIN + number * LINE) / height
        figure.text(MARGIN / width, top, line, fontsize=POINTS, color="#22303c", va="top", parse_math=False)
    canvas.draw()
    drawn = np.asarray(canvas.buffer_rgba())
    return np.ascontiguousarray(np.moveaxis(drawn, 2, 0)[:, :height, :width])


def _write(picture: Path, rgba: NDArray[np.uint8], caption: str) -> None:
    # PNG has no georeference of its own; GDAL would leave an .aux.xml beside it otherwise.
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.MemoryFile() as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # of course it is not
        profile = {"driver": "PNG", "count": 4, "dtype": "uint8", "height": rgba.shape[1], "width": rgba.shape[2]}
        with memory.open(**profile, DESCRIPTION=caption) as target:
            target.write(rgba)
        write_whole(picture, memory.read())

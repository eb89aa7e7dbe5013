"""A strip of small pictures, one for each date, in which a person sees clouds and gaps."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.files import write_whole
from orchestrator.model.validity import percent
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.thumbs import Thumbs

# Percentiles that become black and white, the median of those of each date: a cloudy one does not darken the others.
LOW, HIGH = 2.0, 98.0
ACROSS = 8  # pictures in a row
INCHES, DOTS = 1.6, 100
NOTHING = 226  # the grey of what holds no data


def draw_dates(path: Path, name: str, plan: CubePlan, thumbs: Thumbs, counts: NDArray[np.int64]) -> None:
    """Write a PNG of the dates, each with its day, its satellite and how much of the area holds data."""
    # matplotlib loads in a second, and only where a picture is drawn.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    shown = _stretched(thumbs.read(), plan.pixels.nodata)
    across = min(ACROSS, len(shown))
    down = math.ceil(len(shown) / across)
    ratio = plan.grid.height / plan.grid.width
    size = (INCHES * across, down * (min(3.0, max(0.5, ratio)) * INCHES + 0.3) + 0.25)
    figure = Figure(figsize=size, dpi=DOTS, facecolor="white")
    canvas: Any = FigureCanvasAgg(figure)
    for place, (time, picture) in enumerate(zip(thumbs.times, shown, strict=True), 1):
        moment = plan.moments[time]
        axes = figure.add_subplot(down, across, place)
        axes.imshow(picture, interpolation="nearest")
        axes.set_axis_off()
        share = percent(int(counts[time].min()) / plan.area_pixels)
        axes.set_title(f"{moment.solar_day} {moment.satellite}\n{share} valid", fontsize=6, color="#22303c")
    more = len(plan.moments) - len(shown)
    told = f"{name}: {len(plan.moments)} dates" + (f", {more} of them not shown" if more else "")
    figure.suptitle(told, fontsize=8, color="#22303c", parse_math=False)
    figure.tight_layout(pad=0.3, rect=(0, 0, 1, 1 - 0.25 / size[1]))
    content = io.BytesIO()
    canvas.print_png(content, metadata={"Software": None, "Description": told})
    write_whole(path, content.getvalue())


def _stretched(values: NDArray[Any], nodata: float) -> NDArray[np.uint8]:
    """Return (date, row, col, 3) of (date, band, row, col): one stretch for all dates, what is nodata grey."""
    valid = (values != nodata).all(axis=1)
    pixels = values.astype("float32")
    ends = [
        np.percentile(date[:, there], (LOW, HIGH)) for date, there in zip(pixels, valid, strict=True) if there.any()
    ]
    low, high = np.median(ends, axis=0) if ends else (0.0, 1.0)
    scaled = np.clip((pixels - low) / max(float(high - low), 1e-9), 0, 1) ** 0.8 * 255
    colours = np.broadcast_to(scaled, (len(values), 3, *valid.shape[1:])).round().astype("uint8")
    shown = np.where(valid[:, np.newaxis], colours, NOTHING)
    picture: NDArray[np.uint8] = shown.astype("uint8").transpose(0, 2, 3, 1)
    return picture

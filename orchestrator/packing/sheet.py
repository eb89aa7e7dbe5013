"""A contact sheet: random chips side by side with their labels, to see with one look what a training set is made of."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.packing.bands import shown_bands
from orchestrator.packing.folders import ChipDataset, read_dataset
from orchestrator.packing.pixels import Reading, SamplePixels, read
from orchestrator.packing.samples import ALL, Lacking, TrainingSample, select
from orchestrator.tiling.file import Tiles
from orchestrator.tiling.picture import COLOURS, INK, SPLIT_COLOURS

MOST = 400  # chips on a sheet: more are dots
LOW, HIGH = 2.0, 98.0  # percentiles that become black and white, of the whole sheet: chips stay comparable
NO_DATA = (243, 240, 233, 255)
_LETTERS, _POINTS, _EM = 6.5, 72, 0.68  # of titles: points, points of an inch, width of a letter (a capital) in sizes
_DOTS_PER_INCH, _CELL, _LEGEND_COLUMNS = 110, 1.35, 4  # inches of a chip


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    A contact sheet.

    Attributes:
        png: The picture.
        samples: Which chips it shows, in order: from left to right, then down.
        seed: What drew them.
        chips: How many there are to draw from.
        lacking: Tiles of which there is no chip.
    """

    png: bytes
    samples: tuple[TrainingSample, ...]
    seed: int
    chips: int = 0
    lacking: Lacking = field(default_factory=Lacking)

    def __repr__(self) -> str:
        return f"<Sheet of {len(self.samples)} chips, seed {self.seed}, a PNG of {len(self.png):,} bytes>"

    def _repr_png_(self) -> bytes:
        return self.png


def draw_sheet(
    tiles: Tiles,
    images: str,
    labels: str = "",
    *,
    count: int = 16,
    seed: int = 0,
    split_column: str = "",
    bands: Sequence[str] = (),
) -> Sheet:
    """
    Return a sheet of up to `count` random chips, each with its label beside it, its split and its tile's identifier.

    Chips of any shape are drawn, each scaled into its cell, also those of no split; tiles without a chip are told.
    Images are stretched alike, between two percentiles of the valid pixels of the whole sheet; classes, of labels and
    of images that have them, have their colours, and pixels without data are pale.

    Raises:
        UserError: There is no chip, no such band, or `count` is none.
    """
    if not 1 <= count <= MOST:
        raise UserError(f"the number of chips is {count}; a sheet shows 1 to {MOST}")
    image_set = read_dataset(tiles, images)
    label_set = read_dataset(tiles, labels) if labels else None
    shown = shown_bands(image_set.band_names, bands)
    chosen = select(
        tiles, image_set, label_set, split_column=split_column, skip_missing=True, odd="pad", unsplit_too=True
    )
    drawn = random.Random(seed).sample(chosen.samples, min(count, len(chosen.samples)))  # noqa: S311  no secret
    drawn.sort(key=lambda sample: (list(chosen.splits).index(sample.split), sample.row))
    pixels = [read(sample, Reading(sample.image.shape)) for sample in drawn]
    title = f"{tiles.name.area}: {images}{f' and {labels}' if labels else ''}"
    png = picture_of(title, drawn, pixels, image_set, label_set, shown)
    return Sheet(png, tuple(drawn), seed, len(chosen.samples), chosen.lacking)


def picture_of(
    title: str,
    samples: Sequence[TrainingSample],
    pixels: Sequence[SamplePixels],
    images: ChipDataset,
    labels: ChipDataset | None,
    shown: Sequence[int],
) -> bytes:
    """
    Return a sheet of samples as a PNG.

    Args:
        title: Above it.
        samples: In order, from left to right, then down.
        pixels: Of each.
        images: What is known of their images: names of bands, classes.
        labels: Likewise of their labels; None where there are none.
        shown: Which bands are red, green and blue, or the one that is grey, from 0.
    """
    classes = _image_colours(images, pixels)
    pictures = [_class_rgba(one.image[0], one.valid[0], classes) for one in pixels] if classes else []
    colours = _label_colours(labels, pixels) if labels else {}
    legends = [(each, known) for each, known in ((images, classes), (labels, colours)) if each and known]
    return _drawn(title, samples, pictures or _stretched(pixels, shown), pixels, colours, legends)


def _stretched(pixels: Sequence[SamplePixels], bands: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Return (row, col, rgba) of each image, by one stretch."""
    valid = [np.logical_and.reduce(one.valid[list(bands)], axis=0) for one in pixels]
    values = [one.image[list(bands)].astype(np.float32) for one in pixels]
    known = np.concatenate([image[:, mask].ravel() for image, mask in zip(values, valid, strict=True)])
    low, high = np.percentile(known, (LOW, HIGH)) if known.size else (0.0, 1.0)
    return [_rgba(image, mask, float(low), float(high)) for image, mask in zip(values, valid, strict=True)]


def _rgba(image: NDArray[np.float32], valid: NDArray[np.bool_], low: float, high: float) -> NDArray[np.uint8]:
    scaled = np.clip((np.where(valid, image, low) - low) / max(high - low, 1e-9), 0, 1)
    colours = np.broadcast_to((255 * scaled).round(), (3, *valid.shape))
    opaque: NDArray[np.uint8] = np.dstack([*colours, np.full(valid.shape, 255)]).astype(np.uint8)
    opaque[~valid] = NO_DATA
    return opaque


def _image_colours(images: ChipDataset, pixels: Sequence[SamplePixels]) -> dict[int, str]:
    """Return the colour of each class of images that are classes: one band of whole numbers that have names."""
    if not images.classes or any(len(one.image) > 1 or one.image.dtype.kind not in "uib" for one in pixels):
        return {}
    return _colours(images, [one.image[0][one.valid[0]] for one in pixels])


def _label_colours(labels: ChipDataset, pixels: Sequence[SamplePixels]) -> dict[int, str]:
    """Return the colour of each class that is there; nothing where labels are numbers."""
    if any(one.label is not None and one.label.dtype.kind not in "uib" for one in pixels):
        return {}
    return _colours(labels, [one.label[one.labelled] for one in pixels if one.label is not None])


def _colours(dataset: ChipDataset, values: Sequence[NDArray[Any]]) -> dict[int, str]:
    told = {int(one["value"]): _hex(one["color"]) for one in dataset.classes if one.get("color")}
    there = sorted({int(value) for some in values for value in np.unique(some)})
    return {value: told.get(value, COLOURS[place % len(COLOURS)]) for place, value in enumerate(there)}


def _hex(text: object) -> str:
    from matplotlib.colors import to_hex  # noqa: PLC0415  reads every way in which colours are written

    return to_hex(word if (word := str(text)).startswith("#") else f"#{word}")


def _class_rgba(values: NDArray[Any], known: NDArray[np.bool_], colours: Mapping[int, str]) -> NDArray[np.uint8]:
    """Return (row, col, rgba) of classes (row, col)."""
    made = np.empty((*values.shape, 4), np.uint8)
    made[:] = NO_DATA
    for value, colour in colours.items():
        made[(values == value) & known] = [*bytes.fromhex(colour[1:]), 255]
    return made


@dataclass(frozen=True, slots=True)
class _Layout:
    """
    Where cells are on a sheet.

    Attributes:
        across: Samples in a row.
        down: Rows.
        each: Cells of a sample: its image, and its label.
        legend: Height of the legend, inches.
    """

    across: int
    down: int
    each: int
    legend: float

    @classmethod
    def of(cls, samples: int, each: int, colours: int) -> _Layout:
        """Return that of a sheet half as wide again as it is high."""
        across = max(1, min(samples, math.ceil(math.sqrt(samples * 1.5 / each))))
        legend = math.ceil(colours / _LEGEND_COLUMNS) * 0.22 + (0.3 if colours else 0.1)
        return cls(across, math.ceil(samples / across), each, legend)

    @property
    def width(self) -> float:
        """Inches."""
        return max(self.across * self.each * _CELL + 0.3, 4.0)

    @property
    def height(self) -> float:
        """Inches."""
        return self.down * (_CELL + 0.28) + 0.5 + self.legend

    def grid(self, figure: Any) -> Any:
        """Return the places of cells on a figure, by row and column."""
        return figure.add_gridspec(
            self.down,
            self.across * self.each,
            left=0.02,
            right=0.98,
            top=1 - 0.62 / self.height,
            bottom=self.legend / self.height,
            wspace=0.06,
            hspace=0.3,
        )


def _drawn(
    title: str,
    samples: Sequence[TrainingSample],
    pictures: Sequence[NDArray[np.uint8]],
    pixels: Sequence[SamplePixels],
    colours: Mapping[int, str],
    legends: Sequence[tuple[ChipDataset, Mapping[int, str]]],
) -> bytes:
    # matplotlib loads in a second that commands without pictures need not wait; the object interface leaves
    # no figure behind in pyplot's global list and works in any thread.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    labels = any(sample.label for sample in samples)
    patches = [patch for dataset, known in legends for patch in _patches(dataset, known)]
    layout = _Layout.of(len(samples), 2 if labels else 1, len(patches))
    figure = Figure(figsize=(layout.width, layout.height), dpi=_DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    grid = layout.grid(figure)
    for place, (sample, picture, one) in enumerate(zip(samples, pictures, pixels, strict=True)):
        row, col = divmod(place, layout.across)
        axes = _cell(figure, grid[row, col * layout.each], picture)
        split = "" if sample.split in {"", ALL} else f"{sample.split} "
        colour = SPLIT_COLOURS.get(sample.split, INK)
        title, size = fitted(f"{split}{sample.identifier}", layout.each * _CELL)
        axes.set_title(title, fontsize=size, color=colour, loc="left", pad=2, parse_math=False)
        if labels:
            _label_cell(figure, grid[row, col * layout.each + 1], one, colours)
    if patches:
        figure.legend(handles=patches, loc="lower left", ncols=_LEGEND_COLUMNS, fontsize=7, frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def fitted(title: str, inches: float) -> tuple[str, float]:
    """Return a title in one line or two, and the size of its letters, points, so that it is no wider than its cell."""
    for size, lines in ((_LETTERS, 1), (_LETTERS - 1, 1), (_LETTERS - 1.5, 2)):
        most = int(inches * _POINTS / (size * _EM))
        if len(title) <= most * lines:
            break
    kept = title if len(title) <= most * lines else f"{title[: most * lines - 1]}…"
    at = kept.rfind("_", len(kept) - most, most) + 1 or most
    return "\n".join(filter(None, (kept[:at], kept[at:]) if len(kept) > most else (kept,))), size


def _cell(figure: Any, place: Any, picture: Any, **how: Any) -> Any:
    axes = figure.add_subplot(place)
    axes.imshow(picture, interpolation="nearest", **how)
    axes.set_axis_off()
    return axes


def _label_cell(figure: Any, place: Any, one: SamplePixels, colours: Mapping[int, str]) -> None:
    assert one.label is not None  # noqa: S101  the caller asked
    assert one.labelled is not None  # noqa: S101
    if colours:
        _cell(figure, place, _class_rgba(one.label, one.labelled, colours))
    else:
        _cell(figure, place, np.ma.masked_array(one.label, ~one.labelled))


def _patches(dataset: ChipDataset, colours: Mapping[int, str]) -> list[Any]:
    from matplotlib.patches import Patch  # noqa: PLC0415

    names = {int(one["value"]): str(one.get("name") or "") for one in dataset.classes}
    # With a frame: a class may be as white as the paper.
    return [
        Patch(facecolor=colour, edgecolor=INK, linewidth=0.5, label=f"{value} {names.get(value, '')}".strip())
        for value, colour in colours.items()
    ]

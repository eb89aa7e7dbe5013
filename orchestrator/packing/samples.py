"""
Samples of a training set: the image of a tile, its label, and the split it belongs to.

Every sample has the same shape and number type, or it is said which one has not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.core.errors import NeedsPerson, UserError
from orchestrator.core.nearest import hint
from orchestrator.core.units import format_count
from orchestrator.packing.folders import ChipDataset
from orchestrator.tiling.chip_folder import ABSENT, EMPTY
from orchestrator.tiling.chip_raster import ChipRaster

if TYPE_CHECKING:
    from orchestrator.tiling.file import Tiles

ALL = "all"  # what the only split of tiles without splits is called
# What stands in a column of splits for tiles that belong to none: those in the gap between two.
NO_SPLIT = frozenset({"", "none", "gap", "null", "nan"})
ODD = ("refuse", "pad", "drop")  # what is done about chips of another shape
T = TypeVar("T")
_TOLERANCE = 1e-9  # of a pixel's side, within which two grids are one


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """
    One sample.

    Attributes:
        identifier: Of its tile.
        key: What its files are called: `{area}_{identifier}`, without a point.
        split: Which it belongs to.
        row: Where its tile stands in the table.
        image: The image.
        label: The label; None where there are none.
    """

    identifier: str
    key: str
    split: str
    row: int
    image: ChipRaster
    label: ChipRaster | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """
    Identifiers of tiles where a chip is not there.

    Attributes:
        failed: Bringing it failed, or its file is gone.
        unasked: It was never asked for.
        empty: It is EMPTY.
    """

    failed: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What is packed of a file of tiles, and what is not.

    Attributes:
        samples: In the order of the tiles.
        shape: Of each, (rows, columns).
        padded: How many are smaller and are filled up.
        odd: Identifiers of those that were left out for their shape.
        lacking: Tiles of a split where a chip is not there.
        unsplit: How many belong to no split.
    """

    samples: tuple[TrainingSample, ...]
    shape: tuple[int, int]
    padded: int = 0
    odd: tuple[str, ...] = ()
    lacking: Lacking = field(default_factory=Lacking)
    unsplit: int = 0

    @property
    def splits(self) -> dict[str, int]:
        """How many samples each split has: train, val, test first, then the others by name."""
        return in_order(Counter(sample.split for sample in self.samples))


def in_order(splits: Mapping[str, T]) -> dict[str, T]:
    """Return splits as people list them: train, val, test, then the others by name."""
    usual = {"train": 0, "val": 1, "validation": 1, "test": 2}
    return {name: splits[name] for name in sorted(splits, key=lambda one: (usual.get(one, 3), one))}


def select(
    tiles: Tiles,
    images: ChipDataset,
    labels: ChipDataset | None,
    *,
    split_column: str = "",
    skip_missing: bool = False,
    odd: str = "refuse",
    unsplit_too: bool = False,
) -> Selection:
    """
    Return the samples of a dataset of images, with their labels.

    Args:
        tiles: The file of tiles.
        images: Chips that become images.
        labels: Chips that become labels, on the same grids.
        split_column: Which column of the tiles says the split; by default `split`, or none where it is not there.
        skip_missing: Leave out tiles where a chip is not there.
        odd: What is done about chips of another shape: `refuse`, `pad` to the largest, or `drop` all but the commonest.
        unsplit_too: Take tiles of no split too; the split of their samples is empty.

    Raises:
        NeedsPerson: Chips are missing, and `skip_missing` was not given.
        UserError: There is no such column, an image and its label lie apart, chips differ, or none is left.
    """
    splits = _splits(tiles, split_column)
    identifiers = tiles.identifiers
    wanted = [name for name, split in zip(identifiers, splits, strict=True) if split or unsplit_too]
    lacking = _lacking(wanted, images, labels)
    gone = {*lacking.failed, *lacking.unasked, *lacking.empty}
    if gone and not skip_missing:
        raise NeedsPerson(_missing(tiles, images, labels, lacking))
    prefix = tiles.name.area.replace(".", "-")
    samples = [
        TrainingSample(name, f"{prefix}_{name}", split, row, images.chips[name], labels.chips[name] if labels else None)
        for row, (name, split) in enumerate(zip(identifiers, splits, strict=True))
        if (split or unsplit_too) and name not in gone
    ]
    if not samples:
        raise UserError(_nothing(tiles, images, labels, splits, gone))
    _check_kinds(samples, images, labels)
    kept, shape, dropped = _of_one_shape(samples, odd)
    padded = sum(sample.image.shape != shape for sample in kept)
    return Selection(tuple(kept), shape, padded, dropped, lacking, splits.count(""))


def _splits(tiles: Tiles, column: str) -> list[str]:
    """Return the split of each tile; empty for none."""
    frame = tiles.frame
    if not column and "split" not in frame.columns:
        return [ALL] * len(frame)
    column = column or "split"
    if column not in frame.columns:
        there = [str(each) for each in frame.columns if "split" in str(each)]
        has = hint(column, there) if there else "`tiles split` makes one"
        raise UserError(f"the tiles {tiles.name.stem} have no column {column!r}; {has}")
    return [_split(value) for value in frame[column]]


def _split(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    word = str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
    if word.strip().lower() in NO_SPLIT:
        return ""
    if not word.replace("-", "").replace("_", "").isalnum():
        raise UserError(f"a split is called {word!r}; its files could not be: letters, digits, '-' and '_' only")
    return word


def _lacking(wanted: Sequence[str], images: ChipDataset, labels: ChipDataset | None) -> Lacking:
    """Return the tiles that lack a chip: what failed weighs more than what nobody asked for, than EMPTY."""
    found: dict[str, list[str]] = {"failed": [], "unasked": [], "empty": []}
    for name in wanted:
        kinds = {_kind(each, name) for each in (images, labels) if each and name in each.lacking}
        if kinds:
            found[min(kinds, key=list(found).index)].append(name)
    return Lacking(**{kind: tuple(names) for kind, names in found.items()})


def _kind(dataset: ChipDataset, name: str) -> str:
    if name in dataset.unasked:
        return "unasked"
    return "empty" if dataset.lacking[name].state == EMPTY else "failed"


def _missing(tiles: Tiles, images: ChipDataset, labels: ChipDataset | None, lacking: Lacking) -> str:
    """Return what a person is told of chips that are not there: how many, why, and what brings them."""
    file = tiles.path.name if tiles.path else tiles.name.stem
    datasets = [each for each in (images, labels) if each]
    lost = [name for name in lacking.failed if any(_is_lost(each, name) for each in datasets)]
    failed = [name for name in lacking.failed if name not in set(lost)]
    parts = [
        (failed, "have no chip (FAILED)", f"`tiles download {file}` asks for them again"),
        (
            lost,
            "have lost the file of their chip",
            f"`tiles verify {file} --fix` says so in the list, and `tiles download` brings them again",
        ),
        (lacking.unasked, "were never asked for", f"`tiles download {file}` of all of them brings them"),
        (lacking.empty, "have an empty chip (EMPTY)", ""),
    ]
    whole, names = format_count(len(tiles.frame), "tile"), " or ".join(each.name for each in datasets)
    said = [f"{len(some)} of {whole} {what}, such as {_named(some[0], datasets)}" for some, what, _ in parts if some]
    remedies = [remedy for some, _, remedy in parts if some and remedy]
    return f"{names}: {'; '.join(said)}. {'; '.join([*remedies, '--skip-missing packs the others'])}"


def _is_lost(dataset: ChipDataset, name: str) -> bool:
    return name in dataset.lacking and name not in dataset.unasked and dataset.lacking[name].state == ABSENT


def _named(name: str, datasets: Sequence[ChipDataset]) -> str:
    why = next(each.lacking[name].why for each in datasets if name in each.lacking)
    return f"{name} ({why})"


def _nothing(
    tiles: Tiles, images: ChipDataset, labels: ChipDataset | None, splits: Sequence[str], gone: Iterable[str]
) -> str:
    names = " and ".join(each.name for each in (images, labels) if each)
    return (
        f"there is not one chip to pack: of {format_count(len(tiles.frame), 'tile')} of {tiles.name.stem} "
        f"{len(set(gone))} have no chip of {names} in {tiles.folder}, and {splits.count('')} belong to no split"
    )


def _check_kinds(samples: Sequence[TrainingSample], images: ChipDataset, labels: ChipDataset | None) -> None:
    """Make sure that all images have the bands and number type of the first, and all labels one band and one type."""
    _check_alike(samples, images.name, lambda sample: sample.image)
    if labels:
        _check_alike(samples, labels.name, lambda sample: sample.label or sample.image)
        bands = samples[0].label.bands if samples[0].label else 1
        if bands != 1:
            raise UserError(f"the labels {labels.name} have {bands} bands; a label is one band")
        for sample in samples:
            _check_grids(sample, images.name, labels.name)


def _check_alike(samples: Sequence[TrainingSample], name: str, chip_of: Callable[[TrainingSample], ChipRaster]) -> None:
    kinds = Counter((chip_of(sample).bands, chip_of(sample).dtype) for sample in samples)
    if len(kinds) > 1:
        (usual, _), *_rest = kinds.most_common()
        sample = next(each for each in samples if (chip_of(each).bands, chip_of(each).dtype) != usual)
        found = chip_of(sample)
        raise UserError(
            f"the chip {sample.identifier} of {name} has {format_count(found.bands, 'band')} of {found.dtype}, most "
            f"have {format_count(usual[0], 'band')} of {usual[1]}; bring it again, or leave it out of the tiles"
        )


def _check_grids(sample: TrainingSample, images: str, labels: str) -> None:
    image, label = sample.image, sample.label
    if label is None:
        return
    side = max(abs(number) for number in (*image.transform[:2], *image.transform[3:5]))
    apart = max(abs(one - other) for one, other in zip(image.transform, label.transform, strict=True))
    if image.crs == label.crs and image.shape == label.shape and apart <= _TOLERANCE * max(side, 1.0):
        return
    raise UserError(
        f"image and label of tile {sample.identifier} lie on different grids: {images} has {_grid(image)}, {labels} "
        f"has {_grid(label)}; bring both with the same --pixels or --scale"
    )


def _grid(chip: ChipRaster) -> str:
    a, _, c, _, e, f = chip.transform
    return f"{chip.height} × {chip.width} pixels of {a:.6g} × {-e:.6g} from {c:.9g}, {f:.9g} in {chip.crs or 'no CRS'}"


def _of_one_shape(
    samples: Sequence[TrainingSample], odd: str
) -> tuple[Sequence[TrainingSample], tuple[int, int], tuple[str, ...]]:
    shapes = Counter(sample.image.shape for sample in samples)
    # The commonest; of equally common ones the larger.
    usual = max(shapes, key=lambda shape: (shapes[shape], shape))
    if len(shapes) == 1:
        return samples, usual, ()
    if odd == "pad":
        return samples, (max(height for height, _ in shapes), max(width for _, width in shapes)), ()
    others = [sample for sample in samples if sample.image.shape != usual]
    if odd == "drop":
        dropped = tuple(sample.identifier for sample in others)
        return [sample for sample in samples if sample.image.shape == usual], usual, dropped
    height, width = others[0].image.shape
    raise UserError(
        f"the chip {others[0].identifier} has {height} × {width} pixels, {shapes[usual]} of {len(samples)} have "
        f"{usual[0]} × {usual[1]}; a batch needs one shape: bring them with --pixels, or give --pad (fills up to the "
        f"largest) or --drop (leaves out {len(others)})"
    )

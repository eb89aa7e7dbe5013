"""What went into a training set, as it is written sample by sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.packing.folders import ChipDataset
from orchestrator.packing.formats import SamplePlace
from orchestrator.packing.pixels import SamplePixels, ValueMapping
from orchestrator.packing.samples import Selection, TrainingSample
from orchestrator.packing.statistics import BandStatistics, SplitClasses
from orchestrator.tiling.file import Tiles
from orchestrator.tiling.value_maps import OTHER, ValueMap

TRAIN = "train"  # the only split whose pixels may say how to normalise
REST_COLOUR = "#c8c8c8"  # of what a map does not name
_MOST_CLASSES = 256  # more values than these are numbers, not classes


@dataclass(slots=True)
class Contents:
    """
    What is in a training set.

    Attributes:
        tiles: The file of tiles.
        images: Dataset of the images.
        labels: That of the labels, or None.
        chosen: What was to go into it.
        classes: Of labels as they are written.
        samples: What went into it, in order.
        places: Where each lies.
        refused: How many the user's code left out.
        shares: Of each sample the share of each class among the pixels that have one; see `class_shares`.
        label_dtype: Number type of labels as they are written.
        ignore: Their value where there is no data.
    """

    tiles: Tiles
    images: ChipDataset
    labels: ChipDataset | None
    chosen: Selection
    classes: list[dict[str, Any]]
    samples: list[TrainingSample] = field(default_factory=list)
    places: list[SamplePlace] = field(default_factory=list)
    refused: int = 0
    shares: list[dict[int, float]] = field(default_factory=list)
    label_dtype: str = ""
    ignore: float | None = None
    bands: BandStatistics = field(init=False)
    counts: SplitClasses = field(default_factory=SplitClasses)

    def __post_init__(self) -> None:
        self.bands = BandStatistics(self.chosen.samples[0].image.bands)

    @property
    def counted(self) -> str:
        """The split whose pixels the statistics are of; empty for all, where none is called train."""
        return TRAIN if TRAIN in self.chosen.splits else ""

    @property
    def splits(self) -> Counter[str]:
        """How many samples each split has."""
        return Counter(sample.split for sample in self.samples)

    @property
    def class_shares(self) -> list[dict[int, float]]:
        """Of each sample the share of each class among the pixels that have one; none where labels are no classes."""
        return self.shares if len(self.counts.values) <= _MOST_CLASSES else []

    def add(self, sample: TrainingSample, place: SamplePlace, pixels: SamplePixels) -> None:
        """Take in a sample that was written."""
        self.samples.append(sample)
        self.places.append(place)
        if self.counted in {"", sample.split}:
            self.bands.add(pixels.image, pixels.valid)
        if pixels.label is not None and pixels.labelled is not None:
            self.label_dtype, self.ignore = str(pixels.label.dtype), pixels.ignore
            if pixels.label.dtype.kind in "uib":
                shares = self.counts.add(sample.split, pixels.label, pixels.labelled)
                self.shares.append(shares if len(shares) <= _MOST_CLASSES else {})

    def name_classes(self) -> None:
        """Call classes that are there and of which nothing is known by their values; leave out a rest that is not."""
        values = self.counts.values
        known = {one["value"] for one in self.classes}
        if len(values) <= _MOST_CLASSES:
            self.classes += [{"value": value, "name": str(value)} for value in values if value not in known]
            self.classes.sort(key=lambda one: int(one["value"]))
        self.classes[:] = [one for one in self.classes if one.get("from") != [] or one["value"] in values]


def mapped_classes(labels: ChipDataset | None, value_map: ValueMapping | None) -> list[dict[str, Any]]:
    """Return the classes of labels after a map: those that become one share a name, and the first colour."""
    known = {int(one["value"]): one for one in labels.classes} if labels else {}
    if value_map is None:
        return [known[value] for value in sorted(known)]
    made: dict[int, dict[str, Any]] = {}
    for source, target in value_map.pairs:
        one = known.get(source, {})
        into = made.setdefault(target, {"value": target, "name": "", "from": []})
        into["from"].append(source)
        word = value_map.word(target)
        name = word if word != str(target) else " + ".join(filter(None, (into["name"], one.get("name") or str(source))))
        into["name"] = name
        if one.get("color"):
            into.setdefault("color", one["color"])
    if isinstance(value_map, ValueMap) and value_map.others is not None:
        _name_rest(made, value_map.others, known)
    return [made[value] for value in sorted(made)]


def _name_rest(made: dict[int, dict[str, Any]], others: int, known: Mapping[int, Any]) -> None:
    """Call the class of all values that a map does not name `other`, unless one of them has a name of its own."""
    rest = made.setdefault(others, {"value": others, "from": []})
    if not any(source in known for source in rest["from"]):
        rest["name"] = OTHER
        rest.setdefault("color", REST_COLOUR)

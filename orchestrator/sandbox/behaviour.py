"""How the services behave where reports differ or nobody has told: one value, the harder choice by default."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

NAMES = ("plain", "dashed")
CHOICES: dict[str, tuple[Any, ...]] = {
    "bucket_part_names": NAMES,
    "drive_part_names": NAMES,
    "repeated_request_id": ("refused", "answered"),
    "compression": ("lzw", "deflate", "zstd", "none"),
    "predictor": (1, 2),
    "interleave": ("pixel", "band"),
}


# The sentences of this sandbox that can be told otherwise, with their holes.
REFUSALS = {
    "image_not_found": re.compile(r"Image\.load: Image asset '(?P<asset>.*)' not found \(does not exist .*\)\."),
    "request_size": re.compile(
        r"Total request size \((?P<size>\d+) bytes\) must be less than or equal to (?P<limit>\d+) bytes\."
    ),
    "pixel_grid": re.compile(
        r"Pixel grid dimensions \((?P<width>\d+)x(?P<height>\d+)\) must be less than or equal to (?P<side>\d+)\."
    ),
}


class BehaviourError(ValueError):
    """A behaviour that does not exist."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    What an account would have to tell. `orchestrator calibrate` finds it out and writes the file that `read` takes.

    Attributes:
        bucket_part_names: `plain` is `prefixROW-COL.tif`, `dashed` is `prefix-ROW-COL.tif`, in Cloud Storage.
        drive_part_names: The same in Drive.
        repeated_request_id: An export sent again with its request id is `refused`, or `answered` by the same operation.
        compression: Of exported files and TIFFs of pixels: `lzw`, `deflate`, `zstd` or `none`.
        predictor: 1 none, 2 horizontal differences; floating point takes 3 where 2 is asked.
        interleave: `pixel` or `band`.
        float_fill: Masked pixels of floating-point bands in an export that names no value.
        integer_fill: The same of bands of integers.
        export_no_data: What an export that names no value has as the tag of it; None is nothing.
        pixels_fill: Masked pixels in answers of pixels.
        pixels_no_data: What a TIFF of computed pixels names as the value without data; None is nothing.
        sentences: Refusals by their key in `REFUSALS`, in words of the service's own, with the same holes.
    """

    bucket_part_names: str = "plain"
    drive_part_names: str = "dashed"
    repeated_request_id: str = "refused"
    compression: str = "lzw"
    predictor: int = 1
    interleave: str = "pixel"
    float_fill: float = 0.0
    integer_fill: int = 0
    export_no_data: float | None = None
    pixels_fill: float = 0.0
    pixels_no_data: float | None = None
    sentences: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is none of the choices."""
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise BehaviourError(f"{name} is {value!r}; choose one of {', '.join(map(str, choices))}")
        for name in ("float_fill", "integer_fill", "export_no_data", "pixels_fill", "pixels_no_data"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise BehaviourError(f"{name} is {value!r}; give a number")
        for key, sentence in self.sentences.items():
            _check_sentence(key, sentence)

    def dashed(self, destination: str) -> bool:
        """Tell whether parts have a dash between prefix and offsets at `bucket` or `drive`."""
        return bool(getattr(self, f"{destination}_part_names") == "dashed")

    def worded(self, message: str) -> str:
        """Say a refusal in the service's own words, where they were told."""
        for key, sentence in self.sentences.items():
            if (found := REFUSALS[key].fullmatch(message)) is not None:
                return sentence.format(**found.groupdict())
        return message

    @classmethod
    def read(cls, path: Path) -> Behaviour:
        """
        Read a file of JSON: an object under `behaviour`, with any of the attributes.

        Raises:
            BehaviourError: If it is none; it names the file.
        """
        try:
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["behaviour"]
            unknown = sorted(set(told) - {each.name for each in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BehaviourError(f"{path} is no file of behaviour: {error!r}") from error
        if unknown:
            raise BehaviourError(f"{path}: unknown names {unknown}; known are {[each.name for each in fields(cls)]}")
        try:
            numbers: dict[str, Any] = {name: math.nan for name, value in told.items() if value == "NaN"}
            return cls(**{**told, **numbers})
        except BehaviourError as error:
            raise BehaviourError(f"{path}: {error}") from error


def _check_sentence(key: str, sentence: Any) -> None:
    if key not in REFUSALS:
        raise BehaviourError(f"sentences has {key!r}; known are {', '.join(REFUSALS)}")
    try:
        str.format(sentence, **dict.fromkeys(REFUSALS[key].groupindex, ""))
    except (TypeError, ValueError, LookupError) as error:
        raise BehaviourError(f"the sentence {sentence!r} has other holes than {[*REFUSALS[key].groupindex]}") from error

"""What the sandbox assumes of the services because nobody has told, and what an experiment found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Confirmation = Literal["confirmed", "different", "not tried"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """
    Attributes:
        name: Its key in the file; of a behaviour, the name of the sandbox's option.
        says: What is assumed, as a sentence.
        assumed: The value that is assumed.
        orders: Whether the sandbox can be told the contrary.
    """

    name: str
    says: str
    assumed: Any
    orders: bool = True


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What an experiment found.

    Attributes:
        value: As the service showed it; null where the experiment was not made.
        note: Why it was not, or more about the value.
    """

    assumption: Assumption
    value: Any = None
    note: str = ""
    tried: bool = True

    @property
    def verdict(self) -> Confirmation:
        if not self.tried:
            return "not tried"
        return "confirmed" if _same(self.value, self.assumption.assumed) else "different"


def _same(found: Any, assumed: Any) -> bool:
    return bool(found == assumed) or (found != found and assumed != assumed)  # noqa: PLR0124  NaN is NaN


REFUSALS: Mapping[str, str] = {
    "image_not_found": "Image.load: Image asset '{asset}' not found (does not exist or caller does not have access).",
    "request_size": "Total request size ({size} bytes) must be less than or equal to {limit} bytes.",
    "pixel_grid": "Pixel grid dimensions ({width}x{height}) must be less than or equal to {side}.",
}

_EVERY = (
    Assumption("bucket_part_names", "in Cloud Storage no dash stands before the offsets of a part", "plain"),
    Assumption("drive_part_names", "in Drive a dash stands before the offsets of a part", "dashed"),
    Assumption("compression", "files are compressed by LZW", "lzw"),
    Assumption("predictor", "files have no predictor", 1),
    Assumption("interleave", "files are interleaved by pixel", "pixel"),
    Assumption("float_fill", "masked floating-point pixels of an export are 0", 0.0),
    Assumption("integer_fill", "masked integer pixels of an export are 0", 0),
    Assumption("export_no_data", "an export that names no value has no tag for it", None),
    Assumption("repeated_request_id", "an export sent again with its request id is refused", "refused"),
    Assumption("pixels_fill", "masked pixels of computePixels are 0", 0.0),
    Assumption("pixels_no_data", "a TIFF of computePixels has no tag of a value without data", None),
    Assumption("region_rows", "getRegion tells the pixels of one image after the other", "by image", orders=False),
    Assumption("slots", "a project runs two exports at a time", 2, orders=False),
    Assumption("quota_header", "answers carry no header of the quota", None, orders=False),
    *(Assumption(name, f"refused: {sentence}", sentence) for name, sentence in REFUSALS.items()),
)
ASSUMPTIONS: Mapping[str, Assumption] = {each.name: each for each in _EVERY}


def file_of(found: list[Observation], *, project: str, when: str, spent_seconds: float) -> dict[str, Any]:
    """Write what was found as the JSON of `Behaviour.read`: what was not tried keeps the sandbox's default."""
    told = {each.assumption.name: each for each in found if each.tried and each.assumption.orders}
    return {
        "behaviour": {
            **{name: _json(each.value) for name, each in told.items() if name not in REFUSALS},
            "sentences": {name: each.value for name, each in told.items() if name in REFUSALS},
        },
        "found": [
            {
                "name": each.assumption.name,
                "assumed": _json(each.assumption.assumed),
                "found": _json(each.value),
                "verdict": each.verdict,
                "note": each.note,
            }
            for each in found
        ],
        "project": project,
        "when": when,
        "eecuSeconds": round(spent_seconds, 3),
    }


def _json(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and value != value else value  # noqa: PLR0124  JSON has no NaN

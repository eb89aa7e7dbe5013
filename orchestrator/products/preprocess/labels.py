"""
What a pixel is called: `y.tif`, of the scene classification or of a raster of the user's.

A backend is a row of `BACKENDS`: which file it reads and which of its numbers are classes. Everything else, such as
numbers that no class has, is to be ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import PermanentError, UserError
from orchestrator.core.nearest import hint
from orchestrator.products.preprocess.keys import LabelKeys
from orchestrator.products.preprocess.raster import Warped
from orchestrator.raster.arrays import Ints

LABELS = "labels"  # role of a user's raster
# "Scene Classification", Sentinel-2 Products Specification: 0 is no data, 1 to 11 are classes. Copies that were
# compressed with losses hold others.
SCL_CLASSES = frozenset(range(1, 12))
_MOST = 256  # numbers of y.tif


@dataclass(frozen=True, slots=True)
class LabelBackend:
    """
    Where labels come from.

    Attributes:
        role: Of the file that is read; of the index, or `labels`.
        classes: The numbers that are classes where no mapping is given; None is every one but the file's own nodata.
        named: Returns the path of a file that no index has.
    """

    role: str
    classes: frozenset[int] | None
    named: Callable[[LabelKeys, str, str], str] | None = None


def _own_raster(keys: LabelKeys, tile: str, sensing: str) -> str:
    if not keys.path:
        raise UserError("labels.backend is 'raster', but labels.path is missing; name a raster, with {tile} in it")
    try:
        text = keys.path.format(tile=tile, sensing=sensing.replace(":", ""))
    except (KeyError, IndexError, ValueError):
        raise UserError(f"labels.path is {keys.path!r}; only {{tile}} and {{sensing}} may stand in braces") from None
    if not Path(text).is_file():
        raise UserError(f"there is no raster of labels {text} for {tile} {sensing}; labels.path names it")
    return text


BACKENDS: Mapping[str, LabelBackend] = MappingProxyType(
    {"scl": LabelBackend("l2a.scl_20m", SCL_CLASSES), "raster": LabelBackend(LABELS, None, _own_raster)}
)


def find_backend(name: str) -> LabelBackend:
    """
    Return the backend of that name.

    Raises:
        UserError: There is none.
    """
    if name not in BACKENDS:
        raise UserError(f"labels.backend is {name!r}; {hint(name, BACKENDS)}")
    return BACKENDS[name]


class Labels:
    """Labels of one scene, strip by strip, and how often each came."""

    def __init__(self, keys: LabelKeys, backend: LabelBackend, warped: Warped, nodata: float | None) -> None:
        """Take what was asked for, the file on the pixels of the sample, and the file's own nodata."""
        self._keys, self._warped = keys, warped
        self._table = _lookup(keys, backend, nodata)
        self._found: Ints = np.zeros(len(self._table), np.int64)
        self._counts: Ints = np.zeros(_MOST, np.int64)

    def strip(self, row: int, height: int) -> NDArray[np.uint8]:
        """
        Return rows of labels, (row, col).

        Raises:
            PermanentError: The file cannot be decoded.
        """
        found = self._warped.classes(row, height, -1)
        # One place more, for what lies outside of the file or of the table.
        last = len(self._table) - 1
        places = np.where((found < 0) | (found >= last), last, found)
        self._found += np.bincount(places.ravel(), minlength=last + 1)
        labels = self._table[places]
        self._counts += np.bincount(labels.ravel(), minlength=_MOST)
        return labels

    @property
    def found(self) -> dict[int, int]:
        """How often each number of the file came, on the pixels of the sample; -1 is what lies outside."""
        last = len(self._table) - 1
        return {(-1 if at == last else at): int(self._found[at]) for at in np.flatnonzero(self._found).tolist()}

    def statistics(self) -> dict[str, Any]:
        """Return what `meta.json` says of them."""
        total = int(self._counts.sum())
        valid = total - int(self._counts[self._keys.ignore_index])
        there = np.flatnonzero(self._counts).tolist()
        return {
            "ignore_index": self._keys.ignore_index,
            "mapping": None if self._keys.mapping is None else {str(k): v for k, v in self._keys.mapping.items()},
            "src_value_range": self._keys.src_value_range,
            "valid_pixel_ratio": valid / total,
            "valid_pixel_count": valid,
            "total_pixel_count": total,
            "label_counts": {str(label): int(self._counts[label]) for label in there},
            "label_pct": {str(label): int(self._counts[label]) / total for label in there},
        }


def _lookup(keys: LabelKeys, backend: LabelBackend, nodata: float | None) -> NDArray[np.uint8]:
    """Return the label of each number of the file; the last place is for what is none of them."""
    size = keys.src_value_range
    table = np.full(size + 1, keys.ignore_index, np.uint8)
    if keys.mapping is not None:
        for number, label in keys.mapping.items():
            table[number] = label
        return table
    for number in backend.classes or set(range(_MOST)) - {nodata}:
        if number < size:
            table[int(number)] = int(number)
    return table


def check_whole(path: Path, dtype: np.dtype[Any]) -> None:
    """
    Make sure that a raster of labels holds whole numbers.

    Raises:
        PermanentError: It does not.
    """
    if dtype.kind not in "ui":
        raise PermanentError(f"{path} holds {dtype} numbers; expected classes, whole numbers")

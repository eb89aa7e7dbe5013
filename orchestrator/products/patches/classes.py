"""What labels of patches stand for: the scene classification of Sentinel-2 has names and colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

# Sentinel-2 MSI Level-2A Algorithm Theoretical Basis Document, table of the scene classification; class 2 has been
# called after cast shadows since baseline 04.00. Colours as the Sentinel toolboxes show them.
SCL: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        0: ("no data", "#000000"),
        1: ("saturated or defective", "#ff0000"),
        2: ("dark area or cast shadow", "#2f2f2f"),
        3: ("cloud shadow", "#643200"),
        4: ("vegetation", "#00a000"),
        5: ("not vegetated", "#ffe65a"),
        6: ("water", "#0000ff"),
        7: ("unclassified", "#808080"),
        8: ("cloud, medium probability", "#c0c0c0"),
        9: ("cloud, high probability", "#ffffff"),
        10: ("thin cirrus", "#64c8ff"),
        11: ("snow or ice", "#ff96ff"),
    }
)


def classes_of(values: Iterable[int], codes: Mapping[int, int]) -> list[dict[str, Any]]:
    """
    Return `value`, `name` and, where it is known, `color` of classes, ascending.

    Args:
        values: Those that occur.
        codes: What each class of the scene classification became; empty where labels are something else.
    """
    made = []
    for value in sorted(set(values)):
        own = [SCL[code] for code, became in codes.items() if became == value and code in SCL]
        told: dict[str, Any] = {"value": value, "name": " + ".join(name for name, _ in own) or str(value)}
        made.append(told | ({"color": own[0][1]} if own else {}))
    return made

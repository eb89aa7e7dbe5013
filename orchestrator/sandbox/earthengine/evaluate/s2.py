"""
Cells of Google's S2 library: a cell's number to its corners.

The library's own description: https://s2geometry.io/devguide/s2cell_hierarchy. A number has three bits for the face of
a cube, two for each level along a Hilbert curve, then a 1 and zeros. Faces are stretched by the quadratic transform.
"""

from __future__ import annotations

import math

_LEVELS = 30
_FACES = 6
# For each of the curve's four orientations: the (i, j) of its positions, and how each position turns it.
_POSITIONS = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
_TURNS = (1, 0, 0, 3)


def corners(number: int) -> list[tuple[float, float]]:
    """
    Give the four corners of a cell counter-clockwise, as longitude and latitude.

    Raises:
        ValueError: If the number is no cell's.
    """
    face, i, j, level = _place(number)
    side = 1 / 2**level
    ends = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
    return [_lonlat(_point(face, _stretched(a * side), _stretched(b * side))) for a, b in ends]


def _place(number: int) -> tuple[int, int, int, int]:
    face, level = number >> 61, _level(number)
    if face >= _FACES or level is None:
        raise ValueError(f"{number:016x} is no S2 cell")
    i = j = 0
    turned = face & 1
    for step in range(level):
        at = number >> (2 * (_LEVELS - 1 - step) + 1) & 3
        both = _POSITIONS[turned][at]
        i, j = i << 1 | both >> 1, j << 1 | both & 1
        turned ^= _TURNS[at]
    return face, i, j, level


def _level(number: int) -> int | None:
    """Give the level, by the place of the last 1; None if it stands where no level has it."""
    last = (number & -number).bit_length() - 1
    return None if number <= 0 or last % 2 or last > 2 * _LEVELS else _LEVELS - last // 2


def _stretched(part: float) -> float:
    return (4 * part**2 - 1) / 3 if part >= 0.5 else (1 - 4 * (1 - part) ** 2) / 3


def _point(face: int, u: float, v: float) -> tuple[float, float, float]:
    return ((1, u, v), (-u, 1, v), (-u, -v, 1), (-1, -v, -u), (v, -1, -u), (v, u, -1))[face]


def _lonlat(point: tuple[float, float, float]) -> tuple[float, float]:
    x, y, z = point
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))

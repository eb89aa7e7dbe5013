"""Cells of S2 as polygons."""

from __future__ import annotations

import shapely

from orchestrator.sandbox.earthengine.evaluate import s2
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry, made
from orchestrator.sandbox.earthengine.evaluate.registry import function

_BITS = 64
_DIGITS = 16


@function("Geometry.fromS2CellId", "Geometry.s2Cell")
def from_number(number: int) -> Geometry:
    """Give the polygon of a cell; its edges are shortest ways."""
    return _cell(number % 2**_BITS, str(number))


@function("Geometry.fromS2CellToken")
def from_token(token: str) -> Geometry:
    """Give the polygon of a cell by its sixteen hexadecimal digits; trailing zeros are required."""
    digits = token.lower().removeprefix("0x")
    if len(digits) != _DIGITS or not set(digits) <= set("0123456789abcdef"):
        raise EvaluationError(f"Geometry.fromS2CellToken: '{token}' is no S2 cell of {_DIGITS} hexadecimal digits.")
    return _cell(int(digits, 16), token)


def _cell(number: int, written: str) -> Geometry:
    try:
        return made(shapely.Polygon(s2.corners(number)), None, geodesic=True)
    except ValueError:
        raise EvaluationError(f"Geometry.fromS2CellId: '{written}' is no S2 cell.") from None

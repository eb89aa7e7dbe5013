"""Projections as values."""

from __future__ import annotations

from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.projection import Projection, checked_transform, parse_crs
from orchestrator.sandbox.earthengine.evaluate.registry import function


@function("Projection")
def make(crs: Any, transform: list[Any] | None, wkt: str | None) -> Projection:
    if wkt is not None:
        raise EvaluationError("Projection: 'transformWkt' is not imitated by this sandbox.")
    if isinstance(crs, Projection):
        crs, base = crs.crs, crs.transform
    else:
        crs = _named(str(crs))
        base = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    if transform is None:
        return Projection(str(crs), base)
    return Projection(str(crs), checked_transform(transform))


def _named(crs: str) -> str:
    """
    Give the authority code of a CRS, whether it came as such a code or as WKT; WKT that is none stays what it is.

    Raises:
        EvaluationError: If it is no CRS.
    """
    if crs.lower().startswith("epsg:"):
        parse_crs(crs.upper())
        return crs.upper()
    parsed = parse_crs(crs)
    code = parsed.to_authority(min_confidence=100) if "[" in crs else None
    return crs if code is None else ":".join(code)


@function("Projection.atScale")
def at_scale(projection: Projection, metres: float) -> Projection:
    return projection.at_scale(metres)


@function("Projection.nominalScale")
def nominal_scale(projection: Projection) -> float:
    return projection.nominal_scale()


@function("Projection.scale")
def scaled(projection: Projection, x: float, y: float) -> Projection:
    a, b, c, d, e, f = projection.transform
    return Projection(projection.crs, checked_transform((a * x, b * y, c, d * x, e * y, f)))


@function("Projection.crs")
def crs(projection: Projection) -> str | None:
    """Give the authority code; null if the CRS has none."""
    return None if "[" in projection.crs else projection.crs

"""An area as the catalogue can be asked for it, and whether a footprint really meets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import AreaError
from orchestrator.core.log import one_line

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

# The whole condition travels in an address, of which servers take some 8,000 characters.
_LONGEST = 1500
# Polygons that are asked for one by one: the catalogue takes no MULTIPOLYGON (CDSE, OData: "currently not supported").
_MOST_POLYGONS = 8
_DECIMALS = 7  # of a degree: a centimetre


class AskedArea:
    """
    What is asked for instead of an area: the same where that is short enough, else more, of which the rest is left out.

    Attributes:
        texts: WKT of POLYGON or POINT in longitude and latitude; what meets one of them is asked for.
        is_exact: Whether what meets one of them meets the area.
    """

    def __init__(self, area: Mapping[str, Any]) -> None:
        """
        Take a GeoJSON geometry.

        Raises:
            AreaError: It is none, or is empty.
        """
        self._area = _geometry(area)
        pieces = _pieces(self._area)
        if len(pieces) > _MOST_POLYGONS:
            pieces = [self._area.convex_hull]
        self.texts = tuple(_short(piece) for piece in pieces)
        self.is_exact = self.texts == tuple(_wkt(part) for part in _parts(self._area))

    def meets(self, footprint: Mapping[str, Any] | None) -> bool:
        """Tell whether a footprint meets the area; one that nobody knows may."""
        if self.is_exact or footprint is None:
            return True
        return bool(_geometry(footprint).intersects(self._area))


def footprint_of(text: object) -> Mapping[str, Any] | None:
    """Return the GeoJSON of what the catalogue writes, `geography'SRID=4326;POLYGON ((...))'`; None of none."""
    import shapely  # noqa: PLC0415

    if not isinstance(text, str) or ";" not in text:
        return None
    try:
        found: Mapping[str, Any] = shapely.geometry.mapping(shapely.from_wkt(text.partition(";")[2].rstrip("'")))
    except shapely.errors.ShapelyError:
        return None
    return found


def _geometry(area: Mapping[str, Any]) -> BaseGeometry:
    import shapely  # noqa: PLC0415

    try:
        found: BaseGeometry = shapely.geometry.shape(dict(area))
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AreaError(one_line(f"the area is no GeoJSON geometry: {error}", 200)) from None
    if found.is_empty:
        raise AreaError("the area is empty; name one with a point in it")
    return found if found.is_valid else found.buffer(0)


def _parts(area: BaseGeometry) -> list[BaseGeometry]:
    return list(getattr(area, "geoms", [area]))


def _pieces(area: BaseGeometry) -> list[BaseGeometry]:
    """Return the polygons and points of an area; what else is in it as the rectangle around it."""
    parts = _parts(area)
    return [part if part.geom_type in ("Polygon", "Point") else part.envelope.buffer(10**-_DECIMALS) for part in parts]


def _short(piece: BaseGeometry) -> str:
    """Return the WKT of a polygon, or of the smallest of its hulls that is short enough."""
    texts = (_wkt(one) for one in (piece, piece.convex_hull, piece.envelope))
    return next(text for text in texts if len(text) <= _LONGEST or piece.envelope.geom_type == "Point") or ""


def _wkt(piece: BaseGeometry) -> str:
    import shapely  # noqa: PLC0415

    return str(shapely.to_wkt(piece, rounding_precision=_DECIMALS, trim=True)).replace(", ", ",").replace("N (", "N(")

"""A query as the catalogue's `$filter` (CDSE documentation, OData)."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.model.files import ProductQuery

_ATTRIBUTES = "Attributes/OData.CSC."


def filter_text(query: ProductQuery, product_type: str, start: datetime, end: datetime, area: str) -> str:
    """
    Return the condition for one product type within [start, end), and one polygon in WKT; empty is any.

    Cloud cover takes an any() for each bound: the service answers 400 to two bounds in one.
    """
    parts = [
        f"Collection/Name eq {_quoted(query.collection)}",
        f"ContentDate/Start ge {moment(start)}",
        f"ContentDate/Start lt {moment(end)}",
    ]
    if product_type:
        parts.append(_text("productType", product_type))
    parts += [f"contains(Name,{_quoted(part)})" for part in _names(query)]
    if query.tile:
        # Old products lack the attribute tileId, and every name has the tile.
        parts.append(f"contains(Name,{_quoted(f'_T{query.tile}_')})")
    if query.cloud_min is not None:
        parts.append(_number("cloudCover", "ge", query.cloud_min))
    if query.cloud_max is not None:
        parts.append(_number("cloudCover", "le", query.cloud_max))
    if area:
        parts.append(f"OData.CSC.Intersects(area=geography'SRID=4326;{area}')")
    return " and ".join(parts)


def moment(at: datetime) -> str:
    """Return a moment as the catalogue reads it, `2025-12-10T10:03:19.000Z`; finer where it is."""
    finer = "milliseconds" if at.microsecond % 1000 == 0 else "microseconds"
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=finer) + "Z"


def _names(query: ProductQuery) -> tuple[str, ...]:
    # Whether relativeOrbitNumber is a text or a number is told differently by the service's users; names are clear.
    orbit = () if query.orbit is None else (f"_R{query.orbit:03d}_",)
    return (*query.name_parts, *orbit)


def _text(name: str, value: str) -> str:
    kind = f"{_ATTRIBUTES}StringAttribute"
    return f"{kind}/any(att:att/Name eq {_quoted(name)} and att/OData.CSC.StringAttribute/Value eq {_quoted(value)})"


def _number(name: str, comparison: str, value: float) -> str:
    kind = f"{_ATTRIBUTES}DoubleAttribute"
    inside = f"att/OData.CSC.DoubleAttribute/Value {comparison} {value:.6f}"
    return f"{kind}/any(att:att/Name eq {_quoted(name)} and {inside})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

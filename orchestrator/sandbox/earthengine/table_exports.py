"""An export of a table as a value: what was asked, checked as the service does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine import order, schema
from orchestrator.sandbox.earthengine.order import Destination
from orchestrator.sandbox.web import not_imitated

_ELSEWHERE = {
    "featureViewExportOptions": "exports to a FeatureView",
    "bigqueryExportOptions": "exports to BigQuery",
}
FORMATS = ("CSV", "GEO_JSON", "KML", "KMZ", "SHP", "TF_RECORD_TABLE")


@dataclass(frozen=True, slots=True)
class TableExport:
    """
    Attributes:
        format: One of FORMATS.
        selectors: Columns, in this order; None is all.
        max_vertices: Above which a geometry would be cut; None is never.
    """

    expression: Mapping[str, Any]
    description: str
    destination: Destination
    format: str
    selectors: tuple[str, ...] | None
    max_vertices: int | None
    priority: int
    request_id: str


def read(body: Mapping[str, Any]) -> TableExport:
    """
    Check and read the body of `table:export`.

    Raises:
        ProtocolViolation: What Earth Engine would refuse.
        ApiError: 400 for a destination or format that is not imitated.
    """
    schema.check(body, schema.TABLE_EXPORT)
    for name, what in _ELSEWHERE.items():
        if name in body:
            raise not_imitated(what)
    asset, options = order.whereto(body)
    if body.get("maxErrorMeters"):
        raise not_imitated("an error margin of table exports, 'maxErrorMeters',")
    return TableExport(
        expression=body["expression"],
        description=order.description(body.get("description", "")),
        destination=order.asset(asset) if asset else order.destination(options),
        format=file_format(options.get("fileFormat")),
        selectors=tuple(body["selectors"]) if body.get("selectors") else None,
        max_vertices=order.wrapped(body, "maxVertices", 0) or None,
        priority=order.priority(body),
        request_id=order.request_id(body.get("requestId", "")),
    )


def file_format(name: str | None) -> str:
    """
    Check the name of a format; "JSON" is GeoJSON.

    Raises:
        ApiError: 400 if it is not imitated.
    """
    known = {"JSON": "GEO_JSON", None: "CSV"}.get(name, name)
    if known not in FORMATS:
        raise not_imitated(f"tables in the format {name}")
    return str(known)

"""Tables in answers: `table:computeFeatures`, `assets:listFeatures`, and tables to be downloaded."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import shapely

from orchestrator.sandbox import fields
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.earthengine import schema, table_exports, table_files
from orchestrator.sandbox.earthengine.assets import Assets
from orchestrator.sandbox.earthengine.attempt import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.requested_table import RequestedTable
from orchestrator.sandbox.earthengine.exports import call
from orchestrator.sandbox.earthengine.links import Links, key_of
from orchestrator.sandbox.earthengine.payload import payload
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.web import (
    ApiError,
    ProtocolViolation,
    Request,
    Response,
    Route,
    integer,
    json_response,
    not_imitated,
    route,
)

DEFAULT_PAGE = 1000  # REST reference: "If unspecified, the page size default is 1000 results per page"
_KEPT = 4  # evaluated tables, so that pages are not computed anew


class TableRoutes:
    """Answer with features, in any project."""

    def __init__(self, evaluator: Evaluator, assets: Assets, clock: Clock) -> None:
        self._evaluator = evaluator
        self._assets = assets
        self._lock = threading.Lock()
        self._tables: OrderedDict[str, RequestedTable] = OrderedDict()
        self._links = Links(clock, "tables", "Table")

    def routes(self) -> list[Route]:
        def one(api: str, method: str, pattern: str, handler: Any, query: str = "") -> Route:
            return route("earthengine", api, method, pattern, handler, query=query)

        project = r"/v1/projects/(?P<project>[^/:]+)"
        asset = r"/v1/(?P<name>projects/[^/]+/assets/[^:]+):listFeatures"
        return [
            one("table.computeFeatures", "POST", project + "/table:computeFeatures", self._compute),
            one("assets.listFeatures", "GET", asset, self._list, "filter region pageSize pageToken"),
            one("tables.create", "POST", project + "/tables", self._create, "workloadTag"),
            one("tables.getFeatures", "GET", project + r"/tables/(?P<number>[^/:]+):getFeatures", self._download),
        ]

    def _compute(self, request: Request, project: str) -> Response:  # noqa: ARG002  every project has the same
        body = payload(request)
        schema.check(body, schema.COMPUTE_FEATURES)
        if "expression" not in body:
            raise ProtocolViolation("Expression required.")
        table = self._evaluated(body["expression"])
        return json_response(_page(table, int(body.get("pageSize") or 0), body.get("pageToken")))

    def _list(self, request: Request, name: str) -> Response:
        if request.query.get("filter"):
            raise not_imitated(f"a filter on the features of an asset, '{request.query['filter']}',")
        expression = {"result": "0", "values": {"0": _loaded(self._assets.table_id(name), request.query.get("region"))}}
        page = _page(self._evaluated(expression), integer(request, "pageSize", 0), request.query.get("pageToken"))
        return json_response(page)

    def _create(self, request: Request, project: str) -> Response:
        body = payload(request)
        schema.check(body, schema.TABLE)
        if "expression" not in body:
            raise ProtocolViolation("Expression required.")
        kind = table_exports.file_format(body.get("fileFormat"))
        if kind in {"SHP", "TF_RECORD_TABLE"}:  # getDownloadURL: "one of csv, json, geojson, kml, kmz"
            raise not_imitated(f"a download in the format {kind}")
        self._evaluated(body["expression"])  # so that what cannot be computed is told now
        name = self._links.keep(project, {**body, "fileFormat": kind})
        return json_response(fields.select(request.query.get("fields"), {**body, "name": name}))

    def _download(self, request: Request, project: str, number: str) -> Response:  # noqa: ARG002  the path says all
        ordered = self._links.find(project, number)
        kind = ordered["fileFormat"]
        extension = table_files.EXTENSIONS[kind]
        table = self._evaluated(ordered["expression"])
        try:
            body = table_files.document(table, kind, ordered.get("selectors") or None)
        except EvaluationError as error:
            raise ApiError(400, str(error)) from error
        name = f"{ordered.get('filename') or 'table'}.{extension}"
        headers = {
            "Content-Type": table_files.CONTENT_TYPES[extension],
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return Response(200, headers, body)

    def _evaluated(self, expression: Mapping[str, Any]) -> RequestedTable:
        """
        Evaluate, unless that was done a moment ago.

        Raises:
            ApiError: 400 with the sentence of the service.
        """
        key = key_of([expression, self._assets.changes])
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        try:
            table: RequestedTable = self._evaluator.table(dict(expression))
        except (EvaluationError, UnboundedQueryError) as error:
            raise ApiError(400, str(error)) from error
        with self._lock:
            self._tables[key] = table
            if len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        return table


def _page(table: RequestedTable, size: int, token: str | None) -> dict[str, Any]:
    """
    Give the page that begins where the token says.

    Raises:
        ProtocolViolation: If the token or the size is none.
    """
    if size < 0:
        raise ProtocolViolation(f"Page size must not be negative, got {size}.")
    if token and not token.isdigit():
        raise ProtocolViolation(f"Invalid page token: '{token}'.")
    start, most = int(token or 0), min(size or DEFAULT_PAGE, DEFAULT_PAGE)
    features: Sequence[Any] = table.features[start : start + most]
    try:
        shown = [table_files.feature_json(feature) for feature in features]
    except EvaluationError as error:
        raise ApiError(400, str(error)) from error
    answer: dict[str, Any] = {"type": "FeatureCollection", "features": shown}
    if start + most < len(table.features):
        answer["nextPageToken"] = str(start + most)
    return answer


def _loaded(table_id: str, region: str | None) -> dict[str, Any]:
    """Write the expression of a table's features, in a region if one is given."""
    table = call("Collection.loadTable", tableId={"constantValue": table_id})
    if not region:
        return table
    return call(
        "Collection.filter",
        collection=table,
        filter=call("Filter.intersects", leftField={"constantValue": ".geo"}, rightValue=_geometry(region)),
    )


def _geometry(region: str) -> dict[str, Any]:
    try:
        shape = shapely.from_geojson(region)
        found = json.loads(shapely.to_geojson(shape))
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise ProtocolViolation(f"Invalid geometry in region: {region[:200]}") from error
    if found["type"] not in {"Point", "Polygon", "MultiPolygon", "LineString", "MultiPoint", "MultiLineString"}:
        raise not_imitated(f"a region of the type {found['type']}")
    return call(f"GeometryConstructors.{found['type']}", coordinates={"constantValue": found["coordinates"]})

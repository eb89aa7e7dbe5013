"""Assets of somebody's own: made, changed, copied, moved and removed through the REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.earthengine import schema
from orchestrator.sandbox.earthengine.assets import Assets, absent
from orchestrator.sandbox.earthengine.payload import payload
from orchestrator.sandbox.scenes import owned
from orchestrator.sandbox.scenes.owned import AssetError, AssetStore
from orchestrator.sandbox.web import (
    ApiError,
    ProtocolViolation,
    Request,
    Response,
    Route,
    json_response,
    not_imitated,
    route,
)

TIMES = ("startTime", "endTime")


class AssetRoutes:
    """Answer for the assets of any project."""

    def __init__(self, store: AssetStore, assets: Assets) -> None:
        self._store = store
        self._assets = assets

    def routes(self) -> list[Route]:
        def one(api: str, method: str, pattern: str, handler: Any, query: str = "") -> Route:
            return route("earthengine", api, method, pattern, _told(handler), query=query)

        project, asset = r"/v1/(?P<project>projects/[^/:]+)/assets", r"/v1/(?P<name>projects/[^/]+/assets/[^:]+)"
        return [
            one("assets.create", "POST", project, self._create, "assetId overwrite"),
            one("assets.patch", "PATCH", asset, self._patch),
            one("assets.delete", "DELETE", asset, self._delete),
            one("assets.copy", "POST", asset + ":copy", self._copy),
            one("assets.move", "POST", asset + ":move", self._move),
        ]

    def _create(self, request: Request, project: str) -> Response:
        body = payload(request)
        schema.check(body, schema.ASSET)
        kind = body.get("type")
        if kind not in (owned.FOLDER, owned.COLLECTION):
            raise not_imitated(f"the creation of an asset of the type {kind}, but by an export,")
        given = {key: body[key] for key in (*TIMES, "properties") if body.get(key)}
        if kind == owned.FOLDER and given.keys() - {"properties"}:
            raise ProtocolViolation(f"A folder has no {', '.join(sorted(given))}.")
        name = f"{project}/assets/{request.query.get('assetId', '')}"
        record = {"type": kind, "name": name, "properties": {}, **given}
        self._store.put(record)
        return json_response(self._assets.get(name))

    def _patch(self, request: Request, name: str) -> Response:
        body = payload(request)
        schema.check(body, schema.ASSET_UPDATE)
        found, told = self._own(name), body.get("asset") or {}
        mask = body.get("updateMask") or ""
        paths = mask.get("paths", []) if isinstance(mask, dict) else [each for each in mask.split(",") if each]
        self._store.change(name, **_changed(found, told, paths or ["properties", *TIMES]))
        return json_response(self._assets.get(name))

    def _delete(self, request: Request, name: str) -> Response:  # noqa: ARG002  the path says all
        self._own(name)
        self._store.delete(name)
        return json_response({})

    def _copy(self, request: Request, name: str) -> Response:
        body = payload(request)
        schema.check(body, {"destinationName": schema.string, "overwrite": schema.boolean})
        if name.startswith(owned.PUBLIC) or self._own(name)["type"] not in (owned.IMAGE, owned.TABLE):
            raise not_imitated("copies of other assets than images and tables of a project's own")
        made = self._store.copy(name, body.get("destinationName", ""), overwrite=bool(body.get("overwrite")))
        return json_response(self._assets.get(made["name"]))

    def _move(self, request: Request, name: str) -> Response:
        body = payload(request)
        schema.check(body, {"destinationName": schema.string})
        self._own(name)
        return json_response(self._assets.get(self._store.move(name, body.get("destinationName", ""))["name"]))

    def _own(self, name: str) -> dict[str, Any]:
        """
        Find an asset that may be changed.

        Raises:
            ApiError: 404 if there is none, 403 for the public catalogue's.
        """
        if name.startswith(owned.PUBLIC):
            raise ApiError(403, f"Permission 'earthengine.assets.update' denied on resource '{name}'.")
        found = self._store.get(name)
        if found is None or "updateTime" not in found:
            raise absent(name)
        return found


def _changed(found: Mapping[str, Any], told: Mapping[str, Any], paths: list[str]) -> dict[str, Any]:
    """
    Give the facts that an update changes.

    Source: the REST reference of `assets.patch`; the client writes the names of its mask in snake case, too.

    Raises:
        ProtocolViolation: If something else is to be changed.
    """
    changes: dict[str, Any] = {}
    for path in paths:
        field, _, name = path.partition(".")
        field = {"start_time": "startTime", "end_time": "endTime"}.get(field, field)
        if field == "properties":
            values = told.get("properties") or {}
            old = changes.get("properties", found["properties"]) if name else {}
            new = {name: values.get(name)} if name else values
            changes["properties"] = {key: value for key, value in {**old, **new}.items() if value is not None}
        elif field in TIMES:
            changes[field] = told.get(field)
        else:
            raise ProtocolViolation(f"Invalid value at 'update_mask': '{path}' cannot be updated.")
    return changes


def _told(handler: Any) -> Any:
    """Answer 400 with the sentence of what the store refuses."""

    def answer(request: Request, **arguments: str) -> Response:
        try:
            response: Response = handler(request, **arguments)
        except AssetError as error:
            raise ApiError(400, str(error)) from error
        return response

    return answer

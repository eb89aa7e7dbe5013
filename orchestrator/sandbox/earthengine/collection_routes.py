"""Collections of images in answers: `imageCollection:computeImages`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.earthengine import schema
from orchestrator.sandbox.earthengine.assets import times
from orchestrator.sandbox.earthengine.attempt import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.payload import payload
from orchestrator.sandbox.scenes import owned
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response, Route, json_response, route

DEFAULT_PAGE = 1000  # REST reference: "If unspecified, the page size default is 1000 results per page"
_FOOTPRINT = "system:footprint"
_AFFINE = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")


class CollectionRoutes:
    """Answer with images as assets, in any project."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def routes(self) -> list[Route]:
        pattern = r"/v1/projects/(?P<project>[^/:]+)/imageCollection:computeImages"
        return [route("earthengine", "imageCollection.computeImages", "POST", pattern, self._compute)]

    def _compute(self, request: Request, project: str) -> Response:  # noqa: ARG002  every project has the same
        body = payload(request)
        schema.check(body, schema.COMPUTE_IMAGES)
        if "expression" not in body:
            raise ProtocolViolation("Expression required.")
        size, token = int(body.get("pageSize") or 0), body.get("pageToken")
        if size < 0:
            raise ProtocolViolation(f"Page size must not be negative, got {size}.")
        if token and not re.fullmatch("[0-9]{1,9}", token):
            raise ProtocolViolation(f"Invalid page token: '{token[:40]}'.")
        start, most = int(token or 0), min(size or DEFAULT_PAGE, DEFAULT_PAGE)
        try:
            found = self._evaluator.images(body["expression"], start, most + 1)
        except (EvaluationError, UnboundedQueryError) as error:
            raise ApiError(400, str(error)) from error
        answer: dict[str, Any] = {"images": [_asset(image) for image in found[:most]]} if found else {}
        return json_response({**answer, "nextPageToken": str(start + most)} if len(found) > most else answer)


def _asset(image: Mapping[str, Any]) -> dict[str, Any]:
    """Write an image as the resource of the REST reference; what was computed has no name."""
    properties = dict(image.get("properties", {}))
    footprint = properties.pop(_FOOTPRINT, None)
    named = {} if "id" not in image else {"name": _name(image["id"]), "id": image["id"]}
    timed = {} if properties.get("system:time_start") is None else times(properties)
    return {
        "type": "IMAGE",
        **named,
        **timed,
        **({"properties": properties} if properties else {}),
        **({"geometry": footprint} if footprint else {}),
        "bands": [_band(band) for band in image["bands"]],
    }


def _name(asset_id: str) -> str:
    return owned.name_of(asset_id) or owned.PUBLIC + asset_id


def _band(band: Mapping[str, Any]) -> dict[str, Any]:
    told = band["data_type"]
    kind: dict[str, Any] = {"precision": told["precision"].upper()}
    if span := {key: told[key] for key in ("min", "max") if told.get(key)}:
        kind["range"] = span
    grid: dict[str, Any] = {"crsCode": band["crs"]}
    if "dimensions" in band:
        grid["dimensions"] = dict(zip(("width", "height"), band["dimensions"], strict=True))
    affine = {name: value for name, value in zip(_AFFINE, band["crs_transform"], strict=True) if value}
    return {"id": band["id"], "dataType": kind, "grid": {**grid, "affineTransform": affine}}

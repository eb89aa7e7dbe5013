"""The discovery document that Earth Engine's client builds itself from, generated from a table."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.sandbox.web import STANDARD_QUERY

# method id, HTTP method, path, query parameters. `+name` in a path is a whole resource name with its slashes.
# Names and paths: Earth Engine's REST reference, v1.
_METHODS = """
listAssets                       GET    {+parent}:listAssets                  filter view pageSize pageToken
getConfig                        GET    {+name}                               -
updateConfig                     PATCH  {+name}                               updateMask
algorithms.list                  GET    {+parent}/algorithms                  -
assets.get                       GET    {+name}                               -
assets.delete                    DELETE {+name}                               -
assets.patch                     PATCH  {+name}                               -
assets.getPixels                 POST   {+name}:getPixels                     -
assets.copy                      POST   {+sourceName}:copy                    -
assets.move                      POST   {+sourceName}:move                    -
assets.getIamPolicy              POST   {+resource}:getIamPolicy              -
assets.setIamPolicy              POST   {+resource}:setIamPolicy              -
assets.testIamPermissions        POST   {+resource}:testIamPermissions        -
assets.create                    POST   {+parent}/assets                      assetId
assets.listAssets                GET    {+parent}:listAssets                  filter view pageSize pageToken
assets.listFeatures              GET    {+asset}:listFeatures                 filter region pageSize pageToken
image.export                     POST   {+project}/image:export               -
image.import                     POST   {+project}/image:import               -
image.importExternal             POST   {+project}/image:importExternal       -
image.computePixels              POST   {+project}/image:computePixels        -
imageCollection.computeImages    POST   {+project}/imageCollection:computeImages -
table.computeFeatures            POST   {+project}/table:computeFeatures      -
table.export                     POST   {+project}/table:export               -
table.import                     POST   {+project}/table:import               -
map.export                       POST   {+project}/map:export                 -
video.export                     POST   {+project}/video:export               -
videoMap.export                  POST   {+project}/videoMap:export            -
classifier.export                POST   {+project}/classifier:export          -
value.compute                    POST   {+project}/value:compute              -
thumbnails.create                POST   {+parent}/thumbnails                  workloadTag
thumbnails.getPixels             GET    {+name}:getPixels                     -
videoThumbnails.create           POST   {+parent}/videoThumbnails             workloadTag
videoThumbnails.getPixels        GET    {+name}:getPixels                     -
filmstripThumbnails.create       POST   {+parent}/filmstripThumbnails         workloadTag
filmstripThumbnails.getPixels    GET    {+name}:getPixels                     -
maps.create                      POST   {+parent}/maps                        workloadTag
maps.tiles.get                   GET    {+parent}/tiles/{zoom}/{x}/{y}        -
tables.create                    POST   {+parent}/tables                      workloadTag
tables.getFeatures               GET    {+name}:getFeatures                   -
featureView.create               POST   {+parent}/featureView                 workloadTag
operations.get                   GET    {+name}                               -
operations.delete                DELETE {+name}                               -
operations.cancel                POST   {+name}:cancel                        -
operations.wait                  POST   {+name}:wait                          -
operations.list                  GET    {+name}/operations                    filter pageSize pageToken
"""

_PROJECT = "^projects/[^/]+$"


@cache
def _methods() -> tuple[tuple[str, str, str, tuple[str, ...]], ...]:
    rows = (line.split(maxsplit=3) for line in _METHODS.strip().splitlines())
    return tuple((name, verb, path, tuple(query.replace("-", "").split())) for name, verb, path, query in rows)


def document(base_url: str) -> dict[str, Any]:
    """Generate the document for a server at `base_url` (no trailing slash)."""
    projects: dict[str, Any] = {"methods": {}, "resources": {}}
    for name, verb, path, query in _methods():
        *folders, method = name.split(".")
        place = projects
        for folder in folders:
            place = place.setdefault("resources", {}).setdefault(folder, {})
        place.setdefault("methods", {})[method] = _method(name, verb, path, query)
    base = base_url + "/"
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "earthengine:v1",
        "name": "earthengine",
        "version": "v1",
        "title": "Earth Engine, imitated",
        "protocol": "rest",
        "rootUrl": base,
        "servicePath": "",
        "baseUrl": base,
        "basePath": "",
        "batchPath": "batch",
        "fullyEncodeReservedExpansion": True,
        "parameters": {name: {"location": "query", "type": "string"} for name in sorted(STANDARD_QUERY)},
        "schemas": {},
        "resources": {"projects": projects},
    }


def _method(name: str, verb: str, path: str, query: tuple[str, ...]) -> dict[str, Any]:
    in_path = [piece[1:-1] for piece in path.replace("/", " ").replace(":", " ").split() if piece.startswith("{")]
    parameters: dict[str, Any] = {
        each.lstrip("+"): {"location": "path", "type": "string", "required": True} for each in in_path
    }
    parameters[in_path[0].lstrip("+")]["pattern"] = _pattern(name)
    for each in query:
        kind = {"type": "integer", "format": "int32"} if each == "pageSize" else {"type": "string"}
        parameters[each] = {"location": "query", **kind}
    made: dict[str, Any] = {
        "id": f"earthengine.projects.{name}",
        "httpMethod": verb,
        "path": f"v1/{path}",
        "parameters": parameters,
        "parameterOrder": [each.lstrip("+") for each in in_path],
        "response": {"type": "any"},
    }
    if "pageToken" in query:  # the client makes a list_next method only if it sees the token in the answer
        made["response"] = {"type": "object", "properties": {"nextPageToken": {"type": "string"}}}
    if verb in ("POST", "PATCH"):
        made["request"] = {"type": "any"}
    return made


def _pattern(name: str) -> str:
    folder, _, method = name.rpartition(".")
    if name in ("getConfig", "updateConfig"):
        return "^projects/[^/]+/config$"
    if folder == "assets" and method != "create":
        return "^projects/[^/]+/assets/.*$"
    if folder == "operations" and method != "list":
        return "^projects/[^/]+/operations/.*$"
    if method in ("getPixels", "getFeatures") or folder == "maps.tiles":
        return f"^projects/[^/]+/{folder.split('.')[0]}/[^/]+$"
    return _PROJECT


@cache
def algorithms() -> bytes:
    """
    Read the list of algorithms that the installed client carries for its own tests.

    Raises:
        FileNotFoundError: If earthengine-api is not installed.
    """
    spec = importlib.util.find_spec("ee")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("earthengine-api is not installed: no list of algorithms")
    return (Path(next(iter(spec.submodule_search_locations))) / "tests" / "algorithms.json").read_bytes()

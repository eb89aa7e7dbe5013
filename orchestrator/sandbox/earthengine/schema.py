"""
What a request's JSON may contain, and the sentences Google's front end answers when it contains something else.

A schema is a nested dict of field name to schema; leaves are the functions below. Paths in messages are in snake
case, as the front end writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.earthengine import chains
from orchestrator.sandbox.web import ProtocolViolation

Leaf = Callable[[Any, str], None]
Schema = dict[str, Any]


def check(value: Any, schema: Any, path: str = "") -> None:
    """
    Check `value` against `schema`.

    Raises:
        ProtocolViolation: At the first field that is unknown or of another type.
    """
    if callable(schema):
        schema(value, path)
    elif isinstance(schema, list):
        _check_list(value, schema[0], path)
    else:
        _check_message(value, schema, path)


def _check_list(value: Any, schema: Any, path: str) -> None:
    if not isinstance(value, list):
        raise _invalid(value, path, "TYPE_MESSAGE")
    for index, item in enumerate(value):
        check(item, schema, f"{path}[{index}]")


def _check_message(value: Any, schema: Schema, path: str) -> None:
    if not isinstance(value, dict):
        raise _invalid(value, path, "TYPE_MESSAGE")
    for name, item in value.items():
        if name not in schema:
            raise _unknown(name, path)
        if item is not None:  # null is "not set" in protocol buffers' JSON
            check(item, schema[name], _join(path, name))


def _unknown(name: str, path: str) -> ProtocolViolation:
    where = f" at '{path}'" if path else ""
    return ProtocolViolation(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def _invalid(value: Any, path: str, kind: str) -> ProtocolViolation:
    return ProtocolViolation(f"Invalid value at '{path}' ({kind}), {json.dumps(value)[:200]}")


def _join(path: str, name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return f"{path}.{snake}" if path else snake


def string(value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise _invalid(value, path, "TYPE_STRING")


def boolean(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise _invalid(value, path, "TYPE_BOOL")


def number(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(value, path, "TYPE_DOUBLE")


def _whole(value: Any, path: str, kind: str, bits: int) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    if (
        isinstance(value, bool)
        or not re.fullmatch(r"-?\d{1,19}", text)
        or not -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)
    ):
        raise _invalid(value, path, kind)


def int32(value: Any, path: str) -> None:
    _whole(value, path, "TYPE_INT32", 32)


def int64(value: Any, path: str) -> None:
    _whole(value, path, "TYPE_INT64", 64)


def duration(value: Any, path: str) -> None:
    """Accept seconds with up to nine decimals and an `s`, as protocol buffers write a span of time."""
    if not isinstance(value, str) or not re.fullmatch(r"\d+(\.\d{1,9})?s", value):
        raise _invalid(value, path, "type.googleapis.com/google.protobuf.Duration")


def anything(value: Any, path: str) -> None:
    """Accept every value."""


def enum(*names: str) -> Leaf:
    def one_of(value: Any, path: str) -> None:
        if value not in names:
            raise _invalid(value, path, "TYPE_ENUM")

    return one_of


def string_map(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise _invalid(value, path, "TYPE_MESSAGE")
    for name, item in value.items():
        string(item, f"{path}[{name}]")


_NODE_KINDS = frozenset(
    {
        "constantValue", "integerValue", "bytesValue", "arrayValue", "dictionaryValue",
        "functionDefinitionValue", "functionInvocationValue", "argumentReference", "valueReference",
    }
)  # fmt: skip


def expression(value: Any, path: str) -> None:
    """
    Accept an expression graph: `result`, and `values` made of nodes of exactly one known kind each.

    Walks with a stack of its own, so that depth costs memory and not Python's recursion limit.
    """
    _check_message(value, {"result": string, "values": anything}, path)
    values = value.get("values")
    if not isinstance(values, dict) or value.get("result") not in values:
        raise ProtocolViolation(f"Invalid value at '{path}': 'result' must name one of 'values'.")
    waiting = list(values.items())
    while waiting:
        where, node = waiting.pop()
        if not isinstance(node, dict) or len(node) != 1:
            raise _invalid(node, f"{path}.values[{where}]", "TYPE_MESSAGE")
        ((kind, content),) = node.items()
        if kind not in _NODE_KINDS:
            raise _unknown(kind, f"{path}.values[{where}]")
        _check_content(kind, content, f"{path}.values[{where}]", values)
        waiting += [(where, child) for child in chains.children(kind, content)]
    if (why := chains.refusal(values, value["result"])) is not None:
        raise ProtocolViolation(why)


def _nodes(value: Any, path: str) -> None:
    if not isinstance(value, list):
        raise _invalid(value, path, "TYPE_MESSAGE")


def _named_nodes(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise _invalid(value, path, "TYPE_MESSAGE")


_CONTENTS: dict[str, Any] = {
    "integerValue": int64,
    "arrayValue": {"values": _nodes},
    "dictionaryValue": {"values": _named_nodes},
    "functionDefinitionValue": {"argumentNames": [string], "body": string},
    "functionInvocationValue": {"functionName": string, "functionReference": string, "arguments": _named_nodes},
    "argumentReference": string,
    "valueReference": string,
}


def _check_content(kind: str, content: Any, path: str, values: dict[str, Any]) -> None:
    check(content, _CONTENTS.get(kind, anything), path)
    if kind == "valueReference":
        _check_reference(content, path, values)
    if kind == "functionDefinitionValue":
        _check_reference(content.get("body"), path, values)
    if kind == "functionInvocationValue":
        name, given = content.get("functionName"), content.get("functionReference")
        if (name is None) == (given is None):
            raise ProtocolViolation(
                f"Invalid value at '{path}': exactly one of 'function_name' and 'function_reference' is required."
            )
        if given is not None:
            _check_reference(given, path, values)


def _check_reference(name: Any, path: str, values: dict[str, Any]) -> None:
    if name not in values:
        raise ProtocolViolation(f"Invalid value at '{path}': no value named {name!r}.")


_AFFINE = dict.fromkeys(("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY"), number)
_GRID = {
    "dimensions": {"width": int32, "height": int32},
    "affineTransform": _AFFINE,
    "crsCode": string,
    "crsWkt": string,
}
_FORMATS = enum(
    "GEO_TIFF", "TF_RECORD_IMAGE", "JPEG", "PNG", "AUTO_JPEG_PNG", "NPY", "MULTI_BAND_IMAGE_TILE",
    "ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND",
)  # fmt: skip

_BUCKET = {"bucket": string, "filenamePrefix": string, "permissions": string, "bucketCorsUris": [string]}
_DRIVE = {"folder": string, "filenamePrefix": string}

_ASSET_PLACE = {"name": string, "overwrite": boolean}
_PYRAMIDS = enum("PYRAMIDING_POLICY_UNSPECIFIED", "MEAN", "MODE", "SAMPLE", "MIN", "MAX", "MEDIAN")


def _policies(value: Any, path: str) -> None:
    string_map(value, path)
    for name, each in value.items():
        _PYRAMIDS(each, f"{path}[{name}]")


IMAGE_EXPORT: Schema = {
    "expression": expression,
    "description": string,
    "fileExportOptions": {
        "fileFormat": _FORMATS,
        "driveDestination": _DRIVE,
        "cloudStorageDestination": _BUCKET,
        "geoTiffOptions": {
            "cloudOptimized": boolean,
            "tileDimensions": {"width": int32, "height": int32},
            "skipEmptyFiles": boolean,
            "tileSize": {"value": int32},
            "noData": {"floatValue": number},
        },
        "tfRecordOptions": anything,
    },
    "assetExportOptions": {
        "earthEngineDestination": _ASSET_PLACE,
        "pyramidingPolicy": _PYRAMIDS,
        "pyramidingPolicyOverrides": _policies,
        "tileSize": {"value": int32},
    },
    "maxPixels": {"value": int64},
    "grid": _GRID,
    "requestId": string,
    "workloadTag": string,
    "priority": {"value": int32},
    "maxWorkers": {"value": int32},
    "policyTag": string,
}

_TABLE_FORMATS = enum("CSV", "GEO_JSON", "KML", "KMZ", "SHP", "TF_RECORD_TABLE", "JSON")
TABLE_EXPORT: Schema = {
    "expression": expression,
    "description": string,
    "selectors": [string],
    "fileExportOptions": {
        "fileFormat": _TABLE_FORMATS,
        "driveDestination": _DRIVE,
        "cloudStorageDestination": _BUCKET,
    },
    "assetExportOptions": {"earthEngineDestination": _ASSET_PLACE},
    "featureViewExportOptions": anything,
    "bigqueryExportOptions": anything,
    "requestId": string,
    "maxErrorMeters": anything,
    "maxVertices": {"value": int32},
    "maxWorkers": {"value": int32},
    "workloadTag": string,
    "priority": {"value": int32},
    "policyTag": string,
}
COMPUTE_FEATURES: Schema = {"expression": expression, "pageSize": int32, "pageToken": string, "workloadTag": string}
COMPUTE_IMAGES = COMPUTE_FEATURES
TABLE: Schema = {
    "name": string,
    "expression": expression,
    "fileFormat": _TABLE_FORMATS,
    "selectors": [string],
    "filename": string,
}

_PIXELS: Schema = {
    "fileFormat": _FORMATS,
    "grid": _GRID,
    "bandIds": [string],
    "visualizationOptions": {
        "ranges": [{"min": number, "max": number}],
        "paletteColors": [string],
        "gamma": number,
        "opacity": number,
    },
    "workloadTag": string,
}
_LOOK = _PIXELS["visualizationOptions"]
EARTH_MAP: Schema = {
    "name": string,
    "expression": expression,
    "fileFormat": _FORMATS,
    "bandIds": [string],
    "visualizationOptions": _LOOK,
}
THUMBNAIL: Schema = {**EARTH_MAP, "grid": _GRID, "filenamePrefix": string}
COMPUTE_PIXELS: Schema = {**_PIXELS, "expression": expression}
GET_PIXELS: Schema = {**_PIXELS, "region": anything}

_KINDS = enum("TYPE_UNSPECIFIED", "IMAGE", "IMAGE_COLLECTION", "TABLE", "FOLDER", "CLASSIFIER", "FEATURE_VIEW")


def _properties(value: Any, path: str) -> None:
    """Accept texts and numbers; null deletes a property (REST reference of `assets.patch`)."""
    if not isinstance(value, dict):
        raise _invalid(value, path, "TYPE_MESSAGE")
    for name, each in value.items():
        if isinstance(each, bool) or not isinstance(each, str | int | float | None):
            raise ProtocolViolation(f"Invalid value at '{path}.{name}': a property is a text or a number.")


ASSET: Schema = {
    "type": _KINDS,
    "name": string,
    "id": string,
    "properties": _properties,
    "startTime": string,
    "endTime": string,
    "cloudStorageLocation": anything,
    "cloud_storage_location": anything,
    "tilesets": anything,
    "bands": anything,
}
ASSET_UPDATE: Schema = {"asset": ASSET, "updateMask": anything}
VALUE_COMPUTE: Schema = {"expression": expression, "workloadTag": string}
PROJECT_CONFIG: Schema = {
    "name": string,
    "registrationState": string,
    "maxConcurrentExports": int32,
}
EMPTY: Schema = {}

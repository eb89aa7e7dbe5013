"""Types of fields, held against the schemas of the discovery document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.documents import bundled
from orchestrator.sandbox.web import ProtocolViolation


def check(name: str, body: Mapping[str, Any]) -> None:
    """
    Hold a resource against the schema `name`; null fits everything, and fields that it does not know are passed over.

    Raises:
        ProtocolViolation: If a field, however deep, is of another type.
    """
    try:
        schemas = bundled("storage.v1")["schemas"]
    except FileNotFoundError:  # without the client that ships them
        return
    _check(schemas[name], body, name, schemas)


def _check(schema: Mapping[str, Any], value: Any, where: str, schemas: Mapping[str, Any]) -> None:
    if value is None:
        return
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema["type"]
    if not _fits(kind, schema.get("format", ""), value):
        raise ProtocolViolation(f"Invalid value at '{where}' (TYPE_{kind.upper()}), {json.dumps(value)[:200]}")
    if kind == "array":
        for number, each in enumerate(value):
            _check(schema["items"], each, f"{where}[{number}]", schemas)
    if kind == "object":
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for field, each in value.items():
            inner = known.get(field, others)
            if inner is not None:
                _check(inner, each, f"{where}.{field}", schemas)


def _fits(kind: str, form: str, value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "integer" or form in ("int64", "uint64"):  # JSON writes long numbers as texts
        return whole or (isinstance(value, str) and value.removeprefix("-").isdecimal())
    types = {"string": str, "boolean": bool, "array": list, "object": Mapping}
    return isinstance(value, types[kind]) if kind in types else True

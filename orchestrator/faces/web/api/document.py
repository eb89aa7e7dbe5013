"""The OpenAPI document, made from the table of endpoints and the dataclasses of the objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from orchestrator.config import JobTable
from orchestrator.config.jobs import key_names
from orchestrator.faces.objects import SCHEMA
from orchestrator.faces.web.api import kinds
from orchestrator.faces.web.api.asked import RequestBody
from orchestrator.faces.web.api.endpoints import BASE, ENDPOINTS, Endpoint
from orchestrator.faces.web.api.kinds import Kind

Json = dict[str, Any]

_ABOUT = (
    "What `orchestrator --json` tells, over HTTP. Every object says in `message_type` what it is; new fields may "
    "appear. Where a program asks wrongly or something fails, the answer is the object `error`."
)
_REFS = "#/components/schemas/{model}"
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


@cache
def document() -> Json:
    """Return the document; nobody may change it."""
    found: Json = {}
    for kind in (kinds.ERROR, *(kind for endpoint in ENDPOINTS for kind in endpoint.kinds)):
        found.setdefault(kind.name, _object(kind, found))
    found["JobDeclaration"] = _declaration(found)
    paths: Json = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(f"{BASE}{endpoint.path}", {})[endpoint.method.lower()] = _operation(endpoint, found)
    return {
        "openapi": "3.1.0",
        "info": {"title": "orchestrator", "version": str(SCHEMA), "description": _ABOUT, "license": {"name": "MIT"}},
        "servers": [{"url": "/", "description": "Where `orchestrator web` answers."}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(found.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "The page's token."}},
        },
    }


def _operation(endpoint: Endpoint, found: Json) -> Json:
    one = [{"$ref": _REFS.format(model=kind.name)} for kind in endpoint.kinds]
    told: Json = one[0] if len(one) == 1 else {"oneOf": one}
    content = {"application/json": {"schema": {"type": "array", "items": told} if endpoint.many else told}}
    said: Json = {
        "operationId": endpoint.call.__name__,
        "summary": endpoint.says,
        "parameters": [*_names(endpoint.path), *_words(endpoint.words)],
        "responses": {
            "200": {"description": endpoint.says, "content": content},
            "default": {"description": "Why not.", "content": _content(kinds.ERROR.name)},
        },
    }
    if kinds.HEALTH in endpoint.kinds:
        said["responses"]["503"] = {"description": "The daemon does not live.", "content": content}
    if endpoint.body is not RequestBody:
        schema = _inlined(endpoint.body, found)
        said["requestBody"] = {
            "required": bool(schema.get("required")),
            "content": {"application/json": {"schema": schema}},
        }
    return said


def _content(name: str) -> Json:
    return {"application/json": {"schema": {"$ref": _REFS.format(model=name)}}}


def _names(path: str) -> Iterable[Json]:
    told = {"run": "A job, a base name, `latest`, or an id or its beginning.", "job": "A scheduled job of config.toml."}
    for name in re.findall(r"{(\w+)}", path):
        schema = {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "description": told[name], "schema": schema}


def _words(model: type[BaseModel]) -> Iterable[Json]:
    for name, schema in _plain(model.model_json_schema())["properties"].items():
        about = schema.pop("description")
        yield {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


def _inlined(model: type[BaseModel], found: Json) -> Json:
    schema = _kept(model.model_json_schema(ref_template=_REFS), found)
    if "job" in schema["properties"]:
        schema["properties"]["job"] = {"$ref": _REFS.format(model="JobDeclaration")}
    return schema


def _declaration(found: Json) -> Json:
    """Return what a job file may hold: its own keys, and a table of each product's."""
    schema = _kept(JobTable.model_json_schema(ref_template=_REFS), found)
    schema.pop("required")  # which are needed depends on product and recipe
    own = schema["properties"]
    own["area"] = {"anyOf": [{"type": "string"}, own["area"]]}
    own["max_part_size"] = {"anyOf": [{"type": "string"}, own["max_part_size"]]}
    for name, model in key_names().items():
        own[name] = _kept(model.model_json_schema(ref_template=_REFS), found)
    schema["description"] = "A job, as a file of it; docs/reference/config.md explains the keys."
    return schema


def _object(kind: Kind, found: Json) -> Json:
    """Return the schema of a kind: every field there may be, and those that are always there."""
    fields: Json = {"message_type": {"const": kind.message_type}, "schema": {"const": SCHEMA}}
    needed = [*fields]
    for cls in kind.always:
        own = _fields(cls, found)
        fields |= own
        needed += [name for name in own if name not in needed]
    for cls in kind.perhaps:
        fields |= _fields(cls, found)
    schema = {"type": "object", "description": _first(kind.always[-1].__doc__), "properties": fields}
    return schema | {"required": needed} | ({"additionalProperties": True} if kind.open else {})


def _fields(cls: type, found: Json) -> Json:
    schema = _kept(TypeAdapter(cls).json_schema(mode="serialization", ref_template=_REFS), found)
    about = dict(_attributes(cls))
    told: Json = {}
    for name, one in schema["properties"].items():
        words = about.get(name)
        told[name] = one | ({"description": words} if words else {})
    return told


def _attributes(cls: type) -> Iterable[tuple[str, str]]:
    """Yield what the docstring says of each field."""
    for base in reversed(cls.__mro__):
        for name, words in _ATTRIBUTE.findall(
            (base.__doc__ or "").partition("Attributes:\n")[2].replace("\n    ", "\n")
        ):
            yield name, " ".join(words.split())


def _first(doc: str | None) -> str:
    return " ".join((doc or "").partition("\n\n")[0].split())


def _kept(schema: Json, found: Json) -> Json:
    """Return a schema whose parts are kept among the document's, without names of ours."""
    for name, part in schema.pop("$defs", {}).items():
        found.setdefault(name, _plain(part))
    kept: Json = _plain(schema)
    return kept


def _plain(schema: Any) -> Any:
    """Return a schema without the titles that pydantic gives."""
    if isinstance(schema, Mapping):
        return {key: _plain(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema

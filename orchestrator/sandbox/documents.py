"""Discovery documents: the ones that google-api-python-client ships, and the methods that a document describes."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.sandbox.parameters import Kind

_PARAMETER = re.compile(r"\{(\+?)(\w+)\}")


@dataclass(frozen=True, slots=True)
class Method:
    """
    A method of a real service.

    Attributes:
        id: As in the document, such as `storage.objects.rewrite`.
        pattern: Fits the raw path of its calls, with a leading slash.
        query: Its query parameters and those of every method, by name.
        literals: Characters of the path that are no parameter; of two that fit, the method with more of them is meant.
    """

    id: str
    verb: str
    pattern: re.Pattern[str]
    literals: int
    query: Mapping[str, Kind]


def bundled(name: str) -> dict[str, Any]:
    """
    Read the document `name` (such as `drive.v3`) without importing the client that ships it.

    Raises:
        FileNotFoundError: If the client is not installed.
    """
    return dict(_bundled(name))


@cache
def _bundled(name: str) -> Mapping[str, Any]:
    spec = importlib.util.find_spec("googleapiclient")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"google-api-python-client is not installed: no discovery document {name}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    text = (folder / "discovery_cache" / "documents" / f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def methods(document: Mapping[str, Any]) -> Iterator[Method]:
    """Yield every method of `document`; one with uploads comes once for each of its paths."""
    shared = {name: Kind.of(each) for name, each in document.get("parameters", {}).items()}
    for described in _described(document):
        parameters = described.get("parameters", {})
        own = {name: Kind.of(each) for name, each in parameters.items() if each["location"] == "query"}
        query = {**shared, **own}
        paths = [f"/{document['servicePath']}{described['path']}"]
        paths += [each["path"] for each in described.get("mediaUpload", {}).get("protocols", {}).values()]
        if described.get("useMediaDownloadService"):
            paths.append(f"/download{paths[0]}")
        for path in dict.fromkeys(paths):
            pattern, literals = _pattern(path, parameters), len(_PARAMETER.sub("", path))
            yield Method(described["id"], described["httpMethod"], pattern, literals, query)


def _described(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _described(inner)


def _pattern(path: str, parameters: Mapping[str, Any]) -> re.Pattern[str]:
    text, at = "", 0
    for found in _PARAMETER.finditer(path):
        text += re.escape(path[at : found.start()])
        own = parameters.get(found.group(2), {}).get("pattern", "").removeprefix("^").removesuffix("$")
        text += f"(?:{own})" if own else (".+" if found.group(1) else "[^/]+")
        at = found.end()
    return re.compile(text + re.escape(path[at:]))

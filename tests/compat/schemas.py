"""The schemas that stand in the documentation, and files held against them."""

from __future__ import annotations

import json
from pathlib import Path

from referencing import Registry, Resource

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "schemas"
SCHEMAS = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
REGISTRY = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())


def faults(name: str, content: object) -> list[str]:
    """Return where something is not what a schema says, a sentence each."""
    import jsonschema  # noqa: PLC0415  builds grammars for seconds, which every process that collects tests would pay

    schema = SCHEMAS[name]
    validator = jsonschema.Draft202012Validator(
        schema, registry=REGISTRY, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(content)]


def faults_of(name: str, path: Path) -> list[str]:
    return faults(name, json.loads(path.read_bytes()))

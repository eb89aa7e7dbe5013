"""The published document is what is served."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orchestrator.faces.cli.exits import MEANINGS
from orchestrator.faces.objects import SCHEMA
from orchestrator.faces.web.api.document import document
from orchestrator.faces.web.api.endpoints import ENDPOINTS
from orchestrator.faces.web.api.statuses import STATUSES

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def test_the_published_document_is_the_one_that_is_served(serve):
    """`python -m orchestrator.faces.web.api > docs/reference/openapi.json` writes it."""
    published = json.loads((DOCS / "openapi.json").read_text("utf-8"))

    assert published == document()
    assert serve().client.get("/api/v1/openapi.json").json() == published


def test_every_schema_is_one_and_every_name_in_it_stands_for_another():
    """By the rules of JSON Schema 2020-12, which OpenAPI 3.1 has."""
    import jsonschema  # noqa: PLC0415  builds grammars for seconds

    told = document()

    for schema in told["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(told)))
    assert named <= told["components"]["schemas"].keys()


def test_every_operation_has_a_name_of_its_own():
    """Clients are made of the document: a name is a function there."""
    names = [said["operationId"] for methods in document()["paths"].values() for said in methods.values()]

    assert len(set(names)) == len(names) == len(ENDPOINTS)


def test_every_kind_of_object_stands_on_the_page_of_objects():
    """With its fields: what `--json` has and the API tells is one list."""
    page = (DOCS / "json.md").read_text("utf-8")
    lacking = []
    for endpoint in ENDPOINTS:
        for kind in endpoint.kinds:
            said = "".join(line for line in page.splitlines() if line.startswith(f"| `{kind.message_type}` |"))
            fields = document()["components"]["schemas"][kind.name]["properties"].keys() - {"message_type", "schema"}
            lacking += [f"{kind.message_type}: {field}" for field in fields if f"`{field}`" not in said]
    assert not lacking


def test_every_exit_code_has_a_status_on_the_page():
    """Of those that an error may have, in their order."""
    page = (DOCS / "api.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \|", page, re.MULTILINE)

    assert {int(code): int(status) for code, status in rows} == STATUSES
    assert STATUSES.keys() == MEANINGS.keys() - {0}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_every_address_is_on_the_page_of_the_api(endpoint):
    page = (DOCS / "api.md").read_text("utf-8")

    assert f"| {endpoint.method} | `{endpoint.path}` |" in page
    assert SCHEMA == 1

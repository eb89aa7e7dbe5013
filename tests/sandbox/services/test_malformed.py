"""Bodies and expressions of no good form are 400 with one sentence, on every route."""

from __future__ import annotations

import pytest
import requests
from test_validation import PROJECT, post

from orchestrator.sandbox.earthengine import chains, schema
from orchestrator.sandbox.parsing import MAX_DEPTH, parsed
from orchestrator.sandbox.web import ProtocolViolation


def call(name, **arguments):
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


def reference(key):
    return {"valueReference": key}


def check(values):
    schema.expression({"result": "0", "values": values}, "expression")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"0": reference("0")}, id="a value that is itself"),
        pytest.param({"0": call("Number.add", left=reference("0"), right={"constantValue": 1})}, id="a sum"),
        pytest.param({"0": {"functionInvocationValue": {"functionReference": "0"}}}, id="a function that is its call"),
        pytest.param(
            {
                "0": {"functionInvocationValue": {"functionReference": "1"}},
                "1": {"functionDefinitionValue": {"argumentNames": [], "body": "0"}},
            },
            id="a function that calls itself",
        ),
        pytest.param({"0": {"arrayValue": {"values": [reference("1")]}}, "1": reference("0")}, id="a circle of two"),
    ],
)
def test_a_value_that_refers_to_itself_is_named(values):
    """Such a value has no end, which is told before anything is evaluated."""
    with pytest.raises(ProtocolViolation, match=r"Invalid expression: value '[01]' refers to itself\."):
        check(values)


def test_a_chain_of_references_may_not_be_deeper_than_the_interpreter_bears():
    """The limit lies above what scripts have, which a chain at the limit shows."""

    def chain(length):
        links = {str(at): reference(str(at + 1)) for at in range(length)}
        return {**links, str(length): {"constantValue": 1}}

    check(chain(chains.MAX_LEVELS - 1))
    with pytest.raises(ProtocolViolation, match="nested deeper than 8000 levels"):
        check(chain(chains.MAX_LEVELS))


def test_a_value_used_twice_is_no_circle():
    """Two ways to the same value are the usual case."""
    check({"0": {"arrayValue": {"values": [reference("1"), reference("2")]}}, "1": reference("2"), "2": call("Date")})


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"integerValue": "abc"}, r"'expression.values\[0\]' \(TYPE_INT64\), \"abc\""),
        ({"integerValue": "9" * 5000}, "TYPE_INT64"),
        ({"integerValue": None}, "TYPE_INT64"),
        ({"functionInvocationValue": {"functionName": "Date", "arguments": []}}, r"arguments' \(TYPE_MESSAGE\), \[\]"),
        ({"functionInvocationValue": {"arguments": {}}}, "exactly one of 'function_name' and 'function_reference'"),
        ({"functionInvocationValue": {"functionReference": "9"}}, "no value named '9'"),
        ({"functionInvocationValue": []}, "TYPE_MESSAGE"),
        ({"functionDefinitionValue": {"argumentNames": []}}, "no value named None"),
        ({"arrayValue": {"values": {}}}, r"values' \(TYPE_MESSAGE\), \{\}"),
        ({"arrayValue": {"values": [1]}}, "TYPE_MESSAGE"),
        ({"dictionaryValue": {"values": []}}, r"values' \(TYPE_MESSAGE\), \[\]"),
        ({"valueReference": []}, "TYPE_STRING"),
        ({"argumentReference": {}}, "TYPE_STRING"),
        (None, "TYPE_MESSAGE"),
    ],
)
def test_a_malformed_node_is_refused(node, sentence):
    """The field is named, and what was found there."""
    with pytest.raises(ProtocolViolation, match=sentence):
        check({"0": node})


ROUTES = [
    "value:compute", "image:computePixels", "table:computeFeatures", "maps", "thumbnails", "tables", "image:export",
    "table:export",
]  # fmt: skip


@pytest.mark.parametrize("body", [{"expression": None}, {"expression": {"result": "0", "values": {"0": []}}}])
@pytest.mark.parametrize("path", ROUTES)
def test_every_route_looks_at_the_form_of_its_expression(sandbox, path, body):
    """One that is null is none, and one of no good form is refused, exports at their submission."""
    answer = post(sandbox, f"{PROJECT}/{path}", body)

    message = answer.json()["error"]["message"]
    assert answer.status_code == 400
    assert message == "Expression required." if body["expression"] is None else "TYPE_MESSAGE" in message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{PROJECT}/value:compute"),
        ("POST", "/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name=x"),
        ("PATCH", "/storage/v1/b/{bucket}/o/x"),
        ("POST", "/drive/v3/files"),
    ],
)
@pytest.mark.parametrize("text", ['{"a":' * 50_000, "[" * 50_000, '{"a":' + "[" * 5000 + "]" * 5000 + "}"])
def test_a_body_nested_without_end_is_refused(sandbox, bucket, method, path, text):
    """Whether or not Python's parser would bear it."""
    headers = {"Content-Type": "application/json"}
    answer = requests.request(
        method, sandbox.url + path.format(bucket=bucket.name), data=text, headers=headers, timeout=20
    )

    assert answer.status_code == 400
    assert "nested deeper than 2000 levels" in answer.text


def test_json_may_be_as_deep_as_its_limit():
    """The limit itself is let through."""
    assert parsed("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    with pytest.raises(ValueError, match="nested deeper"):
        parsed("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))

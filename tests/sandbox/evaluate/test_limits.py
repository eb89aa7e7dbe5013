"""What goes beyond every limit is one sentence: endless graphs, values without end, memory."""

from __future__ import annotations

import pytest
from evaluate_kit import MemoryCatalogue, answer, argument, call, constant, define, expression, reference

from orchestrator.sandbox.earthengine.evaluate import EvaluationError, Evaluator, graph, limits


def _laughs(inner, levels=12):
    """Lists of ten references to the same list: a body of a kilobyte, a value of 10 ** levels items."""
    values = {"v0": inner}
    for at in range(1, levels):
        values[f"v{at}"] = {"arrayValue": {"values": [reference(f"v{at - 1}")] * 10}}
    return values


def test_a_function_that_is_given_itself_without_end_is_a_sentence():
    """No check of the graph can foresee this one: the function arrives as its own argument."""
    itself = {"functionInvocationValue": {"functionReference": "f", "arguments": {"f": argument("f")}}}
    start = {"functionInvocationValue": {"functionReference": "loop", "arguments": {"f": reference("loop")}}}

    with pytest.raises(EvaluationError, match="it calls itself, or is nested too deeply"):
        answer(start, loop=define("body", "f"), body=itself, f=argument("f"))


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(reference("v11"), id="answered"),
        pytest.param(call("List.flatten", list=reference("v11")), id="flattened"),
        pytest.param(call("Feature", geometry=None, metadata={"dictionaryValue": {"values": {"a": reference("v11")}}})),
        pytest.param(call("GeometryConstructors.MultiPoint", coordinates=reference("v11")), id="coordinates"),
        pytest.param(call("List.repeat", value=0, count=10**12), id="repeated"),
        pytest.param(call("List.sequence", start=0, step=1, count=10**12), id="counted"),
    ],
)
def test_a_value_without_end_is_too_large(node):
    """Shared lists cost nothing until somebody looks at all of their items, which nobody begins."""
    with pytest.raises(EvaluationError, match=r"^Computed value is too large$"):
        answer(node, **_laughs(constant(1)))


def test_a_text_that_doubles_itself_is_too_large():
    """Forty doublings of ten letters would be ten terabytes."""
    values = {"t0": constant("abcdefghij")}
    for at in range(1, 40):
        values[f"t{at}"] = call("String.cat", string1=reference(f"t{at - 1}"), string2=reference(f"t{at - 1}"))

    with pytest.raises(EvaluationError, match=r"^Computed value is too large$"):
        answer(call("String.length", string=reference("t39")), **values)


def test_shared_lists_are_answered_in_full():
    """A list that occurs a hundred times is written a hundred times."""
    assert answer(reference("v2"), **_laughs(constant(7), 3)) == [[7] * 10] * 10


def test_a_value_nested_deeper_than_a_text_may_be_is_refused():
    """What the evaluator bears, the writer of JSON may not."""
    node = constant(1)
    for _ in range(limits.MAX_DEPTH + 1):
        node = {"arrayValue": {"values": [node]}}

    with pytest.raises(EvaluationError, match="nested deeper than 2000 levels"):
        answer(node)


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [(MemoryError(), r"^User memory limit exceeded\.$"), (OverflowError("too big"), "out of range: too big")],
    ids=["memory", "overflow"],
)
def test_what_the_interpreter_cannot_bear_is_a_sentence(monkeypatch, raised, sentence):
    """Memory and numbers that run out are the expression's doing, no fault of the sandbox."""

    def fails(*_):
        raise raised

    monkeypatch.setattr(graph, "coerced", fails)

    with pytest.raises(EvaluationError, match=sentence):
        Evaluator(MemoryCatalogue()).value(expression(call("Number.add", left=1, right=1)))


@pytest.mark.parametrize("size", ["NaN", "Infinity"])
def test_a_number_that_is_none_is_no_integer(size):
    """A length must be a whole number, which neither is."""
    with pytest.raises(EvaluationError, match="argument 'count': Invalid type"):
        answer(call("List.repeat", value=0, count=float(size)))

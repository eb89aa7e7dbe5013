"""Formulas of Image.expression."""

from __future__ import annotations

import numpy as np
import pytest
from evaluate_kit import S2, MemoryCatalogue, answer, call, exact, load, make_scene, pixels, reference

from orchestrator.sandbox.earthengine.evaluate import EvaluationError

VALUES = np.arange(1, 13, dtype=np.uint16).reshape(3, 4)


@pytest.fixture(scope="module")
def catalogue():
    arrays = {"B2": VALUES, "B3": VALUES * 2, "B8": VALUES[::-1].copy(), "SCL": (VALUES % 3).astype(np.uint8)}
    return MemoryCatalogue([make_scene(S2, "a", arrays)])


def names(node, catalogue, **values):
    return answer(call("Image.bandNames", image=node), catalogue, **values)


def test_formulas_follow_the_usual_precedence(catalogue):
    """b() and named bands, powers, comparisons and choices mean what they look like."""
    text = "(b('B3') - IMG.B2) / 2 ** 2 + (b(0) > 6 ? -1 : sqrt(16)) * 2"
    parse = call("Image.parseExpression", expression=text, argName="IMG", vars=["IMG"])
    node = {"functionInvocationValue": {"functionReference": "f", "arguments": {"IMG": load("a")}}}

    _, (values,), _ = pixels(exact(node, 3, 4, values={"f": parse}), catalogue)

    np.testing.assert_allclose(values, VALUES / 4 + np.where(VALUES > 6, -2, 8))


def test_broken_formulas_are_refused(catalogue):
    """A formula that is none is named."""
    parse = call("Image.parseExpression", expression="b('B3') +", argName="IMG", vars=["IMG"])

    with pytest.raises(EvaluationError, match="Unable to parse"):
        answer(reference("f"), catalogue, f=parse)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x = b('B2') + 1", ["x"], id="a name for the result"),
        pytest.param("b(1, 'B2')", ["B3", "B2"], id="several bands"),
        pytest.param("IMG[0, 'SCL'] * 2", ["B2", "SCL"], id="several bands of a variable"),
        pytest.param("b()", ["B2", "B3", "B8", "SCL"], id="all bands"),
    ],
)
def test_formulas_choose_and_name_bands(catalogue, text, expected):
    """As the page of Image.expression tells."""
    parse = call("Image.parseExpression", expression=text, argName="IMG", vars=["IMG"])
    node = {"functionInvocationValue": {"functionReference": "f", "arguments": {"IMG": load("a")}}}

    assert names(node, catalogue, f=parse) == expected


@pytest.mark.parametrize(("text", "refused"), [("b('B2') ^ b('B3')", True), ("(b('B2') > 1) ^ (b('B3') > 4)", False)])
def test_exclusive_or_of_formulas_is_of_yes_and_no(catalogue, text, refused):
    """The guide lists it as a logical operator; of other numbers no page tells."""
    parse = call("Image.parseExpression", expression=text, argName="IMG", vars=["IMG"])
    node = {"functionInvocationValue": {"functionReference": "f", "arguments": {"IMG": load("a")}}}

    if refused:
        with pytest.raises(EvaluationError, match=r"'\^'"):
            names(node, catalogue, f=parse)
    else:
        _, (values,), _ = pixels(exact(node, 3, 4, values={"f": parse}), catalogue)
        np.testing.assert_array_equal(values, (VALUES > 1) ^ (VALUES * 2 > 4))


def test_formulas_know_numbers_of_other_bases(catalogue):
    """0x and 0b before whole numbers."""
    parse = call("Image.parseExpression", expression="b('B2') + 0x1F - 0b101", argName="IMG", vars=["IMG"])
    node = {"functionInvocationValue": {"functionReference": "f", "arguments": {"IMG": load("a")}}}

    _, (values,), _ = pixels(exact(node, 3, 4, values={"f": parse}), catalogue)

    np.testing.assert_array_equal(values, VALUES + 26)

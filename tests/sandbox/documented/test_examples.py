"""The sandbox gives the results that the documentation states, or refuses by name."""

from __future__ import annotations

from itertools import groupby

import pytest

from orchestrator.sandbox.documented.examples import FOLDER, Verdict, checked, read_all
from orchestrator.sandbox.documented.notation import expression
from orchestrator.sandbox.earthengine.evaluate import Evaluator
from orchestrator.sandbox.scenes.world import WorldCatalogue

EXAMPLES = {family: list(lines) for family, lines in groupby(read_all(FOLDER), key=lambda example: example.family)}


@pytest.mark.parametrize("family", EXAMPLES)
def test_no_example_is_contradicted(family):
    """Each documented example gives its stated result, or names what is not imitated."""
    evaluator = Evaluator(WorldCatalogue())
    outcomes = [(example, checked(example, evaluator)) for example in EXAMPLES[family]]

    wrong = [(str(each), found.found, each.says) for each, found in outcomes if found.verdict is Verdict.WRONG]

    assert not wrong
    assert any(found.verdict is Verdict.RIGHT for _, found in outcomes)


def test_functions_are_written_short_too():
    """A function within a function may use the arguments of both."""
    inner = {"function": ["y", {"Number.add": ["@x", "@y"]}]}
    written = {"List.map": [[1, 2], {"function": ["x", {"List.map": [[10, 20], inner]}]}]}

    assert Evaluator(WorldCatalogue()).value(expression(written)) == [[11, 21], [12, 22]]

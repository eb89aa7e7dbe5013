"""Every cell of the matrix of faults names a test that is there; its page says the same."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache

import pytest
from matrix import PAGE, ROOT, cells, table


@cache
def names_in(path):
    """Return the names of the tests of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_cell_names_a_test_that_is_there_and_says_how_it_knows():
    """A fault without a test is a promise that nobody keeps."""
    wrong = []
    for cell in cells():
        path, _, name = cell.test.partition("::")
        if not (ROOT / path).is_file() or name.partition("[")[0] not in names_in(path) or not cell.fired:
            wrong.append(f"{cell.fault} at {cell.step}: {cell.test!r}, {cell.fired!r}")

    assert wrong == []


def test_a_test_that_is_named_with_its_parameters_is_collected(request):
    """As far as those are collected here: alone, this file knows nothing of others."""
    collected = {item.nodeid for item in request.session.items}
    files = {nodeid.partition("::")[0] for nodeid in collected}
    named = {cell.test for cell in cells() if "[" in cell.test and cell.test.partition("::")[0] in files}
    narrowed = request.config.getoption("keyword") or any("::" in str(arg) for arg in request.config.args)
    if narrowed:
        pytest.skip("only some tests are collected")

    assert sorted(named - collected) == []


def test_no_cell_is_there_twice():
    """One row for a fault at a step."""
    assert [key for key, count in Counter((cell.fault, cell.step) for cell in cells()).items() if count > 1] == []


def test_the_matrix_is_whole():
    """Faults and cells as they were set down; one more is welcome, one less is not."""
    assert len({cell.fault for cell in cells()}) >= 71
    assert len(cells()) >= 364


def test_the_page_shows_the_matrix():
    """`python tests/faults/matrix.py` writes it anew."""
    assert table() in PAGE.read_text(encoding="utf-8")

"""The table of functions and its sources tell the truth about what is imitated."""

from __future__ import annotations

import re

import pytest

from orchestrator.sandbox.documented.examples import FOLDER, read_all
from orchestrator.sandbox.documented.table import page, read_sources, rows
from orchestrator.sandbox.earthengine.evaluate import evaluator as _loads_functions  # noqa: F401
from orchestrator.sandbox.earthengine.evaluate import refusals, registry
from orchestrator.sandbox.earthengine.evaluate.errors import UnknownFunctionError


def test_what_is_imitated_has_a_source_and_what_is_refused_has_none():
    """Nothing is right by nobody's word."""
    assert set(read_sources()) == registry.imitated()


def test_the_page_of_functions_is_the_one_that_is_written_now():
    """`python -m orchestrator.sandbox.documented --page > orchestrator/sandbox/FUNCTIONS.md`."""
    kept = (FOLDER.parents[1] / "FUNCTIONS.md").read_text(encoding="utf-8")

    assert kept == page(read_sources())


def test_examples_show_declared_functions():
    """An example belongs to a function that the client knows."""
    assert {example.of for example in read_all()} <= registry.declared()


def test_every_declared_function_is_counted_once():
    """The table's families add up to the client's list."""
    assert sum(row.total for row in rows([])) == len(registry.declared())


def test_a_line_that_is_no_example_is_named(tmp_path):
    """File and line say where to look."""
    (tmp_path / "bad.jsonl").write_text('{"of": "Number.add"}\n')
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 1"):
        list(read_all(tmp_path))


def test_a_function_with_two_sources_is_named(tmp_path):
    """A merge that doubles a line is found."""
    (tmp_path / "a.tsv").write_text("Number.add\tpage\nNumber.add\tpage\n")
    with pytest.raises(ValueError, match=r"a\.tsv, line 2"):
        read_sources(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Reducer.histogram", r"Reducer\.histogram: .*buckets.* not told.*Reducer\.fixedHistogram"),
        ("Landsat.simpleComposite", r"Landsat\.simpleComposite: .*Instead: Landsat\.TOA"),
        ("Image.random", r"Image\.random: .*seed"),
    ],
)
def test_a_refusal_says_why_and_what_may_serve_instead(name, reason):
    """Both in the answer and on the page."""
    with pytest.raises(UnknownFunctionError, match=reason):
        registry.lookup(name)
    assert refusals.told()[name].sentence in page(read_sources())


def test_reasons_are_told_of_refused_functions_alone():
    """A function that became imitated loses its reason."""
    assert set(refusals.told()) <= registry.declared() - registry.imitated()


def test_what_may_serve_instead_is_imitated():
    """Nobody is sent from one refusal to the next."""
    named = {each for one in refusals.told().values() for each in re.findall(r"\b[A-Z]\w+\.[\w.]*\w", one.instead)}

    assert named <= registry.imitated()

"""Names of areas: safe, stable and never twice the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plan.area import distinct_names, safe_name


@given(st.text())
def test_names_are_safe_whatever_the_attribute_says(text):
    """No separator, no dot in front, no shell's meaning, never empty, and stable."""
    name = safe_name(text)

    assert name
    assert len(name) <= 100
    assert not name.startswith((".", "-"))
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in name)
    assert safe_name(name) == name


@given(st.lists(st.sampled_from(["a", "A", "é", "e", "a-2", "", "../a", "x" * 200]), max_size=12))
def test_names_never_collide(texts):
    """Also where a file system ignores letter case."""
    names = distinct_names(texts)

    assert len({name.lower() for name in names}) == len(texts)
    assert all(safe_name(name) == name for name in names)


@pytest.mark.parametrize("text", ["../../etc/passwd", "a; rm -rf /", "-rf", "..", "a\nb", "CON$(id)"])
def test_hostile_names_lose_their_sting(text):
    """What reaches a file name or an object name is letters, digits, dot, underscore, hyphen."""
    assert safe_name(text).replace(".", "").replace("_", "").replace("-", "").isalnum()

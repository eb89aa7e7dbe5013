"""What a reader of the templates and scripts would look for: every text is escaped, and nothing is made of text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.faces import web

ROOM = Path(web.__file__).parent
TEMPLATES = sorted((ROOM / "templates").rglob("*.html"))
SCRIPTS = sorted(path for path in (ROOM / "static").rglob("*.*js") if "vendor" not in path.parts)
CODE = sorted(ROOM.rglob("*.py"))


def named(paths):
    return [pytest.param(path, id=path.relative_to(ROOM).as_posix()) for path in paths]


@pytest.mark.parametrize("path", named(TEMPLATES))
def test_a_template_escapes_all_it_is_given(path):
    """Autoescape is on everywhere; no text is said to be safe, and none stands where escaping does not help."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"\|\s*safe\b|autoescape|Markup", text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\bstyle=|\son\w+=|hx-on|javascript:|\bjs:", text) == []
    assert re.findall(r"\s[\w:-]+=\s*{{", text) == []  # an attribute without quotes


@pytest.mark.parametrize("path", named(SCRIPTS))
def test_a_script_makes_no_markup_and_no_code_of_text(path):
    """It sets text, and makes elements by their names."""
    text = path.read_text(encoding="utf-8")

    found = re.findall(
        r"\.(?:inner|outer)HTML\s*\+?=|insertAdjacentHTML|document\.write|\beval\(|new Function|setHTML", text
    )
    assert found == []


def test_no_answer_is_made_of_strings():
    """Nobody in this room says that a text is markup already."""
    assert [
        path.name for path in CODE if re.search(r"\bMarkup\b|autoescape\s*=\s*False", path.read_text("utf-8"))
    ] == []

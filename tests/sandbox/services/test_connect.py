"""The page that says how a program of one's own is connected tells the truth."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from orchestrator.sandbox.rules import Rule

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "connect.md"


def test_every_snippet_of_the_page_works(sandbox):
    """All of them, one after the other, in one process."""
    pytest.importorskip("obstore")
    pytest.importorskip("gcsfs")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(blocks).replace("http://127.0.0.1:8099", sandbox.url)
    code = code.replace("orchestrator-sandbox", sandbox.options.buckets[0])

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)

    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    assert (said[0], said[-3:-1], "_T33UWQ_" in said[-1]) == ("3", ["b'hello'"] * 2, True)


def test_every_field_of_a_fault_is_explained():
    """COVERAGE.md has a row for each."""
    page = (PAGE.parents[2] / "orchestrator" / "sandbox" / "COVERAGE.md").read_text(encoding="utf-8")
    table = page.partition("| field | of | what it says |\n|---|---|---|\n")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}

    assert named == {field.name for field in fields(Rule)}

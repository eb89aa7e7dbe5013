"""Reads what the documents say: tables under headings, and code blocks."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def sections(path: Path) -> dict[str, str]:
    """Return the text under each heading of a page, by the heading's words; code blocks hold no headings."""
    found: dict[str, list[str]] = {}
    current: list[str] = found.setdefault("", [])
    fenced = False
    for line in path.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        if not fenced and (match := re.fullmatch(r"#+ (.+)", line)):
            current = found.setdefault(match[1], [])
        else:
            current.append(line)
    return {heading: "\n".join(lines) for heading, lines in found.items()}


def rows(text: str) -> list[list[str]]:
    """Return the cells of each table row in a text, headings and rulers left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells[1:] if set(row[0]) != {"-"}]


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language on a page."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


def pages() -> list[Path]:
    """Return every page people read."""
    found = [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    ]
    return sorted(found)

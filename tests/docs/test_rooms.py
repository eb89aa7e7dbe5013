"""docs/architecture.md draws the rooms as they are: who imports whom, read from the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from reading import ROOT, rows, sections

PAGE = sections(ROOT / "docs" / "architecture.md")
PACKAGE = ROOT / "orchestrator"
ROOMS = frozenset(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())
# What every room may import; the page says so once.
GROUND = frozenset({"core", "model"})


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement below; what is inside of expressions, which are most of a file, imports nothing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from statements(child)


def imported(path: Path) -> Iterator[str]:
    """Yield every room a file imports from, also where the import is inside a function or for types alone."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name.split(".")[1] for name in names if name.startswith("orchestrator."))


def arrows() -> dict[str, set[str]]:
    """Return for each room the others it imports, the ground apart."""
    found = {room: set() for room in ROOMS}
    for room in ROOMS:
        for path in (PACKAGE / room).rglob("*.py"):
            found[room] |= set(imported(path)) & ROOMS - {room} - GROUND
    return found


def test_every_room_is_described():
    """A new folder has its line, in both tables."""
    for heading in ("Rooms", "Who imports whom"):
        assert {name.strip("`/") for row in rows(PAGE[heading]) for name in row[0].split(", ")} == ROOMS


def test_the_arrows_drawn_are_those_of_the_code():
    """No import is left out, and none is told that is not there."""
    told = {
        room.strip("`"): set(re.findall(r"`(\w+)`", row[1]))
        for row in rows(PAGE["Who imports whom"])
        for room in row[0].split(", ")
    }

    assert told == arrows()


def test_every_path_on_the_page_exists():
    """Files that are named are there."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:[\w]+/)+[\w.]*)`", text))

    assert [path for path in sorted(paths) if not (PACKAGE / path).exists() and not (ROOT / path).exists()] == []

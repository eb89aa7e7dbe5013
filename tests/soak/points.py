"""Every crash point of the program, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from orchestrator.model.states import RUN_FINAL, RunState

SOURCES = Path(__file__).resolve().parents[2] / "orchestrator"
POINT, WRITING = "crash.point", "self._db.write("
ENDS = ("uncommitted", "committed")  # of a block of `Database.write`


def crash_points() -> frozenset[str]:
    """Return the names that `crash.point` may be given, by any file."""
    texts = (path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    trees = [ast.parse(text) for text in texts if "crash.point(" in text or WRITING in text]
    return frozenset(name for tree in trees for name in (*_named(tree), *_written(tree)))


def _named(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == POINT:
            (given,) = call.args
            if isinstance(given, ast.Constant):
                yield given.value
            elif ast.unparse(given).startswith("f'run.{"):
                yield from (f"run.{state.lower()}" for state in RunState if state not in RUN_FINAL)
            elif not ast.unparse(given).startswith("f'{writer}."):
                raise AssertionError(f"a crash point without a name: {ast.unparse(given)}")


def _written(tree: ast.Module) -> Iterator[str]:
    """Yield the points of every method that opens `Database.write`; its tables have one class each."""
    for family in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for method in (node for node in family.body if isinstance(node, ast.FunctionDef)):
            if WRITING in ast.unparse(method):
                yield from (f"{family.name}.{method.name}.{end}" for end in ENDS)


if __name__ == "__main__":
    print("\n".join(sorted(crash_points())))  # noqa: T201

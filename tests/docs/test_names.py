"""A name stands for one thing: whoever reads it anywhere in the product knows which is meant."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from reading import ROOT

PRODUCT = ROOT / "orchestrator"
# What Python callers see carries the name of what it shows, as the field calls it: `orc.Run` shows a stored run.
FACES = {("api", name) for name in ("Job", "Plan", "Result", "Run")}
# What these give is called with their name before it: `orc.dataset.pack`, `orc.patches.pack`.
NAMESPACES = frozenset({"api/dataset.py", "api/patches.py"})
# Each of these is asked for its `routes`, by the name of its module.
VIEWS = ("faces/web/views/", "faces/web/api/__init__.py")
# Words that once named an interval, a set of clients or a request to cancel, and said none of it.
FORMER = re.compile(r"patience|hands|surroundings?|wish(es|ed)?|desk")
# Keys of users' files and columns of stored databases stay what they were.
KEPT = {("config/sections.py", "patience")}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Return every module of the product with its path; the sandbox is a service of its own, and has its words."""
    paths = [(path.relative_to(PRODUCT).as_posix(), path) for path in sorted(PRODUCT.rglob("*.py"))]
    return tuple(
        (name, ast.parse(path.read_text(encoding="utf-8"))) for name, path in paths if not name.startswith("sandbox/")
    )


def types_of(module: ast.Module) -> Iterator[str]:
    """Yield the classes and the named types of a module; variables of types and private names apart."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.Assign):
            found = [target.id for target in node.targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (name for name in found if re.fullmatch(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*", name))


def names_of(module: ast.Module) -> Iterator[str]:
    """Yield what a module names: classes, functions, arguments, variables and attributes it sets."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, whether it is written as_this or AsThis."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def node_name(node: ast.stmt) -> str:
    return getattr(node, "name", "")


def test_no_two_modules_give_a_type_the_same_name():
    """A class, or a type that is given a name, is the only one of that name; what callers see may show another."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, module in modules():
        for name in types_of(module):
            if (path.split("/")[0], name) not in FACES:
                found[name].append(path)

    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_no_two_modules_of_a_room_give_a_function_the_same_name():
    """A public function is the only one of that name in its room; a namespace is a name before it."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, module in modules():
        if "migrations/versions" not in path and path not in NAMESPACES:
            for node in module.body:
                if (path.startswith(VIEWS) and node_name(node) == "routes") or node_name(node).startswith("_"):
                    continue
                if isinstance(node, ast.FunctionDef):
                    found[path.split("/")[0], node.name].append(path)

    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_names_are_made_of_the_words_of_the_field():
    """A limit is called a limit, clients are called clients, and a request to cancel is called that."""
    assert [
        (path, name)
        for path, module in modules()
        for name in names_of(module)
        if any(FORMER.fullmatch(word) for word in words_of(name)) and (path, name) not in KEPT
    ] == []

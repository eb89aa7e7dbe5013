"""A user's own Python file: read, run without its own signing in, and its errors in one line with where they are."""

from __future__ import annotations

import ast
import hashlib
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

from orchestrator.core import log
from orchestrator.core.errors import RecipeError
from orchestrator.recipes.file_modes import check_modes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PythonFile:
    """
    A file of code that a user told to run.

    Attributes:
        path: As it was given.
        source: Its bytes.
    """

    path: str
    source: bytes

    @property
    def sha256(self) -> str:
        """Checksum of the source, as hexadecimal digits."""
        return hashlib.sha256(self.source).hexdigest()

    def namespace(self, name: str) -> dict[str, Any]:
        """
        Run the file as a module called `name`, and return what it defines.

        Raises:
            RecipeError: It fails.
        """
        defined: dict[str, Any] = {"__name__": name, "__file__": self.path}
        self.run(lambda: exec(_signed_in(self.source, self.path), defined))  # noqa: S102  the user's own file
        return defined

    def run(self, call: Callable[[], T]) -> T:
        """
        Return what a function of the file returns.

        Raises:
            RecipeError: It fails; the message names the line of this file.
        """
        try:
            return call()
        except BaseException as error:  # it may try to end the program, too
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise
            raise RecipeError(f"{self.path}{self._where(error)} failed: {_told(error)}") from error

    def _where(self, error: BaseException) -> str:
        if isinstance(error, SyntaxError) and error.filename == self.path:
            return f", line {error.lineno},"
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == self.path]
        return f", line {lines[-1]}," if lines else ""


def read_python(path: str, recipe: str) -> PythonFile:
    """
    Read a user's file.

    Raises:
        RecipeError: There is none that can be read, or just anybody may put code into it.
    """
    file = Path(path)
    try:
        if not path or not file.is_file():
            raise RecipeError(f"recipe {recipe} needs a Python file: --param file=PATH; {path or 'none'} is no file")
        check_modes(file)
        return PythonFile(path, file.read_bytes())
    except OSError as error:
        raise RecipeError(f"recipe {recipe} cannot read its Python file {path}: {error.strerror}") from None


def _told(error: BaseException) -> str:
    """Return an error in one line."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(str(said).split())}"


def _signed_in(source: bytes, file: str) -> CodeType:
    """
    Compile a user's file without its own signing in, which would take the client of the whole process elsewhere.

    Each `ee.Initialize(...)` and `ee.Authenticate(...)` becomes None, and is said.
    """
    without = _WithoutSignIn()
    tree = ast.fix_missing_locations(without.visit(ast.parse(source, file)))
    for line, call in without.ignored:
        log.get("recipes").warning("image_code.sign_in_ignored", file=file, line=line, call=f"ee.{call}")
    return compile(tree, file, "exec")


_SIGN_IN = frozenset({"Initialize", "Authenticate"})


class _WithoutSignIn(ast.NodeTransformer):
    """Takes calls of `_SIGN_IN` out, by whatever name the file knows `ee`; `ignored` lists them by line."""

    def __init__(self) -> None:
        self.ignored: list[tuple[int, str]] = []
        self._modules = {"ee"}
        self._functions: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> ast.Import:
        self._modules |= {alias.asname or alias.name for alias in node.names if alias.name == "ee"}
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module == "ee":
            self._functions |= {a.asname or a.name: a.name for a in node.names if a.name in _SIGN_IN}
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = self._called(node.func)
        if not name:
            return self.generic_visit(node)
        self.ignored.append((node.lineno, name))
        return ast.copy_location(ast.Constant(None), node)

    def _called(self, function: ast.expr) -> str:
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return function.attr if function.value.id in self._modules and function.attr in _SIGN_IN else ""
        return self._functions.get(function.id, "") if isinstance(function, ast.Name) else ""

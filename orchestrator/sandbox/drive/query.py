"""Drive's search language, the part of it that file lists need: `name = 'x' and 'id' in parents`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.sandbox.drive.files import DriveFile
from orchestrator.sandbox.web import ApiError, not_imitated

Predicate = Callable[[DriveFile], bool]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<sign>!=|<=|>=|=|<|>|\(|\))|(?P<word>[A-Za-z]+))")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str


def parse(text: str, root: str) -> Predicate:
    """
    Read a query; `root` is the id that the alias `root` stands for.

    Raises:
        ApiError: 400 `Invalid Value` if the text is no query; or for a term that is not imitated.
    """
    reader = _Reader(_tokens(text), root)
    found = reader.either()
    if reader.tokens:
        raise _invalid()
    return found


def _invalid() -> ApiError:
    return ApiError(400, "Invalid Value")


def _tokens(text: str) -> list[_Token]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            raise _invalid()
        kind = found.lastgroup or ""
        value = found.group(kind)
        if kind == "text":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        tokens.append(_Token(kind, value))
        position = found.end()
    return tokens


class _Reader:
    """Recursive descent: or, and, not, term."""

    def __init__(self, tokens: list[_Token], root: str) -> None:
        self.tokens = tokens
        self._root = root

    def either(self) -> Predicate:
        left = self._both()
        while self._accept("or"):
            left = _any(left, self._both())
        return left

    def _both(self) -> Predicate:
        left = self._not()
        while self._accept("and"):
            left = _all(left, self._not())
        return left

    def _not(self) -> Predicate:
        if self._accept("not"):
            inner = self._not()
            return lambda each: not inner(each)
        if self._accept("("):
            inner = self.either()
            if not self._accept(")"):
                raise _invalid()
            return inner
        return self._term()

    def _term(self) -> Predicate:
        first = self._next()
        operator, value = self._next(), self._next()
        if first.kind == "text":
            if (operator.value, value.value) != ("in", "parents"):
                raise not_imitated(f"Drive's query term '... {operator.value} {value.value}'")
            parent = self._root if first.value == "root" else first.value
            return lambda each: parent in each.parents
        return _comparison(first.value, operator.value, value)

    def _accept(self, value: str) -> bool:
        if self.tokens and self.tokens[0].kind != "text" and self.tokens[0].value == value:
            self.tokens.pop(0)
            return True
        return False

    def _next(self) -> _Token:
        if not self.tokens:
            raise _invalid()
        return self.tokens.pop(0)


def _any(left: Predicate, right: Predicate) -> Predicate:
    return lambda each: left(each) or right(each)


def _all(left: Predicate, right: Predicate) -> Predicate:
    return lambda each: left(each) and right(each)


def _comparison(name: str, operator: str, value: _Token) -> Predicate:
    if name == "trashed" and operator in ("=", "!=") and value.value in ("true", "false"):
        wanted = (value.value == "true") == (operator == "=")
        return lambda each: each.trashed == wanted
    if name not in ("name", "mimeType", "createdTime", "modifiedTime") or value.kind != "text":
        raise not_imitated(f"Drive's query term '{name} {operator}'")
    text = value.value
    if operator == "contains":
        # Drive's `name contains` matches beginnings of words; a name's beginning is the case that is used.
        return lambda each: any(_words_begin(_field(each, name), text))
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda found: found == text,
        "!=": lambda found: found != text,
        "<": lambda found: found < text,
        "<=": lambda found: found <= text,
        ">": lambda found: found > text,
        ">=": lambda found: found >= text,
    }
    if operator not in tests:
        raise _invalid()
    test = tests[operator]
    return lambda each: test(_field(each, name))


def _field(each: DriveFile, name: str) -> str:
    values = {
        "name": each.name,
        "mimeType": each.mime_type,
        "createdTime": each.created,
        "modifiedTime": each.modified,
    }
    return values[name]


def _words_begin(found: str, text: str) -> list[bool]:
    low, wanted = found.lower(), text.lower()
    starts = [0] + [m.end() for m in re.finditer(r"[\s_\-./]", low)]
    return [low.startswith(wanted, start) for start in starts]

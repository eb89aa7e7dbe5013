"""Drive's search language, the part of it that file lists need: `name = 'x' and 'id' in parents`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
        sign, value = self._next(), self._next()
        if first.kind == "text":
            if (sign.value, value.value) != ("in", "parents"):
                raise not_imitated(f"Drive's query term '... {sign.value} {value.value}'")
            parent = self._root if first.value == "root" else first.value
            return lambda each: parent in each.parents
        return _comparison(first.value, sign.value, value)

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


def _comparison(name: str, sign: str, value: _Token) -> Predicate:
    if name == "trashed" and sign in ("=", "!=") and value.value in ("true", "false"):
        wanted = (value.value == "true") == (sign == "=")
        return lambda each: each.trashed == wanted
    if value.kind == "text" and name in _TEXTS:
        return _about_text(_TEXTS[name], sign, value.value)
    if value.kind == "text" and name in _TIMES:
        return _about_time(_TIMES[name], sign, value.value)
    raise not_imitated(f"Drive's query term '{name} {sign}'")


_TEXTS: dict[str, Callable[[DriveFile], str]] = {
    "name": lambda each: each.name,
    "mimeType": lambda each: each.mime_type,
}
_TIMES: dict[str, Callable[[DriveFile], str]] = {
    "createdTime": lambda each: each.created,
    "modifiedTime": lambda each: each.modified,
}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _about_text(field: Callable[[DriveFile], str], sign: str, text: str) -> Predicate:
    if sign == "contains":
        # Drive's `name contains` matches beginnings of words; a name's beginning is the case that is used.
        return lambda each: any(_words_begin(field(each), text))
    if sign not in ("=", "!="):
        raise _invalid()
    return lambda each: (field(each) == text) == (sign == "=")


def _about_time(field: Callable[[DriveFile], str], sign: str, text: str) -> Predicate:
    """Compare moments, whatever their offsets from UTC; without one a time is in UTC."""
    if sign not in _ORDERS:
        raise _invalid()
    compare, wanted = _ORDERS[sign], _moment(text)
    return lambda each: compare(_moment(field(each)), wanted)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid() from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _words_begin(found: str, text: str) -> list[bool]:
    low, wanted = found.lower(), text.lower()
    starts = [0] + [m.end() for m in re.finditer(r"[\s_\-./]", low)]
    return [low.startswith(wanted, start) for start in starts]

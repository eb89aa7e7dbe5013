"""Drive's search language, the part of it that file lists need: `name = 'x' and 'id' in parents`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator.sandbox.drive.values import ME, DriveFile
from orchestrator.sandbox.web import ApiError, not_imitated

Predicate = Callable[[DriveFile], bool]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<sign>!=|<=|>=|=|<|>|[(){}])|(?P<word>[A-Za-z.]+))")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: str


def parse(text: str, root: str, is_trashed: Callable[[DriveFile], bool] = lambda each: each.trashed) -> Predicate:
    """
    Read a query.

    Args:
        text: The query.
        root: The id that the alias `root` stands for.
        is_trashed: Whether a file, or a folder around it, is in the trash.

    Raises:
        ApiError: 400 `Invalid Value` if the text is no query; or for a term that is not imitated.
    """
    reader = _Reader(_tokens(text), root, is_trashed)
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

    def __init__(self, tokens: list[_Token], root: str, is_trashed: Callable[[DriveFile], bool]) -> None:
        self.tokens = tokens
        self._root = root
        self._truths = {"trashed": is_trashed, **_TRUTHS}

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
        first, sign = self._next(), self._next()
        if sign.value == "has" and first.value in _LABELS:
            return self._label(first.value)
        value = self._next()
        if first.kind == "text":
            return self._member(first.value, sign.value, value.value)
        if first.value in self._truths:
            return _about_truth(self._truths[first.value], sign.value, value.value)
        return _comparison(first.value, sign.value, value)

    def _member(self, wanted: str, sign: str, name: str) -> Predicate:
        if sign != "in":
            raise _invalid()
        if name == "parents":
            parent = self._root if wanted == "root" else wanted
            return lambda each: parent in each.parents
        if name in _ROLES:
            return lambda each: wanted in _people(each, _ROLES[name])
        raise not_imitated(f"Drive's query term '... in {name}'")

    def _label(self, name: str) -> Predicate:
        """`{ key='a' and value='b' }`."""
        found = [self._next().value for _ in range(9)]
        if [found[at] for at in (0, 1, 2, 4, 5, 6, 8)] != ["{", "key", "=", "and", "value", "=", "}"]:
            raise _invalid()
        key, value = found[3], found[7]
        return lambda each: each.details.get(name, {}).get(key) == value

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
    if value.kind == "text" and name in _TEXTS:
        return _about_text(_TEXTS[name], sign, value.value)
    if value.kind == "text" and name in _TIMES:
        return _about_time(_TIMES[name], sign, value.value)
    if name in (*_TEXTS, *_TIMES):
        raise _invalid()
    raise not_imitated(f"Drive's query term '{name} {sign}'")


def _about_truth(field: Callable[[DriveFile], bool], sign: str, value: str) -> Predicate:
    if sign not in ("=", "!=") or value not in ("true", "false"):
        raise _invalid()
    wanted = (value == "true") == (sign == "=")
    return lambda each: field(each) == wanted


def _people(each: DriveFile, roles: tuple[str, ...]) -> set[str]:
    owner = {str(ME["emailAddress"])} if each.drive is None else set()
    return owner | {str(one.get("emailAddress")) for one in each.permissions if one["role"] in roles}


_TRUTHS: dict[str, Callable[[DriveFile], bool]] = {
    "starred": lambda each: each.starred,
    "sharedWithMe": lambda _: False,  # everything here is the user's own, or a shared drive's
}
_LABELS = ("properties", "appProperties")
# Who has one of these roles is found by the term; an owner also writes and reads.
_ROLES: dict[str, tuple[str, ...]] = {
    "owners": (),
    "writers": ("writer", "organizer", "fileOrganizer"),
    "readers": ("reader", "commenter", "writer", "organizer", "fileOrganizer"),
}
_TEXTS: dict[str, Callable[[DriveFile], str]] = {
    "name": lambda each: each.name,
    "mimeType": lambda each: each.mime_type,
}
_TIMES: dict[str, Callable[[DriveFile], str | None]] = {
    "createdTime": lambda each: each.created,
    "modifiedTime": lambda each: each.modified,
    "viewedByMeTime": lambda each: each.details.get("viewedByMeTime"),
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


def _about_time(field: Callable[[DriveFile], str | None], sign: str, text: str) -> Predicate:
    """Compare moments, whatever their offsets from UTC; without one a time is in UTC. What has no time never fits."""
    if sign not in _ORDERS:
        raise _invalid()
    compare, wanted = _ORDERS[sign], _moment(text)

    def fits(each: DriveFile) -> bool:
        found = field(each)
        return found is not None and compare(_moment(found), wanted)

    return fits


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

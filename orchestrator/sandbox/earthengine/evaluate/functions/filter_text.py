"""Filters written as text, such as `random < 0.8`."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.functions.filter import Every, Not, Some
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup
from orchestrator.sandbox.earthengine.evaluate.values import Predicate

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<text>'[^'\\]*'|"[^"\\]*")|(?P<sign>>=|<=|==|!=|&&|\|\||[<>()!]))"""
)
_COMPARISONS = {
    ">": "greaterThan",
    ">=": "greaterThanOrEquals",
    "<": "lessThan",
    "<=": "lessThanOrEquals",
    "==": "equals",
    "!=": "notEquals",
}


@function("Filter.expression")
def expressed(text: str) -> Predicate:
    """
    Read a filter: comparisons of a property with a number or a text, joined by `!`, `&&`, `||` and brackets.

    Raises:
        EvaluationError: If it is none, or compares two properties or two values.
    """
    reader = _Reader(text)
    found = reader.some()
    reader.expect("end", "")
    return found


class _Reader:
    """Reads tokens from left to right; `!` binds more than `&&`, and that more than `||`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._at = 0

    def _split(self) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while self._text[at:].strip():
            found = _TOKEN.match(self._text, at)
            if found is None:
                raise not_imitated(f"Filter.expression: '{self._text[at:].strip()[:10]}' in '{self._text}'")
            kind = found.lastgroup or ""
            tokens.append((kind, found[kind]))
            at = found.end()
        return [*tokens, ("end", "")]

    def _accept(self, sign: str) -> bool:
        found = self._tokens[self._at] == ("sign", sign)
        self._at += found
        return found

    def expect(self, kind: str, token: str) -> None:
        if self._tokens[self._at] != (kind, token):
            raise EvaluationError(
                f"Filter.expression: Unable to parse '{self._text}' near '{self._tokens[self._at][1]}'."
            )
        self._at += kind != "end"

    def some(self) -> Predicate:
        parts = [self._every()]
        while self._accept("||"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self) -> Predicate:
        parts = [self._single()]
        while self._accept("&&"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _single(self) -> Predicate:
        if self._accept("!"):
            self.expect("sign", "(")
            self._at -= 1
            return Not(self._single())
        if self._accept("("):
            inner = self.some()
            self.expect("sign", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        (kind, left), (_, sign), (other, right) = (self._take() for _ in range(3))
        if sign not in _COMPARISONS or "end" in {kind, other}:
            raise EvaluationError(f"Filter.expression: Unable to parse '{self._text}' near '{sign}'.")
        make = lookup(f"Filter.{_COMPARISONS[sign]}").call
        found: Predicate
        if kind == "name" and other in {"number", "text"}:
            found = make(left, _literal(other, right), None, None)
        elif other == "name" and kind in {"number", "text"}:
            found = make(None, None, right, _literal(kind, left))
        else:
            raise not_imitated(f"Filter.expression: the comparison '{left} {sign} {right}'")
        return found

    def _take(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at += token[0] != "end"
        return token


def _literal(kind: str, token: str) -> Any:
    if kind == "text":
        return token[1:-1]
    return int(token) if re.fullmatch(r"[+-]?\d+", token) else float(token)

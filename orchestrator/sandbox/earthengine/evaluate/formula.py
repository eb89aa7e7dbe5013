"""Parses the formulas of `Image.expression`: a small language of operators, functions and bands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.limits import whole

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|0[bB][01]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>\*\*|<=|>=|==|!=|&&|\|\||<<|>>|[-+*/%^&|~!<>?:(),.\[\]=]))"
)
_BINDING = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 12,
}  # fmt: skip
_UNARY_BINDING = 11
_DIGITS = 20  # of a whole number of 64 bits, and one more
_BLANK_END = re.compile(r"\s*\Z")
# The functions that operators stand for, of images and of numbers.
BINARY = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "mod", "**": "pow", "<": "lt",
    "<=": "lte", ">": "gt", ">=": "gte", "==": "eq", "!=": "neq", "&&": "and", "||": "or", "&": "bitwiseAnd",
    "|": "bitwiseOr", "^": "bitwiseXor", "<<": "leftShift", ">>": "rightShift",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Formula:
    """
    A node of a parsed formula.

    Attributes:
        kind: `number`, `name`, `band`, `call`, `unary`, `binary`, `choice`, or `named` at the root.
        value: The number, the name, the bands' names or indexes (none for all of them), the function or the operator.
        parts: Operands.
    """

    kind: str
    value: float | str | tuple[float | str, ...]
    parts: tuple[Formula, ...] = ()


def parsed(text: str, function: str = "Image.parseExpression") -> Formula:
    """
    Parse a formula; `function` is who reads it, for the error.

    Raises:
        EvaluationError: If the text is not one.
    """
    parser = _Parser(text, function)
    found = parser.assignment()
    parser.expect_end()
    return found


def _number(text: str) -> float:
    """Read a decimal number, or a whole one with 0x or 0b before it."""
    if text[:2].lower() in {"0x", "0b"}:
        return whole("A number of a formula", int(text, 0))
    if re.search(r"[.eE]", text):
        return float(text)
    return whole("A number of a formula", float(text) if len(text) > _DIGITS else int(text))


class _Parser:
    """Precedence climbing over a list of tokens."""

    def __init__(self, text: str, function: str) -> None:
        self._text = text
        self._function = function
        self._tokens = self._split(text)
        self._at = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while not _BLANK_END.match(text, at):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(text[at:].strip()[:10])
            kind = match.lastgroup or ""
            tokens.append((kind, match.group(kind)))
            at = match.end()
        return [*tokens, ("end", "")]

    def _error(self, near: str) -> EvaluationError:
        return EvaluationError(f"{self._function}: Unable to parse expression '{self._text}' near '{near}'.")

    def _take(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at += token[0] != "end"
        return token

    def _accept(self, sign: str) -> bool:
        if self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._error(self._tokens[self._at][1])

    def expect_end(self) -> None:
        if self._tokens[self._at][0] != "end":
            raise self._error(self._tokens[self._at][1])

    def assignment(self) -> Formula:
        if self._tokens[0][0] == "name" and self._tokens[1:2] == [("sign", "=")]:
            name = self._take()[1]
            self._expect("=")
            return Formula("named", name, (self.choice(),))
        return self.choice()

    def choice(self) -> Formula:
        condition = self._binary(1)
        if not self._accept("?"):
            return condition
        yes = self.choice()
        self._expect(":")
        return Formula("choice", "?", (condition, yes, self.choice()))

    def _binary(self, weakest: int) -> Formula:
        left = self._unary()
        while True:
            kind, sign = self._tokens[self._at]
            binding = _BINDING.get(sign, 0) if kind == "sign" else 0
            if binding < weakest:
                return left
            self._at += 1
            # Powers bind to the right, everything else to the left.
            right = self._binary(binding if sign == "**" else binding + 1)
            left = Formula("binary", sign, (left, right))

    def _unary(self) -> Formula:
        for sign in ("-", "+", "!", "~"):
            if self._accept(sign):
                return Formula("unary", sign, (self._binary(_UNARY_BINDING),))
        return self._postfix(self._atom())

    def _atom(self) -> Formula:
        kind, text = self._take()
        if kind == "number":
            return Formula("number", _number(text))
        if kind == "name":
            return self._call(text) if self._accept("(") else Formula("name", text)
        if (kind, text) == ("sign", "("):
            inner = self.choice()
            self._expect(")")
            return inner
        raise self._error(text)

    def _call(self, name: str) -> Formula:
        if name == "b":
            return Formula("band", self._bands(")"), (Formula("name", ""),))
        parts = []
        while not self._accept(")"):
            parts.append(self.choice())
            if not self._accept(","):
                self._expect(")")
                break
        return Formula("call", name, tuple(parts))

    def _bands(self, closing: str) -> tuple[float | str, ...]:
        found: list[float | str] = []
        while not self._accept(closing):
            kind, text = self._take()
            if kind not in {"number", "text"}:
                raise self._error(text)
            found.append(int(text) if kind == "number" else text[1:-1])
            if not self._accept(","):
                self._expect(closing)
                break
        return tuple(found)

    def _postfix(self, formula: Formula) -> Formula:
        while True:
            if self._accept("."):
                kind, name = self._take()
                if kind != "name":
                    raise self._error(name)
                formula = Formula("band", (name,), (formula,))
            elif self._accept("["):
                formula = Formula("band", self._bands("]"), (formula,))
            else:
                return formula

"""`Number.expression`: formulas become numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.formula import BINARY, Formula, parsed
from orchestrator.sandbox.earthengine.evaluate.registry import function, imitated, lookup, parameters
from orchestrator.sandbox.earthengine.evaluate.values import number_in

_NAME = "Number.expression"
_CONSTANTS = {"PI": math.pi, "E": math.e}
_NOT_NUMERIC = frozenset({"format", "parse", "expression"})


@function(_NAME)
def expression(text: str, variables: Mapping[str, Any] | None) -> float:
    """Compute a formula of named values, of which dictionaries give their entries after a dot."""
    return number_in(_NAME, _value(parsed(text, _NAME), variables or {}))


def _value(formula: Formula, variables: Mapping[str, Any]) -> Any:
    kind, value = formula.kind, formula.value
    if kind == "number":
        return value
    if kind == "name":
        return _entry(variables, str(value))
    if kind == "band":
        return _member(formula, variables)
    if kind == "choice":
        condition, yes, no = formula.parts
        return _value(yes if number_in(_NAME, _value(condition, variables)) else no, variables)
    operands = [number_in(_NAME, _value(part, variables)) for part in formula.parts]
    if kind == "unary":
        return _signed(str(value), operands[0])
    return _called(BINARY[str(value)] if kind == "binary" else str(value), operands)


def _entry(variables: Mapping[str, Any], name: str) -> Any:
    if name not in variables:
        raise EvaluationError(f"{_NAME}: Unknown variable '{name}'.")
    return variables[name]


def _member(formula: Formula, variables: Mapping[str, Any]) -> Any:
    selectors = formula.value if isinstance(formula.value, tuple) else ()
    if len(selectors) != 1:
        raise EvaluationError(f"{_NAME}: One name is needed in brackets, found {list(selectors)}.")
    name, whole = str(selectors[0]), formula.parts[0]
    if whole == Formula("name", "Math") and "Math" not in variables and name in _CONSTANTS:
        return _CONSTANTS[name]
    found = _value(whole, variables)
    if not isinstance(found, Mapping):
        raise EvaluationError(f"{_NAME}: '{name}' of what is no dictionary.")
    return _entry(found, name)


def _signed(sign: str, operand: float) -> float:
    if sign in "!~":
        return _called("not" if sign == "!" else "bitwiseNot", [operand])
    return operand if sign == "+" else -operand


def _called(name: str, operands: list[float]) -> float:
    full = f"Number.{name}"
    if full not in imitated() or name in _NOT_NUMERIC:
        raise EvaluationError(f"{_NAME}: Unknown function '{name}'.")
    if len(operands) != len(parameters(full)):
        raise EvaluationError(f"{_NAME}: '{name}' takes {len(parameters(full))} arguments, found {len(operands)}.")
    return number_in(_NAME, lookup(full).call(*operands))

"""`Image.expression`: formulas become functions of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.array_guard import refuse_arrays
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated, shown
from orchestrator.sandbox.earthengine.evaluate.formula import BINARY, Formula, parsed
from orchestrator.sandbox.earthengine.evaluate.functions.image_structure import rename, select
from orchestrator.sandbox.earthengine.evaluate.images import constant_image
from orchestrator.sandbox.earthengine.evaluate.registry import function, lookup, parameters
from orchestrator.sandbox.earthengine.evaluate.values import Algorithm, Image

_FUNCTIONS = frozenset(
    {"sqrt", "abs", "exp", "log", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "floor", "ceil", "round"}
    | {"pow", "min", "max", "atan2", "hypot"}
)
_CONSTANTS = {"PI": 3.141592653589793, "E": 2.718281828459045}


@function("Image.parseExpression")
def parse_expression(text: str, default: str, names: list[str], free_bands: bool) -> Algorithm:
    """Give a function of the named variables; `default` is the image that `b("name")` means."""
    formula = parsed(text)

    def call(arguments: Mapping[str, Any]) -> Image:
        images = {name: _image(value) for name, value in arguments.items()}
        return _evaluated(formula, images, default, free_bands=free_bands)

    return Algorithm(tuple(names), call)


def _image(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, (int, float)):
        return constant_image(value)
    raise EvaluationError(f"Image.parseExpression: '{shown(value)}' is neither an image nor a number.")


def _evaluated(formula: Formula, images: Mapping[str, Image], default: str, *, free_bands: bool) -> Image:
    parts = [part for part in formula.parts if part != Formula("name", "")]
    operands = [_evaluated(part, images, default, free_bands=free_bands) for part in parts]
    if formula.kind == "number":
        return constant_image(formula.value)
    if formula.kind == "name":
        return _variable(str(formula.value), images, default, free_bands=free_bands)
    if formula.kind == "band":
        image = operands[0] if operands else images[default]
        return select(image, list(formula.value), None) if isinstance(formula.value, tuple) and formula.value else image
    if formula.kind == "named":
        return rename(operands[0], [formula.value])
    return _applied(formula, operands)


def _applied(formula: Formula, operands: list[Image]) -> Image:
    name = str(formula.value)
    if formula.kind == "unary":
        return _unary(name, operands[0])
    if name == "^" and any(band.type != pixel_types.BOOLEAN for image in operands for band in image.bands):
        raise not_imitated("Image.parseExpression: '^' of other than yes and no (Image.bitwiseXor)")
    if formula.kind == "binary":
        return _called(BINARY[name], operands)
    return _chosen(*operands) if formula.kind == "choice" else _function(name, operands)


def _variable(name: str, images: Mapping[str, Image], default: str, *, free_bands: bool) -> Image:
    if name in images:
        return images[name]
    if name in _CONSTANTS:
        return constant_image(_CONSTANTS[name])
    if free_bands:
        return select(images[default], [name], None)
    raise EvaluationError(f"Image.parseExpression: Unknown variable '{name}'.")


def _unary(sign: str, operand: Image) -> Image:
    if sign == "!":
        return _called("not", [operand])
    if sign == "~":
        raise EvaluationError("Image.parseExpression: '~' is not imitated by this sandbox.")
    return operand if sign == "+" else _called("multiply", [operand, constant_image(-1)])


def _chosen(condition: Image, yes: Image, no: Image) -> Image:
    return _called("where", [no, condition, yes])


def _function(name: str, operands: list[Image]) -> Image:
    if name not in _FUNCTIONS:
        raise EvaluationError(f"Image.parseExpression: Unknown function '{name}'.")
    wanted = len(parameters(f"Image.{name}"))
    if len(operands) != wanted:
        raise not_imitated(f"Image.parseExpression: '{name}' of {len(operands)} values, where {wanted} are told,")
    return _called(name, operands)


def _called(name: str, operands: list[Image]) -> Image:
    refuse_arrays(f"Image.{name}", (("", operand) for operand in operands))
    found: Image = lookup(f"Image.{name}").call(*operands)
    return found

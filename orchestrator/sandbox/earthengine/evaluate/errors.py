"""What can go wrong in an evaluation, in Earth Engine's own sentences where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox.earthengine.evaluate import refusals


class EvaluationError(Exception):
    """The expression cannot be evaluated; the message is the service's answer to the user."""


class NotImitatedError(EvaluationError):
    """The expression asks for what this sandbox does not imitate: it is refused by name, never guessed."""


class UnknownFunctionError(NotImitatedError):
    """The expression calls a function that this sandbox does not imitate."""

    def __init__(self, name: str) -> None:
        """Name the function, and say whose limit it is, why, and what may serve instead."""
        refusal = refusals.told().get(name)
        reason = f" {refusal.sentence}" if refusal else ""
        super().__init__(f"{name}: this sandbox does not imitate this Earth Engine function.{reason}")
        self.name = name


class UnboundedImageError(EvaluationError):
    """The image has no grid of its own, and none was asked for."""

    def __init__(self) -> None:
        """Say what an export says."""
        super().__init__("Unable to export unbounded image.")


def not_imitated(what: str, why: str = "") -> NotImitatedError:
    """Refuse a part of a function by name: a combination whose documented meaning was not found is never guessed."""
    return NotImitatedError(f"{what} is not imitated by this sandbox.{why and ' '}{why}")


_SHOWN = 10  # members of a list in a sentence


def shown(value: Any) -> str:
    """Write a value into a sentence: texts and numbers as they are, anything else by its type, never Python's form."""
    if value is None or isinstance(value, (str, int, float)):
        return "null" if value is None else str(value)
    if isinstance(value, (list, tuple)):
        more = ", ..." if len(value) > _SHOWN else ""
        return f"[{', '.join(map(shown, value[:_SHOWN]))}{more}]"
    if isinstance(value, Mapping):
        return f"a Dictionary of {len(value)} entries"
    return f"a value of type {type(value).__name__.lstrip('_')}"

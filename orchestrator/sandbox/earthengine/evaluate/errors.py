"""What can go wrong in an evaluation, in Earth Engine's own sentences where they are known."""

from __future__ import annotations

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

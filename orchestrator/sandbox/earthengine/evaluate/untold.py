"""What a function would give besides, if the documentation told how it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated


@dataclass(frozen=True, slots=True)
class Untold:
    """
    A result whose rule was not found: it may be passed over, never looked at.

    Attributes:
        what: Its name, for the refusal.
    """

    what: str


def told(value: Any) -> Any:
    """
    Give a value that somebody looks at.

    Raises:
        EvaluationError: If its rule was not found.
    """
    if isinstance(value, Untold):
        raise not_imitated(value.what)
    return value

"""What a function would give besides, if the documentation told how it is computed."""

from __future__ import annotations

from collections.abc import Mapping
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


class PartlyTold(dict[str, Any]):
    """A dictionary of which some keys are known: those may be looked up, nothing else may be asked of it."""

    def __init__(self, what: str, known: Mapping[str, Any]) -> None:
        """Keep what is known; `what` is its name, for refusals."""
        super().__init__(known)
        self._what = what

    def __contains__(self, key: object) -> bool:
        """Tell that a known key is there; whether another is, is refused."""
        if super().__contains__(key):
            return True
        raise not_imitated(f"{self._what}: '{key}'")

    def _whole(self, *_: Any) -> Any:
        raise not_imitated(f"{self._what}: anything but {', '.join(map(repr, super().__iter__()))}")

    __iter__ = __len__ = __eq__ = keys = items = values = _whole
    __hash__ = None

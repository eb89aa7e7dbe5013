"""Who does units elsewhere than in threads of this process: what is asked of them, and what they may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.unit import UnitClaim


@dataclass(frozen=True, slots=True)
class Unanswered:
    """
    Nobody says what came of a unit, and nobody is at it any more as far as is known.

    Attributes:
        why: For a person.
        counted: Whether it counts against the attempts of the unit: where the unit itself may be at fault.
        refused: Whether whoever was asked cannot do units of this run at all, and everybody else here could not, too.
    """

    why: str
    counted: bool = True
    refused: bool = False


OnEnd = Callable[[Unanswered | None], None]
"""Told once, from any thread, that a unit ended; None where whoever did it has written down what came of it."""


class UnitCarrier(Protocol):
    """Brings units that were claimed to where they are done. Used from any thread."""

    def room(self) -> int:
        """Return how many more units may be begun now."""

    def trouble(self) -> str:
        """Return why none can be begun at all, for a person; empty where that is not so."""

    def beginning(self) -> str:
        """Say who is being begun, for a person; empty once anybody is there."""

    def begin(self, claim: UnitClaim, on_end: OnEnd) -> None:
        """
        Have a unit done; nothing but its claim is told to who does it.

        Raises:
            TransientError: Nobody is there now; `trouble` says why.
            StateError: Nobody will be there before a person has done something.
        """

    def close(self) -> None:
        """End what was begun here. May be called several times."""

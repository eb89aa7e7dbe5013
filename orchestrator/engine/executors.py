"""Who does the units that a run's holder has claimed: threads of its own, or others that any process may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from orchestrator.core.errors import TransientError
from orchestrator.model.unit import Unit

UnitEnded = Callable[[Exception | None], None]


class UnitLostError(TransientError):
    """Whoever did a unit ended meanwhile, or was not heard of again: it is done once more, and that counts."""


class UnitExecutor(Protocol):
    """
    Does claimed units, each at least once and with one effect: `engine.steps.StepRunner` commits what came of it.

    It moves work and holds no truth: a unit that is done twice, or never, costs time only. Pixels go from where they
    come to where they belong, never through it. Safe to use from several threads; one may serve several runs.
    """

    def room(self) -> int:
        """Return how many more units it takes now."""

    def beginning(self) -> str:
        """Say who is being begun to do units, for a person; empty where somebody is there."""

    def submit(self, unit: Unit, ended: UnitEnded) -> None:
        """
        Have a claimed unit done, without waiting for it.

        `ended` is told once, in any thread, and until then the claim is kept good: None where it was committed, or was
        another's by then; `Stopped` where it was not done, which does not count as a try; `UnitLostError`; else what
        the run's holder must act on.
        """

    def close(self) -> None:
        """Give up what has not begun, and wait for what has."""


class NobodyHere:
    """None at all: only processes that come by themselves do them, `orchestrator worker`."""

    def room(self) -> int:
        return 0

    def beginning(self) -> str:
        return ""

    def submit(self, unit: Unit, ended: UnitEnded) -> None:
        raise NotImplementedError(f"{unit.kind} {unit.key} was claimed by nobody here")

    def close(self) -> None:
        """There is nothing to end."""

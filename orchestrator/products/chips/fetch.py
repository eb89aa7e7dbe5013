"""The steps of chips: a request for each, or what an earlier run brought; one that cannot be had is written down."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.core.errors import (
    CredentialError,
    FencedError,
    IntegrityError,
    NotFoundError,
    PermanentError,
    QuotaError,
    SpaceError,
    ThrottleError,
    TransientError,
)
from orchestrator.model.hooks import Hooks
from orchestrator.model.product import Step, StepContext
from orchestrator.model.states import Failure
from orchestrator.model.unit import Again, Done, Empty, Outcome, Split, Unit, UnitPlan
from orchestrator.products.chips.document import ChipPlan
from orchestrator.products.chips.hooks import is_wanted

CARRY = "carry"
WHY = "why"  # of a unit's result: why there is no chip
UNWANTED = "unwanted"  # ... and whether nobody wants one
# So many chips are refused before it is believed that it is not the chips that are at fault.
PROBES = 8
ROUNDS = 3  # ... or one of them so often, where others are not wanted
_PAUSE_SECONDS = 1.0


class Enduring:
    """
    Another step, of which a chip that fails for good does not end the run: its unit says why, and there is no chip.

    Nothing is given up while it may be the service, or the way to it, that is at fault: a refusal counts when another
    chip was answered, a failure that passes when it has come `attempts` times and others were answered meanwhile.
    """

    def __init__(
        self,
        step: Step,
        plan: ChipPlan,
        has_answers: Callable[[], bool],
        attempts: int,
        on_failed: Callable[[int, Exception], None],
    ) -> None:
        """
        Take a step.

        Args:
            step: It.
            plan: Of the chips.
            has_answers: Tells whether some chip is there already, from whenever.
            attempts: How often what may pass is tried.
            on_failed: Told of each chip that is given up, by its place in the plan, and why.
        """
        self._step, self._plan, self._attempts, self._on_failed = step, plan, attempts, on_failed
        self._has_answers = has_answers
        self._lock = threading.Lock()
        self._answered = 0
        self._refused: dict[int, list[str]] = {}  # chips, with what was said of them each time, while none was answered
        self._failing: dict[str, int] = {}  # units that fail for now, by how many were answered when they first did

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        try:
            outcome = self._step(context, unit)
        except (CredentialError, FencedError, QuotaError, ThrottleError, SpaceError):
            raise  # nothing of this one chip
        except PermanentError as error:
            return self._refusal(unit, error)
        except (TransientError, IntegrityError) as error:
            if not self._is_spent(unit):
                raise
            return self._given_up(unit, error)
        if isinstance(outcome, Done):
            with self._lock:
                self._answered += 1
                self._refused.clear()
                self._failing.pop(unit.key, None)
        return outcome

    def _refusal(self, unit: Unit, error: PermanentError) -> Outcome:
        number = unit.plan.cell.time if unit.plan.cell else 0
        with self._lock:
            if self._answered or self._has_answers():
                return self._given_up(unit, error)
            said = self._refused.setdefault(number, [])
            said.append(str(error))
            if len(self._refused) >= min(PROBES, len(self._plan.chips)) or len(said) >= ROUNDS:
                raise self._all_refused(error)
        return Again(f"{error} (asked again when another chip was answered)", Failure.PERMANENT, _PAUSE_SECONDS, False)

    def _all_refused(self, error: PermanentError) -> PermanentError:
        """Return what is said where no chip is answered: the sentence that comes most often."""
        ((sentence, count), *_) = Counter(said[-1] for said in self._refused.values()).most_common(1)
        kind = NotFoundError if isinstance(error, NotFoundError) else PermanentError
        first = "" if count == 1 else f"the first {count} chips asked for were refused: "
        return kind(f"{first}{sentence}")

    def _is_spent(self, unit: Unit) -> bool:
        with self._lock:
            before = self._failing.setdefault(unit.key, self._answered)
            alone = len(self._failing) == 1
            if unit.attempt < self._attempts:
                return False
            return alone or self._answered > before or unit.attempt >= 2 * self._attempts

    def _given_up(self, unit: Unit, error: Exception) -> Empty:
        if unit.plan.cell is not None:
            self._on_failed(unit.plan.cell.time, error)
        return Empty({WHY: " ".join(str(error).split())})


def if_wanted(step: Step, path_of: Callable[[int], Path], hooks: Hooks) -> Step:
    """Return a step that asks the user's code first whether a chip is wanted."""
    if hooks.must_get is None:
        return step

    def wanted(context: StepContext, unit: Unit) -> Outcome:
        if unit.plan.cell is not None and not is_wanted(hooks, path_of(unit.plan.cell.time)):
            return Empty({WHY: "must_get_gee_image said no", UNWANTED: True})
        return step(context, unit)

    return wanted


class Carry:
    """The step of the kind `carry`: a chip of the published folder, as its table says; else it is asked for."""

    def __init__(
        self, plan: ChipPlan, folder: Path, origins: Mapping[str, Any], instead: Callable[[Unit], UnitPlan]
    ) -> None:
        """Take where the chips lie, what the proof beside them says of each, and what asks for one instead."""
        self._plan, self._folder, self._origins, self._instead = plan, folder, origins, instead

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        cell = unit.plan.cell
        assert cell is not None  # noqa: S101  every unit of a chip has pixels
        identifier = self._plan.chips[cell.time].identifier
        if context.is_placed(cell):
            return Done(unit.result)
        origin = {"carried": True, **self._origins.get(identifier, {})}
        context.note(origin)
        path = self._folder / f"{identifier}.tif"
        try:
            context.place(cell, path if self._plan.carried[cell.time].sha256 else b"")
        except (IntegrityError, OSError) as error:
            if isinstance(error, FencedError):
                raise
            return Split((self._instead(unit),), str(error), Failure.EMPTY)
        return Done(origin)

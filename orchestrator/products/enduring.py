"""A step of which one thing that fails for good does not end the run: it is written down, and the others go on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable

from orchestrator.core.errors import (
    CredentialError,
    DamagedObjectError,
    FencedError,
    IntegrityError,
    NotFoundError,
    PermanentError,
    QuotaError,
    SpaceError,
    ThrottleError,
    TransientError,
)
from orchestrator.model.product import Step, StepContext
from orchestrator.model.states import Failure
from orchestrator.model.unit import Again, Done, Empty, Outcome, Unit

WHY = "why"  # of a unit's result: why there is nothing
# So many things are refused before it is believed that it is not they that are at fault.
PROBES = 8
ROUNDS = 3  # ... or one of them so often, where others are not wanted
# A service that answers "internal error" so often for one thing answers it so for ever.
DEFAULT_ATTEMPTS = 8
_PAUSE_SECONDS = 1.0


class Enduring:
    """
    Another step, of which a thing that fails for good does not end the run: its unit says why, and there is none.

    Nothing is given up while it may be the service, or the way to it, that is at fault: a refusal counts when another
    thing was answered, a failure that passes when it has come `attempts` times and others were answered meanwhile.
    What is proved to be damaged is given up at once.
    """

    def __init__(
        self,
        step: Step,
        noun: str,
        *,
        has_answers: Callable[[], bool],
        attempts: int,
        most_attempts: int = 0,
        count: int = PROBES,
        on_failed: Callable[[Unit, Exception], None] = lambda _unit, _error: None,
        thing_of: Callable[[Unit], Hashable] = lambda unit: unit.key,
    ) -> None:
        """
        Take a step.

        Args:
            step: It.
            noun: What a thing is, in a sentence: "chip".
            has_answers: Tells whether something is there already, from whenever; what any process of the run was
                answered counts in any case.
            attempts: How often what may pass is tried.
            most_attempts: ... while nothing else is answered, as when the service is down; 0 is twice as often.
            count: How many things there are, at the most.
            on_failed: Told of each unit that is given up, and why.
            thing_of: Returns which thing a unit is of.
        """
        self._step, self._noun, self._attempts, self._on_failed = step, noun, attempts, on_failed
        self._most_attempts = most_attempts or 2 * attempts
        self._has_answers, self._probes, self._thing_of = has_answers, min(PROBES, count), thing_of
        self._lock = threading.Lock()
        self._answered = 0
        self._refused: dict[Hashable, list[str]] = {}  # what was said of each, while nothing was answered
        self._failing: dict[str, int] = {}  # units that fail for now, by how many were answered when they first did

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        try:
            outcome = self._step(context, unit)
        except (CredentialError, FencedError, QuotaError, ThrottleError, SpaceError):
            raise  # nothing of this one thing
        except PermanentError as error:
            return self._refusal(context, unit, error)
        except DamagedObjectError as error:
            return self._given_up(unit, error)  # proved, and no repetition mends it
        except (TransientError, IntegrityError) as error:
            if not self._is_spent(unit, error):
                raise
            return self._given_up(unit, error)
        if isinstance(outcome, Done):
            with self._lock:
                self._answered += 1
                self._refused.clear()
                self._failing.pop(unit.key, None)
        return outcome

    def _refusal(self, context: StepContext, unit: Unit, error: PermanentError) -> Outcome:
        with self._lock:
            if self._answered or self._has_answers() or context.has_done():
                return self._given_up(unit, error)
            said = self._refused.setdefault(self._thing_of(unit), [])
            said.append(str(error))
            if len(self._refused) >= self._probes or len(said) >= ROUNDS:
                raise self._all_refused(error)
        why = f"{error} (asked again when another {self._noun} was answered)"
        return Again(why, Failure.PERMANENT, _PAUSE_SECONDS, False)

    def _all_refused(self, error: PermanentError) -> PermanentError:
        """Return what is said where nothing is answered: the sentence that comes most often."""
        ((sentence, count), *_) = Counter(said[-1] for said in self._refused.values()).most_common(1)
        kind = NotFoundError if isinstance(error, NotFoundError) else PermanentError
        first = "" if count == 1 else f"the first {count} {self._noun}s asked for were refused: "
        return kind(f"{first}{sentence}")

    def _is_spent(self, unit: Unit, error: Exception) -> bool:
        with self._lock:
            before = self._failing.setdefault(unit.key, self._answered)
            alone = len(self._failing) == 1
            if unit.attempt < self._attempts:
                return False
            if alone or self._answered > before or not isinstance(error, TransientError):
                return True
            return unit.attempt >= self._most_attempts

    def _given_up(self, unit: Unit, error: Exception) -> Empty:
        self._on_failed(unit, error)
        why = " ".join(str(error).split())
        return Empty({WHY: why}, why)

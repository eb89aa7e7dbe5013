"""Runs that are to leave their slots before they have ended, and why: a deadline, or a run that is more urgent."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from orchestrator.engine.work import LeaveError


@dataclass(frozen=True, slots=True)
class Interrupts:
    """What was asked of the runs of one process; they obey where they would heed a stop, or when they get a slot."""

    _asked: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, run_id: str, by: str, reason: str, until: float) -> bool:
        """Ask a run to be held until a time, seconds since 1970; `by` asks once. Tell whether that is new."""
        with self._guard:
            asked = self._asked.setdefault(run_id, {})
            is_new = asked.get(by, ("", 0.0))[1] != until
            asked[by] = (reason, until)
            return is_new

    def withdraw(self, run_id: str, by: str) -> None:
        """Take back what was asked."""
        with self._guard:
            asked = self._asked.get(run_id, {})
            asked.pop(by, None)
            if not asked:
                self._asked.pop(run_id, None)

    def obey(self, run_id: str) -> None:
        """
        Do as was asked, once.

        Raises:
            LeaveError: The run is to be held.
        """
        if not self._asked:  # asked at every round of every run
            return
        with self._guard:
            asked = self._asked.pop(run_id, None)
        if asked:
            reason, until = max(asked.values(), key=lambda one: one[1])
            raise LeaveError(reason, until)

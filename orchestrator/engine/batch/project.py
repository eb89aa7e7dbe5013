"""What the service says of the project beside our own tasks: the queue of others, slots, restricted mode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from orchestrator.core.clock import Clock
from orchestrator.core.errors import OrchestratorError, Stopped
from orchestrator.engine.standing import QUOTA_AT, QUOTA_STATUS, SEEN_AT, SLOTS_AT, TASKS
from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.sharing import OTHERS_QUEUED, OTHERS_RUNNING, QUEUE_TASKS, RESTRICTED, SLOTS
from orchestrator.model.batch import Operation, OperationState

# The service is asked so often how many tasks run at once: a tier is changed a few times a year.
SLOTS_SECONDS = 3600.0
# What has not changed is written down so often, so that whoever reads it knows that it is so still.
SAY_SECONDS = 60.0
# The sign of restricted mode may be missing on an answer; when it has been for so long, the mode has ended.
LIFTED_SECONDS = 60.0
# Room in the queue that is left to people who hand over by hand.
LEFT_TO_OTHERS = 10
_ENDED = frozenset({OperationState.SUCCEEDED, OperationState.FAILED, OperationState.CANCELLED})


class Project:
    """What is seen of the project, written down for every process. Safe to use from several threads."""

    def __init__(self, store: Store, clock: Clock, scope: str = "") -> None:
        """Take where it is written down; `scope` as of `Limits`."""
        self._store, self._clock, self._name = store, clock, TASKS + scope
        self._lock = threading.Lock()
        self._said: Mapping[str, Any] = {}
        self._said_at = float("-inf")
        self._quota: tuple[str, float] = ("", float("-inf"))  # what was heard last, and when by the steady clock
        self._restricted: bool | None = None  # as it is written down; None before that was read

    def listed(self, operations: Sequence[Operation], slots: Callable[[], int | None]) -> None:
        """
        Take note of a list of all operations of the project; `slots` asks the service how many it runs at once.

        Raises:
            TransientError, SpaceError: The state cannot be written.
        """
        ours = self._store.tasks.operations()
        theirs = [each for each in operations if each.state not in _ENDED and each.name not in ours]
        queued = sum(each.state is OperationState.QUEUED for each in theirs)
        facts = {OTHERS_QUEUED: queued, OTHERS_RUNNING: len(theirs) - queued, **self._slots(slots)}
        with self._lock:
            now = self._clock.monotonic()
            if facts == self._said and now - self._said_at < SAY_SECONDS:
                return
            self._said, self._said_at = facts, now
        room = float(max(0, QUEUE_TASKS - LEFT_TO_OTHERS - len(theirs)))
        self._store.limits.observe(self._name, room, {**facts, SEEN_AT: self._seconds()})

    def _slots(self, ask: Callable[[], int | None]) -> Mapping[str, Any]:
        row = self._store.limits.get(self._name)
        facts = row.facts if row else {}
        known = {key: facts[key] for key in (SLOTS, SLOTS_AT) if key in facts}
        if 0 <= self._seconds() - facts.get(SLOTS_AT, float("-inf")) < SLOTS_SECONDS:
            return known
        slots = facts.get(SLOTS)
        try:
            slots = ask() or slots
        except Stopped:
            return known
        except OrchestratorError:  # it may not be asked by everybody (earthengine.config.get); then two are usual
            pass
        return {SLOTS: slots, SLOTS_AT: self._seconds()}

    def heard(self, quota_status: str | None) -> None:
        """Take note of what an answer's header says of the quota; None is an answer without the header."""
        with suppress(OrchestratorError), self._lock:  # the answer counts, whatever the state is able to keep
            now = self._clock.monotonic()
            if self._restricted is None:
                row = self._store.limits.get(self._name)
                self._restricted = bool(row and row.facts.get(RESTRICTED))
                self._quota = (
                    str(row.facts.get(QUOTA_STATUS) or "") if row else "",
                    now if self._restricted else float("-inf"),
                )
            said, at = self._quota
            if quota_status is None:
                if self._restricted and now - at >= LIFTED_SECONDS:
                    self._write("", restricted=False)
                return
            if quota_status != said or now - at >= SAY_SECONDS:
                self._quota = (quota_status, now)
                self._write(quota_status, restricted="parallelism_restricted=true" in quota_status)

    def _write(self, said: str, *, restricted: bool) -> None:
        row = self._store.limits.get(self._name)
        facts = {RESTRICTED: restricted, QUOTA_STATUS: said, QUOTA_AT: self._seconds()}
        self._store.limits.observe(self._name, row.allowed if row else float(QUEUE_TASKS), facts)
        self._quota, self._restricted = (said, self._clock.monotonic()), restricted

    def _seconds(self) -> float:
        return self._clock.now().timestamp()

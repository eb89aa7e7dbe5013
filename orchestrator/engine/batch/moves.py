"""What becomes of a run's parts, committed many together: nobody who brings or places one waits for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator.core import log
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.work_records import PartMove
from orchestrator.model.grid import Window

# Told in the committing thread when a move is durable, or what stands against it.
Then = Callable[[Exception | None], None]


@dataclass(slots=True)
class _Told:
    """Where a part has come to since the last commit, and who is to be told of it."""

    move: PartMove
    then: list[Then]


class PartMoves:
    """
    Commits moves of parts in a thread of its own, those of each part in their order.

    The first is committed at once; those that come within `together_seconds` of the process after it go together, and
    sooner where `is_enough` of how many are waited for. What a move was is found again after a crash: bytes that lie
    on the disk are looked at and kept, pieces in the output are known to it.
    """

    def __init__(self, context: RunContext, is_enough: Callable[[int], bool]) -> None:
        self._context, self._is_enough = context, is_enough
        self._executor = context.process.pool(1, "moves")
        self._lock = threading.RLock()  # of what is told; a pool that works where it is given work comes back to it
        self._committing = threading.Lock()
        self._told: dict[Window, _Told] = {}
        self._waited = 0
        self._runs, self._ended = False, False
        self._due = threading.Event()
        self._next = float("-inf")  # when the next commit may begin, by the clock that only grows

    def tell(self, move: PartMove, then: Then | None = None) -> None:
        """Have a move committed soon; `then` is told, and where it is given, somebody waits for that."""
        with self._lock:
            before = self._told.get(move.window)
            if before is None:
                self._told[move.window] = _Told(move, [then] if then else [])
            else:
                before.move = replace(move, since=before.move.since, event=move.event or before.move.event)
                before.then += [then] if then else []
            self._waited += then is not None
            if self._is_enough(self._waited):
                self._due.set()
            is_left = self._ended
            if not self._runs and not is_left:  # inside: nobody ends the thread's pool meanwhile
                self._runs = True
                self._executor.submit(log.carried(self._commit_told))
        if is_left:
            self._commit()

    def end(self) -> None:
        """Commit what was told; what is told from now on is committed by whoever tells it."""
        with self._lock:
            self._ended = True
        self._due.set()
        self._executor.shutdown(wait=True)
        self._commit()

    def _commit_told(self) -> None:
        """Commit until nothing is left that was told."""
        while True:
            self._due.wait(max(0.0, self._next - self._context.process.clock.monotonic()))
            self._next = self._context.process.clock.monotonic() + self._context.process.together_seconds
            self._commit()
            with self._lock:
                if not self._told:
                    self._runs = False
                    return

    def _commit(self) -> None:
        with self._committing:
            with self._lock:
                batch, self._told, self._waited = list(self._told.values()), {}, 0
                self._due.clear()
            if batch:
                self._settle(batch)

    def _settle(self, batch: list[_Told]) -> None:
        moves = [told.move for told in batch]
        against: list[Exception | None]
        try:
            against = [*self._context.store.parts.advance(self._context.run_id, moves)]
        except Exception as error:  # noqa: BLE001  the edge of a thread: whoever waits is told
            against = [error] * len(batch)
        for told, trouble in zip(batch, against, strict=True):
            if trouble is None and told.move.event:
                name, facts = told.move.event
                self._context.process.notify(name, self._context.run_id, facts)
            for then in told.then:
                then(trouble)

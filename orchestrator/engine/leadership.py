"""
The leadership of a state: one daemon submits, polls, cancels, publishes and fires dates, and another may stand by.

It is a lease as those of runs are: a row of the store, kept good by a thread, with a number that every write of the
leader carries and that is looked at before each effect elsewhere. Time is the database's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from orchestrator.core.clock import Clock
from orchestrator.core.errors import FencedError, MovedError, OrchestratorError
from orchestrator.engine.leases import BEATS
from orchestrator.engine.stores.contract import Store

_AGAIN_SECONDS = 1.0  # after a database that did not answer


class Term:
    """
    The leadership, had by this process.

    Attributes:
        number: The fence: grows with each leader.
        store: The store, whose writes carry the number: they fail once another leads.
    """

    def __init__(self, store: Store, number: int, seconds: float, clock: Clock) -> None:
        """Take what was claimed just now, for so many seconds."""
        self.number = number
        self.store = store.led(number)
        self._seconds = seconds
        self._clock = clock
        self._good_until = clock.monotonic() + seconds
        self._lost = threading.Event()

    def check(self) -> None:
        """
        Make sure that this process leads, before an effect that no store can take back; see `Lease.check`.

        Raises:
            FencedError: Another does.
            MovedError: The state is in another database by now.
            TransientError, SpaceError: The store cannot say so now.
        """
        row = self.store.leadership.at()
        if row.fence != self.number or row.left_seconds <= 0 or self._good_until <= self._clock.monotonic():
            self.renew()

    def renew(self) -> None:
        """Say that this process lives. Errors as `check`."""
        began = self._clock.monotonic()
        try:
            self.store.leadership.renew(self.number, self._seconds)
        except (FencedError, MovedError):
            self._lost.set()
            raise
        self._good_until = began + self._seconds

    @property
    def is_lost(self) -> bool:
        """Whether another is known to lead by now, or the state to be elsewhere."""
        return self._lost.is_set()

    @contextmanager
    def kept(self, lost: Callable[[], None]) -> Iterator[None]:
        """Keep it for the time of the block, and let others have it then; `lost` is called once another has it."""
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(ended, lost), name="leadership", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join(self._seconds)
            with suppress(OrchestratorError):  # it is another's already, or is over soon
                self.store.leadership.release(self.number)

    def _keep(self, ended: threading.Event, lost: Callable[[], None]) -> None:
        pause = self._seconds / BEATS
        while not ended.wait(pause):
            pause = self._seconds / BEATS
            try:
                self.renew()
            except (FencedError, MovedError):
                lost()
                return
            except OrchestratorError:  # said where it is in the way; until the lease is over nobody else leads
                pause = min(pause, _AGAIN_SECONDS)

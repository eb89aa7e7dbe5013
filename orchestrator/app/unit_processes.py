"""
Units done by processes of this machine: each is a fresh interpreter with a connection of its own to the store.

What is sent to one names a unit and its fence, and what comes back is how it ended. A process that dies takes nothing
with it: the unit is the store's, and another process takes its place. One that has done many units gives its memory
back by ending.
"""

from __future__ import annotations

import atexit
import queue
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.child_process import ChildProcess, end_here, keep_folder
from orchestrator.core import log
from orchestrator.core.errors import OrchestratorError, StateError, Stopped, TransientError
from orchestrator.core.guard import seal
from orchestrator.model.carriers import OnEnd, Unanswered
from orchestrator.model.unit import UnitClaim

if TYPE_CHECKING:
    from orchestrator.config import Settings

# After so many units a process ends and another begins: what libraries keep for ever goes with it.
MOST_UNITS = 2000
# So many processes in turn that end before they can do anything: the installation is at fault, and no unit.
_MOST_STILLBORN = 3
_END_SECONDS = 10.0
_LAST_SECONDS = 1.0  # between the end of its pipe and its own


@dataclass(frozen=True, slots=True)
class UnitProcessSettings:
    """
    What each process is given once.

    Attributes:
        settings: Those of this process, with what the command line said.
        config_dir: Where relative paths of jobs begin.
        doer: `module:function`: called once in the process with settings, `config_dir` and an event that is set when
            the process is to end, it returns what does one unit: that is called with the claim, and writes down what
            came of it.
        threads: Units that a process does at once.
    """

    settings: Settings
    config_dir: Path
    doer: str
    threads: int = 1


@dataclass(eq=False)
class _Doer:
    """One process, and what it does; read and changed with the pool's guard."""

    child: ChildProcess
    connection: Connection
    under_way: dict[UnitClaim, OnEnd] = field(default_factory=dict)
    begun: int = 0
    is_ready: bool = False


class UnitProcesses:
    """See `model.carriers.UnitCarrier`. Up to `processes` processes, begun when there is something to do."""

    def __init__(self, given: UnitProcessSettings, processes: int, *, most_units: int = MOST_UNITS) -> None:
        self._given, self._most, self._most_units = given, processes, most_units
        self._guard = threading.Lock()
        self._doers: list[_Doer] = []
        self._retired: set[_Doer] = set()
        self._stillborn = 0
        self._closed = False
        atexit.register(self.close)

    @property
    def size(self) -> int:
        """How many units may be under way at once."""
        return self._most * self._given.threads

    def room(self) -> int:
        """Return how many more units may be begun now."""
        with self._guard:
            return self.size - sum(len(doer.under_way) for doer in self._doers)

    def trouble(self) -> str:
        """Return nothing: what is wrong with them `begin` says."""
        return ""

    def beginning(self) -> str:
        """Return how many processes are being begun; empty once one is ready."""
        with self._guard:
            if not self._doers or any(doer.is_ready for doer in self._doers):
                return ""
            count = len(self._doers)
            return "1 process for it begins" if count == 1 else f"{count} processes for it begin"

    def pids(self) -> list[int]:
        """Return the numbers of the processes that are there."""
        with self._guard:
            return [doer.child.pid for doer in (*self._doers, *self._retired) if doer.child.pid is not None]

    def begin(self, claim: UnitClaim, on_end: OnEnd) -> None:
        """
        Have a unit done; there must be room. `on_end` is told how it ended, from another thread, once.

        Raises:
            StateError: Processes end before they can do anything, several in turn; or the pool is closed.
        """
        with self._guard:
            if self._closed:
                raise StateError("the processes that do units have been ended")
            if self._stillborn >= _MOST_STILLBORN:
                self._stillborn = 0  # who tries again has perhaps mended it
                raise StateError(
                    f"the processes that do units end at their start, {_MOST_STILLBORN} of them in turn; what they "
                    'wrote says why. `executor = "threads"` under [engine] goes without them'
                )
            doer = self._least_busy()
            doer.under_way[claim] = on_end
            doer.begun += 1
            if doer.begun >= self._most_units:
                self._doers.remove(doer)
                self._retired.add(doer)
            with suppress(OSError):  # it died just now: its reader says so
                doer.connection.send(("do", claim, log.correlations()))

    def close(self) -> None:
        """End every process: what is under way is left, within some seconds."""
        with self._guard:
            self._closed = True
            doers = [*self._doers, *self._retired]
            for doer in doers:
                with suppress(OSError):
                    doer.connection.send(("end", None, {}))
        for doer in doers:
            doer.child.end(_END_SECONDS)
        atexit.unregister(self.close)

    # ---------------------------------------------------------------- inside

    def _least_busy(self) -> _Doer:
        """Return the process that has least to do, a new one where all have something and more are allowed."""
        free = min(self._doers, key=lambda doer: len(doer.under_way), default=None)
        if free is not None and (not free.under_way or len(self._doers) >= self._most):
            return free
        child = ChildProcess("unit-process", do_units, self._given, daemon=False)
        doer = _Doer(child, child.ready())
        self._doers.append(doer)
        threading.Thread(target=self._hear, args=(doer,), name="unit-process", daemon=True).start()
        return doer

    def _hear(self, doer: _Doer) -> None:
        """Take what a process says until it is not there any more."""
        with suppress(EOFError, OSError):
            while True:
                match doer.connection.recv():
                    case ("ready",):
                        self._stillborn, doer.is_ready = 0, True
                    case ("line", event):
                        log.repeat(event)
                    case ("ended", claim, unanswered):
                        self._ended(doer, claim, unanswered)
        self._died(doer)

    def _ended(self, doer: _Doer, claim: UnitClaim, unanswered: Unanswered | None) -> None:
        with self._guard:
            on_end = doer.under_way.pop(claim)
            if doer in self._retired and not doer.under_way:
                with suppress(OSError):
                    doer.connection.send(("end", None, {}))
        on_end(unanswered)

    def _died(self, doer: _Doer) -> None:
        doer.child.end(_LAST_SECONDS)
        with self._guard:
            under_way, doer.under_way = doer.under_way, {}
            self._retired.discard(doer)
            self._doers = [other for other in self._doers if other is not doer]
            self._stillborn += not doer.is_ready and not self._closed
        if under_way and not self._closed:
            code = doer.child.exit_code
            log.get("unit-process").warning("unit_process.died", pid=doer.child.pid, how=_told(code))
        for on_end in under_way.values():
            on_end(Unanswered(f"the process that did it ended in the middle ({_told(doer.child.exit_code)})"))


def _told(code: int | None) -> str:
    if code == -getattr(signal, "SIGKILL", 9):
        return "killed, perhaps for lack of memory"
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


# ------------------------------------------------------------ in a process


def do_units(connection: Connection, given: UnitProcessSettings) -> None:
    """Do units until nobody asks any more. When the other end is gone this process is, too, wherever it stands."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # for who started us, who lets us finish or ends us
    sending = threading.Lock()

    def send(*message: Any) -> None:
        with sending:
            connection.send(message)

    log.configure_child(given.settings.log.level, lambda event: send("line", event))
    seal()
    stop = threading.Event()
    module, function = given.doer.split(":")
    orders = _Orders(getattr(import_module(module), function)(given.settings, given.config_dir, stop), send, stop)
    threading.Thread(target=orders.listen, args=(connection,), daemon=True, name="orders").start()
    with ThreadPoolExecutor(given.threads, thread_name_prefix="unit") as pool:
        send("ready")
        while (order := orders.waiting.get()) is not None:
            pool.submit(orders.do, *order)


class _Orders:
    """What is asked of this process, and what came of it."""

    def __init__(self, do: Callable[[UnitClaim], None], send: Callable[..., None], stop: threading.Event) -> None:
        self._do, self._send, self._stop = do, send, stop
        self.waiting: queue.SimpleQueue[tuple[UnitClaim, Mapping[str, Any]] | None] = queue.SimpleQueue()

    def listen(self, connection: Connection) -> None:
        """Take orders; without anybody who gives them there is nobody to work for."""
        with suppress(EOFError, OSError):
            while True:
                what, claim, facts = connection.recv()
                if what == "end":
                    self._stop.set()
                self.waiting.put((claim, facts) if what == "do" else None)
        end_here()

    def do(self, claim: UnitClaim, facts: Mapping[str, Any]) -> None:
        """Do a unit, and say how it ended."""
        unanswered: Unanswered | None = None
        try:
            keep_folder()
            with log.correlated(**facts):
                self._do(claim)
        except (Stopped, TransientError) as error:
            unanswered = Unanswered(str(error), counted=False)
        except (OrchestratorError, OSError) as error:
            unanswered = Unanswered(str(error), counted=False, refused=True)
        except Exception as error:  # noqa: BLE001  the edge of a thread: a fault of ours in one unit ends no process
            log.get("unit-process").error("unit.fault", exc_info=error, **facts)
            told = f"this is a fault of the program: {type(error).__name__}: {error}; the log says where"
            unanswered = Unanswered(told)
        with suppress(OSError):
            self._send("ended", claim, unanswered)

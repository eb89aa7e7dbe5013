"""`doctor` for pages that many may open: one look at a time, kept for a while, told as far as it has come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from weakref import WeakKeyDictionary, ref

from orchestrator.app import Application
from orchestrator.app.verbs.busy import Tell
from orchestrator.app.verbs.findings import Finding, findings
from orchestrator.config import Loaded
from orchestrator.core.errors import Stopped

KEPT_SECONDS = 30.0  # bucket, login and catalogue are asked for nothing again within it
LONGEST_SECONDS = 15.0  # who waits for the whole of it, waits so long; clients of HTTP give up after twenty or thirty


@dataclass(frozen=True, slots=True)
class Looked:
    """
    How far a look has come.

    Attributes:
        findings: What was found so far, in order.
        done: Whether it is at its end.
        began: When.
        offline: Whether it looks only at what needs no network.
    """

    findings: tuple[Finding, ...]
    done: bool
    began: datetime
    offline: bool

    @property
    def worst(self) -> str:
        """`ok`, `warning` or `error`."""
        return max((one.verdict for one in self.findings), key=("ok", "warning", "error").index, default="ok")


class Checkup:
    """
    Looks at everything a night needs, in a thread of its own, of which there is at most one.

    Whoever asks within `KEPT_SECONDS` after the end of a look is told what it found.
    """

    def __init__(
        self, find: Callable[[bool, Tell], Iterator[Finding]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Take what looks, and a clock that only grows, in seconds.

        `find` is told whether to do without the network, and whom to tell what it looks at next.
        """
        self._find = find
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._look: _Look | None = None

    def look(self, *, offline: bool = False, anew: bool = False) -> Looked:
        """
        Return how far the look is, beginning one where there is none, it is too old, or `anew` wants another.

        One that is under way is never begun a second time, nor one without the network where there is one with it.
        """
        with self._changed:
            look = self._look
            if look is None or (look.done and (anew or self._is_old(look) or look.offline > offline)):
                look = self._look = _Look(offline)
                threading.Thread(target=self._run, args=(look,), name="doctor", daemon=True).start()
            return look.seen()

    def whole(self, *, offline: bool = False, wait_seconds: float = LONGEST_SECONDS) -> Looked:
        """
        Return as `look` does, once it is at its end.

        Where that takes longer, as far as it has come, and a last finding that names what has not answered.
        """
        deadline = self._monotonic() + wait_seconds
        with self._changed:
            while not (seen := self.look(offline=offline)).done:
                left = deadline - self._monotonic()
                if left <= 0:
                    return replace(seen, findings=(*seen.findings, self._unanswered(wait_seconds)))
                self._changed.wait(left)
            return seen

    def _unanswered(self, seconds: float) -> Finding:
        asked = (self._look.asking if self._look else "") or "doctor"
        told = f"no answer within {seconds:.0f} s; it is still waited for, and what follows it was not looked at"
        return Finding(asked, "warning", told, "ask again in a moment: the same look goes on")

    def _is_old(self, look: _Look) -> bool:
        return self._monotonic() - look.ended > KEPT_SECONDS

    def _run(self, look: _Look) -> None:
        try:
            for one in self._find(look.offline, look.ask):
                self._add(look, one)
        except Stopped as stopped:
            self._add(look, Finding("doctor", "warning", str(stopped)))
        except Exception as error:  # noqa: BLE001  the edge of a thread: a fault of ours is a finding, too
            told = f"{type(error).__name__}: {error}"
            self._add(
                look, Finding("doctor", "error", told, "report it; `orchestrator doctor` shows where it happened")
            )
        finally:
            with self._changed:
                look.ended, look.done = self._monotonic(), True
                self._changed.notify_all()

    def _add(self, look: _Look, finding: Finding) -> None:
        with self._changed:
            look.found.append(finding)


class _Look:
    """One look, as far as it has come."""

    def __init__(self, offline: bool) -> None:
        self.found: list[Finding] = []
        self.done = False
        self.ended = 0.0
        self.began = datetime.now(UTC)
        self.offline = offline
        self.asking = ""  # what is looked at now

    def ask(self, name: str) -> None:
        self.asking = name

    def seen(self) -> Looked:
        return Looked(tuple(self.found), self.done, self.began, self.offline)


_CHECKUPS: WeakKeyDictionary[Application, Checkup] = WeakKeyDictionary()
_MAKING = threading.Lock()


def checkup_of(app: Application, reload: Callable[[], Loaded]) -> Checkup:
    """Return the one of an application, whoever asks; `reload` as in `findings`."""
    with _MAKING:
        if app not in _CHECKUPS:
            # Not the application itself, which would then live as long as its checkup.
            held = ref(app)
            _CHECKUPS[app] = Checkup(lambda offline, say: _findings(held(), reload, say, offline=offline))
        return _CHECKUPS[app]


def _findings(app: Application | None, reload: Callable[[], Loaded], say: Tell, *, offline: bool) -> Iterator[Finding]:
    return iter(()) if app is None else findings(app, offline=offline, reload=reload, say=say)

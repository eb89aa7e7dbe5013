"""
A process beside a page, in which drafts are planned: areas are read, grids laid, scenes asked for.

It takes processor time and memory from nobody but itself, and ends where it stands when somebody does not want to wait:
what it was asked for has left nothing behind but files that are whole. A page has one, ready for the next question.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.child_process import ChildProcess, keep_folder
from orchestrator.app.verbs.busy import Tell
from orchestrator.app.verbs.drafts import DraftError
from orchestrator.core import log
from orchestrator.core.errors import OrchestratorError, TransientError, UserError
from orchestrator.core.guard import seal

if TYPE_CHECKING:
    from orchestrator.config import Settings

MOST_AT_ONCE = 2
MOST_WAITING = 8
_IDLE_SECONDS = 600.0  # after which a process that nobody asks gives its memory back


class CancelledError(UserError):
    """Somebody did not want to wait for it."""


class BusyError(TransientError):
    """More is asked than anybody would wait for."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What a process of the pool is given once: settings, where relative paths begin, options that commands need."""

    settings: Settings
    config_dir: Path
    base: Path
    words: tuple[str, ...] = ()


class Question:
    """Something that the pool was asked. May be looked at from any thread."""

    def __init__(self) -> None:
        self._helper: ChildProcess | None = None
        self._guard = threading.Lock()
        self._done = threading.Event()
        self._value: Any = None
        self._error: OrchestratorError | None = None
        self.said = "waiting for another plan"

    def wait(self, seconds: float) -> bool:
        """Wait for the answer at most so long; tell whether it is there."""
        return self._done.wait(seconds)

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def answer(self) -> Any:
        """
        Return the answer; to be asked for when it is there.

        Raises:
            OrchestratorError: What was wrong.
        """
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self) -> None:
        """Do not wait for it: its process is ended where it stands."""
        self.settle(error=CancelledError("cancelled; nothing was submitted"))

    def settle(self, value: Any = None, error: OrchestratorError | None = None) -> None:
        """Take the first answer there is."""
        with self._guard:
            if self._done.is_set():
                return
            self._value, self._error = value, error
            self._done.set()
            helper = self._helper
        if isinstance(error, CancelledError) and helper is not None:
            helper.end()

    def follow(self, helper: ChildProcess, asked: tuple[Any, ...]) -> None:
        """Ask a process, and take what it says until it has answered."""
        with self._guard:
            if self._done.is_set():
                return
            self._helper, self.said = helper, "starting"
        try:
            connection = helper.ready()
            connection.send(asked)
            while not self.is_done:
                kind, value = connection.recv()
                if kind == "say":
                    self.said = value
                elif kind == "answer":
                    self.settle(value)
                else:
                    self.settle(error=value)
        except (EOFError, OSError):
            told = "planning ended in the middle: its process was killed, perhaps for lack of memory; ask for less"
            self.settle(error=TransientError(told))
        finally:
            with self._guard:
                self._helper = None


class PlanningPool:
    """Processes that answer questions about drafts, started when needed; at most `MOST_AT_ONCE` work at a time."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._guard = threading.Lock()
        self._turns = threading.Semaphore(MOST_AT_ONCE)
        self._waiting = 0
        self._helpers: set[ChildProcess] = set()
        self._idle: list[ChildProcess] = []
        atexit.register(self.close)

    def ask(self, what: str, *given: Any, **named: Any) -> Question:
        """
        Ask something of `_ANSWERS`, by its name; who comes while every process is at work waits for a turn.

        Raises:
            BusyError: Many wait already.
        """
        with self._guard:
            if self._waiting >= MOST_WAITING:
                raise BusyError(
                    f"{MOST_WAITING} drafts wait to be planned already; cancel one, or try again in a moment"
                )
            self._waiting += 1
        question = Question()
        threading.Thread(
            target=self._carry, args=(question, (what, given, named)), daemon=True, name="planning"
        ).start()
        return question

    def _carry(self, question: Question, asked: tuple[Any, ...]) -> None:
        with self._turns:
            with self._guard:
                self._waiting -= 1
                helper = next((one for one in self._idle if one.is_alive()), None) or _planning_process(self._settings)
                self._idle = [one for one in self._idle if one is not helper]
                self._helpers.add(helper)
            question.follow(helper, asked)
            self._rest(helper)

    def _rest(self, helper: ChildProcess) -> None:
        with self._guard:
            if helper.is_alive() and not self._idle:
                self._idle.append(helper)
                return
            self._helpers.discard(helper)
        helper.end()

    def close(self) -> None:
        """End every process."""
        with self._guard:
            helpers, self._helpers, self._idle = self._helpers, set(), []
        for helper in helpers:
            helper.end()


def _planning_process(settings: PoolSettings) -> ChildProcess:
    return ChildProcess("planning", _work, settings)


def _work(connection: Connection, pool: PoolSettings) -> None:
    """Answer questions until nobody asks any more: the other end is closed, or it was quiet for long."""
    from orchestrator.app.application import Application  # noqa: PLC0415  in the process that needs it

    log.configure(pool.settings.log.level, pool.settings.log.style)
    seal()
    app = Application(pool.settings, stop=threading.Event(), config_dir=pool.config_dir)

    def say(text: str) -> None:
        connection.send(("say", text))

    _answer_all(connection, app, pool, say)


def _answer_all(connection: Connection, app: Any, pool: PoolSettings, say: Tell) -> None:
    while connection.poll(_IDLE_SECONDS):
        try:
            what, given, named = connection.recv()
        except EOFError:
            return
        try:
            keep_folder()
            answer = ("answer", _ANSWERS[what](app, pool, say, *given, **named))
        except OrchestratorError as error:
            answer = ("error", _plain(error))
        except Exception as error:  # noqa: BLE001  the edge of a question: a fault of ours in one must not end the page
            log.get("planning").error("planning.fault", what=what, exc_info=error)
            told = f"this is a fault of the program: {type(error).__name__}: {error}; the log says where"
            answer = ("error", OrchestratorError(told))
        try:
            connection.send(answer)
        except OSError:
            return


def _plain(error: OrchestratorError) -> OrchestratorError:
    """Return an error that crosses from one process to another: some are made of more than their sentence."""
    if isinstance(error, DraftError):
        return error
    kind = next((kind for kind in (UserError, TransientError) if isinstance(error, kind)), OrchestratorError)
    return kind(str(error))


def _plan(app: Any, pool: PoolSettings, say: Tell, content: Mapping[str, Any]) -> Any:
    from orchestrator.app.verbs.draft_plans import plan_draft  # noqa: PLC0415  geopandas is heavy

    return plan_draft(app, content, pool.base, words=pool.words, say=say)


def _submit(app: Any, pool: PoolSettings, say: Tell, content: Mapping[str, Any], fingerprint: str) -> str:
    from orchestrator.app.verbs.draft_plans import submit_draft  # noqa: PLC0415

    say("submitting")
    return submit_draft(app, content, pool.base, fingerprint)


def _look(_app: Any, _pool: PoolSettings, say: Tell, source: str, **how: str) -> Any:
    from orchestrator.app.verbs.draft_areas import look_at_area  # noqa: PLC0415

    say("reading the area")
    return look_at_area(source, **how)


def _drop(app: Any, _pool: PoolSettings, say: Tell, name: str, content: bytes) -> Any:
    from orchestrator.app.verbs.draft_areas import drop_area  # noqa: PLC0415

    say(f"reading {name}")
    return drop_area(app, name, content)


def _tiles(app: Any, _pool: PoolSettings, say: Tell, area: Mapping[str, str], size: float, name: str) -> str:
    from orchestrator.app.verbs.draft_areas import tile_area  # noqa: PLC0415

    say("laying tiles")
    return str(tile_area(app, area, size, name))


def _recipe(_app: Any, _pool: PoolSettings, _say: Tell, name: str) -> Any:
    from orchestrator.app.verbs.recipes import describe_recipe  # noqa: PLC0415  `ee` costs a second

    return describe_recipe(name)


_ANSWERS: Mapping[str, Callable[..., Any]] = {
    "plan": _plan,
    "submit": _submit,
    "look": _look,
    "drop": _drop,
    "tiles": _tiles,
    "recipe": _recipe,
}

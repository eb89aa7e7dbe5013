"""
Who works on the objects under a prefix, written down in an object beside them.

Two copies of one state (a machine that was cloned, a backup that was started beside the original) have one name in the
bucket, and neither sees the other's database. So whoever works keeps `PREFIX/OWNER/.owner`, created and renewed
against its generation, with a word that only the state that wrote it last knows. A copy knows an older one.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core import crash
from orchestrator.core.clock import Clock
from orchestrator.core.errors import GenerationError, NotFoundError, OrchestratorError, Stopped
from orchestrator.core.locks import LockedError, exclusive
from orchestrator.core.machine import kernel
from orchestrator.core.process import is_gone, process_name
from orchestrator.core.units import format_seconds
from orchestrator.engine.prefix_words import PrefixWords
from orchestrator.engine.work import HoldError
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop

# Longer than the longest pause of a run's rounds, and than the clocks of two machines may differ.
SECONDS = 600.0
_BEATS = 3
_AGAIN_SECONDS = 60.0
_LOCK_SECONDS, _LOCK_TRIES = 0.1, 600


class Objects(Protocol):
    """What is asked of the bucket."""

    def create(self, name: str, content: bytes, over: StoredObject | None = None) -> StoredObject: ...

    def find(self, prefix: str) -> list[StoredObject]: ...

    def read(self, source: StoredObject, on_bytes: Callable[[int], None], stop: Stop) -> bytes: ...

    def delete(self, source: StoredObject) -> Deletion: ...

    def close(self) -> None: ...


class PrefixOwner:
    """The claim of one process on a prefix. Safe for several threads, of which one asks the bucket."""

    def __init__(
        self,
        objects: Callable[[], Objects],
        name: str,
        words: PrefixWords,
        folder: Path,
        clock: Clock,
        stop: Stop,
        say: Callable[[str, Mapping[str, Any]], None] = lambda _name, _facts: None,
    ) -> None:
        """
        Take whose it is.

        Args:
            objects: Connects to the bucket, when it is first asked.
            name: Of the object.
            words: Of the state: those that it has written, or is about to write.
            folder: Of the state on this machine.
            clock: See `core.clock`.
            stop: Set when the process is to end.
            say: Told when a claim is taken over that is not renewed any more.
        """
        self._connect = objects
        self._name = name
        self._words = words
        self._folder = folder
        self._clock = clock
        self._stop = stop
        self._say = say
        self._held: StoredObject | None = None
        self._renew_at = float("-inf")
        self._asking = threading.Lock()

    def check(self) -> None:
        """
        Make sure that nobody else works under the prefix; asks the bucket every few minutes.

        Raises:
            HoldError: Another state does, and was heard of lately.
            TransientError, CredentialError: The bucket does not answer.
        """
        if self._clock.monotonic() < self._renew_at:
            return
        with self._asking:
            if self._clock.monotonic() >= self._renew_at:
                self._take()
                self._renew_at = self._clock.monotonic() + SECONDS / _BEATS

    def end(self, is_used: Callable[[], bool] = lambda: False) -> None:
        """
        Give the prefix up, also what a killed process of this state left; what cannot be now is taken over later.

        `is_used` tells whether another process of this state works under the prefix: the claim is its own too, and
        stays.
        """
        with self._asking:
            held, self._held, self._renew_at = self._held, None, float("-inf")
            if held is not None or self._words.known():
                with suppress(OrchestratorError):
                    self._delete(held, is_used)

    def left(self) -> StoredObject | None:
        """Return the claim that lies there, where nobody works by it: this state's own, or one not renewed any more."""
        objects = self._connect()
        try:
            with suppress(HoldError):
                return self._lying(objects)[0]
            return None
        finally:
            objects.close()

    def take_away(self, left: StoredObject) -> Deletion:
        """Delete what `left` returned, unless it was renewed meanwhile."""
        objects = self._connect()
        try:
            return objects.delete(left)
        finally:
            objects.close()

    def _delete(self, held: StoredObject | None, is_used: Callable[[], bool]) -> None:
        objects = self._connect()
        try:
            words = self._words.known()
            if not self._deleted(objects, held, is_used):
                return
            with suppress(LockedError), self._exclusive():
                self._words.forget(words)
        finally:
            objects.close()

    def _deleted(self, objects: Objects, held: StoredObject | None, is_used: Callable[[], bool]) -> bool:
        """Delete what lies there, unless it is used; tell whether none of ours is left."""
        for known in (held, None) if held else (None,):
            try:
                claim = known or self._lying(objects)[0]
            except HoldError:  # another state's
                return False
            # Asked last: who began to work after it was asked has renewed the claim, or writes a new one: what is
            # deleted is not that.
            if is_used():
                return False
            if claim is None or objects.delete(claim) is not Deletion.CHANGED:
                return True
        return False

    def _exclusive(self) -> AbstractContextManager[None]:
        return exclusive(self._folder / "prefix.lock", "the prefix's owner")

    def _take(self) -> None:
        objects = self._connect()
        try:
            for _ in range(_LOCK_TRIES):
                # One process of this state at a time.
                with suppress(LockedError), self._exclusive():
                    self._held = self._write(objects, self._held)
                    return
                if self._stop.wait(_LOCK_SECONDS):
                    raise Stopped("stopped; the same command continues")
            raise HoldError(f"another process of this state does not finish with {self._name}", alone=True)
        finally:
            objects.close()

    def _write(self, objects: Objects, over: StoredObject | None) -> StoredObject:
        """Write our claim over the one that is known; where that is another by now, look whose it is."""
        word = secrets.token_hex(16)
        content = self._claim(word)
        for _ in range(3):
            self._words.intend(word)
            crash.point("prefix.intended")
            try:
                made = objects.create(self._name, content, over)
            except (GenerationError, NotFoundError):
                over = self._found(objects)
            else:
                crash.point("prefix.owned")
                self._words.settle(word)
                return made
        raise HoldError(f"{self._name} changes whenever it is looked at", alone=True, until=self._later())

    def _found(self, objects: Objects) -> StoredObject | None:
        """
        Return the claim that lies there, if it may be replaced.

        Raises:
            HoldError: It is another state's, which was heard of lately.
        """
        found, told = self._lying(objects)
        if told:
            self._say("prefix.taken_over", {"name": self._name, **told})
        return found

    def _lying(self, objects: Objects) -> tuple[StoredObject | None, Mapping[str, Any]]:
        """As `_found`, and where it is another's: who that was, and how long ago it was heard of."""
        here = [source for source in objects.find(self._name) if source.name == self._name]
        if not here:
            return None, {}
        told = _told(objects.read(here[0], lambda _bytes: None, self._stop))
        if told.get("word") in self._words.known() or self._is_of_the_dead(told):
            return here[0], {}
        age = self._clock.now().timestamp() - self._heard(told, here[0])
        who = f"process {told.get('pid', '?')} on {told.get('host', '?')} (state {told.get('state', '?')})"
        if age < SECONDS:
            # No time in it: a run that waits for the same is told of once.
            raise HoldError(
                f"{self._name} says that {who} works on the same objects with another copy of this state, which was "
                f"heard of in the last {format_seconds(SECONDS)}: end one of the two; where that one is dead, this "
                "goes on by itself",
                alone=True,
                until=self._later(),
            )
        return here[0], {"from": who, "heard_seconds_ago": round(age)}

    def _is_of_the_dead(self, told: Mapping[str, Any]) -> bool:
        """Tell whether a process of this state on this machine wrote it, which is known to have ended."""
        if (told.get("kernel"), told.get("state")) != (kernel(), str(self._folder)):
            return False
        with suppress(ValueError):
            return is_gone(str(told.get("process", "")))
        return False

    def _heard(self, told: Mapping[str, Any], source: StoredObject) -> float:
        """
        Return when the writer of a claim was heard of, seconds since 1970; 0 where the claim says no time.

        The bucket's own time counts beside the writer's, whose clock may be wrong; what lies in the future does not.
        """
        beat, now = _seconds(told.get("beat")), self._clock.now().timestamp()
        if beat is None:
            return 0.0
        return max((at for at in (beat, _moment(source.created)) if at is not None and at <= now), default=now)

    def _later(self) -> float:
        return self._clock.now().timestamp() + _AGAIN_SECONDS

    def _claim(self, word: str) -> bytes:
        told: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid(), "state": str(self._folder)}
        told |= {"process": process_name(), "kernel": kernel()}
        return json.dumps(told | {"word": word, "beat": self._clock.now().timestamp()}).encode()


def _told(content: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        told = json.loads(content)
        return told if isinstance(told, dict) else {}
    return {}


def _seconds(value: object) -> float | None:
    """Return a time as a claim says it, None where that is none."""
    with suppress(OverflowError):
        if isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
    return None


def _moment(text: str) -> float | None:
    """Return when the bucket took an object in, None where it does not say."""
    with suppress(ValueError):
        return datetime.fromisoformat(text).timestamp()
    return None

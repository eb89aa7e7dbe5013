"""
Who works on the objects under a prefix, written down in an object beside them.

Two copies of one state (a machine that was cloned, a backup that was started beside the original) have one name in the
bucket, and neither sees the other's database. So whoever works keeps `PREFIX/OWNER/.owner`, created and renewed
against its generation, with a word that only the state that wrote it last knows. A copy knows an older one.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core import crash
from orchestrator.core.clock import Clock
from orchestrator.core.errors import GenerationError, NotFoundError, OrchestratorError
from orchestrator.core.files import LockedError, exclusive, write_whole
from orchestrator.engine.work import HoldError
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop

# Longer than the longest pause of a run's rounds, and than the clocks of two machines may differ.
SECONDS = 600.0
_BEATS = 3
_AGAIN_SECONDS = 60.0
_WORDS = 20  # so often in a row a process may be killed between writing a word down and writing the object


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
        memory: Path,
        clock: Clock,
        stop: Stop,
        say: Callable[[str, Mapping[str, Any]], None] = lambda _name, _facts: None,
    ) -> None:
        """
        Take whose it is.

        Args:
            objects: Connects to the bucket, when it is first asked.
            name: Of the object.
            memory: File of the state that knows the words it has written, or is about to write.
            clock: See `core.clock`.
            stop: Set when the process is to end.
            say: Told when a claim is taken over that is not renewed any more.
        """
        self._connect = objects
        self._name = name
        self._memory = memory
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

    def end(self) -> None:
        """Give the prefix up, also what a killed process of this state left; what cannot be now is taken over later."""
        with self._asking:
            held, self._held, self._renew_at = self._held, None, float("-inf")
            if held is not None or self._words():
                with suppress(OrchestratorError):
                    self._delete(held)

    def _delete(self, held: StoredObject | None) -> None:
        objects = self._connect()
        try:
            with suppress(HoldError):  # another state's
                if (claim := held or self._found(objects)) is not None:
                    objects.delete(claim)
            self._write_down([])
        finally:
            objects.close()

    def _take(self) -> None:
        objects = self._connect()
        try:
            # One process of this state at a time: another has renewed it just now, then.
            with suppress(LockedError), exclusive(self._memory.with_suffix(".lock"), "the prefix's owner"):
                self._held = self._write(objects, self._held)
        finally:
            objects.close()

    def _write(self, objects: Objects, over: StoredObject | None) -> StoredObject:
        """Write our claim over the one that is known; where that is another by now, look whose it is."""
        word = secrets.token_hex(16)
        content = self._claim(word)
        for _ in range(3):
            self._remember(word)
            crash.point("prefix.intended")
            try:
                made = objects.create(self._name, content, over)
            except (GenerationError, NotFoundError):
                over = self._found(objects)
            else:
                crash.point("prefix.owned")
                self._write_down([word])
                return made
        raise HoldError(f"{self._name} changes whenever it is looked at", alone=True, until=self._later())

    def _found(self, objects: Objects) -> StoredObject | None:
        """
        Return the claim that lies there, if it may be replaced.

        Raises:
            HoldError: It is another state's, which was heard of lately.
        """
        here = [source for source in objects.find(self._name) if source.name == self._name]
        if not here:
            return None
        told = _told(objects.read(here[0], lambda _bytes: None, self._stop))
        if told.get("word") in self._words():
            return here[0]
        age = self._clock.now().timestamp() - float(told.get("beat", 0.0))
        who = f"process {told.get('pid', '?')} on {told.get('host', '?')} (state {told.get('state', '?')})"
        if age < SECONDS:
            raise HoldError(
                f"{self._name} says that {who} works on the same objects with another copy of this state, heard of "
                f"{max(0.0, age):.0f} s ago: end one of the two; where that one is dead, this goes on {SECONDS:.0f} s "
                "after it was heard of last",
                alone=True,
                until=self._later(),
            )
        self._say("prefix.taken_over", {"name": self._name, "from": who, "heard_seconds_ago": round(age)})
        return here[0]

    def _later(self) -> float:
        return self._clock.now().timestamp() + _AGAIN_SECONDS

    def _claim(self, word: str) -> bytes:
        told = {"host": socket.gethostname(), "pid": os.getpid(), "state": str(self._memory.parent)}
        return json.dumps(told | {"word": word, "beat": self._clock.now().timestamp()}).encode()

    def _words(self) -> list[str]:
        with suppress(OSError, ValueError, TypeError, KeyError):
            return [str(word) for word in json.loads(self._memory.read_bytes())["words"]]
        return []

    def _remember(self, word: str) -> None:
        """Write down what we are about to write, beside what may lie there now: after a kill it is one of them."""
        self._write_down([*[known for known in self._words() if known != word][-_WORDS:], word])

    def _write_down(self, words: list[str]) -> None:
        write_whole(self._memory, json.dumps({"words": words}).encode())


def _told(content: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        told = json.loads(content)
        return told if isinstance(told, dict) else {}
    return {}

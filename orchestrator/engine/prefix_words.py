"""The words by which a state knows its own claims on a prefix: in a file of its folder, or in a server's database."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from orchestrator.core.files import write_whole
from orchestrator.engine.stores.contract_leadership import Installation

# So often in a row a process may be killed between writing a word down and writing the object.
MOST_WORDS = 20


class PrefixWords(Protocol):
    """Which words may lie in the bucket, and are ours."""

    def known(self) -> Sequence[str]:
        """Return them all."""

    def intend(self, word: str) -> None:
        """Write down what is about to be written, beside what may lie there now."""

    def settle(self, word: str) -> None:
        """Write down that this one lies there."""

    def forget(self, words: Collection[str]) -> None:
        """Write down that none of these lies there."""


class FileWords:
    """In a file; whoever writes has the lock beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self) -> Sequence[str]:
        with suppress(OSError, ValueError, TypeError, KeyError):
            return [str(word) for word in json.loads(self._path.read_bytes())["words"]]
        return []

    def intend(self, word: str) -> None:
        self._write([*[known for known in self.known() if known != word][-MOST_WORDS:], word])

    def settle(self, word: str) -> None:
        self._write([word])

    def forget(self, words: Collection[str]) -> None:
        self._write([word for word in self.known() if word not in words])

    def _write(self, words: Sequence[str]) -> None:
        write_whole(self._path, json.dumps({"words": words}).encode())


class StoreWords:
    """
    In the database of several machines, each of which may have written last.

    A word that lies there no more stays until newer ones come: another machine may be about to write its own.
    """

    def __init__(self, installation: Installation, before: FileWords) -> None:
        """Take the store, and the file of this machine, where an earlier version wrote them."""
        self._installation = installation
        self._before = before

    def known(self) -> Sequence[str]:
        return [*self._before.known(), *self._installation.words()]

    def intend(self, word: str) -> None:
        self._installation.remember(word, MOST_WORDS)

    def settle(self, word: str) -> None:
        """What was intended is known already."""

    def forget(self, words: Collection[str]) -> None:
        if set(words) & set(self._before.known()):
            self._before.forget(words)
        self._installation.forget(words)

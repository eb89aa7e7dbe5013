"""
How this program was called: a command that a sentence of ours prints works as printed.

Sentences are written, and stored, with the plain word: "`orchestrator retry RUN` looks again". A program in an
environment of Python's own is not found by that word in every shell, and a state folder that was named has to be named
again. What a person is shown says both; what programs read (JSON) keeps the plain word.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

NAME = "orchestrator"
_PIP = "`pip install "  # into the environment that runs us, which need not be the one that `pip` is of
_PLAIN = re.compile(rf"`{NAME} ([^\s`]+)([^`]*)")
# Commands that join the service: they find a run's files only where the run was told to put them.
_JOINS = frozenset({"run", "fetch", "audit", "cancel", "clean", "serve", "doctor"})


class Called:
    """
    The words of this call that the next one needs too, as they were given.

    Attributes:
        options: Returns those before the command.
        service: Those after it that name the service.
    """

    def __init__(self, options: Callable[[], Sequence[str]] = tuple) -> None:
        self.options = options
        self.service: Sequence[str] = ()

    def spoken(self, sentence: str) -> str:
        """Return a sentence whose commands can be pasted into any shell that is in this folder."""
        if _PIP in sentence:
            sentence = sentence.replace(_PIP, f"`{_python()} -m pip install ")
        if f"`{NAME} " not in sentence:
            return sentence
        words = " ".join([program(), *map(quoted, self.options())])
        return _PLAIN.sub(lambda found: f"`{words} {self._command(*found.groups())}", sentence)

    def _command(self, command: str, rest: str) -> str:
        wanted = command in _JOINS and not any(word in rest for word in ("--sandbox", "--bucket"))
        return " ".join([command, *map(quoted, self.service if wanted else ())]) + rest


def program() -> str:
    """Return what starts this program from the folder we are in: the plain word where every shell finds it."""
    return _program(sys.argv[0] if sys.argv else "", sys.executable, str(Path.cwd()), os.environ.get("PATH", ""))


@lru_cache(maxsize=4)
def _program(started: str, python: str, folder: str, _path: str) -> str:
    script = Path(started)
    if script.name == "__main__.py" and script.parent.name == NAME:
        return f"{_interpreter(python, folder)} -m {NAME}"
    if script.stem != NAME:
        return NAME  # another program's: it is not us whom a person can call again
    return NAME if _everywhere(NAME, started) else _from(folder, started)


def _python() -> str:
    return _interpreter(sys.executable, str(Path.cwd()))


def _interpreter(python: str, folder: str) -> str:
    known = next((name for name in ("python3", "python") if _everywhere(name, python)), "")
    return known or _from(folder, python)


def _everywhere(name: str, wanted: str) -> bool:
    """
    Tell whether every shell of this person finds `wanted` under its plain name.

    An environment that this shell has activated is not active in the next one, where `watch` is pasted.
    """
    found = shutil.which(name)
    if found is None or not _same(found, shutil.which(wanted) or wanted):
        return False
    active = os.environ.get("VIRTUAL_ENV", "")
    return not active or Path(os.path.abspath(active)) not in Path(os.path.abspath(found)).parents  # noqa: PTH100  see _same


def _same(one: str, other: str) -> bool:
    # By name, not by file: the Python of an environment is a link to one that lacks its packages.
    return os.path.normcase(os.path.abspath(one)) == os.path.normcase(os.path.abspath(other))  # noqa: PTH100


def _from(folder: str, path: str) -> str:
    """Return the shortest spelling of a program that works in `folder`."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  see _same
    if not whole.is_relative_to(folder):
        return quoted(str(whole))
    near = whole.relative_to(folder)
    return quoted(str(near) if len(near.parts) > 1 else os.path.join(os.curdir, near))  # noqa: PTH118  `./` is meant


def quoted(word: str) -> str:
    """Return a word as the shell of this system wants it."""
    if os.name == "nt":
        from subprocess import list2cmdline  # noqa: PLC0415  to import it takes as long as the rest of this file

        return list2cmdline([word])
    return shlex.quote(word)

"""Lists of objects: prefixes, delimiters, globs, generations and pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.sandbox.storage.values import StoredObject
from orchestrator.sandbox.web import ProtocolViolation


@dataclass(frozen=True, slots=True)
class Entry:
    """A generation of an object, or, without one, a prefix."""

    name: str
    item: StoredObject | None = None

    @property
    def place(self) -> tuple[bytes, int]:
        return self.name.encode(), 0 if self.item is None else self.item.generation


@dataclass(frozen=True, slots=True)
class Query:
    """
    Attributes:
        trailing: Objects whose name ends with one delimiter are also items (`includeTrailingDelimiter`).
        start: First name; empty for the first of all.
        end: First name that is left out; empty for none.
        glob: What the names of items and prefixes must fit; empty for anything.
    """

    prefix: str = ""
    delimiter: str = ""
    trailing: bool = False
    start: str = ""
    end: str = ""
    glob: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    items: list[StoredObject]
    prefixes: list[str]
    last: Entry | None

    @property
    def token(self) -> str | None:
        """What leads to the next page; None if this is the last."""
        return None if self.last is None else _token(self.last)


def page(found: Iterable[StoredObject], query: Query, size: int, after: tuple[bytes, int] | None) -> Page:
    """Return the first `size` entries of `found`, which is in order, that lie behind `after`."""
    kept = [entry for entry in _entries(found, query) if after is None or entry.place > after]
    shown = kept[:size]
    items = [each.item for each in shown if each.item is not None]
    prefixes = [each.name for each in shown if each.item is None]
    return Page(items, prefixes, shown[-1] if len(kept) > size and shown else None)


def _entries(found: Iterable[StoredObject], query: Query) -> list[Entry]:
    fits = _glob(query.glob) if query.glob else None
    entries: list[Entry] = []
    folders: dict[str, Entry] = {}
    for item in found:
        if (query.start and item.name < query.start) or (query.end and item.name >= query.end):
            continue
        cut = item.name.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
        folder = item.name[: cut + len(query.delimiter)] if cut >= 0 else ""
        if fits is not None and not fits.fullmatch(folder or item.name):
            continue
        if folder:
            folders[folder] = Entry(folder)
        if not folder or (query.trailing and item.name == folder):
            entries.append(Entry(item.name, item))
    return sorted([*entries, *folders.values()], key=lambda each: each.place)


def _glob(pattern: str) -> re.Pattern[str]:
    """
    Read a glob: `*` and `?` stay within a folder, `**` does not, `[a-c]`, `[!a]` and `{one,two}` choose.

    Raises:
        ProtocolViolation: If a bracket is not closed.
    """
    text, at, depth = "", 0, 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            text, at = text + ".*", at + 1
        elif char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            text += re.escape(pattern[at])
        elif char == "[":
            choice, at = _choice(pattern, at)
            text += choice
        elif char in "{}" or (char == "," and depth):
            depth += {"{": 1, "}": -1, ",": 0}[char]
            text += {"{": "(?:", "}": ")", ",": "|"}[char]
        else:
            text += re.escape(char)
        at += 1
        if depth < 0:
            break
    if depth:
        raise ProtocolViolation(f"Invalid matchGlob {pattern!r}: unbalanced braces.")
    return re.compile(text, re.DOTALL)


def _choice(pattern: str, at: int) -> tuple[str, int]:
    end = pattern.find("]", at + 2)
    inner = pattern[at + 1 : end]
    negated = inner.startswith(("!", "^"))
    try:
        if end < 0:
            raise ProtocolViolation(f"Invalid matchGlob {pattern!r}: a bracket is not closed.")
        body = inner[negated:].replace("\\", "\\\\").replace("[", "\\[")
        text = f"[{'^/' if negated else ''}{body}]"
        re.compile(text)
    except re.error as error:
        raise ProtocolViolation(f"Invalid matchGlob {pattern!r}: {error}") from error
    return text, end


def _token(entry: Entry) -> str:
    name, generation = entry.place
    return base64.urlsafe_b64encode(f"{generation}:".encode() + name).decode()


def place_of(token: str) -> tuple[bytes, int]:
    """
    Read a page token.

    Raises:
        ProtocolViolation: If it is none of ours.
    """
    try:
        generation, _, name = base64.urlsafe_b64decode(token.encode()).partition(b":")
        return name, int(generation)
    except ValueError as error:
        raise ProtocolViolation("Invalid page token.") from error

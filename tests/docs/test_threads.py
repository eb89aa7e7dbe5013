"""docs/reference/threads.md lists every thread, every pool and every lock of the program."""

from __future__ import annotations

import ast
import re

from reading import REFERENCE, ROOT, rows, sections

PAGE = sections(REFERENCE / "threads.md")
PACKAGE = ROOT / "orchestrator"
BEGINS = frozenset({"Thread", "ThreadPoolExecutor", "BackgroundScheduler"})
LOCKS = frozenset({"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"})


def places(names: frozenset[str]) -> set[str]:
    """Return the files of the program, the sandbox apart, that make one of these."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE)
        if where.parts[0] != "sandbox":
            text = path.read_text(encoding="utf-8")
            if any(name in text for name in names) and names & {*_named(text)}:  # to parse all would take seconds
                found.add(where.as_posix())
    return found


def _named(text: str):
    """Yield what is called in a file, or handed on to be called: `default_factory=threading.RLock`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            for each in (node.func, *(keyword.value for keyword in node.keywords if keyword.arg == "default_factory")):
                yield each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "")


def told(heading: str) -> set[str]:
    return {path for row in rows(PAGE[heading]) for cell in row[1:4] for path in re.findall(r"`([\w/]+\.py)`", cell)}


def test_every_place_that_begins_threads_is_listed():
    """Threads, pools, and the clock that has some of its own."""
    assert told("Which there are") == places(BEGINS)


def test_every_lock_is_listed():
    """A lock whose order nobody knows is the beginning of a deadlock; locks of files have a row too."""
    elsewhere = {
        "core/locks.py",
        "engine/stores/sqlite.py",
        "engine/stores/postgres.py",
    }  # the kernel's, and databases'

    assert told("Locks") == places(LOCKS) | elsewhere


def test_nobody_sleeps():
    """Whoever waits can be told to stop; a second process that is about to die may sleep."""
    asleep = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "sandbox"
        and re.search(r"\btime\.sleep\(|\bimport sleep\b", path.read_text(encoding="utf-8"))
    }

    assert asleep == set()


def test_every_name_on_the_page_is_in_the_program():
    """Files exist, and words that are code occur in it."""
    used = {word for path in PACKAGE.rglob("*.py") for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    page = (REFERENCE / "threads.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`([\w/]+\.py)`", page))
    words = {word for found in re.findall(r"`([A-Za-z_][\w.]*)`", page) for word in [found.rsplit(".", 1)[-1]]}

    assert [path for path in sorted(paths) if not (PACKAGE / path).exists() and not (ROOT / path).exists()] == []
    ours = words - {"py", "google", "debugger", "owner", "lock", "place", "count", "delete", "connect", "commit"}
    assert sorted(ours - used) == []

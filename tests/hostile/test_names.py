"""No name that somebody gives becomes a path, a command or a line of a log."""

from __future__ import annotations

import random
import re

import hostile_kit as kit
import pytest

COUNT = 300 if kit.WHOLE else 100
# What a base name may be (docs/reference/config.md): it is the beginning of the names of files.
MAY_BE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
TRICKS = [
    "", " ", ".", "..", "/", "\\", "../x", "x/../../y", "/etc/passwd", "/var/x", "x/y", "x\\y", "..\\..\\x", "C:\\x",
    "~", "~root", "-", "--help", "-rf", "x\0y", "\0", "x\ny", "x\r\nSet-Cookie: a", "x\ty", "\x1b[31mx", "x\x7f",
    "x" * 81, "x" * 300, "x" * 100_000, ".hidden", "_x", "x y", " x", "x ", "größe", "北京", "x\u202egnp", "x\u2028y",
    "ｘ", "x\u0301", "\ufeffx", "x\ud800", "x;id", "x|id", "x&id", "$(id)", "`id`", "x$HOME", "%s%n", "{0}",
    "{date}/..", "x*", "x?", "[x]", "x'y", 'x"y', "<script>alert(1)</script>", "x<y", "x:y", "x@y", "x#y", "x!y", "x,y",
    "x=y", "gs://x", "/vsimem/x", "/vsicurl/x", "file:x", "x%2f..%2fy", "x%00", "${jndi:ldap://x}",
    "'; DROP TABLE runs; --", "{x}", "{date.__class__}", "{}", "x" * 75 + "{date}",
]  # fmt: skip


def hostile_names(seed, count):
    """Return `count` names that may not be, from `TRICKS` and from a seed."""
    dice, names = random.Random(seed), list(TRICKS)  # noqa: S311  the same each time
    letters = "aZ0._-/\\ \0\n\r\t\x1b;|&$`'\"<>*?~%{}[]:é北\u202e\ud800"
    while len(names) < count:
        name = "".join(dice.choice(letters) for _ in range(dice.randrange(1, 90)))
        if not MAY_BE.fullmatch(name):
            names.append(name)
    return names[:count]


def test_a_name_that_could_be_more_is_refused_in_one_line(world):
    """As a base name: exit code 2, no call, nothing made or changed anywhere."""
    names = hostile_names(13, COUNT)
    world.begin()

    ends = {name: world.give("command", [*kit.PLAN[:-2], *AREA, f"--base-name={name}"]) for name in names}

    wrong = {name: end for name, end in ends.items() if end.code != 2 or kit.sentences(end.said) != 1}
    assert wrong == {}
    assert world.listener.heard == []
    assert [path for path in world.traces() if path != "work/out"] == []


AREA = ("--area", "14.00,46.00,14.02,46.02")


@pytest.mark.parametrize("verb", ["status", "why", "cancel", "logs", "clean", "retry"])
def test_a_run_that_has_such_a_name_is_simply_not_there(world, verb):
    """A command that takes a run: the name is looked up, never opened or followed."""
    names = [name for name in TRICKS if name and not name.startswith("-")][:: 1 if kit.WHOLE else 6]
    world.give("command", ["status"])
    world.begin()

    ends = {name: world.give("command", [verb, name]) for name in names}

    assert {name: end for name, end in ends.items() if end.fault or not 0 <= end.code <= 5} == {}
    assert {name: end.said for name, end in ends.items() if kit.sentences(end.said) > 1} == {}
    assert world.listener.heard == []
    assert [path for path in world.traces() if not path.startswith("home/")] == []

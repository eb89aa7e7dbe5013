"""Killed at any point between an event and its message's end: everybody is told at least once."""

from __future__ import annotations

from contextlib import suppress

import pytest

from orchestrator.core import crash

EVENTS = [f"reason {n}" for n in range(3)]
TARGETS = "jsons://hook.example/a jsons://hook.example/b"
WRITES = ("begin", "write", "claim", "again", "end", "bound")
POINTS = [
    *("outbox.written", "outbox.sent"),
    *(f"SqlOutbox.{name}.{end}" for name in WRITES for end in ("uncommitted", "committed")),
]


class KilledError(BaseException):
    """In place of SIGKILL: nothing of ours catches it, and an open transaction is not committed."""


@pytest.fixture
def killed_at(monkeypatch):
    """Kill once, at a point; return whether that happened."""
    happened = []

    def kill(_pid, _signal):
        happened.append(True)
        monkeypatch.delenv(crash.VARIABLE)
        raise KilledError

    def arm(point):
        crash._passed.clear()  # tests before this one were other processes
        monkeypatch.setattr(crash.os, "kill", kill)
        monkeypatch.setenv(crash.VARIABLE, point)
        return happened

    return arm


def work(post, *, takes=True):
    """A process: it begins, looks, and sends until nothing is due."""
    post.box.takes = takes
    notices = post.notices(urls=TARGETS)
    notices.look()
    notices.send()


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_everybody_is_told_everything(post, killed_at, point):
    """One of three lives is cut short; the first message of a target is not taken at once."""
    happened = killed_at(point)
    with suppress(KilledError):
        post.notices(urls=TARGETS)
    post.notices(urls=TARGETS)
    run_id = post.admit().id
    for reason in EVENTS:
        post.store.events.record(run_id, "run.failed", {"reason": reason})

    for takes in (False, True, True):
        with suppress(KilledError):
            work(post, takes=takes)
        post.clock.move(120)
    work(post)

    told = {(letter.target.name, letter.text) for letter in post.box.sent}
    assert happened
    assert len(told) == len(EVENTS) * 2
    assert {message.outcome for message in post.store.outbox.latest()} == {"sent"}

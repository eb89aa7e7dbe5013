"""Strips whose bytes change while they wait to be joined: the output is the right one, or none."""

from __future__ import annotations

import os

import journey_kit as kit
import pytest

STRIPS = {"ORCHESTRATOR_ASSEMBLE__STRIPS": "2"}


@pytest.fixture
def in_strips(home):
    home.environment |= STRIPS
    return home


def flip(path, at):
    """Change one byte, and put the time of change back: only the bytes tell."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def largest_strip(home):
    files = [path for path in home.out.rglob("*.parts") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def test_a_block_of_a_strip_that_was_damaged_is_made_again(in_strips, undisturbed):
    """The join reads it, says that strips are made again, and makes them of the parts that lie there still."""
    before = in_strips.service.exports
    assert in_strips.run(**{kit.CRASH_AT: "run.assembling"}).code == kit.KILLED
    strip = largest_strip(in_strips)
    flip(strip, strip.stat().st_size // 2)

    outcome = in_strips.run().expect(0)

    [lost] = outcome.named("output.lost")
    assert "are not those its strip wrote; the strips are made again" in lost["reason"]
    assert outcome.sha256 == undisturbed.sha256
    assert in_strips.service.exports - before == len(in_strips.tasks(outcome.summary["run"]))
    assert in_strips.leftovers() == []

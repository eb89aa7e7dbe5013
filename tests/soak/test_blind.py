"""The short form of `blind.py` and `power.py`: a kill at a system call, and a power cut, where the system lets us."""

from __future__ import annotations

import pytest
from blind import BlindTheatre, why_not
from kills import Kill
from plays import kit
from power import PowerTheatre
from power import why_not as why_no_disk

PLAY = "patches"  # the quickest


def test_a_kill_at_calls_that_nobody_named_loses_nothing(tmp_path, program):
    """At a sync, a rename and a write of the same run, each continued by the same command."""
    if reason := why_not():
        pytest.skip(reason)
    with kit.Service(program, tmp_path / "sandbox") as service:
        theatre = BlindTheatre(PLAY, tmp_path / "plays", program, service)

        met = [theatre.kill_at_call(kind, number) for kind, number in (("fsync", 7), ("rename", 2), ("write", 20))]

    assert (met, theatre.tally.wrong) == ([True, True, True], [])


def test_a_power_cut_loses_nothing(tmp_path, program):
    """What was not synced is gone; the run goes on from what was."""
    if reason := why_no_disk():
        pytest.skip(reason)
    with kit.Service(program, tmp_path / "sandbox") as service:
        theatre = PowerTheatre(PLAY, tmp_path / "plays", program, service)
        try:
            for point in ("shard.told", "output.published"):
                theatre.cut(Kill(0, point, 1), bare=True)
        finally:
            theatre.close()

    assert (theatre.tally.runs, theatre.tally.wrong) == (2, [])

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


# One in each step of a run, in the order in which it passes them.
STEPS = {
    "plan": "run.prepared",
    "submit": "task.posted",
    "poll": "tasks.polled",
    "download": "part.downloaded",
    "verify": "part.verified",
    "merge_clip": "part.placed",
    "publish": "output.named",
    "del_cloud": "object.deleted",
    "del_local": "folder.removed",
}


def test_a_power_cut_loses_nothing(tmp_path, program):
    """One life, cut in each of its steps: what was not synced is gone, and the run goes on from what was."""
    if reason := why_no_disk():
        pytest.skip(reason)
    with kit.Service(program, tmp_path / "sandbox") as service:
        theatre = PowerTheatre("mosaic by Cloud Storage", tmp_path / "plays", program, service)
        try:
            theatre.cut_often([Kill(0, point, 1) for point in STEPS.values()], bare=True)
        finally:
            theatre.close()

    assert (theatre.tally.points, theatre.tally.wrong) == (set(STEPS.values()), [])

"""What runs share: live tasks and the bytes of a bucket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from model_world import FakeClock

from orchestrator.engine.limits import Limits, Usage


def test_runs_share_the_limit_of_live_tasks():
    """What one has under way another cannot use; each gets its share when it comes."""
    live = {"a": 6}
    limits = Limits(6, 1e9, lambda: live, FakeClock())
    limits.report("a", Usage(100, 0.0))
    limits.report("b", Usage(100, 0.0))
    assert limits.room("b") == 0

    live["a"] = 4

    assert (limits.room("a"), limits.room("b")) == (0, 2)


@given(steps=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=80), limit=st.integers(1, 9))
def test_no_order_of_runs_exceeds_the_limit(steps, limit):
    """Three runs that take what room they are told, and give it back in any order."""
    live = dict.fromkeys("abc", 0)
    limits = Limits(limit, 1e9, lambda: live, FakeClock())
    for run, takes in steps:
        limits.report(run, Usage(5, 0.0))
        if takes and limits.room(run) > 0:
            live[run] += 1
        elif not takes and live[run]:
            live[run] -= 1
        assert sum(live.values()) <= limit


def test_bytes_of_all_runs_count_against_the_bucket():
    """What is too heavy for the budget goes alone, when nothing else lies there."""
    limits = Limits(6, 100.0, dict, FakeClock())
    assert limits.fits(1000.0)

    limits.report("a", Usage(0, 80.0))

    assert limits.fits(20.0)
    assert not limits.fits(21.0)

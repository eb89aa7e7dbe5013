"""A run on a virtual clock keeps the laws of queues, and is right where its makespan can be computed by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation_kit import FREE, RATE, SIDE, exports, requests, simulated

from orchestrator.app.simulation import steady
from orchestrator.app.simulation.steady import simulate_long
from orchestrator.engine.context import Backoff
from orchestrator.model.direct import DirectLimits

HEIGHTS = st.lists(st.integers(1, 4), min_size=1, max_size=7)
# An export of one block of 256 × 256 pixels takes 65.536 s.
SLOW = FREE.but(task_eecu_per_second=1.0)
BLOCK_SECONDS = SIDE * SIDE * RATE.expected
FEW = settings(max_examples=6, deadline=None)


def longest(heights):
    return max(heights) * BLOCK_SECONDS


@FEW
@given(HEIGHTS, st.integers(1, 4))
def test_no_run_is_shorter_than_its_work_in_all_slots(heights, slots):
    """Nor shorter than its longest export."""
    run = simulated(exports(heights), SLOW, slots=slots)

    assert run.makespan >= max(sum(heights) * BLOCK_SECONDS / slots, longest(heights))


@FEW
@given(HEIGHTS, st.integers(1, 3), st.integers(1, 3))
def test_more_slots_are_never_longer_by_more_than_an_export(heights, slots, more):
    """Exports are taken in the order of the queue: a slot more may reorder them, and costs no more than one."""
    few = simulated(exports(heights), SLOW, slots=slots)
    many = simulated(exports(heights), SLOW, slots=slots + more)

    assert many.makespan <= few.makespan + longest(heights) + 1.0


@FEW
@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(1, 3), st.integers(1, 3))
def test_more_machines_are_never_longer_by_more_than_a_part(heights, parts, more):
    """Where the line is what holds a run up, so that machines count."""
    slow = FREE.but(bandwidth=1e4, place_seconds_per_gb=1e5)
    part_seconds = max(heights) * SIDE * SIDE * 2 * (1 / 1e4 + 1e5 / 1e9)
    one = simulated(exports(heights, parts=parts), slow)
    many = simulated(exports(heights, parts=parts), slow, workers=1 + more)

    assert many.makespan <= one.makespan + part_seconds + 1.0


@FEW
@given(HEIGHTS, st.integers(1, 4), st.integers(1, 3))
def test_what_is_computed_is_the_same_whoever_shares_it(heights, slots, workers):
    """EECU-seconds are pixels times their rate; machines and slots change the time alone."""
    run = simulated(exports(heights), SLOW, slots=slots, workers=workers)

    assert run.eecu_seconds == pytest.approx(sum(heights) * BLOCK_SECONDS)


@FEW
@given(HEIGHTS, st.integers(1, 4))
def test_every_byte_comes_once(heights, parts):
    """As many as the pixels of all parts weigh, and all of them lie in the bucket at the end."""
    run = simulated(exports(heights, parts=parts), SLOW)

    assert run.bytes == run.bucket_bytes == run.result_bytes == sum(heights) * parts * SIDE * SIDE * 2


def test_a_simulation_is_the_same_each_time():
    """Nothing depends on the day, on chance or on the machine."""
    first, second = (simulated(exports([3, 1, 2, 2, 4]), SLOW).makespan for _ in range(2))

    assert first == second


def test_one_export_takes_the_sum_of_its_steps():
    """
    Begin 2, hand over 3, export 40 + 65.536: it ends at 110.536. Lists are made at 2 and, since one was just handed
    over, then each 50 s: 52, 102, 152. The part of 131,072 bytes takes 1 + 0.131072 s to come and 0.131072 s to be
    placed; 4 s to finish.
    """
    costs = SLOW.but(
        begin_seconds=2.0,
        submit_seconds=3.0,
        task_seconds=40.0,
        download_seconds=1.0,
        bandwidth=1e6,
        place_seconds_per_gb=1e3,
        finish_seconds=4.0,
    )
    run = simulated(exports([1]), costs, backoff=Backoff(poll_min_seconds=50.0, poll_max_seconds=50.0))

    assert run.makespan == pytest.approx(152 + 1 + 2 * 0.131072 + 4, abs=0.1)


def test_exports_wait_for_their_slots():
    """Seven alike in two slots are four rounds; a list each second sees the last one end."""
    run = simulated(exports([1] * 7), SLOW, slots=2)

    assert run.makespan == pytest.approx(4 * BLOCK_SECONDS, abs=1.5)


def test_the_queue_is_never_longer_than_the_engine_lets_it_be():
    """Two slots and a few tasks ahead, as `sharing.live_limit` says; with `live_tasks` so many."""
    assert simulated(exports([1] * 12), SLOW, slots=2).most_queued == 6
    assert simulated(exports([1] * 12), SLOW, slots=2, live_tasks=3).most_queued == 3


def test_the_first_two_exports_come_before_the_others_where_nothing_is_known_of_their_weight():
    """Parts are made larger once the pilots have told: five exports in five slots are two rounds, not one."""
    blind = simulated(exports([1] * 5, split="blocks"), SLOW, slots=5)
    known = simulated(exports([1] * 5, split="blocks"), SLOW, slots=5, lessons=lambda _kind: 2.0)

    assert blind.makespan == pytest.approx(2 * BLOCK_SECONDS, abs=2.5)
    assert known.makespan == pytest.approx(BLOCK_SECONDS, abs=1.5)


def test_a_full_bucket_is_waited_for():
    """Room for one export at a time: with two slots it takes as long as with one."""
    run = simulated(exports([1] * 4), SLOW, slots=2, bucket_bytes=1.4 * SIDE * SIDE * 2)

    assert run.makespan >= 4 * BLOCK_SECONDS
    assert run.most_queued == 1


def test_a_budget_that_is_too_small_holds_the_run():
    """With the engine's own sentence; what was handed over before is counted."""
    run = simulated(exports([1] * 8, hours=3 * BLOCK_SECONDS / 3600), SLOW)

    assert "the run's budget is" in run.held
    assert 0 < run.eecu_seconds <= 3 * BLOCK_SECONDS


@pytest.mark.parametrize("count", [8, 9, 40])
def test_requests_go_in_rounds_of_as_many_as_go_at_once(count):
    """Eight at once, two seconds each."""
    run = simulated(requests(count), FREE.but(request_seconds=2.0))

    assert run.makespan == pytest.approx(-(-count // 8) * 2.0, abs=0.1)


def test_requests_begin_no_faster_than_is_allowed():
    """Ten a second, a tenth wider apart than evenly as the engine begins them: 60 begin over 6.49 s, and take one."""
    run = simulated(requests(60), FREE.but(request_seconds=1.0), direct=DirectLimits(48 << 20, 32_768, 1024, 40, 10.0))

    assert run.makespan == pytest.approx(59 * 0.11 + 1.0, abs=0.1)


def test_very_many_requests_go_on_as_they_began(monkeypatch):
    """The beginning tells what all take: within a round of what simulating every one says."""
    subject, costs = requests(160), FREE.but(request_seconds=2.0, finish_seconds_per_unit=0.01)
    whole = simulated(subject, costs)
    monkeypatch.setattr(steady, "MOST_REQUESTS", 64)

    told = simulate_long(subject, costs, None, lambda job, known, _around: simulated(job, known))

    assert told.makespan == pytest.approx(whole.makespan, abs=2.0)
    assert told.bytes == pytest.approx(whole.bytes)
    assert told.requests == 160

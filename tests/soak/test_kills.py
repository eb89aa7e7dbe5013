"""The short form of `kills.py`: every crash point has its play, and some of them are played."""

from __future__ import annotations

import pytest
from kills import Kill, Theatre, plays_of_points
from plays import kit, served
from points import crash_points

# Not on the way of any command that takes seconds, by the beginnings of their names; each is passed by the tests named.
ELSEWHERE = {
    "SqlParts.move.": "tests/engine/test_wrong_bytes.py",
    "SqlParts.move_all": "tests/journey/test_strips.py",
    "SqlProcesses.begin": "tests/app/test_daemons.py",
    "SqlPruning": "tests/engine/test_pruning.py",
    "backup.copied": "tests/engine/test_database_care.py",
    "run.pruned": "tests/engine/test_pruning.py",
    "run.thinned": "tests/engine/test_pruning.py",
    "SqlLimits": "tests/engine/test_limits.py",
    "SqlUsage.": "tests/engine/test_usage.py",
    "task.overspent": "tests/engine/test_usage.py",
    "SqlInstallation": "tests/journey/test_postgres.py",
    "SqlLeadership": "tests/journey/test_leader.py",
    "SqlJobStates._say": "tests/cli/test_schedule.py",
    "SqlOutbox": "tests/notices/test_kills.py",  # in a thread of its own, which passes them at other times in each run
    "SqlRuns.prioritise": "tests/cli/test_schedule.py",
    "SqlRuns.restore_lost": "tests/journey/test_recover.py",
    "SqlRuns.set_deadline": "tests/engine/test_deadlines.py",
    "SqlUnits.add": "tests/engine/test_instead.py",
    "SqlProcesses.forget": "tests/app/test_workers.py",
    "SqlUnits.bring": "tests/journey/test_workers.py",
    "SqlUnits.hold": "tests/engine/test_shared_units.py",
    "SqlUnits.placed": "tests/journey/test_workers.py",
    "SqlUnits.refuse": "tests/engine/test_shared_units.py",
    "SqlUnits.take_up": "tests/executors/test_claims_taken_up.py",
    "SqlUnits.resume": "tests/engine/test_shared_units.py",
    "piece.": "tests/journey/test_workers.py",
    "SqlUnits.hurry": "tests/app/test_run_failures.py",  # one statement, asked for by a person on the page
    "SqlUnits.renew": "tests/engine/test_runner.py",  # five minutes of a lease have passed
    "date.replaced": "tests/engine/test_overlap.py",
    "date.skipped": "tests/engine/test_overlap.py",
    "delivery.": "tests/journey/test_delivery.py",
    "place.": "tests/places/test_bucket.py",
    "outbox.": "tests/notices/test_kills.py",
    "scenes.replaced": "tests/products/scenes/test_scene_index.py",
    "join.": "tests/journey/test_strips.py",
    "strip.": "tests/journey/test_strips.py",
    "sweep.": "tests/app/test_sweeping.py",
}
# A moment in each kind of store, and the crash points that a review of the code would name first.
PLAYED = {
    "mosaic by Cloud Storage": [
        "SqlTasks.intend.uncommitted",
        "SqlTasks.identify.uncommitted",
        "run.output_ended",
    ],
    "patches": ["shard.moved", "tree.named"],
}


def test_every_crash_point_has_a_play():
    """What is killed somewhere is written down by `kills.py --reach`; a new point must find its play."""
    points, played = crash_points(), set(plays_of_points())

    assert sorted(point for point in points - played if not point.startswith(tuple(ELSEWHERE))) == []
    assert played <= points, "reached.csv names a point that is no more"
    assert len(points) >= 80


@pytest.mark.parametrize("play", PLAYED)
def test_killed_once_nothing_is_lost_doubled_leaked_or_touched(tmp_path, program, play):
    """Continued by the same command: the same bytes, no export more, no object or file left, others' as they were."""
    with kit.Service(program, tmp_path / "sandbox", *served(play, tmp_path)) as service:
        theatre = Theatre(play, tmp_path / "plays", program, service)

        for point in PLAYED[play]:
            theatre.kill(Kill(0, point, 1))

    assert theatre.tally.wrong == []
    assert (theatre.tally.runs, theatre.tally.missed) == (len(PLAYED[play]), 0)

"""`simulate` tells how long a job would take, and asks nobody."""

from __future__ import annotations

import pytest

WORDS = (
    *("simulate", "--area", "14.40,46.00,14.50,46.08", "--output", "o", "--base-name", "a", "--json"),
    *("--start-date", "2024-06-01", "--end-date", "2024-07-01", "--crs", "EPSG:32633", "--bucket", "mine"),
)


def test_a_job_is_told_with_its_bottleneck_and_the_source_of_each_cost(call):
    """A small mosaic waits for Earth Engine alone; nothing is written but what was asked for."""
    done = call(*WORDS, "--slots", "3", "--picture", "course.png")
    told = done.messages[-1]

    assert done.code == 0, done.err
    assert told["tasks"] >= 1
    assert told["slots"] == 3
    assert told["resources"][0]["name"] == "exports"
    assert told["makespan_seconds"] > told["pieces_done_seconds"] > 0
    assert all(cost["source"] for cost in told["costs"].values())
    assert told["picture"] == "course.png"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workers", "0"), "--workers is 0"),
        (("--bandwidth", "quick"), "--bandwidth 'quick' is not a number of bytes"),
        (("--costs", "nowhere.toml"), "--costs nowhere.toml cannot be read"),
        (("--cells", "10"), "--cells 10 is no side of a cell"),
        (("--measure",), "there is no finished run of mosaic"),
    ],
)
def test_what_is_asked_wrongly_is_said(call, words, said):
    """With exit code 2, in one sentence."""
    done = call(*WORDS, *words)

    assert done.code == 2
    assert said in done.messages[-1]["sentence"]

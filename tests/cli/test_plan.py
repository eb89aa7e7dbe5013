"""`plan` shows what `run` with the same words would do."""

from __future__ import annotations

import pytest

WORDS = (
    *("plan", "--area", "14.40,46.00,14.50,46.08", "--output", "o", "--base-name", "a", "--route", "auto", "--json"),
    *("--start-date", "2024-06-01", "--end-date", "2024-07-01", "--crs", "EPSG:32633"),
)
# About 780 × 900 pixels of 10 m: at a scale of 1 m they weigh far more than sixteen requests hold.
HEAVY = ("--scale", "1")


@pytest.mark.parametrize(
    "service",
    [("--sandbox",), ("--sandbox-url", "http://127.0.0.1:9"), ("--bucket", "mine")],
    ids=["private sandbox", "sandbox that runs", "bucket"],
)
def test_a_place_to_export_to_is_known_to_the_plan(call, service):
    """A heavy area is exported where the options name a bucket, a sandbox's own included; nobody is asked for it."""
    planned = call(*WORDS, *HEAVY, *service)

    assert planned.code == 0, planned.err
    assert planned.messages[-1]["tasks"] > 0


def test_without_a_bucket_everything_comes_in_requests(call):
    """As `run` does it."""
    planned = call(*WORDS, *HEAVY).messages[-1]

    assert planned["tasks"] == 0
    assert planned["requests"] > 16


def test_options_that_contradict_each_other_are_refused(call):
    """As `run` refuses them."""
    assert call(*WORDS, "--sandbox", "--sandbox-url", "http://127.0.0.1:9").code == 2

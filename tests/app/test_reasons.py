"""What `why` says of a run that stands still although nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.core.clock import SystemClock
from orchestrator.engine.limits import Limits, no_place


@pytest.mark.parametrize(
    ("live", "others"),
    [
        pytest.param({"a": 4, "b": 2}, {"a": 4, "b": 2}, id="others have every place"),
        pytest.param({"a": 4, "me": 2}, {}, id="one of the places is its own"),
        pytest.param({"a": 4}, {}, id="a place is free"),
    ],
)
def test_who_has_every_place_is_known(live: Mapping[str, int], others: Mapping[str, int]):
    """Only where other runs leave none are they named."""
    limits = Limits(6, 0, lambda: live, SystemClock())

    assert limits.taken_by_others("me") == others


def test_the_runs_that_have_the_places_are_named():
    """With how many each has, so that somebody can go on with them or cancel them."""
    said = no_place({"aaaa": 4, "bbbb": 2}, 6)

    assert said.startswith("all 6 places")
    assert said.endswith("aaaa (4), bbbb (2)")

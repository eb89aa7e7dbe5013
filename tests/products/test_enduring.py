"""A thing that fails for good is given up, and says so."""

from __future__ import annotations

from orchestrator.core.errors import DamagedObjectError
from orchestrator.model.unit import Empty, Unit, UnitPlan
from orchestrator.products.enduring import Enduring


def damaged(_context, _unit):
    raise DamagedObjectError("its bytes are not those of its checksum")


def test_what_is_given_up_says_why_to_whoever_counts():
    """Empty, so that the others go on; with an error, so that it does not pass for success meanwhile."""
    step = Enduring(damaged, "chip", has_answers=lambda: True, attempts=3)

    outcome = step(None, Unit("run", UnitPlan("chip", "a")))

    assert outcome == Empty(
        {"why": "its bytes are not those of its checksum"}, "its bytes are not those of its checksum"
    )

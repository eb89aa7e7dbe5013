"""
The engine in every order of events: Hypothesis drives a run through faults of service, network, people and power.

Set HYPOTHESIS_PROFILE=thorough for many more and longer histories.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from run_machine import Machine
from run_process import Killed

EXAMPLES = settings().max_examples  # of the profile
HISTORIES = settings(
    max_examples=EXAMPLES // 4,
    stateful_step_count=80 if EXAMPLES > 1000 else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.long
def test_a_run_survives_every_order_of_events():
    """Whatever happens, in whatever order: nothing doubled, nothing foreign deleted, and in the end all is there."""
    run_state_machine_as_test(Machine, settings=HISTORIES)


def test_killed_is_not_an_error_the_engine_may_catch():
    """The model's crash passes every `except Exception` of the engine."""
    assert not issubclass(Killed, Exception)

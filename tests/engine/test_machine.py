"""
The engine in every order of events: Hypothesis drives a run through faults of service, network, people and power.

Set HYPOTHESIS_PROFILE=thorough for many more and longer histories, which takes an hour or two.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from run_machine import Machine
from run_process import Killed
from run_state import StateServer

EXAMPLES = settings().max_examples  # of the profile
THOROUGH = EXAMPLES > 1000
HISTORIES = settings(
    max_examples=EXAMPLES // 4,
    stateful_step_count=80 if THOROUGH else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# A server answers more slowly than a file, and the rules are the same.
ON_A_SERVER = settings(HISTORIES, max_examples=EXAMPLES // 30)
pytestmark = [pytest.mark.timeout(0)] if THOROUGH else []


@pytest.mark.long
def test_a_run_survives_every_order_of_events():
    """Whatever happens, in whatever order: nothing doubled, nothing foreign deleted, and in the end all is there."""
    run_state_machine_as_test(Machine, settings=HISTORIES)


def test_a_run_survives_every_order_of_events_with_its_state_on_a_server(postgres):
    """The same where the truth is in PostgreSQL."""

    class OnAServer(Machine):
        def new_state(self):
            return StateServer(postgres)

    run_state_machine_as_test(OnAServer, settings=ON_A_SERVER)


def test_killed_is_not_an_error_the_engine_may_catch():
    """The model's crash passes every `except Exception` of the engine."""
    assert not issubclass(Killed, Exception)

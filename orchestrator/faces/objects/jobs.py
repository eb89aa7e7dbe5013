"""What is told of scheduled jobs that something was done to; how they stand, and when they are due, the verbs say."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from orchestrator.engine.stores.records import Head
from orchestrator.faces.objects import JsonObject
from orchestrator.faces.objects.runs import StateFacts


@dataclass(frozen=True, slots=True)
class TriggeredFacts(StateFacts):
    """The run of a date of a scheduled job. `logical_date` is the name of the date."""

    logical_date: str


@dataclass(frozen=True, slots=True)
class PausedFacts:
    """A job whose dates go by. `why` is the reason that was given."""

    name: str
    paused: bool
    why: str


@dataclass(frozen=True, slots=True)
class ResumedFacts:
    """A job that goes on. `was_paused` tells whether that is new."""

    name: str
    paused: bool
    was_paused: bool


def triggered_facts(head: Head) -> JsonObject:
    """Return the run of a date that was asked for."""
    return asdict(TriggeredFacts(head.id, head.state, head.logical_date))


def paused_facts(name: str, why: str) -> JsonObject:
    """Return that a job's dates go by."""
    return asdict(PausedFacts(name, paused=True, why=why))


def resumed_facts(name: str, *, was_paused: bool) -> JsonObject:
    """Return that a job goes on."""
    return asdict(ResumedFacts(name, paused=False, was_paused=was_paused))

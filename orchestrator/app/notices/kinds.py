"""What people may be told, and the events of the state that say it. The program's decisions take nothing from here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from orchestrator.model.states import Who


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """
    Something that people may be told.

    Attributes:
        says: The sentence of it; `{name}` is a fact of the event, or of its run.
        then: What can be done, or what happens next; empty where nothing is.
        level: As apprise calls it: `info`, `success`, `warning`, `failure`.
    """

    says: str
    then: str = ""
    level: str = "info"


KINDS: Mapping[str, NoticeKind] = MappingProxyType(
    {
        "started": NoticeKind("It has begun; tasks: {tasks}, requests: {requests}."),
        "finished": NoticeKind("It is done: {path}", level="success"),
        "failed": NoticeKind(
            "It has failed: {reason}",
            "`orchestrator why {run}` says more; `orchestrator retry {run}` takes it up again where it stopped.",
            "failure",
        ),
        "held": NoticeKind(
            "It waits for a person: {reason}",
            "`orchestrator why {run}` says what to do; `orchestrator retry {run}` lets it go on.",
            "warning",
        ),
        "waiting": NoticeKind("It waits: {reason}", "It goes on by itself.", "warning"),
        "budget": NoticeKind(
            "The budget of compute units is reached: {reason}", "`orchestrator usage` says more.", "warning"
        ),
        "overdue": NoticeKind("It is late: {reason}", "`orchestrator why {run}` says what it waits for.", "warning"),
        "recovered": NoticeKind("It goes on; it had waited: {reason}", level="success"),
        "cancelled": NoticeKind("It was cancelled.", "`orchestrator clean {run}` takes away what it left."),
        "refused": NoticeKind("It cannot be begun: {error}", "`orchestrator doctor` says more.", "failure"),
        "missed": NoticeKind("The date {logical_date} was skipped: {reason}", level="warning"),
    }
)


_RETRY = "`orchestrator retry {run}` lets it go on."


def then_of(kind: str, facts: Mapping[str, Any]) -> str:
    """Return what can be done; the sentence of a reason that names its own command is not followed by another one."""
    then = KINDS[kind].then
    return then.removesuffix(_RETRY).rstrip(" ;") + "." if _names_retry(facts) and then.endswith(_RETRY) else then


def _names_retry(facts: Mapping[str, Any]) -> bool:
    return "`orchestrator retry " in str(facts.get("reason", ""))


def _held(facts: Mapping[str, Any]) -> str:
    """A run that cannot be joined, for want of a setting, says no `who`: it is a person who mends settings."""
    return "waiting" if facts.get("who") == Who.TIME else "held"


def _always(kind: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda _facts: kind


# Name of an event to what it means, by its facts.
EVENTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "run.planned": _always("started"),
        "run.done": _always("finished"),
        "run.failed": _always("failed"),
        "run.cancelled": _always("cancelled"),
        "run.held": _held,
        "run.overdue": _always("overdue"),
        "run.deferred": _always("overdue"),
        "run.recovered": _always("recovered"),
        "budget.reached": _always("budget"),
        "job.refused": _always("refused"),
        "job.trouble": _always("refused"),
        "config.refused": _always("refused"),
        "date.skipped": _always("missed"),
    }
)
# What is told of a run that has stopped, and of one that gets on again.
HELD = frozenset({"held", "waiting"})
PROGRESS = frozenset(
    {"task.exported", "task.empty", "part.downloaded", "request.answered", "output.published", "cloud.cleaned"}
)
# Of the daemon itself, not of a run: it remembers them among the events, so that they are told, too.
OF_THE_DAEMON = frozenset({"job.refused", "job.trouble", "config.refused", "date.skipped"})


def kind_of(name: str, facts: str) -> str:
    """Return what an event means to people; `facts` is JSON."""
    found: Mapping[str, Any] = json.loads(facts)
    return EVENTS[name](found)

"""The addresses of the API: what each is asked, what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orchestrator.faces.objects import JsonObject
from orchestrator.faces.web.api import acting, asked, kinds, reading
from orchestrator.faces.web.api.asked import ApiRequest, QueryWords, RequestBody
from orchestrator.faces.web.api.kinds import Kind

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One address and method.

    Attributes:
        method: GET looks, POST acts.
        path: Below `BASE`; a name in braces is a run's or a job's.
        says: What it does, in a sentence.
        call: Does it.
        kinds: What it answers: one object of one of these kinds.
        many: Or a list of them.
        words: What may stand after `?`.
        body: What may be sent.
    """

    method: Literal["GET", "POST"]
    path: str
    says: str
    call: Callable[[ApiRequest], JsonObject | list[JsonObject]]
    kinds: tuple[Kind, ...]
    many: bool = False
    words: type[QueryWords] = QueryWords
    body: type[RequestBody] = RequestBody

    @property
    def verb(self) -> str:
        """What it is called in the log."""
        return self.call.__name__.partition("_")[2]

    @property
    def logged(self) -> bool:
        """Whether it changes something; a plan does not."""
        return self.method == "POST" and self.path != "/plan"


def _looks(
    path: str,
    says: str,
    call: Callable[[ApiRequest], JsonObject | list[JsonObject]],
    *answers: Kind,
    many: bool = False,
    words: type[QueryWords] = QueryWords,
) -> Endpoint:
    return Endpoint("GET", path, says, call, answers, many, words)


def _acts(
    path: str,
    says: str,
    call: Callable[[ApiRequest], JsonObject | list[JsonObject]],
    answer: Kind,
    *,
    many: bool = False,
    body: type[RequestBody] = RequestBody,
) -> Endpoint:
    return Endpoint("POST", path, says, call, (answer,), many, body=body)


_RUN, _JOB = "/runs/{run}", "/schedule/{job}"

ENDPOINTS: tuple[Endpoint, ...] = (
    _looks(
        "/runs",
        "How runs stand, a page of those that are meant.",
        reading.get_runs,
        kinds.RUN,
        many=True,
        words=asked.RunsWords,
    ),
    _acts("/runs", "Hand a job to the daemon.", acting.post_submit, kinds.SUBMITTED, many=True, body=asked.SubmitBody),
    _looks(_RUN, "How one run stands, with its exports.", reading.get_run, kinds.RUN_DETAIL),
    _looks(f"{_RUN}/why", "What a run waits for, and what is next.", reading.get_why, kinds.WHY, words=asked.WhyWords),
    _looks(
        f"{_RUN}/events",
        "What happened to a run, oldest first.",
        reading.get_events,
        kinds.EVENT,
        many=True,
        words=asked.EventsWords,
    ),
    _looks(
        f"{_RUN}/result", "What a run has delivered, or why not.", reading.get_result, kinds.RESULT, kinds.NO_RESULT
    ),
    _acts(
        f"{_RUN}/retry",
        "Take it up again where it stopped.",
        acting.post_retry,
        kinds.RUN_CHANGED,
        body=asked.RetryBody,
    ),
    _acts(f"{_RUN}/cancel", "End it; what it left is kept until `clean`.", acting.post_cancel, kinds.RUN_CHANGED),
    _acts(f"{_RUN}/clean", "Take away what it left, when it has ended.", acting.post_clean, kinds.CLEANED),
    _acts(
        f"{_RUN}/priority",
        "Say how early it is taken.",
        acting.post_prioritise,
        kinds.RUN_PRIORITY,
        body=asked.PriorityBody,
    ),
    _acts(
        "/plan",
        "What a mosaic would take; nothing is stored, and no service is asked.",
        acting.post_plan,
        kinds.PLAN,
        many=True,
        body=asked.PlanBody,
    ),
    _looks("/schedule", "The scheduled jobs, those that are left out, too.", reading.get_jobs, kinds.JOB, many=True),
    _looks(
        "/schedule/next",
        "When jobs are due next.",
        reading.get_next_times,
        kinds.NEXT,
        many=True,
        words=asked.NextWords,
    ),
    _acts(f"{_JOB}/pause", "Let the dates of a job go by.", acting.post_pause, kinds.JOB_PAUSED, body=asked.PauseBody),
    _acts(f"{_JOB}/resume", "Let a paused job go on.", acting.post_resume, kinds.JOB_RESUMED),
    _acts(
        f"{_JOB}/trigger",
        "Run a date of a job now.",
        acting.post_trigger,
        kinds.TRIGGERED,
        many=True,
        body=asked.TriggerBody,
    ),
    _looks("/usage", "What runs have cost.", reading.get_usage, kinds.USAGE, many=True, words=asked.UsageWords),
    _looks("/limits", "How the limits of the project stand.", reading.get_limits, kinds.LIMITS),
    _looks("/doctor", "What a night needs.", reading.get_doctor, kinds.FINDING, many=True, words=asked.DoctorWords),
    _looks("/health", "Whether the daemon lives.", reading.get_health, kinds.HEALTH),
    _looks("/metrics", "The page for Prometheus.", reading.get_metrics, kinds.METRICS),
)

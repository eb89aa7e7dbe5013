"""What the API answers: the objects of `--json`, each with the dataclasses that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.app.verbs.findings import Finding
from orchestrator.app.verbs.reports import RunReport
from orchestrator.app.verbs.schedule import JobReport, NextTime
from orchestrator.faces.objects import ErrorFacts, jobs, plans, project, runs


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of object.

    Attributes:
        name: In the document.
        message_type: In the object.
        always: Whose fields it has.
        perhaps: Whose fields it may have, too: all of one, or none of it.
        open: Whether it has others, which a product or an event brings.
    """

    name: str
    message_type: str
    always: tuple[type, ...]
    perhaps: tuple[type, ...] = ()
    open: bool = False


ERROR = Kind("Error", "error", (ErrorFacts,))
RUN = Kind("Run", "run", (RunReport,))
RUN_DETAIL = Kind("RunDetail", "run", (RunReport, runs.DetailFacts))
RUN_CHANGED = Kind("RunChanged", "run", (runs.StateFacts,))
RUN_PRIORITY = Kind("RunPriority", "run", (runs.PriorityFacts,))
WHY = Kind("Why", "why", (runs.WhyFacts,))
EVENT = Kind("Event", "event", (runs.EventFacts,), open=True)
RESULT = Kind("Result", "summary", (runs.ResultFacts,), open=True)
NO_RESULT = Kind("NoResult", "summary", (runs.NoResultFacts,))
CLEANED = Kind("Cleaned", "cleaned", (runs.CleanedFacts,))
PLAN = Kind("Plan", "plan", (plans.PlanFacts,))
SUBMITTED = Kind("Submitted", "submitted", (runs.SubmittedFacts,))
TRIGGERED = Kind("Triggered", "submitted", (jobs.TriggeredFacts,))
JOB = Kind("Job", "job", (JobReport,))
JOB_PAUSED = Kind("JobPaused", "job", (jobs.PausedFacts,))
JOB_RESUMED = Kind("JobResumed", "job", (jobs.ResumedFacts,))
NEXT = Kind("Next", "next", (NextTime,))
USAGE = Kind("Usage", "usage", (project.UsageFacts,))
LIMITS = Kind("Limits", "limits", (project.LimitsFacts,))
FINDING = Kind("Finding", "finding", (Finding,))
HEALTH = Kind("Health", "health", (project.HealthFacts,), perhaps=(project.DaemonFacts,))
METRICS = Kind("Metrics", "metrics", (project.MetricsFacts,))

"""
How everything stands, in the text format of Prometheus.

Read from the state when it is asked for, so that the page of a daemon and the command `metrics` say the same. Labels
are bounded: states, kinds, names of limits, and jobs and folders of config.toml.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from orchestrator import __version__
from orchestrator.app.records import Records
from orchestrator.app.verbs.figures import Figures, figures
from orchestrator.core.optional import required
from orchestrator.engine.standing import Standing
from orchestrator.model.states import Failure, PartState, RunState, TaskState, Who

PREFIX = "orchestrator_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Names of events are words of the code; whatever else comes is counted as one.
MOST_EVENTS = 200
_ON_THE_WAY = (PartState.EXPORTED, PartState.DOWNLOADING, PartState.VERIFIED, PartState.MERGED)
_FAILURES = frozenset(Failure)


class EventCounter:
    """Counts what a process was told, by its name, and failures by their class; safe for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def hear(self, name: str, _run_id: str, facts: Mapping[str, Any]) -> None:
        failure = str(facts.get("failure", ""))
        with self._lock:
            known = name in self._events or len(self._events) < MOST_EVENTS
            self._events[name if known else "other"] += 1
            if failure in _FAILURES:
                self._failures[failure] += 1

    def counted(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how often each event, and each class of failure, was heard."""
        with self._lock:
            return dict(self._events), {str(one): self._failures[one] for one in Failure}


class Page:
    """
    The page of metrics; one look at a time, however many ask.

    Args:
        app: Whose state.
        heard: What the process counted; None where it only looks.
    """

    def __init__(self, app: Records, heard: EventCounter | None = None) -> None:
        self._app = app
        self._heard = heard
        self._core = required("prometheus_client.core", "metrics", "the page of metrics")
        client = required("prometheus_client", "metrics", "the page of metrics")
        self._registry = client.CollectorRegistry(auto_describe=False)
        self._generate: Callable[[Any], bytes] = client.generate_latest
        self._registry.register(self)
        if heard is not None:
            client.ProcessCollector(registry=self._registry)
        self._guard = threading.Lock()

    def text(self) -> str:
        """Return the page."""
        with self._guard:
            return self._generate(self._registry).decode("utf-8")

    def describe(self) -> list[Any]:
        """Return nothing: what is registered is not looked at before it is asked for."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the families; called by prometheus_client."""
        seen = figures(self._app)
        yield self._gauge("build_info", "What is running; always 1.", {(__version__,): 1}, "version")
        yield self._gauge("state_readable", "Whether the state database can be read.", {(): int(not seen.trouble)})
        yield from self._local(seen)
        if not seen.trouble:
            yield from self._work(seen)
            yield from self._project(seen)
            yield from self._schedules(seen)
        if self._heard is not None:
            yield from self._process(self._heard)

    def _local(self, seen: Figures) -> Iterator[Any]:
        free = {(folder,): room.free for folder, room in seen.disks.items()}
        size = {(folder,): room.size for folder, room in seen.disks.items()}
        yield self._gauge("disk_free_bytes", "Bytes free to us where a folder is.", free, "folder")
        yield self._gauge("disk_size_bytes", "Bytes in all where a folder is.", size, "folder")
        yield self._gauge("state_database_bytes", "The state database with its log.", {(): seen.database_bytes})
        if (about := seen.database) is not None:
            kind = {(about.kind, about.version): 1}
            yield self._gauge("state_database_info", "Which database it is; always 1.", kind, "kind", "version")
            latency = {(): about.latency_seconds}
            yield self._gauge("state_database_latency_seconds", "What one look took that reads nothing.", latency)

    def _work(self, seen: Figures) -> Iterator[Any]:
        census = seen.census
        held = {(who.value,): census.held.get(who, 0) for who in (Who.TIME, Who.PERSON)}
        yield self._gauge("runs", "Runs by state.", _every(RunState, census.runs), "state")
        yield self._gauge("runs_held", "Held runs by who must act.", held, "who")
        yield self._gauge("tasks", "Export tasks by state.", _every(TaskState, census.tasks), "state")
        yield self._gauge("parts", "Parts by state.", _every(PartState, census.parts), "state")
        yield self._gauge(
            "parts_bytes",
            "What the objects of parts weigh, by their state.",
            _every(PartState, census.part_bytes),
            "state",
        )
        yield self._gauge("units", "Units by kind and state.", census.units, "kind", "state")
        lasting = _every(Failure, census.failures)
        yield self._gauge("failing", "Tasks and units of runs that go on, by how they failed last.", lasting, "class")
        in_bucket = sum(census.part_bytes.get(state, 0) for state in _ON_THE_WAY)
        yield self._gauge("bucket_bytes", "Bytes of ours in the bucket, of runs not cleaned up.", {(): in_bucket})
        messages = {(word,): count for word, count in census.messages.items()}
        yield self._gauge("notifications", "Notifications not sent yet, and those given up.", messages, "outcome")
        oldest = _seconds(census.oldest_message) if census.oldest_message else 0.0
        yield self._gauge(
            "notifications_oldest_timestamp_seconds",
            "When the oldest one not sent yet was written; 0: none.",
            {(): oldest},
        )

    def _project(self, seen: Figures) -> Iterator[Any]:
        used, budget = seen.used, 3600 * self._app.settings.budget.month_eecu_hours
        yield self._gauge("month_eecu_seconds", "Compute units counted this month (Pacific).", {(): used.used})
        reserved = {(): used.reserved}
        yield self._gauge("month_eecu_reserved_seconds", "What tasks under way may use beyond that.", reserved)
        yield self._gauge("month_eecu_budget_seconds", "The month's budget of them; 0: none is set.", {(): budget})
        if seen.standing is not None:
            yield from self._limits(seen.standing)

    def _limits(self, standing: Standing) -> Iterator[Any]:
        limits = standing.limits
        allowed = {(name,): one.allowed for name, one in limits.items()}
        yield self._gauge("limit_allowed", "How much at once.", allowed, "limit")
        used = {(name,): one.used for name, one in limits.items()}
        yield self._gauge("limit_used", "How much is taken of it.", used, "limit")
        throttled = {(name,): one.throttled for name, one in limits.items()}
        yield self._gauge("limit_throttled", "How often in a row the service asked for less.", throttled, "limit")
        resume = {(name,): one.resume for name, one in limits.items()}
        yield self._gauge("limit_resume_timestamp_seconds", "When a pause ends; 0: there is none.", resume, "limit")
        yield self._gauge("restricted", "Whether the project is in restricted mode.", {(): int(standing.restricted)})
        yield self._gauge("slots", "Tasks that the service runs at once; 0: it has not said.", {(): standing.slots})
        others = {("queued",): standing.others_queued, ("running",): standing.others_running}
        yield self._gauge("others_tasks", "Tasks of others of the project.", others, "state")

    def _schedules(self, seen: Figures) -> Iterator[Any]:
        beat = {("daemon",): seen.heartbeat}
        yield self._gauge("heartbeat_timestamp_seconds", "When a process was last heard of; 0: none.", beat, "process")
        if seen.census.oldest_lease is not None:
            lease = {(): seen.census.oldest_lease}
            yield self._gauge("oldest_lease_timestamp_seconds", "When the first lease of a run ends.", lease)
        yield self._gauge("standbys", "Daemons that stand by and were heard of lately.", {(): seen.standbys})
        yield self._gauge("workers", "Workers that were heard of lately.", {(): seen.workers})
        yield self._gauge("worker_units", "Units that they do now.", {(): seen.worker_units})
        late = {(name,): seconds for name, seconds in seen.lateness.items()}
        yield self._gauge("schedule_lateness_seconds", "How late a job's next date is; 0: it is not due.", late, "job")
        ended = {
            (name,): _seconds(seen.census.succeeded[name]) for name in seen.lateness if name in seen.census.succeeded
        }
        yield self._gauge("job_success_timestamp_seconds", "When a job ended well last.", ended, "job")
        yield self._gauge("jobs_refused", "Jobs of config.toml that cannot be used.", {(): seen.refused_jobs})

    def _process(self, heard: EventCounter) -> Iterator[Any]:
        events, failures = heard.counted()
        yield self._counter("events", "What the daemon told, by name.", {(n,): c for n, c in events.items()}, "event")
        yield self._counter(
            "failures", "Failures by class, since the daemon's start.", {(n,): c for n, c in failures.items()}, "class"
        )

    def _gauge(self, name: str, says: str, values: Mapping[Any, float], *labels: str) -> Any:
        return _filled(self._core.GaugeMetricFamily(PREFIX + name, says, labels=labels), values)

    def _counter(self, name: str, says: str, values: Mapping[Any, float], *labels: str) -> Any:
        return _filled(self._core.CounterMetricFamily(PREFIX + name, says, labels=labels), values)


def _filled(family: Any, values: Mapping[Any, float]) -> Any:
    for labels, value in sorted(values.items()):
        family.add_metric([str(one) for one in labels], value)
    return family


def _every(states: Any, counted: Mapping[str, int]) -> dict[tuple[str], int]:
    """Return a count for each state there is: what is absent is nought, so that an alert can look at it."""
    return {(state.value,): counted.get(state.value, 0) for state in states}


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()

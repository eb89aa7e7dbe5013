"""What the API answers without changing anything."""

from __future__ import annotations

from dataclasses import asdict

from orchestrator.app.finding import find_head
from orchestrator.app.heartbeat import Health, health_of
from orchestrator.app.records import Records
from orchestrator.app.verbs import reasons, reports, schedule
from orchestrator.app.verbs.listing import list_runs
from orchestrator.app.verbs.results import result_of
from orchestrator.app.verbs.usage import report_usage
from orchestrator.core.errors import OrchestratorError, UnknownNameError
from orchestrator.faces.metrics import Page
from orchestrator.faces.objects import JsonObject, message, project
from orchestrator.faces.objects import runs as told
from orchestrator.faces.web.api.asked import ApiRequest
from orchestrator.model.states import RunState


def existing(app: Records) -> Records:
    """
    Return the records, where there are any; looking makes none.

    Raises:
        UnknownNameError: Nothing has ever been run with this state folder.
    """
    if not app.has_state():
        raise UnknownNameError(f"there is no run yet in {app.settings.state_dir}")
    return app


def get_runs(asked: ApiRequest) -> list[JsonObject]:
    """Return how runs stand, a page of those that are meant."""
    listing = list_runs(asked.app, asked.words.query())
    return [message("run", told.run_facts(one.report)) for one in listing.runs]


def get_run(asked: ApiRequest) -> JsonObject:
    return message("run", told.run_detail_facts(reports.report_detail(existing(asked.app), asked.path["run"])))


def get_why(asked: ApiRequest) -> JsonObject:
    unit = asked.words.unit
    return message("why", told.why_facts(reasons.why(existing(asked.app), asked.path["run"], unit), unit))


def get_events(asked: ApiRequest) -> list[JsonObject]:
    store, words = existing(asked.app).store, asked.words
    head = find_head(store, asked.path["run"])
    if words.after is None:
        found = store.events.latest(head.id, words.limit)
    else:
        found = store.events.since(head.id, words.after, words.limit)
    return [message("event", told.event_facts(row, head.id)) for row in found]


def get_result(asked: ApiRequest) -> JsonObject:
    """Return what a run has delivered, or that it has nothing now, and why: that is an answer, not an error."""
    store = existing(asked.app).store
    found = store.runs.get(find_head(store, asked.path["run"]).id)
    if found.state is RunState.CLEANED:
        return message("summary", told.result_facts(result_of(found)))
    return message("summary", told.no_result_facts(found))


def get_jobs(asked: ApiRequest) -> list[JsonObject]:
    return [message("job", asdict(report)) for report in schedule.list_jobs(asked.app)]


def get_next_times(asked: ApiRequest) -> list[JsonObject]:
    found = schedule.next_times(asked.app, asked.words.job, asked.words.count)
    return [message("next", asdict(time)) for time in found]


def get_usage(asked: ApiRequest) -> list[JsonObject]:
    if not asked.app.has_state():
        return []
    return [message("usage", project.usage_facts(month)) for month in report_usage(asked.app, asked.words.month)]


def get_limits(asked: ApiRequest) -> JsonObject:
    app = existing(asked.app)
    return message("limits", project.limits_facts(app.standing(), app.clock.now().timestamp()))


def get_doctor(asked: ApiRequest) -> list[JsonObject]:
    """Return what `doctor` finds: looked at once for all who ask within half a minute."""
    looked = asked.checkup.whole(offline=asked.words.offline)
    return [message("finding", asdict(finding)) for finding in looked.findings]


def get_health(asked: ApiRequest) -> JsonObject:
    return message("health", project.health_facts(_health(asked.app)))


def _health(app: Records) -> Health:
    if not app.has_state():
        none = f"there is no state in {app.settings.state_dir}; start `orchestrator serve`"
        return Health(alive=False, ready=False, because=none)
    try:
        return health_of(app.store, app.clock)
    except (OrchestratorError, OSError) as error:  # that it cannot be read is what is asked for
        return Health(alive=False, ready=False, because=str(error))


def get_metrics(asked: ApiRequest) -> JsonObject:
    return message("metrics", {"text": Page(asked.app).text()})

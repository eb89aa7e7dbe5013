"""What the API does: to jobs, to runs, to schedules. Each is a verb, as of the command."""

from __future__ import annotations

from contextlib import nullcontext

from orchestrator.app.finding import find_head
from orchestrator.app.verbs import endings, schedule
from orchestrator.app.verbs.declared import declare, submit_declared
from orchestrator.app.verbs.plans import plan_job
from orchestrator.faces.objects import JsonObject, jobs, message
from orchestrator.faces.objects import runs as told
from orchestrator.faces.web.api.asked import ApiRequest
from orchestrator.faces.web.api.reading import existing


def post_plan(asked: ApiRequest) -> list[JsonObject]:
    """Plan a job for today: one plan for each of its areas; no file is written, and no service is asked."""
    declared = declare(asked.app, asked.body.job)
    return [message("plan", plan_job(asked.app, job).facts()) for job in declared.jobs]


def post_submit(asked: ApiRequest) -> list[JsonObject]:
    body = asked.body
    begun = submit_declared(asked.app, body.job, again=body.again, overwrite=body.overwrite, priority=body.priority)
    return [message("submitted", told.submitted_facts(run)) for run in begun]


def post_retry(asked: ApiRequest) -> JsonObject:
    body = asked.body
    run = endings.retry(
        existing(asked.app),
        asked.path["run"],
        body.min_valid,
        accept_audit=body.accept_audit,
        eecu_hours=body.eecu_hours,
    )
    return message("run", told.run_state_facts(run))


def post_cancel(asked: ApiRequest) -> JsonObject:
    app = asked.app
    ended = endings.cancel(existing(app), asked.path["run"], lambda: nullcontext(app))
    return message("run", told.cancelled_facts(ended))


def post_clean(asked: ApiRequest) -> JsonObject:
    app = asked.app
    head = find_head(existing(app).store, asked.path["run"])
    return message("cleaned", told.cleaned_facts(endings.clean(app, head.id)))


def post_prioritise(asked: ApiRequest) -> JsonObject:
    head = schedule.prioritise(existing(asked.app), asked.path["run"], asked.body.priority)
    return message("run", told.priority_facts(head))


def post_pause(asked: ApiRequest) -> JsonObject:
    name, why = asked.path["job"], asked.body.reason
    schedule.pause(asked.app, name, why)
    return message("job", jobs.paused_facts(name, why))


def post_resume(asked: ApiRequest) -> JsonObject:
    name = asked.path["job"]
    return message("job", jobs.resumed_facts(name, was_paused=schedule.resume(asked.app, name)))


def post_trigger(asked: ApiRequest) -> list[JsonObject]:
    begun = schedule.trigger(asked.app, asked.path["job"], asked.body.date)
    return [message("submitted", jobs.triggered_facts(run)) for run in begun]

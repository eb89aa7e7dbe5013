"""From a request to an answer: find the method, draw a fault, run, count."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from orchestrator.sandbox import pages, unimitated
from orchestrator.sandbox.clock import Clock, rfc3339_millis
from orchestrator.sandbox.connection import Answer
from orchestrator.sandbox.faults import Fault, Faults
from orchestrator.sandbox.journal import BODY_CHARACTERS_KEPT, SECRET, Entry, Journal
from orchestrator.sandbox.quotas import PixelMeter
from orchestrator.sandbox.web import (
    ApiError,
    Match,
    ProtocolViolation,
    Request,
    Response,
    Router,
    UnknownParameter,
    error_response,
    service_of,
)


class Dispatcher:
    """Answer requests; safe from several threads."""

    def __init__(
        self,
        router: Router,
        faults: Faults,
        journal: Journal,
        clock: Clock,
        meter: PixelMeter,
        worded: Callable[[str], str] = str,
    ) -> None:
        self._meter = meter
        self._worded = worded
        self._router = router
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._pages = count(1)

    def apis(self) -> set[str]:
        """Return the names of all calls, also of those that are only refused by their names."""
        return {each.api for each in self._router.routes if each.service != "control"} | unimitated.apis()

    def __call__(self, request: Request) -> Answer:
        match = self._router.match(request) or unimitated.match(request)
        if match is None:
            return self._unknown(request)
        if match.route.service == "control":  # the sandbox's own methods are neither counted nor spoilt
            return Answer(self._run(match, request))
        api = match.route.api
        try:
            with self._meter.admitted(api, request):
                fault = self._faults.for_call(api, request)
                answer = self._answer(match, pages.restored(request), fault)
        except ApiError as refusal:  # too much at once: whatever was ordered for a call waits for the next
            fault, answer = None, Answer(error_response(refusal, service=match.route.service))
        if answer.response is not None:
            more = self._faults.headers_for_call(api, request, match.route.service)
            answer = replace(answer, response=_with_headers(answer.response, more))
        self._record(api, request, answer, fault)
        self._meter.answered(api, 0 if answer.response is None else answer.response.status)
        return answer

    def _answer(self, match: Match, request: Request, fault: Fault | None) -> Answer:
        if fault is None or fault.rule.action.startswith("request_id"):
            return Answer(self._run(match, request, fault))
        action = fault.rule.action
        if action == "reset":
            return Answer(None)
        if action == "http":
            return Answer(ordered_response(fault, match.route.service))
        if action == "stall" and fault.rule.bytes is None:
            fault.hold()
            return Answer(self._run(match, request))
        response = self._run(match, request)
        if action == "empty_page":
            return Answer(pages.emptied(response, request))
        return self._after_run(fault, match.route.service, response, request)

    def _after_run(self, fault: Fault, service: str, response: Response, request: Request) -> Answer:
        if fault.rule.action == "endless_pages":
            return Answer(pages.endless(response, next(self._pages), request))
        if fault.rule.action == "shuffle_rows":
            return Answer(pages.shuffled(response, next(self._pages)))
        if fault.rule.action == "commit_then_fail":
            return self._after_commit(fault, service, response)
        return Answer(response, fault)

    def _after_commit(self, fault: Fault, service: str, response: Response) -> Answer:
        if fault.rule.then == "stall":
            fault.hold()
            return Answer(response)
        response.close()
        if fault.rule.then == "reset":
            return Answer(None)
        return Answer(ordered_response(fault, service, int(fault.rule.then)))

    def _run(self, match: Match, request: Request, fault: Fault | None = None) -> Response:
        service = match.route.service
        try:
            if service in unimitated.SERVICES:
                unimitated.check(request)
            return match.call(request) if fault is None else match.call(request, fault=fault)
        except UnknownParameter as error:
            if (refusal := unimitated.parameter(request, error.name)) is not None:
                return error_response(refusal, service=service)
            self._journal.violation(match.route.api, request.path, error.message)
            return error_response(error, service=service)
        except ProtocolViolation as error:
            if service != "control":
                self._journal.violation(match.route.api, request.path, error.message)
            return error_response(error, service=service)
        except ApiError as error:
            error.message = self._worded(error.message)
            return error_response(error, service=service)
        except Exception as error:  # noqa: BLE001  the edge of the thread: a fault of the sandbox is told, not hidden
            self._journal.trouble(traceback.format_exc())
            return error_response(ApiError(500, f"The sandbox failed: {error!r}"), service=service)

    def _unknown(self, request: Request) -> Answer:
        message = f"This sandbox knows no method {request.method} {request.path}, neither its own nor a real service's."
        self._journal.violation("unknown", request.path, message)
        answer = Answer(error_response(ApiError(400, message), service=service_of(request.path)))
        self._record("unknown", request, answer, None)
        return answer

    def _record(self, api: str, request: Request, answer: Answer, fault: Fault | None) -> None:
        self._journal.record(
            Entry(
                api=api,
                method=request.method,
                path=request.path,
                query=dict(request.query),
                range=request.headers.get("range"),
                body="" if api in SECRET else request.body[:BODY_CHARACTERS_KEPT].decode("utf-8", "replace"),
                status=0 if answer.response is None else answer.response.status,
                fault=None if fault is None else fault.rule.action,
                time=rfc3339_millis(self._clock.now()),
            )
        )


def ordered_response(fault: Fault, service: str, status: int | None = None) -> Response:
    """Answer as the rule of `fault` says: a status in the service's form, HTML, or a given text or bytes."""
    rule = fault.rule
    code = status or rule.status
    if rule.body_base64 is not None:
        kind = "application/octet-stream"
        return Response(code, {"Content-Type": kind, **rule.headers}, base64.b64decode(rule.body_base64))
    if rule.body is not None or rule.html:
        title = f"Error {code}" if code >= 400 else "Sign in"  # a portal's page comes as a success
        page = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        text = page if rule.body is None else rule.body
        kind = "text/html; charset=UTF-8" if rule.html else "application/json; charset=UTF-8"
        return Response(code, {"Content-Type": kind, **rule.headers}, text.encode())
    message = rule.message or f"The sandbox was told to answer {code}."
    error = ApiError(code, message, status_name=rule.status_name, reason=rule.reason)
    plain = error_response(error, service="storage" if rule.reason and not rule.status_name else service)
    return Response(plain.status, {**plain.headers, **rule.headers}, plain.body)


def _with_headers(response: Response, more: dict[str, str]) -> Response:
    return replace(response, headers={**response.headers, **more}) if more else response

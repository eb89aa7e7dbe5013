"""The sandbox's own methods under `/sandbox/`: for tests and for the command line, never for the program proper."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.sandbox import bodies
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.drive.files import Drive
from orchestrator.sandbox.earthengine.operations import Operations, operation
from orchestrator.sandbox.earthengine.tasks import Tasks
from orchestrator.sandbox.faults import Faults, Rule
from orchestrator.sandbox.journal import Journal
from orchestrator.sandbox.quotas import PixelMeter
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.web import ApiError, ProtocolViolation, Request, Response, Route, json_response, route


class ControlRoutes:
    """Show what happened, order what shall go wrong."""

    def __init__(
        self,
        journal: Journal,
        faults: Faults,
        clock: Clock,
        operations: Operations,
        tasks: Tasks,
        buckets: Buckets,
        drive: Drive,
        meter: PixelMeter,
        about: Callable[[], Mapping[str, Any]],
        apis: Callable[[], set[str]],
        copernicus: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._copernicus = copernicus
        self._apis = apis
        self._meter = meter
        self._journal = journal
        self._faults = faults
        self._clock = clock
        self._operations = operations
        self._tasks = tasks
        self._buckets = buckets
        self._drive = drive
        self._known = about

    def routes(self) -> list[Route]:
        table = {
            ("GET", r"/sandbox/about"): self._about,
            ("GET", r"/sandbox/state"): self._state,
            ("GET", r"/sandbox/requests"): self._requests,
            ("GET", r"/sandbox/faults"): self._ordered,
            ("POST", r"/sandbox/faults"): self._order,
            ("DELETE", r"/sandbox/faults"): self._clear,
            ("POST", r"/sandbox/release"): self._release,
            ("POST", r"/sandbox/buckets"): self._bucket,
            ("POST", r"/sandbox/clock"): self._advance,
            ("POST", r"/sandbox/forget"): self._forget,
            ("GET", r"/sandbox/pixels"): self._pixels_asked,
            ("DELETE", r"/sandbox/pixels"): self._forget_pixels,
            ("POST", r"/sandbox/quotas"): self._set_quotas,
        }
        return [route("control", "control", verb, path, handler, query=None) for (verb, path), handler in table.items()]

    def state(self) -> dict[str, Any]:
        """Report everything a test asserts on."""
        return {
            **self._journal.summary(),
            "exportsStarted": self._operations.submitted,
            "mostLive": self._tasks.most_live,
            "operations": [operation(each) for each in self._operations.all()],
            "pixels": self._meter.report(),
            "faults": self._faults.report(),
            "buckets": self._buckets.report(),
            "drive": self._drive.report(),
            "copernicus": self._copernicus(),
        }

    def _about(self, request: Request) -> Response:
        """Tell who answers here, as the line of JSON does at the start."""
        return json_response({"url": request.base_url, **self._known()})

    def _state(self, request: Request) -> Response:  # noqa: ARG002  every handler takes the request
        return json_response(self.state())

    def _requests(self, request: Request) -> Response:
        api = request.query.get("api")
        found = [each for each in self._journal.requests() if api in (None, each["api"])]
        return json_response({"requests": found})

    def _ordered(self, request: Request) -> Response:  # noqa: ARG002
        """Show the orders, how often each has acted, and what is left of it."""
        return json_response({"faults": self._faults.report()})

    def _order(self, request: Request) -> Response:
        body = request.json()
        orders = body.get("faults", [body])
        if not isinstance(orders, list):
            raise ProtocolViolation("faults is a list")
        rules = [Rule.of(each) for each in orders]
        for rule in rules:
            self._check_api(rule.api)
        return json_response({"ids": [self._faults.order(rule) for rule in rules]})

    def _check_api(self, api: str | None) -> None:
        """
        Raises:
            ProtocolViolation: No call has this name; the rule would never act.
        """
        known = self._apis()
        if api is not None and api not in known:
            near = difflib.get_close_matches(api, sorted(known), n=5, cutoff=0.4)
            raise ProtocolViolation(f"unknown api {api!r} in a fault; the nearest known are {near}")

    def _clear(self, request: Request) -> Response:  # noqa: ARG002
        self._faults.clear()
        self._tasks.nudge()
        return json_response({})

    def _release(self, request: Request) -> Response:
        number = request.json().get("id")
        if number is not None and number not in [each["id"] for each in self._faults.report()]:
            raise ProtocolViolation(f"no fault has the id {number!r}")
        self._faults.release(number)
        self._tasks.nudge()
        return json_response({})

    def _bucket(self, request: Request) -> Response:
        body = request.json()
        name = body.pop("name", None)
        if not isinstance(name, str):
            raise ProtocolViolation("a bucket needs a name")
        granted = bodies.texts(body, "permissions") if body.get("permissions") is not None else None
        body.pop("permissions", None)
        self._buckets.create(name, settings=body, permissions=None if granted is None else tuple(granted))
        return json_response({"name": name})

    def _advance(self, request: Request) -> Response:
        seconds = request.json().get("advanceSeconds", 0)
        if not isinstance(seconds, int | float):
            raise ProtocolViolation(f"advanceSeconds is a number, got {seconds!r}")
        self._clock.advance(seconds)
        self._tasks.nudge()
        return json_response({"now": self._clock.now().isoformat()})

    def _pixels_asked(self, request: Request) -> Response:  # noqa: ARG002
        """Show every request for pixels whose grid was known, and when each that was admitted was under way."""
        return json_response({"pixels": self._meter.asked(), "spans": self._meter.spans()})

    def _forget_pixels(self, request: Request) -> Response:  # noqa: ARG002
        self._meter.forget()
        return json_response({})

    def _set_quotas(self, request: Request) -> Response:
        self._meter.change(request.json())
        return json_response(self._meter.report()["quotas"])

    def _forget(self, request: Request) -> Response:
        """Drop a finished operation from the history, as the service does after some days."""
        number = str(request.json().get("operation", "")).rpartition("/")[2]
        found = next((each for each in self._operations.all() if each.id == number), None)
        if found is None or not found.done:
            raise ApiError(400, f"no finished operation {number!r}")
        self._operations.forget(number)
        return json_response({})

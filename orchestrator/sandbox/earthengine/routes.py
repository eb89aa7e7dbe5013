"""The methods of Earth Engine's REST API, v1."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from orchestrator.sandbox import fields
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.earthengine import discovery, exports, schema, table_exports
from orchestrator.sandbox.earthengine.assets import Assets
from orchestrator.sandbox.earthengine.attempt import Evaluator
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError
from orchestrator.sandbox.earthengine.operations import (
    IMAGE,
    TABLE,
    Operations,
    Task,
    moment,
    no_operation,
    operation,
)
from orchestrator.sandbox.earthengine.order import BucketDestination, Order
from orchestrator.sandbox.earthengine.payload import payload
from orchestrator.sandbox.earthengine.tasks import Tasks
from orchestrator.sandbox.faults import Fault, Faults, Seen
from orchestrator.sandbox.scenes.catalogue import UnboundedQueryError
from orchestrator.sandbox.storage.buckets import Buckets
from orchestrator.sandbox.web import (
    ApiError,
    ProtocolViolation,
    Request,
    Response,
    Route,
    integer,
    json_response,
    not_imitated,
    route,
)

MAX_OPERATIONS_PAGE = 500
MAX_WAIT_SECONDS = 60  # a client gives up an answer after some minutes
_PROJECT = r"/v1/projects/(?P<project>[^/:]+)"
_ASSET = r"/v1/(?P<name>projects/[^/]+/assets/[^:]+)"
_ROOT_ASSET = r"/v1/(?P<name>projects/[^/:]+/assets)/?"  # the folder that holds all of a project's
_ROOT = r"/v1/(?P<name>projects/[^/:]+)"


class EarthEngineRoutes:
    """Answer for Earth Engine in any project."""

    def __init__(
        self,
        evaluator: Evaluator,
        assets: Assets,
        operations: Operations,
        tasks: Tasks,
        buckets: Buckets,
        faults: Faults,
        clock: Clock,
    ) -> None:
        self._evaluator = evaluator
        self._assets = assets
        self._operations = operations
        self._tasks = tasks
        self._buckets = buckets
        self._faults = faults
        self._clock = clock

    def routes(self) -> list[Route]:
        def one(api: str, method: str, pattern: str, handler: Any, query: str = "") -> Route:
            return route("earthengine", api, method, pattern, handler, query=query)

        page = "filter view pageSize pageToken"
        task = _PROJECT + r"/operations/(?P<number>[^/:]+)"
        return [
            one("discovery.get", "GET", r"/\$discovery/rest", _discovery, "version labels"),
            one("algorithms.list", "GET", _PROJECT + "/algorithms", self._algorithms),
            one("value.compute", "POST", _PROJECT + "/value:compute", self._compute),
            one("image.export", "POST", _PROJECT + "/image:export", self._export_image),
            one("table.export", "POST", _PROJECT + "/table:export", self._export_table),
            one("operations.list", "GET", _PROJECT + "/operations", self._list_operations, page),
            one("operations.get", "GET", task, self._get_operation),
            one("operations.cancel", "POST", task + ":cancel", self._cancel),
            one("operations.wait", "POST", task + ":wait", self._wait),
            one("config.get", "GET", _PROJECT + "/config", self._get_config),
            one("config.update", "PATCH", _PROJECT + "/config", self._update_config, "updateMask"),
            one("assets.list", "GET", _ASSET + ":listAssets", self._list_assets, page),
            one("assets.list", "GET", _ROOT + ":listAssets", self._list_root, page),
            one("assets.get", "GET", _ASSET, self._get_asset),
            one("assets.get", "GET", _ROOT_ASSET, self._get_asset),
        ]

    def _algorithms(self, request: Request, project: str) -> Response:  # noqa: ARG002  the list needs nothing else
        return Response(200, {"Content-Type": "application/json; charset=UTF-8"}, discovery.algorithms())

    def _compute(self, request: Request, project: str) -> Response:  # noqa: ARG002
        body = payload(request)
        schema.check(body, schema.VALUE_COMPUTE)
        if "expression" not in body:
            raise ProtocolViolation("Expression required.")
        try:
            return json_response({"result": self._evaluator.value(body["expression"])})
        except (EvaluationError, UnboundedQueryError) as error:
            raise ApiError(400, str(error)) from error

    def _export_image(self, request: Request, project: str, fault: Fault | None = None) -> Response:
        body = payload(request)
        return self._submit(project, body, exports.read(body), IMAGE, fault)

    def _export_table(self, request: Request, project: str, fault: Fault | None = None) -> Response:
        body = payload(request)
        return self._submit(project, body, table_exports.read(body), TABLE, fault)

    def _submit(self, project: str, body: dict[str, Any], export: Order, kind: str, fault: Fault | None) -> Response:
        place = export.destination
        if isinstance(place, BucketDestination) and not self._buckets.exists(place.bucket):
            raise ApiError(400, f"Bucket '{place.bucket}' does not exist or the caller may not write to it.")
        if fault is not None and fault.rule.action == "request_id_burnt":
            self._tasks.burn(export.request_id)
            raise ApiError(fault.rule.status, fault.rule.message or "The service is currently unavailable.")
        refuse = fault is not None and fault.rule.action == "request_id_refused"
        task = self._tasks.submit(project, body, export, kind=kind, refuse_known=refuse)
        return json_response(operation(task))

    def _list_operations(self, request: Request, project: str) -> Response:
        if request.query.get("filter"):
            raise not_imitated("a filter on operations")
        size = integer(request, "pageSize", MAX_OPERATIONS_PAGE)
        if size < 0:
            raise ProtocolViolation(f"Page size must not be negative, got {size}.")
        lag = self._faults.lag(request)
        found = self._operations.at(self._clock.now() - lag, project) if lag else self._operations.all(project)
        # The token names the last operation shown, so that new ones, which come first, shift nothing.
        after = integer(request, "pageToken", 0) if request.query.get("pageToken") else None
        rest = [each for each in found if after is None or each.order < after]
        page = rest[: min(size or MAX_OPERATIONS_PAGE, MAX_OPERATIONS_PAGE)]
        shown = self._known(request, page, listed=True)
        answer: dict[str, Any] = {"operations": [operation(each) for each in shown]} if shown else {}
        if len(rest) > len(page):
            answer["nextPageToken"] = str(page[-1].order)
        return json_response(fields.select(request.query.get("fields"), answer))

    def _known(self, request: Request, tasks: list[Task], *, listed: bool) -> list[Task]:
        """Leave out the tasks that a fault hides."""
        seen = (Seen(each.name, each.description, moment(each.created)) for each in tasks)
        hidden = self._faults.hidden(request, seen, listed=listed)
        return [each for each in tasks if each.name not in hidden]

    def _task(self, request: Request, project: str, number: str) -> Task:
        found = self._operations.get(project, number)
        if not self._known(request, [found], listed=False):
            raise no_operation(project, number)
        return found

    def _get_operation(self, request: Request, project: str, number: str) -> Response:
        return json_response(operation(self._task(request, project, number)))

    def _cancel(self, request: Request, project: str, number: str) -> Response:
        schema.check(request.json(), schema.EMPTY)
        self._tasks.cancel(self._task(request, project, number))
        return json_response({})

    def _wait(self, request: Request, project: str, number: str) -> Response:
        """Wait for the end of an operation, in real seconds, as long as was asked and an answer may take."""
        body = request.json()
        schema.check(body, {"timeout": schema.duration})
        task = self._task(request, project, number)
        seconds = min(float(body.get("timeout", f"{MAX_WAIT_SECONDS}s").removesuffix("s")), MAX_WAIT_SECONDS)
        with suppress(TimeoutError):
            self._tasks.wait(task.id, timeout_seconds=seconds)
        return self._get_operation(request, project, number)

    def _get_config(self, request: Request, project: str) -> Response:  # noqa: ARG002
        return json_response(
            {
                "name": f"projects/{project}/config",
                "registrationState": "REGISTERED_NOT_COMMERCIALLY",
                "maxConcurrentExports": self._tasks.slots,
            }
        )

    def _update_config(self, request: Request, project: str) -> Response:
        body = request.json()
        schema.check(body, schema.PROJECT_CONFIG)
        if request.query.get("updateMask") not in (None, "*", "max_concurrent_exports", "maxConcurrentExports"):
            raise not_imitated(f"changing '{request.query['updateMask']}' of a project's configuration")
        slots = int(body.get("maxConcurrentExports", self._tasks.slots))
        if slots < 1:
            raise ProtocolViolation(f"max_concurrent_exports must be positive, got {slots}.")
        self._tasks.set_slots(slots)
        return self._get_config(request, project)

    def _list_assets(self, request: Request, name: str) -> Response:
        size = integer(request, "pageSize", 0)
        answer = self._assets.images(name, request.query.get("filter", ""), size, request.query.get("pageToken"))
        return json_response(fields.select(request.query.get("fields"), answer))

    def _list_root(self, request: Request, name: str) -> Response:  # noqa: ARG002  one page holds all
        return json_response(self._assets.roots(name))

    def _get_asset(self, request: Request, name: str) -> Response:
        return json_response(fields.select(request.query.get("fields"), self._assets.get(name)))


def _discovery(request: Request) -> Response:
    if request.query.get("version", "v1") not in ("v1", "v1alpha", "v1beta"):
        raise ApiError(404, "Discovery document not found for the version.")
    return json_response(discovery.document(request.base_url))

"""What can be ordered to go wrong, as a value: which calls, tasks or views of the tasks, and what happens to them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from orchestrator.sandbox.sentences import SENTENCES
from orchestrator.sandbox.web import ProtocolViolation, Request

# What can be ordered for a call. Each but `http`, `reset`, `request_id_burnt` and `request_id_refused` lets the
# method run and spoils the answer; `stall` holds the call before it runs.
CALL_ACTIONS = frozenset(
    {
        "http",  # answer `status` without running the method; `html` makes it a page, `body`, `body_base64` give it
        "reset",  # break the connection (RST) without running the method
        "commit_then_fail",  # run the method, then `then`: "reset", "stall" or an HTTP status (as `http` answers it)
        "truncate",  # send the headers and the first `bytes` of the body (default: half), then close
        "reset_inside",  # the same, and break the connection (RST) instead of closing it
        # Hold the call for `seconds`, or until released; with `bytes`, hold inside the body. With `tail`, `seconds` are
        # the least: times a number drawn from the Pareto distribution of that shape, the same for the same `seed`.
        "stall",
        "slow",  # send the body at `bytes_per_second`; the rest at once when released
        "flip",  # invert one bit of the byte at `offset` of the body
        "short",  # leave out the last `bytes` of the body and say nothing
        "inflate",  # send the body gzipped behind `bytes` (default: 3 GiB) of blanks, a thousandth of that on the wire
        "endless_pages",  # a list: each page names a next one, which is the first page again
        "empty_page",  # a list: a page without elements whose token leads to the page that was due
        "shuffle_rows",  # value.compute of getRegion: the rows below the header in another order each time
        "request_id_refused",  # image.export: a request id seen before is refused instead of answered again
        "request_id_burnt",  # image.export: answer `status`, start nothing, refuse the id from now on
    }
)

# What is added to an answer, beside any other fault: `headers`.
HEADER_ACTIONS = frozenset({"headers"})

# What the GeoTIFF of an answer of pixels says, beside any other fault: whether real ones name a value without data is
# not known. With this they name `value` (0 unless told); masked pixels are zero all the same.
TAG_ACTIONS = frozenset({"nodata_tag"})

# What can be ordered for a task; drawn when the task is submitted.
TASK_ACTIONS = frozenset(
    {
        "task_fail",  # FAILED with `message` after the fraction `after` of the work
        "task_cancelled",  # CANCELLED by someone else after the fraction `after`
        "task_stuck",  # stays READY until released
        "task_hold",  # stays RUNNING at the fraction `after` until released, or for `seconds`
        "task_retried",  # the service repeats the task once: `attempt` becomes 2
        "task_lose_file",  # SUCCEEDED, but the file number `offset` is never written
        # SUCCEEDED, but the first `bytes` (default: 8) of the file number `offset` are zeros: no TIFF. Its checksums
        # are those of these bytes; with `stale_checksum` those of the whole file, which no download will ever have.
        "task_damage_file",
    }
)

# How a task names its files, beside any other fault of the task: with `dash` between prefix and offsets, or without;
# or by `form`, which follows the prefix, such as `_{row}_{col}.tif`: a name that nobody expects.
NAME_ACTIONS = frozenset({"part_names"})

# What a task costs, beside any other fault: `value` EECU-seconds in all, whatever the processors here did.
COST_ACTIONS = frozenset({"task_costs"})

# What the tasks look like from outside; drawn when they are listed or looked up. With `seconds` and no `count` there
# is no limit to the number of answers.
VIEW_ACTIONS = frozenset(
    {
        # A page of the list lacks the tasks whose name or description fits `text`. With `seconds` this lasts so long
        # after the order, or after the submission, whichever is later.
        "operation_unlisted",
        "operation_unknown",  # the same, and get and cancel answer 404
        "operations_lag",  # a page of the list is as old as `seconds`
    }
)

# Restricted mode: tasks stay READY, and one begins every `seconds` (default: four hours) of the sandbox's time. The
# only sign is a header of every answer. It ends when it is released, or with a larger number of concurrent exports.
PROJECT_ACTIONS = frozenset({"restricted"})
RESTRICTED_SECONDS = 4 * 3600.0  # users counted one to six tasks a day
RESTRICTED_HEADERS = {"x-earth-engine-quota-status": "parallelism_restricted=true"}

OF_TASK = TASK_ACTIONS | NAME_ACTIONS | COST_ACTIONS
ACTIONS = PROJECT_ACTIONS | CALL_ACTIONS | HEADER_ACTIONS | TAG_ACTIONS | OF_TASK | VIEW_ACTIONS
DESTINATIONS = ("bucket", "drive", "asset")


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One order. It fits a call when `api`, `method`, `path` (a regular expression over path and query), `text` (one
    over the body, or a task's name and description) and `ranged` fit; it lets `skip` fitting calls pass, then acts on
    `count`, or on all with None. `sentence` names one of `SENTENCES`, whose text, status and code stand for `message`,
    `status` and `code` where these are not given.
    """

    action: str
    api: str | None = None
    method: str | None = None
    path: str | None = None
    text: str | None = None
    ranged: bool | None = None
    destination: str | None = None
    skip: int = 0
    count: int | None = 1
    status: int = 503
    message: str | None = None
    reason: str | None = None
    status_name: str | None = None
    sentence: str | None = None
    html: bool = False
    body: str | None = None
    body_base64: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    then: str | int = "reset"
    bytes: int | None = None
    bytes_per_second: int = 1000
    chunked: bool = False
    offset: int = 0
    seconds: float | None = None
    tail: float | None = None
    seed: int = 0
    after: float = 0.0
    code: int = 3
    dash: bool = True
    form: str | None = None
    stale_checksum: bool = False
    value: float = 0.0

    @staticmethod
    def of(order: Any) -> Rule:
        """
        Read an order.

        Raises:
            ProtocolViolation: If a name, the action, destination or sentence is unknown, or the pattern is none.
        """
        if not isinstance(order, dict):
            raise ProtocolViolation("a fault is an object")
        known = {each.name for each in fields(Rule)}
        if unknown := sorted(set(order) - known):
            raise ProtocolViolation(f"unknown names in a fault: {unknown}; known are {sorted(known)}")
        action = order.get("action")
        if action not in ACTIONS:
            raise ProtocolViolation(f"unknown action {action!r}; known are {sorted(ACTIONS)}")
        if order.get("destination") not in (None, *DESTINATIONS):
            raise ProtocolViolation(f"unknown destination {order['destination']!r}; known are {list(DESTINATIONS)}")
        _check_types(order)
        for name in ("path", "text"):
            _check_pattern(order.get(name))
        _check_form(order.get("form"))
        _check_base64(order.get("body_base64"))
        if action in VIEW_ACTIONS and order.get("seconds") is not None:
            order = {"count": None, **order}
        return Rule(**_worded(order))

    def fits_call(self, api: str, request: Request) -> bool:
        if self.action not in CALL_ACTIONS | HEADER_ACTIONS | TAG_ACTIONS or (self.api is not None and self.api != api):
            return False
        if self.method is not None and self.method != request.method:
            return False
        if self.ranged is not None and self.ranged != ("range" in request.headers):
            return False
        return self._fits_path(request) and self._fits_text(request.body.decode("utf-8", "replace"))

    def fits_task(self, description: str, destination: str) -> bool:
        fits_place = self.destination in (None, destination)
        return self.action in OF_TASK and fits_place and self._fits_text(description)

    def fits_view(self, request: Request) -> bool:
        return self.action in VIEW_ACTIONS and self._fits_path(request)

    def hides(self, name: str, description: str) -> bool:
        return self.action != "operations_lag" and (self._fits_text(name) or self._fits_text(description))

    def _fits_path(self, request: Request) -> bool:
        target = request.path + "?" + "&".join(f"{k}={v}" for k, v in request.query.items())
        return self.path is None or bool(re.search(self.path, target))

    def _fits_text(self, text: str) -> bool:
        return self.text is None or bool(re.search(self.text, text))


def _worded(order: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what an ordered sentence says and carries; what the order itself says is kept."""
    name = order.get("sentence")
    if name is None:
        return dict(order)
    if name not in SENTENCES:
        raise ProtocolViolation(f"unknown sentence {name!r}; known are {sorted(SENTENCES)}")
    sentence = SENTENCES[name]
    if order["action"] == "task_fail":
        return {"message": sentence.of_task, "code": sentence.code, **order}
    worded = {"message": sentence.text, "status": sentence.status, **order}
    return {"then": worded["status"], **worded} if order["action"] == "commit_then_fail" else worded


def _check_types(order: Mapping[str, Any]) -> None:
    """A number written as a text must not surface later, inside a call that has nothing to do with it."""
    for name, value in order.items():
        kinds = _KINDS[name]
        fits = isinstance(value, kinds) and (not isinstance(value, bool) or kinds is bool)
        if not fits and not (value is None and name in _NULLABLE):
            raise ProtocolViolation(f"{value!r} is no {name} of a fault")
        if name not in ("code", "then", "value") and isinstance(value, int | float) and value < 0:
            raise ProtocolViolation(f"the {name} of a fault must not be negative, got {value}")
    if order.get("tail") == 0:
        raise ProtocolViolation(
            "the tail of a fault must not be 0: the smaller it is, the longer are the longest holds"
        )
    if order.get("bytes_per_second") == 0:
        raise ProtocolViolation("the bytes_per_second of a fault must not be 0; `stall` stands still")


def _check_pattern(pattern: Any) -> None:
    try:
        re.compile(pattern or "")
    except (re.error, TypeError) as error:
        raise ProtocolViolation(f"{pattern!r} is no regular expression: {error}") from error


_KINDS: dict[str, Any] = {
    **dict.fromkeys(("skip", "count", "status", "bytes", "bytes_per_second", "offset", "code", "seed"), int),
    **dict.fromkeys(("seconds", "after", "value", "tail"), (int, float)),
    **dict.fromkeys(("ranged", "html", "chunked", "dash", "stale_checksum"), bool),
    **dict.fromkeys(("action", "api", "method", "path", "text", "destination", "message", "reason", "form"), str),
    **dict.fromkeys(("status_name", "sentence", "body", "body_base64"), str),
    "headers": dict,
    "then": (int, str),
}
_NULLABLE = {each.name for each in fields(Rule) if each.default is None} | {"count"}


def _check_base64(text: str | None) -> None:
    try:
        base64.b64decode(text or "", validate=True)
    except binascii.Error as error:
        raise ProtocolViolation(f"the body_base64 of a fault is no base64: {error}") from error


def _check_form(form: str | None) -> None:
    if form is None:
        return
    try:
        names = {form.format(row=row, col=col) for row in (0, 1) for col in (0, 1)}
    except (ValueError, LookupError) as error:
        raise ProtocolViolation(f"{form!r} is no form of a name with row and col: {error!r}") from error
    if len(names) < 4:
        raise ProtocolViolation(f"{form!r} gives two files one name: it needs row and col")

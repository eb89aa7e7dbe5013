"""What is asked of the API: words of the address, and bodies, read strictly; a wrong one is told in one sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.app import Application
from orchestrator.app.verbs.checkup import Checkup
from orchestrator.app.verbs.listing import asked
from orchestrator.app.verbs.schedule import HIGHEST_PRIORITY
from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.engine.stores.listing_records import MOST_ROWS, RunOrder, RunQuery

MOST_EVENTS = 10_000
MOST_TIMES = 1000
M = TypeVar("M", bound=BaseModel)


class QueryWords(BaseModel):
    """QueryWords after `?`. None is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestBody(BaseModel):
    """A JSON object. An empty body is one without keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RunsWords(QueryWords):
    state: Annotated[tuple[str, ...], Field(description="Only in this state; may be said several times.")] = ()
    who: Annotated[str, Field(description="Only those on which `person` or `time` must act.")] = ""
    job: Annotated[str, Field(description="Only of exactly this job.")] = ""
    product: Annotated[str, Field(description="Only of this product.")] = ""
    service: Annotated[str, Field(description="Only those that were begun on this service.")] = ""
    text: Annotated[
        str, Field(description="Words, each of which stands in id, job, base name, area, output or reason.")
    ] = ""
    since: Annotated[str, Field(description="Begun on this day or at this time or later, UTC.")] = ""
    until: Annotated[str, Field(description="Begun on this day or before this time, UTC.")] = ""
    sort: Annotated[str, Field(description=f"By {', '.join(RunOrder)}; with `-` before it the greatest first.")] = (
        "-started"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="At most so many.")] = 20
    page: Annotated[int, Field(ge=1, description="The first has the first `limit` of them.")] = 1

    def query(self) -> RunQuery:
        """Return what is asked of the list of runs."""
        given = {name: [str(value)] for name, value in self if name not in ("state", "limit")}
        return asked({**given, "state": self.state, "rows": [str(self.limit)]})


class WhyWords(QueryWords):
    unit: Annotated[str, Field(description="A piece: the key of an export, a request or a chip, or `ROW,COL`.")] = ""


class EventsWords(QueryWords):
    after: Annotated[
        int | None,
        Field(
            ge=0,
            le=2**63 - 1,
            description="Those that follow the event of this `sequence`; without it, the latest there are.",
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS, description="At most so many.")] = 50


class NextWords(QueryWords):
    job: Annotated[str, Field(description="Only of this job.")] = ""
    count: Annotated[int, Field(ge=1, le=MOST_TIMES, description="So many, of all jobs together.")] = 5


class UsageWords(QueryWords):
    month: Annotated[str, Field(description="Only of this month, such as 2026-11.")] = ""


class DoctorWords(QueryWords):
    offline: Annotated[bool, Field(description="Only what needs no network.")] = False


class RetryBody(RequestBody):
    min_valid: Annotated[
        float | None, Field(description="Publish it with this share of valid pixels, 0 to 1, or more.")
    ] = None
    accept_audit: Annotated[bool, Field(description="Publish it whatever its audit finds.")] = False
    eecu_hours: Annotated[
        float | None, Field(description="What it may cost in all, EECU-hours; 0 is without a limit.")
    ] = None


class PriorityBody(RequestBody):
    priority: Annotated[
        int, Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, description="The higher number goes first.")
    ]


class PlanBody(RequestBody):
    job: Annotated[dict[str, Any], Field(description="What a job file would hold.")]


class SubmitBody(PlanBody):
    again: Annotated[bool, Field(description="Do it once more although it is done.")] = False
    overwrite: Annotated[bool, Field(description="Replace files at the result's place that this job did not make.")] = (
        False
    )
    priority: Annotated[
        int | None,
        Field(ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, description="Null is that of the job."),
    ] = None


class PauseBody(RequestBody):
    reason: Annotated[str, Field(description="Written down with each date that goes by.")] = ""


class TriggerBody(RequestBody):
    date: Annotated[
        str, Field(description="A day or minute of the job's time zone, as 2026-06-01; empty is this minute.")
    ] = ""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """
    One request.

    Attributes:
        app: Whose runs.
        path: The names in the address: `run`, `job`.
        words: What stands after `?`, read.
        body: What was sent, read.
        checkup: What looks at everything a night needs.
    """

    app: Application
    path: Mapping[str, str]
    words: Any
    body: Any
    checkup: Checkup


def read_words(model: type[M], given: Iterable[tuple[str, str]]) -> M:
    """
    Read the words after `?`.

    Raises:
        UserError: One is unknown, wrong, or said twice.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in given:
        found[name].append(value)
    content: dict[str, Any] = {}
    for name, values in found.items():
        field = model.model_fields.get(name)
        many = field is not None and get_origin(field.annotation) is tuple
        if len(values) > 1 and not many:
            raise UserError(f"{name!r} is said {len(values)} times; say it once")
        content[name] = tuple(values) if many else values[0]
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError(_refusal(error, model, "the address")) from None


def read_body(model: type[M], content: bytes, content_type: str) -> M:
    """
    Read what was sent.

    Raises:
        UserError: It is no JSON, or a key or value is wrong.
    """
    if content and content_type.partition(";")[0].strip().lower() != "application/json":
        raise UserError(f"the body is {content_type or 'of no type'!r}; send JSON, with Content-Type: application/json")
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        raise UserError(_refusal(error, model, "the body")) from None


def _refusal(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """Return what is wrong first, in one sentence that names the key and the value."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(word) for word in first["loc"])
    known = [*model.model_fields]
    if first["type"] == "extra_forbidden":
        meant = hint(key, known) if known else "nothing can be said here"
        return f"{where}: {key!r} is not known; {meant}"
    if first["type"] == "missing":
        return f"{where}: {key!r} is missing"
    told = first["msg"].removeprefix("Value error, ")
    return f"{where}: {key!r} is {_short(first['input'])}: {told}" if key else f"{where}: {told}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."

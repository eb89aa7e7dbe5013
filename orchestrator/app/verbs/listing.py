"""A long list of runs: by filter, sorted, a page at a time, as it is written in an address or given as options."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from orchestrator.app.records import Records
from orchestrator.app.verbs.reports import RunReport, report_heads
from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.engine.stores.listing_records import MOST_ROWS, RunOrder, RunQuery
from orchestrator.engine.stores.records import Head
from orchestrator.model.states import RunState, Who
from orchestrator.products.registry import PRODUCTS

W = TypeVar("W", RunState, Who, RunOrder)
# Of a search; each is a condition of the query, of which SQLite takes a thousand.
MOST_WORDS = 50
PAGE_ROWS = 50
_DOWN = "-"  # before a name: the greatest first
_FIRST = RunQuery()
_LONGEST_SAID = 60  # letters of what cannot be read


@dataclass(frozen=True, slots=True)
class ListedRun:
    """
    A run of a list.

    Attributes:
        report: How it stands.
        product: What it delivers.
        bytes: Of its result; None where there is none.
        valid_share: Of the area's pixels that hold data, of the worst band, 0 to 1; None while it is not known.
        worst_band: Which one that is; empty likewise.
        ending: Whether somebody asked for its end.
    """

    report: RunReport
    product: str
    bytes: int | None
    valid_share: float | None
    worst_band: str
    ending: bool


@dataclass(frozen=True, slots=True)
class RunListing:
    """
    A page of a list of runs.

    Attributes:
        query: What was asked.
        runs: Of this page, in order.
        total: How many runs are meant, on all pages.
        page: Which page this is, from 1.
        pages: How many there are, at least 1.
        by_state: How many there would be of each state, if any were meant.
        jobs: The names of the jobs of all runs that there are.
        products: Of which products there may be runs.
        services: On which services they may have been begun.
    """

    query: RunQuery
    runs: tuple[ListedRun, ...]
    total: int
    page: int
    pages: int
    by_state: Mapping[RunState, int]
    jobs: tuple[str, ...]
    products: tuple[str, ...]
    services: tuple[str, ...]


def list_runs(app: Records, query: RunQuery = _FIRST) -> RunListing:
    """Return a page of the runs that are meant; where nothing was ever stored, nothing is made."""
    services = tuple(dict.fromkeys((*app.settings.services.values(), "google", "copernicus", "sandbox")))
    known = (tuple(PRODUCTS), services)
    if not app.has_state():
        return RunListing(query, (), 0, 1, 1, {}, (), *known)
    found = app.store.runs.page(query)
    reports = report_heads(app.store, found.heads, app.clock.now(), app.settings.budget.eecu_hours)
    listed = tuple(_listed(head, report) for head, report in zip(found.heads, reports, strict=True))
    page, pages = query.offset // query.limit + 1, max(1, -(-found.total // query.limit))
    return RunListing(
        query, listed, found.total, page, pages, found.by_state, tuple(app.store.runs.job_names()), *known
    )


def report_asked(app: Records, query: RunQuery, limit: int) -> list[RunReport]:
    """Return how the first runs that are meant stand, in order, however many pages that is."""
    found: list[RunReport] = []
    while len(found) < limit:
        rows = min(MOST_ROWS, limit - len(found))
        heads = app.store.runs.page(replace(query, offset=len(found), limit=rows)).heads
        found += report_heads(app.store, heads, app.clock.now(), app.settings.budget.eecu_hours)
        if len(heads) < rows:
            break
    return found


def _listed(head: Head, report: RunReport) -> ListedRun:
    result: dict[str, Any] = json.loads(head.result) if head.result else {}
    worst = min(report.valid, key=report.valid.__getitem__, default="")
    share = report.valid[worst] if worst else None
    return ListedRun(report, head.product, result.get("bytes"), share, worst, head.request == "cancel")


def asked(given: Mapping[str, Sequence[str]]) -> RunQuery:
    """
    Return what an address or options ask for: the keys of `params_of`; others are passed over, empty ones too.

    Raises:
        UserError: A value cannot be read; it is named, with what may stand there.
    """
    texts = {key: [text.strip() for text in values if text.strip()] for key, values in given.items()}
    one = {key: values[-1] for key, values in texts.items() if values}
    sort = one.get("sort", _DOWN + RunOrder.STARTED)
    limit = _number("rows", one.get("rows", str(PAGE_ROWS)))
    page = _number("page", one.get("page", "1"))
    if len(one.get("text", "").split()) > MOST_WORDS:
        raise UserError(f"text has more than {MOST_WORDS} words; look for fewer")
    if page < 1:
        raise UserError(f"page {page} of a list is none; the first is 1")
    return RunQuery(
        states=tuple(dict.fromkeys(_word("state", text.upper(), RunState) for text in texts.get("state", ()))),
        who=_word("who", one["who"].lower(), Who) if "who" in one else None,
        job=one.get("job", ""),
        product=one.get("product", ""),
        service=one.get("service", ""),
        text=one.get("text", ""),
        since=_moment("since", one.get("since", "")),
        until=_moment("until", one.get("until", ""), after=True),
        order=_word("sort", sort.removeprefix(_DOWN).lower(), RunOrder),
        descending=sort.startswith(_DOWN),
        offset=(page - 1) * limit,
        limit=limit,
    )


def params_of(query: RunQuery, **changed: Any) -> list[tuple[str, str]]:
    """
    Return the keys and values of an address that asks for this, those left out that need not be said.

    `changed` replaces values of it: `sort` (`name`, `-name`), `page` (from 1), `state` (all of them), or another key.
    Where something else than the page changes, it is the first one.
    """
    page = query.offset // query.limit + 1 if not changed else 1
    told: dict[str, Any] = {
        "state": query.states,
        "who": query.who or "",
        "job": query.job,
        "product": query.product,
        "service": query.service,
        "text": query.text,
        "since": _written(query.since),
        "until": _written(query.until, after=True),
        "sort": f"{_DOWN if query.descending else ''}{query.order}",
        "rows": query.limit,
        "page": page,
    } | changed
    usual = {"sort": f"{_DOWN}{RunOrder.STARTED}", "rows": str(PAGE_ROWS), "page": "1"}
    pairs = [(key, str(one)) for key, value in told.items() for one in (value if isinstance(value, tuple) else [value])]
    return [(key, value) for key, value in pairs if value and usual.get(key) != value]


def _word(key: str, text: str, words: type[W]) -> W:
    known = [str(word) for word in words if word]
    if text not in known:
        raise UserError(f"{key} {_short(text)} is not known: {hint(text, known)}")
    return words(text)


def _number(key: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise UserError(f"{key} {_short(text)} is no whole number; write it as 1 or 50")
    return int(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SAID else f"{text[:_LONGEST_SAID]}...")


def _moment(key: str, text: str, *, after: bool = False) -> str:
    """Return a day or a time as it is stored; `after` a day is the end of it."""
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return (found + timedelta(days=after and _is_day(text))).isoformat(timespec="milliseconds")
    except ValueError:
        said = "is no day and no time; write 2026-11-26 or 2026-11-26T18:00, in UTC"
    except OverflowError:
        said = "lies beyond an end of the calendar; give another day"
    raise UserError(f"{key} {_short(text)} {said}")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _written(stored: str, *, after: bool = False) -> str:
    """Return a stored time as an address has it: a day where it is one."""
    if not stored:
        return ""
    moment = datetime.fromisoformat(stored)
    if (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0):
        return moment.replace(tzinfo=None).isoformat(timespec="auto")
    return (moment - timedelta(days=1) if after else moment).date().isoformat()

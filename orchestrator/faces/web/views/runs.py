"""Runs: all there are, by filter, sorted, a page at a time; the address is the filter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.app.verbs.listing import RunListing, asked, list_runs, params_of
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.faces.web.pages import fragment, page, site_of
from orchestrator.faces.web.site import Site
from orchestrator.faces.web.views.words import WORDS
from orchestrator.model.states import RunState

# Columns by what they are sorted by; those that are numbers stand on the right, and begin with the greatest.
COLUMNS: tuple[tuple[RunOrder, str, bool], ...] = (
    (RunOrder.NAME, "Job", False),
    (RunOrder.STATE, "State", False),
    (RunOrder.AREA, "Area", False),
    (RunOrder.PRODUCT, "Product", False),
    (RunOrder.SERVICE, "Service", False),
    (RunOrder.STARTED, "Started", True),
    (RunOrder.TOOK, "Took", True),
    (RunOrder.SIZE, "Size", True),
    (RunOrder.VALID, "Valid", True),
    (RunOrder.OUTPUT, "Output", False),
)

ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "-started": "newest first",
        "started": "oldest first",
        "-updated": "changed last",
        "name": "job",
        "state": "state",
        "area": "area",
        "product": "product",
        "service": "service",
        "-took": "longest first",
        "-size": "largest first",
        "valid": "least valid first",
        "output": "output",
    }
)


def routes(site: Site) -> list[Route]:  # noqa: ARG001
    """Return what this view answers."""
    return [Route("/runs", _show), Route("/runs/part/list", _part)]


def _show(request: Request) -> Response:
    """Show the list; where the address asks for what there is not, the sentence stands above the whole list."""
    try:
        query, wrong = _query(request), ""
    except UserError as error:
        query, wrong = RunQuery(), str(error)
    return page(request, "runs.html", 400 if wrong else 200, **_facts(request, query), wrong=wrong)


def _part(request: Request) -> Response:
    query = _query(request)
    return fragment(request, "parts/runs_list.html", lambda: _facts(request, query))


def _query(request: Request) -> RunQuery:
    given = request.query_params
    return asked({key: given.getlist(key) for key in given})


def _facts(request: Request, query: RunQuery) -> Mapping[str, Any]:
    listing = list_runs(site_of(request).app, query)

    def link(path: str = "/runs", **changed: Any) -> str:
        return _address(path, query, changed)

    sort = f"{'-' if query.descending else ''}{query.order}"
    return {
        "listing": listing,
        "sort": sort,
        "orders": {sort: f"{query.order}, the other way", **ORDERS},
        "query": query,
        "given": dict(params_of(query)),
        "link": link,
        "columns": COLUMNS,
        "sorts": {order: _next_sort(query, order, falls=falls) for order, _, falls in COLUMNS},
        "states": _states(listing),
        "is_filtered": bool(query.states or params_of(query, state=(), sort="", rows="")),
        **WORDS,
    }


def _address(path: str, query: RunQuery, changed: Mapping[str, Any]) -> str:
    pairs = params_of(query, **changed)
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _next_sort(query: RunQuery, order: RunOrder, *, falls: bool) -> str:
    """Return what a click on a column sorts by: the other way round, where it is by that column already."""
    down = not query.descending if query.order is order else falls
    return f"{'-' if down else ''}{order}"


def _states(listing: RunListing) -> list[tuple[RunState, int, bool, tuple[RunState, ...]]]:
    """Return the states that occur: each with its number, whether it is meant, and what is meant after a click."""
    chosen = listing.query.states
    found = []
    for state in RunState:
        if (count := listing.by_state.get(state, 0)) or state in chosen:
            after = tuple(one for one in chosen if one is not state) if state in chosen else (*chosen, state)
            found.append((state, count, state in chosen, after))
    return found

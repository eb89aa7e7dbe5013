"""A list of runs by filter, sorted, a page at a time: ids are sorted, and only those of the page are read whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from orchestrator.engine.stores.dialect import json_least, json_number, json_text, seconds_after
from orchestrator.engine.stores.listing_records import RunOrder, RunPage, RunQuery
from orchestrator.engine.stores.rows import HEADS, head_of
from orchestrator.engine.stores.schema import documents, runs
from orchestrator.model.states import RUN_FINAL, RunState

_ESCAPE = "\\"
_AREA = json_text(runs.c.job, "$.area.source")
_OUTPUT = func.coalesce(json_text(runs.c.job, "$.deliver"), json_text(runs.c.job, "$.output"))
_SERVICE = json_text(runs.c.job, "$.service")
_TEXTS = (runs.c.id, runs.c.job_name, runs.c.base_name, runs.c.reason, _AREA, _OUTPUT)
_ENDED = runs.c.state.in_(sorted(RUN_FINAL))
_KEYS: Mapping[RunOrder, ColumnElement[Any]] = MappingProxyType(
    {
        RunOrder.STARTED: runs.c.created,
        RunOrder.UPDATED: runs.c.updated,
        RunOrder.NAME: func.lower(runs.c.job_name),
        RunOrder.PRODUCT: runs.c.product,
        RunOrder.SERVICE: _SERVICE,
        RunOrder.STATE: runs.c.state,
        RunOrder.AREA: func.lower(_AREA),
        RunOrder.OUTPUT: func.lower(_OUTPUT),
        RunOrder.SIZE: json_number(documents.c.content, "$.bytes"),
        RunOrder.VALID: json_least(documents.c.content, "$.valid"),
    }
)


def page_of(db: Connection, wanted: RunQuery, now: str) -> RunPage:
    """Return a page of the runs that are meant; `now` (RFC 3339) is when those that go on have ended so far."""
    counts = _counts(db, wanted)
    total = sum(count for state, count in counts.items() if not wanted.states or state in wanted.states)
    here = [*_here(wanted), *([runs.c.state.in_(wanted.states)] if wanted.states else [])]
    ids = HEADS.with_only_columns(runs.c.id).where(*here).order_by(*_sorting(wanted, now))
    chosen = list(db.scalars(ids.limit(wanted.limit).offset(wanted.offset)))
    heads = {row.id: head_of(row) for row in db.execute(HEADS.where(runs.c.id.in_(chosen)))}
    return RunPage([heads[run_id] for run_id in chosen], total, MappingProxyType(counts))


def _counts(db: Connection, wanted: RunQuery) -> Counter[RunState]:
    query = select(runs.c.state, func.count()).where(*_here(wanted)).group_by(runs.c.state)
    return Counter({RunState(state): count for state, count in db.execute(query)})


def _here(wanted: RunQuery) -> Iterator[ColumnElement[bool]]:
    """Yield what holds for the runs that are meant, but for their states."""
    exact = ((runs.c.job_name, wanted.job), (runs.c.product, wanted.product), (_SERVICE, wanted.service))
    yield from (column == value for column, value in exact if value)
    if wanted.who is not None:
        yield runs.c.who == wanted.who
    if wanted.since:
        yield runs.c.created >= wanted.since
    if wanted.until:
        yield runs.c.created < wanted.until
    for word in wanted.text.split():
        yield or_(*(column.icontains(word, autoescape=True, escape=_ESCAPE) for column in _TEXTS))


def _sorting(wanted: RunQuery, now: str) -> list[ColumnElement[Any]]:
    if wanted.order is RunOrder.TOOK:
        key = seconds_after(case((_ENDED, runs.c.updated), else_=now), runs.c.created)
    else:
        key = _KEYS[wanted.order]
    way = key.desc() if wanted.descending else key.asc()
    return [way.nulls_last(), runs.c.created.desc(), runs.c.id]

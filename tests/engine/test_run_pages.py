"""A long list of runs by filter: what is meant is what a plain reading of every run says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from orchestrator.core.errors import UserError
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.schema import runs
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState, Who

S = RunState
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
NOW = BEGAN + timedelta(days=2)


class Clock:
    """A clock that a test sets."""

    at = BEGAN

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


# name, base name, area, service, product, hours until it ended, state, reason, who, size, valid
ROWS = (
    ("night", "basin", "basin.gpkg", "google", "mosaic", 1, S.CLEANED, "", Who.NOBODY, 300, {"B4": 0.5, "B8": 0.25}),
    ("night", "basin2", "basin.gpkg", "google", "mosaic", 5, S.FAILED, "no 100%_scene", Who.NOBODY, None, None),
    ("Chips", "tiles", "6.1,49.6,6.2,49.7", "sandbox", "chips", 2, S.CLEANED, "", Who.NOBODY, 20, {"B4": 0.75}),
    ("east", "delta", "delta.gpkg", "google", "mosaic", 0, S.HELD, "disk full", Who.TIME, None, None),
    ("west", "coast", "coast.gpkg", "sandbox", "cube", 0, S.HELD, "say which bucket", Who.PERSON, None, None),
    ("west", "coast2", "coast.gpkg", "sandbox", "cube", 0, S.ADMITTED, "", Who.NOBODY, None, None),
    ("empty", "nothing", "coast.gpkg", "google", "mosaic", 9, S.CLEANED, "", Who.NOBODY, 4000, {"B4": 0.0, "B8": 1.0}),
)
NAMES = [row[1] for row in ROWS]


@pytest.fixture(scope="module")
def store(shared_store_url):
    """One run for each row, an hour after the other."""
    clock = Clock()
    opened = SqlStore(shared_store_url, clock)
    for number, (name, base, area, service, product, hours, state, reason, who, size, valid) in enumerate(ROWS):
        clock.at = BEGAN + timedelta(hours=number)
        job = Job(base, f"/results/{base}", AreaSource(area), "2024-05-01", "2024-06-01", service=service)
        order = Admission(name, "", job.fingerprints(), job.to_json(), base_name=base, product=product)
        run = opened.runs.admit(order).id
        if valid is not None:
            opened.runs.save_result(run, json.dumps({"path": "/r.tif", "bytes": size, "sha256": "a", "valid": valid}))
        ended = (clock.at + timedelta(hours=hours)).isoformat(timespec="milliseconds")
        with opened._db.write() as db:
            values = {"state": state, "reason": reason, "who": who, "updated": ended}
            db.execute(update(runs).where(runs.c.id == run).values(**values))
    clock.at = NOW
    yield opened
    opened.close()


def found(store, **wanted):
    """The base names of the runs that are meant, in their order."""
    return [head.base_name for head in store.runs.page(RunQuery(**wanted)).heads]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        pytest.param({}, NAMES, id="all"),
        pytest.param({"states": (S.HELD, S.FAILED)}, ["basin2", "delta", "coast"], id="any of two states"),
        pytest.param({"states": (S.HELD,), "who": Who.PERSON}, ["coast"], id="held for a person"),
        pytest.param({"job": "night"}, ["basin", "basin2"], id="a job"),
        pytest.param({"job": "nigh"}, [], id="a job is named whole"),
        pytest.param({"service": "sandbox"}, ["tiles", "coast", "coast2"], id="a service"),
        pytest.param({"product": "cube"}, ["coast", "coast2"], id="a product"),
        pytest.param({"text": "BASIN"}, ["basin", "basin2"], id="text, whatever its capitals"),
        pytest.param({"text": "bucket"}, ["coast"], id="text of a reason"),
        pytest.param({"text": "coast.gpkg empty"}, ["nothing"], id="each word, of the area and of the name"),
        pytest.param({"text": "results/delta"}, ["delta"], id="text of the output"),
        pytest.param({"text": "100%_s"}, ["basin2"], id="wildcards of SQL are letters"),
        pytest.param({"text": "1__%"}, [], id="and mean nothing else"),
        pytest.param({"text": "' OR 1=1 --"}, [], id="a quotation mark is a letter"),
        pytest.param({"since": "2026-03-01T05"}, ["coast2", "nothing"], id="begun since"),
        pytest.param({"until": "2026-03-01T01"}, ["basin"], id="begun until"),
    ],
)
def test_a_filter_means_the_runs_for_which_it_holds(store, wanted, names):
    """And no others; they are counted, too."""
    page = store.runs.page(RunQuery(**wanted, order=RunOrder.STARTED, descending=False))

    assert ([head.base_name for head in page.heads], page.total) == (names, len(names))


def test_what_there_would_be_of_each_state_does_not_depend_on_the_states_that_are_meant(store):
    """So that another may be chosen by its number."""
    page = store.runs.page(RunQuery(states=(S.HELD,), service="sandbox"))

    assert (page.total, dict(page.by_state)) == (1, {S.HELD: 1, S.ADMITTED: 1, S.CLEANED: 1})


# A plain reading: the key of each row, None where it is not known.
KEYS = {
    RunOrder.STARTED: lambda n, _row: n,
    RunOrder.NAME: lambda _n, row: row[0].lower(),
    RunOrder.PRODUCT: lambda _n, row: row[4],
    RunOrder.SERVICE: lambda _n, row: row[3],
    RunOrder.STATE: lambda _n, row: row[6],
    RunOrder.AREA: lambda _n, row: row[2],
    RunOrder.OUTPUT: lambda _n, row: row[1],
    RunOrder.SIZE: lambda _n, row: row[9],
    RunOrder.VALID: lambda _n, row: min(row[10].values()) if row[10] else None,
    RunOrder.UPDATED: lambda n, row: n + row[5],
    RunOrder.TOOK: lambda n, row: row[5] if row[6] in (S.CLEANED, S.FAILED) else 48 - n,
}


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("order", RunOrder)
def test_runs_are_sorted_by_what_is_asked_for(store, order, descending):
    """What is not known comes last either way; of what is equal the newest comes first."""
    keyed = [(KEYS[order](n, row), n) for n, row in enumerate(ROWS)]
    known = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: -pair[1])
    known.sort(key=lambda pair: pair[0], reverse=descending)
    unknown = sorted((pair for pair in keyed if pair[0] is None), key=lambda pair: -pair[1])

    assert found(store, order=order, descending=descending) == [NAMES[n] for _, n in known + unknown]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10])
def test_every_run_is_on_one_page(store, limit):
    """No gap and no overlap, in the order of the whole list, although names are equal."""
    offsets = range(0, len(ROWS), limit)

    listed = [name for offset in offsets for name in found(store, order=RunOrder.NAME, offset=offset, limit=limit)]

    assert listed == found(store, order=RunOrder.NAME)


@pytest.mark.parametrize("wanted", [{"limit": 0}, {"limit": 501}, {"offset": -1}], ids=str)
def test_no_page_is_longer_than_is_read_at_once(wanted):
    """Said by the value itself, before anything is asked."""
    with pytest.raises(UserError, match=r"ask for 1 to 500|give 0 or more"):
        RunQuery(**wanted)

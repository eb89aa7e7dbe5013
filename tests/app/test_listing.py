"""A list of runs as an address asks for it: what is written is what is read, and nonsense is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.app.records import Records
from orchestrator.app.verbs.listing import asked, list_runs, params_of
from orchestrator.config import load
from orchestrator.core.errors import UserError
from orchestrator.engine.stores.listing_records import RunOrder, RunQuery
from orchestrator.engine.stores.records import Admission
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.states import RunState, Who


def by_key(pairs):
    """Pairs as an address is read: a list of values for each key."""
    found = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


@settings(max_examples=60, deadline=None)
@given(
    states=st.lists(st.sampled_from(RunState), unique=True, max_size=3),
    who=st.sampled_from([None, Who.TIME, Who.PERSON]),
    text=st.text("a ü%&=+'<>", max_size=6).map(str.strip),
    order=st.sampled_from(RunOrder),
    descending=st.booleans(),
    page=st.integers(1, 400),
    rows=st.integers(1, 500),
    since=st.sampled_from(["", "2026-03-01", "2026-03-01T05:30:00"]),
    until=st.sampled_from(["", "2026-03-31", "2024-02-29", "2026-03-31T23:59:59"]),
)
def test_an_address_says_the_query_it_was_made_of(states, who, text, order, descending, page, rows, since, until):
    """Whatever it is, so that a filter can be kept, sent and gone back to."""
    query = asked({"since": [since], "until": [until]})
    query = RunQuery(
        tuple(states), who, text=text, since=query.since, until=query.until, order=order, descending=descending,
        offset=(page - 1) * rows, limit=rows,
    )  # fmt: skip

    assert asked(by_key(params_of(query))) == query


def test_the_usual_list_has_an_empty_address():
    """What need not be said is not."""
    assert params_of(RunQuery()) == []


def test_another_filter_begins_with_its_first_page():
    """The seventh page of what was asked before is no page of it."""
    assert dict(params_of(RunQuery(offset=300), job="night")) == {"job": "night"}


def test_the_end_of_a_period_is_the_end_of_its_day():
    """Who writes the 31st means that day, too: up to the first moment of the next one."""
    assert asked({"until": ["2026-12-31"]}).until == "2027-01-01T00:00:00.000+00:00"


def test_a_time_of_another_zone_is_the_same_moment():
    """Stored times are UTC, and are compared as texts."""
    assert asked({"since": ["2026-03-01T01:00+02:00"]}).since == "2026-02-28T23:00:00.000+00:00"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"state": ["FALED"]}, "state 'FALED' is not known: did you mean 'FAILED'?"),
        ({"who": ["me"]}, "who 'me' is not known: "),
        ({"sort": ["-sise"]}, "sort 'sise' is not known: did you mean 'size'?"),
        ({"page": ["0"]}, "page 0 of a list is none; the first is 1"),
        ({"page": ["-1"]}, "page '-1' is no whole number"),
        ({"page": ["9" * 5000]}, "is no whole number"),
        ({"rows": ["100000"]}, "ask for 1 to 500"),
        ({"text": ["a " * 51]}, "text has more than 50 words; look for fewer"),
        ({"since": ["yesterday"]}, "since 'yesterday' is no day and no time; write 2026-11-26"),
        ({"until": ["9999-12-31"]}, "beyond an end of the calendar"),
        ({"since": ["0001-01-01T00:00+14:00"]}, "beyond an end of the calendar"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_named_with_what_may_stand_there(given, says):
    """In one line, before anything is looked up."""
    with pytest.raises(UserError) as raised:
        asked(given)
    assert says in str(raised.value)
    assert len(str(raised.value).splitlines()[0]) == len(str(raised.value)) < 300


def test_a_search_of_as_many_words_as_may_be_is_looked_up(records):
    """Each is a condition of the query, of which the database takes so many."""
    records.store.runs.admit(Admission("a", "", ("f",), "{}"))

    assert list_runs(records, asked({"text": ["word " * 50]})).total == 0


@pytest.fixture
def records(tmp_path):
    """A state folder of the test's own."""
    found = Records(load(None, environment={}, overrides={"local": {"state_dir": str(tmp_path / "state")}}).settings)
    yield found
    if found.has_state():
        found.store.close()


def test_a_list_of_nothing_makes_nothing(records):
    """Who only looks leaves no state behind."""
    assert (list_runs(records).total, list_runs(records).pages) == (0, 1)
    assert not records.settings.state_dir.exists()


def test_a_run_of_a_list_has_what_people_look_for(records):
    """Area, product, service, output, when, how large, and how much of it holds data, of the worst band."""
    job = Job("basin", "/results", AreaSource("basin.gpkg"), "2024-05-01", "2024-06-01", service="google")
    order = Admission("night", "2026-03-01", job.fingerprints(), job.to_json(), base_name="basin")
    run = records.store.runs.admit(order).id
    kept = {"path": "/results/basin.tif", "bytes": 4096, "sha256": "aa", "valid": {"B4": 0.5, "B8": 0.25}}
    records.store.runs.save_result(run, json.dumps(kept))

    (listed,) = list_runs(records).runs

    report = listed.report
    assert (report.run, report.name, report.logical_date) == (run, "night", "2026-03-01")
    assert (report.area, report.service, report.output) == ("basin.gpkg", "google", "/results/basin.tif")
    assert (listed.product, listed.bytes) == ("mosaic", 4096)
    assert (listed.valid_share, listed.worst_band) == (0.25, "B8")

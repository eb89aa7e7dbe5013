"""The store on PostgreSQL: many writers at one moment, and its schema."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import replace

import postgres_fixtures
import psycopg
import pytest
from sqlalchemy import event, text
from unit_kit import OVER, keys, opened, plans

from orchestrator.core.errors import ConfigError, FencedError
from orchestrator.engine.stores.backend import TransactionMode
from orchestrator.engine.stores.migrate import HEAD
from orchestrator.engine.stores.unit_claims import claim_units
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.unit import UnitPlan

DONE = UnitState.DONE
WORKERS = 4


url, store, run = postgres_fixtures.url, postgres_fixtures.store, postgres_fixtures.run


def at_once(count: int, act) -> list[BaseException]:
    """Let threads begin something at one moment; return what they raised."""
    gate, failures = threading.Barrier(count), []

    def work(number: int) -> None:
        try:
            gate.wait()
            act(number)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


# ------------------------------------------------------------------ at one moment


def test_who_opens_a_new_database_at_one_moment_finds_one_schema(postgres):
    """One process makes the tables, and the others wait for it."""
    url = postgres.empty()
    versions = []

    def open_it(_number):
        with closing(opened(url)) as store, store._db.read() as db:
            versions.append(db.execute(text("SELECT version_num FROM alembic_version")).scalars().all())

    assert at_once(3, open_it) == []
    assert versions == [[HEAD]] * 3


def test_workers_beside_each_other_end_every_unit_once(url, run):
    """Stores of their own, as processes have; some units wait for others, which are of everybody."""
    with closing(opened(url)) as planner:
        first = [f"{n:03d}" for n in range(40)]
        needs = tuple(("fetch", key) for key in first[::2])
        planner.units.add(run, [*plans(*first), *plans("a", "b", kind="merge", needs=needs)])
        done: Counter[str] = Counter()

        def work(_number):
            with closing(opened(url)) as store:
                while taken := [u for kind in ("fetch", "merge") for u in claim(store, run, kind)]:
                    for unit in taken:
                        store.units.renew(unit, 120.0)
                        store.units.finish(unit, DONE)
                        done[unit.key] += 1

        assert at_once(WORKERS, work) == []
        work(0)  # what needed what was claimed last
        assert done == Counter([*first, "a", "b"])
        assert planner.units.tally(run) == {"fetch": {DONE: 40}, "merge": {DONE: 2}}


def claim(store, run, kind="fetch", limit=2, lease=3600.0):
    return store.units.claim(run, kind, limit, now=0.0, seconds=lease)


def test_a_claim_passes_over_what_another_takes_at_this_moment(url, store, run):
    """It waits for nobody, and takes what comes next."""
    store.units.add(run, plans("a", "b", "c"))
    with ExitStack() as left:
        other = left.enter_context(closing(opened(url)))
        db = left.enter_context(other._db.write(TransactionMode.BESIDE))
        db.execute(text("SELECT key FROM units WHERE key = 'a' FOR UPDATE"))

        assert keys(claim(store, run, limit=2)) == ["b", "c"]


def test_an_end_that_meets_a_claim_of_the_same_unit_is_refused(postgres, url, store, run):
    """A worker that wakes up while another takes its unit over waits for that, and then changes nothing."""
    store.units.add(run, plans("a"))
    (late,) = claim(store, run, lease=OVER)
    refused = []

    def finish():
        with pytest.raises(FencedError) as error:
            other.units.finish(late, DONE)
        refused.append(error.value)

    with closing(opened(url)) as other:
        with store._db.write(TransactionMode.BESIDE) as db:
            claim_units(db, run, "fetch", 1, now=0.0, here=0.0, seconds=3600.0, worker="")
            thread = threading.Thread(target=finish)
            thread.start()
            while thread.is_alive() and not waits(postgres):
                thread.join(0.01)
        thread.join()

    unit = store.units.get(run, "fetch", "a")
    assert (unit.state, unit.fence, len(refused)) == (UnitState.CLAIMED, late.fence + 1, 1)


def test_what_lapsed_and_what_is_new_are_claimed_by_their_keys(store, run):
    """In one statement, the first of both."""
    store.units.add(run, plans("a", "b", "c"))
    claim(store, run, limit=2, lease=OVER)
    store.units.again(store.units.of(run)[0], 0.0, Failure.TRANSIENT, "reset")

    assert keys(claim(store, run, limit=2)) == ["a", "b"]


def test_a_claim_goes_through_none_of_what_is_done(url, store, run):
    """Of many thousand units those that are done come first by their keys; the server says how it would look."""
    store.units.add(run, plans(*(f"{n:05d}" for n in range(3000))))
    asked = []
    event.listen(store._db._engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))

    claim(store, run)
    store.units.is_due(run, "fetch", 0.0)

    looks = [(sql, values) for sql, values in asked if "lacking" in sql and "BETWEEN" in sql]
    assert len(looks) >= 2
    with psycopg.connect(url) as db:
        plans_of = ["\n".join(row[0] for row in db.execute(f"EXPLAIN {sql}", values)) for sql, values in looks]
    for plan in plans_of:
        reads = [line for line in plan.splitlines() if "Scan using" in line and "due" not in line]
        assert {"ix_units_run_id_kind_state_lacking_key"} <= {line.split("Scan using ")[1].split()[0] for line in reads}
        assert "Sort Key: units" not in plan
        assert "Seq Scan on units" not in plan


def test_many_units_are_entered_as_a_stream_with_every_column(store, run):
    """As one by one: what is not said of them has its usual value, a text any letter."""
    few, many = plans("few"), [UnitPlan("fetch", f"{n:05d}", None, (), {"a": "tab\t \\ \n ü"}) for n in range(500)]
    store.units.add(run, few)

    store.units.add(run, [*many, *few])

    one, other = store.units.get(run, "fetch", "few"), store.units.get(run, "fetch", "00499")
    assert other.plan == many[499]
    assert replace(other, plan=one.plan) == one
    assert store.units.tally(run) == {"fetch": {UnitState.WAITING: 501}}


def test_a_lease_is_lost_to_nobody_between_the_look_and_the_commit(postgres, url, store, run):
    """Whoever claims the run waits until what was begun under the old lease is committed."""
    first = store.leases.claim(run, "one", seconds=1.0, is_gone=lambda _: True)
    held, order = store.under(run, first.fence), []

    def take_over():
        other.leases.claim(run, "two", seconds=1.0, is_gone=lambda _: True)
        order.append("claimed")

    with closing(opened(url)) as other:
        with held._db.write(TransactionMode.BESIDE):
            thread = threading.Thread(target=take_over)
            thread.start()
            while thread.is_alive() and not waits(postgres):
                thread.join(0.01)
            order.append("committed")
        thread.join()

    assert order == ["committed", "claimed"]
    with pytest.raises(FencedError):
        held.events.record(run, "late", {})


def waits(postgres) -> bool:
    """Tell whether anybody waits for a lock of the server."""
    return bool(postgres.execute("SELECT 1 FROM pg_locks WHERE NOT granted"))


# ---------------------------------------------------------------------- the schema


def test_every_text_is_sorted_by_code_point(store):
    """Whatever the language of the database, and whatever a migration forgot to say."""
    query = text(
        "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_collation k ON k.oid = a.attcollation WHERE c.relkind = 'r' AND a.attnum > 0 "
        "AND c.relnamespace = 'public'::regnamespace AND k.collname <> 'C'"
    )

    with store._db.read() as db:
        assert db.execute(query).scalars().all() == []


def test_another_encoding_is_refused(postgres):
    """It could not hold every name; nothing is made in it."""
    url = postgres.empty("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(ConfigError, match="LATIN1, expected UTF8"):
        opened(url)

    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url.rpartition("/")[2]) == [
        (0,)
    ]

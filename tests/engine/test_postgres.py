"""The store on PostgreSQL: many writers at one moment, a server that goes, and what it says when it does not let us."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import psycopg
import pytest
from postgres_proxy import Proxy
from sqlalchemy import event, text
from unit_kit import StillClock, keys, opened, plans

from orchestrator.core.errors import (
    ConfigError,
    FencedError,
    IntegrityError,
    SpaceError,
    StateError,
    TransientError,
)
from orchestrator.engine.stores.backend import TransactionMode
from orchestrator.engine.stores.dialect import insert_many
from orchestrator.engine.stores.migrate import HEAD
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.schema import units
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.engine.stores.unit_claims import claim_units
from orchestrator.model.states import Failure, UnitState
from orchestrator.model.unit import UnitPlan

DONE = UnitState.DONE
WORKERS = 4


@pytest.fixture
def url(postgres):
    """The address of a new database."""
    made = postgres.new()
    yield made
    postgres.drop(made)


@pytest.fixture
def store(url):
    with closing(opened(url)) as store:
        yield store


@pytest.fixture
def run(store) -> str:
    return store.runs.admit(Admission("night", "", ("f" * 64,), "{}")).id


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


def claim(store, run, kind="fetch", limit=2, now=0.0):
    return store.units.claim(run, kind, limit, now=now, until=now + 60.0)


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
    (late,) = claim(store, run)
    refused = []

    def finish():
        with pytest.raises(FencedError) as error:
            other.units.finish(late, DONE)
        refused.append(error.value)

    with closing(opened(url)) as other:
        with store._db.write(TransactionMode.BESIDE) as db:
            claim_units(db, run, "fetch", 1, now=100.0, until=200.0, worker="")
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
    claim(store, run, limit=2)
    store.units.again(store.units.of(run)[0], 0.0, Failure.TRANSIENT, "reset")

    assert keys(claim(store, run, limit=2, now=100.0)) == ["a", "b"]


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
    first = store.leases.claim(run, "one", now=0.0, until=1.0, is_gone=lambda _: True)
    held, order = store.under(run, first.fence), []

    def take_over():
        other.leases.claim(run, "two", now=9.0, until=10.0, is_gone=lambda _: True)
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


# ------------------------------------------------------------------- who is let in


def test_a_wrong_password_is_the_users_and_is_not_repeated(postgres):
    """The role and what to do are said, the password is not."""
    with locked(postgres) as url, pytest.raises(ConfigError, match=r"somebody.*password_file") as refused:
        opened(url("wrong-and-secret"))

    assert "secret" not in str(refused.value)


def test_the_right_password_is_let_in(postgres):
    """In the address; a file is joined with it before."""
    with locked(postgres) as url, closing(opened(url("let me in"))) as store:
        assert store.runs.count() == 0


class locked:  # noqa: N801  it reads as a word
    """A database whose owner needs a password."""

    def __init__(self, postgres):
        self._postgres = postgres
        self._hba = postgres.folder / "data" / "pg_hba.conf"
        self._before = self._hba.read_text(encoding="utf-8")

    def __enter__(self):
        postgres = self._postgres
        with suppress(Exception):
            postgres.execute("CREATE ROLE somebody LOGIN PASSWORD 'let me in'")
        name = postgres.empty("OWNER somebody").rpartition("/")[2]
        self._hba.write_text(f"host all somebody 127.0.0.1/32 scram-sha-256\n{self._before}", encoding="utf-8")
        postgres.reload()
        return lambda password: f"postgresql://somebody:{password.replace(' ', '%20')}@127.0.0.1:{postgres.port}/{name}"

    def __exit__(self, *_):
        self._hba.write_text(self._before, encoding="utf-8")
        self._postgres.reload()


def test_a_database_that_is_not_there_is_the_users(postgres):
    """Whoever named it corrects it, or makes it."""
    with pytest.raises(ConfigError, match='"nowhere" does not exist'):
        opened(postgres.url("nowhere"))


def test_a_server_that_is_not_there_is_waited_for():
    """It may be up soon: nothing is given up for it."""
    with pytest.raises(TransientError, match=r"does not answer.*Connection refused"):
        opened(f"postgresql://owner@127.0.0.1:{_closed_port()}/state")


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_too_many_connections_are_waited_for(postgres, url):
    """Others end."""
    postgres.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 0")
    postgres.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO narrow", url.rpartition("/")[2])

    with pytest.raises(TransientError, match="too many connections"):
        opened(url.replace("owner@", "narrow@"))

    postgres.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM narrow", url.rpartition("/")[2])
    postgres.execute("DROP ROLE narrow")


def test_a_database_that_may_only_be_read_says_so(postgres, url):
    """A standby, or one that somebody set so: what is stored is read, and nothing is given up."""
    postgres.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")

    with closing(opened(url)) as store:
        assert store.runs.count() == 0
        with pytest.raises(StateError, match=r"read-only.*target_session_attrs"):
            store.lessons.learn("a", "b", 1.0)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("53100", SpaceError),
        ("53200", TransientError),
        ("55P03", TransientError),
        ("40P01", TransientError),
        ("57P03", TransientError),
        ("42501", StateError),
        ("XX001", StateError),
        ("58030", StateError),
    ],
)
def test_what_the_server_says_is_told_by_its_code(store, code, error):
    """Its sentences are for people, in the language of the server."""
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'so sagt er' USING ERRCODE = '{code}'; END $$"

    with pytest.raises(error, match="so sagt er"), store._db.write() as db:
        db.execute(text(raising))


# ------------------------------------------------------------------ a server that goes


def test_after_a_restart_the_next_transaction_goes_on(postgres, store, run):
    """Connections that were cut are replaced; what was committed is there."""
    store.events.record(run, "before", {})

    postgres.restart()

    assert [event.name for event in store.events.latest(run)] == ["before"]
    store.events.record(run, "after", {})
    assert store.revision() == store.revision()


def test_a_connection_that_is_cut_in_a_transaction_leaves_nothing_of_it(store, run):
    """And time helps."""

    def cut(db):
        db.execute(text("UPDATE runs SET state = 'lost'"))
        db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(TransientError, match="does not answer"), store._db.write() as db:
        cut(db)

    assert store.runs.head(run).state != "lost"


def test_a_connection_that_is_cut_in_a_stream_leaves_nothing_of_it(postgres, url, store, run):
    """As in any other statement: time helps, and the next transaction has another connection."""
    many = plans(*(f"{n:05d}" for n in range(500)))

    def cut(db):
        ours = url.rpartition("/")[2]
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}", ours)  # noqa: S608
        insert_many(db, units, [{"run_id": run, "kind": "fetch", "key": plan.key, "state": "WAITING"} for plan in many])

    with pytest.raises(TransientError, match="does not answer"), store._db.write() as db:
        cut(db)

    assert store.units.of(run) == []


@pytest.mark.parametrize("is_told", [True, False], ids=["the server had it", "it was lost on the way"])
def test_a_commit_without_an_answer_is_asked_about(postgres, url, run, is_told):
    """Whether it happened is known before the caller goes on: it is not done twice, and nobody thinks that it was."""
    with Proxy(postgres.port) as proxy, closing(opened(url.replace(str(postgres.port), str(proxy.port)))) as store:
        proxy.cut_at_commit(is_told=is_told)
        if is_told:
            store.events.record(run, "once", {})
        else:
            with pytest.raises(TransientError):
                store.events.record(run, "never", {})

        assert proxy.cuts == 1
        assert [event.name for event in store.events.latest(run)] == (["once"] if is_told else [])


def test_a_process_that_was_stopped_in_a_transaction_keeps_nobody_waiting(url, store, run):
    """The server takes back what it had begun; when it goes on, it is told so and changes nothing."""

    def be_stopped(db):
        db.execute(text("SET idle_in_transaction_session_timeout = '50ms'"))
        db.execute(text("UPDATE runs SET state = 'late'"))
        with closing(opened(url)) as other:
            other.events.record(run, "gone on", {})  # waits until the server has ended the one that is idle
        db.execute(text("UPDATE runs SET state = 'later'"))

    with pytest.raises(TransientError), store._db.write() as db:
        be_stopped(db)

    assert store.runs.head(run).state == "ADMITTED"


# ------------------------------------------------------------------- an address


@pytest.mark.parametrize(
    "url",
    ["mysql://u:secret@h/d", "no address", "postgresql://u:secret@h:port/d", "host=db password=secret"],
)
def test_what_is_no_address_is_refused_without_being_repeated(url):
    """It may hold a password."""
    with pytest.raises(ConfigError, match=r"\[store\] url.*expected postgresql://") as refused:
        SqlStore(url, StillClock())

    assert "secret" not in str(refused.value)


def test_parameters_of_libpq_stand_behind_the_address(url):
    """They are libpq's own, and go before ours."""
    with closing(opened(f"{url}?application_name=mine&connect_timeout=3")) as store, store._db.read() as db:
        assert db.execute(text("SHOW application_name")).scalar() == "mine"


def test_what_is_committed_is_durable_whatever_the_role_was_told(postgres, url):
    """A role that does not wait for the disk would lose leases when its server loses power."""
    postgres.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")

    with closing(opened(url)) as store, store._db.read() as db:
        assert db.execute(text("SHOW synchronous_commit")).scalar() == "on"


@pytest.mark.parametrize(
    ("name", "value"), [("idle_in_transaction_session_timeout", "1min"), ("lock_timeout", "30s"), ("TimeZone", "UTC")]
)
def test_every_session_has_limits_of_its_own(store, name, value):
    """Whatever the server's are: nobody keeps the others waiting for longer, nor waits longer than on SQLite."""
    with store._db.read() as db:
        assert db.execute(text(f"SHOW {name}")).scalar() == value


def test_a_newer_schema_is_refused(postgres, url):
    """An old program does not touch what a newer one wrote."""
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", url.rpartition("/")[2])

    with pytest.raises(IntegrityError, match="newer than this program"):
        opened(url)

"""A PostgreSQL server that goes, that does not let us in, and what its address and its sessions are told."""

from __future__ import annotations

import socket
from contextlib import closing, suppress

import postgres_fixtures
import pytest
from postgres_proxy import Proxy
from sqlalchemy import text
from unit_kit import StillClock, opened, plans

from orchestrator.core.errors import (
    ClosedStateError,
    ConfigError,
    IntegrityError,
    SpaceError,
    StateError,
    TransientError,
)
from orchestrator.engine.stores.address import file_of, shown, with_password
from orchestrator.engine.stores.dialect import insert_many
from orchestrator.engine.stores.schema import units
from orchestrator.engine.stores.sql import SqlStore

url, store, run = postgres_fixtures.url, postgres_fixtures.store, postgres_fixtures.run


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
    with pytest.raises(ConfigError, match=r'"nowhere" does not exist.*sudo -u postgres createdb .* nowhere`'):
        opened(postgres.url("nowhere"))


def test_a_password_that_is_not_there_is_the_users(postgres, monkeypatch, tmp_path):
    """Each place is named that it may stand in, also before [store] is written."""
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with locked(postgres) as url, pytest.raises(ConfigError, match=r"PGPASSWORD, in ~/\.pgpass.*password_file"):
        opened(url("").replace("somebody:@", "somebody@"))


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


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@secret/1@127.0.0.1:9/d",
        "postgresql://me:p@secret@127.0.0.1:9/d",
        "postgresql://me:p@secret:1@127.0.0.1:9/d",
        "postgresql://me:p@secret?1@127.0.0.1:9/d",
        "postgresql://me:p@1?secret=2@127.0.0.1:9/d",
    ],
)
@pytest.mark.parametrize("reads", [opened, shown, file_of, lambda url: with_password(url, "another")])
def test_no_piece_of_a_password_is_taken_for_a_host(url, reads):
    """An @ in it that is not encoded would end it; whoever does not find the host repeats its name."""
    with pytest.raises(ConfigError, match=r"percent-encoded.*password_file") as refused:
        reads(url)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        ("sslmod=require", "'sslmod'.*did you mean 'sslmode'"),
        ("prepare_threshold=0", "'prepare_threshold'"),
        ("sslmode=verify-ful", "sslmode is 'verify-ful', expected disable.*verify-full"),
        ("target_session_attrs=rw", "target_session_attrs is 'rw', expected any, read-write"),
        ("connect_timeout=soon", "connect_timeout is 'soon', expected a whole number"),
    ],
)
def test_a_mistake_behind_the_address_is_the_users(behind, said):
    """It is named, with what was expected, before anybody is asked: time does not mend it."""
    with pytest.raises(ConfigError, match=said):
        opened(f"postgresql://owner@127.0.0.1:9/state?{behind}")


@pytest.mark.parametrize(
    "behind",
    ["sslmode=verify-full&sslrootcert=/nowhere.pem", "sslmode=require", "channel_binding=require&gssencmode=x"],
)
def test_what_a_server_that_is_up_cannot_do_is_the_users(postgres, behind):
    """A server without TLS, a file that is not there: whoever waits for it waits for ever."""
    with pytest.raises(ConfigError, match=r"behind the \?|gssencmode is 'x'"):
        opened(f"{postgres.url('postgres')}?{behind}")


def test_a_value_that_only_libpq_knows_is_the_users(postgres):
    """What this program does not look through, its client refuses."""
    with pytest.raises(ConfigError, match="ssl_min_protocol_version"):
        opened(f"{postgres.url('postgres')}?ssl_min_protocol_version=SSLv9")


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
    ("name", "value"), [("idle_in_transaction_session_timeout", "20s"), ("lock_timeout", "30s"), ("TimeZone", "UTC")]
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


# ------------------------------------------------------------- what is waited for


def test_a_password_is_asked_for_at_each_connection(postgres):
    """One that is changed lets in who works, once its file says so; until then nothing is given up for it."""
    said = ["let me in"]
    with locked(postgres) as url:
        given = url("an old one")
        name = given.rpartition("/")[2]
        with closing(SqlStore(given, StillClock(), lambda: said[-1])) as store:
            store.lessons.learn("a", "b", 1.0)
            postgres.execute("ALTER ROLE somebody PASSWORD 'the next'")
            of_it = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
            postgres.execute(of_it)

            with pytest.raises(ClosedStateError, match="password authentication failed"):
                store.lessons.learn("a", "b", 2.0)
            said.append("the next")
            store.lessons.learn("a", "b", 3.0)
        postgres.execute("ALTER ROLE somebody PASSWORD 'let me in'")


def test_a_password_that_cannot_be_read_for_a_moment_is_waited_for(url):
    """Of a process that was let in; one that begins is told."""
    gone = ConfigError("[store]: password_file /secret cannot be read")

    def fail():
        raise gone

    with pytest.raises(ConfigError, match="password_file"):
        SqlStore(url, StillClock(), fail)
    answers = [fail, lambda: "any"]

    def ask():
        return answers.pop()()

    with closing(SqlStore(url, StillClock(), ask)) as store:
        store._db._engine.dispose()
        with pytest.raises(ClosedStateError, match="password_file"):
            store.runs.count()


# ------------------------------------------------------------ another program's


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE runs (id text PRIMARY KEY, name text)",
        "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('1975ea83b712')",
        (
            "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0006');"
            "CREATE TABLE runs (id text PRIMARY KEY, name text)"
        ),
        "CREATE TABLE alembic_version (version_num text)",
    ],
    ids=["a table", "versions", "a version like ours", "no version"],
)
def test_another_programs_tables_are_refused_and_left_alone(postgres, theirs):
    """They have names of ours; what to make instead is said, and nothing was changed."""
    url = postgres.empty()
    name = url.rpartition("/")[2]
    postgres.execute(theirs, name)
    tables = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
    )
    before = postgres.execute(tables, name)

    with pytest.raises(ConfigError, match=r"another program has tables.*createdb.*nothing was changed"):
        opened(url)

    assert postgres.execute(tables, name) == before
    postgres.drop(url)


def test_another_programs_texts_are_sorted_as_they_were(postgres):
    """Beside tables of other names the state is made; those are not touched."""
    url = postgres.empty()
    name = url.rpartition("/")[2]
    postgres.execute("CREATE TABLE customers (name text); CREATE VIEW named AS SELECT name FROM customers", name)

    opened(url).close()

    sorts = "SELECT attcollation = 'pg_catalog.default'::regcollation FROM pg_attribute WHERE attname = 'name' "
    assert postgres.execute(f"{sorts} AND attrelid = 'customers'::regclass", name) == [(True,)]
    postgres.drop(url)

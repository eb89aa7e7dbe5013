"""A state that goes from SQLite to PostgreSQL and back: every row arrives, and nobody works in two places."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from care_kit import a_run
from old_worlds import restore

from orchestrator.app.records import Records
from orchestrator.app.verbs import state_move
from orchestrator.config.sections import LocalSettings, Settings
from orchestrator.core.clock import SystemClock
from orchestrator.core.errors import ConfigError, IntegrityError, MovedError, UserError
from orchestrator.core.locks import LockedError, exclusive
from orchestrator.core.process import process_name
from orchestrator.engine.leadership import Term
from orchestrator.engine.leases import Lease, Worker
from orchestrator.engine.stores import moving
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.engine.stores.schema import metadata
from orchestrator.engine.stores.sql import SqlStore

STATES = sorted((Path(__file__).parents[1] / "engine" / "states").glob("schema_*.sql"))


@pytest.fixture
def records(tmp_path):
    return Records(Settings(local=LocalSettings(state_dir=str(tmp_path / "state"))))


@pytest.fixture
def target(postgres):
    """The address of a database without tables."""
    made = postgres.empty()
    yield made
    postgres.drop(made)


def file_url(records) -> str:
    return f"sqlite:///{records.database}"


def fill(records) -> str:
    """Put a run, a limit and a message into the state; return the run's id."""
    records.folder()
    with closing(SqlStore(file_url(records), SystemClock())) as store:
        run_id = a_run(store, "night", records.folder(), tasks=3, units=250, states=("PLANNED", "EXPORTING"))
        store.lessons.learn("a subject", "a name", 0.1)
        store.runs.set_state(run_id, store.runs.head(run_id).state.HELD, "Zürich \0 says 'no'")
        store.events.record(run_id, "big", {"bytes": 2**41})
    return run_id


def content(url: str) -> dict[str, list[tuple]]:
    """Read every row of a database by plain SQL, sorted here; 0 and false are one, as is a letter that one lacks."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    found = {}
    with engine.connect() as db:
        for table in metadata.tables.values():
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            rows = db.execute(text(f'SELECT {names} FROM "{table.name}"')).all()  # noqa: S608  names of ours
            found[table.name] = sorted(
                tuple(v.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(v, str) else v for v in row)
                for row in rows
            )
    engine.dispose()
    return found


def runs_but_for_leases(path) -> list[dict]:
    with closing(sqlite3.connect(path)) as plain:
        plain.row_factory = sqlite3.Row
        found = plain.execute("SELECT * FROM runs ORDER BY id").fetchall()
    return [{name: row[name] for name in row.keys() if name not in ("fence", "lease_until")} for row in found]  # noqa: SIM118


def move(records, target, *, back=False, **how):
    first, second = file_url(records), target
    if back:
        first, second = second, first
    return state_move.move_state(records, whence=first, whither=second, **how)


def test_every_row_arrives_and_comes_back(records, target):
    """There and back, each row has the values that it had, by a reading that is not the move's own."""
    fill(records)
    before = content(file_url(records))

    moved = move(records, target)
    there = content(target)
    move(records, target, back=True)

    assert there == before
    assert content(file_url(records)) == before
    assert moved.rows == {name: len(rows) for name, rows in before.items()}


@pytest.mark.parametrize("dump", STATES, ids=lambda path: path.stem)
def test_a_state_of_every_released_schema_moves(records, target, tmp_path, dump):
    """It is brought up to date on the way; the file that it was in keeps its own schema's rows, all leases ended."""
    records.folder()
    restore(dump, tmp_path, records.database)
    before = runs_but_for_leases(records.database)

    move(records, target)

    assert runs_but_for_leases(records.database) == before
    restore_to = tmp_path / "again.db"
    restore(dump, tmp_path, restore_to)
    SqlStore(f"sqlite:///{restore_to}", records.clock).close()
    assert content(target) == content(f"sqlite:///{restore_to}")


def test_rows_that_come_after_a_move_have_numbers_of_their_own(records, target):
    """Events, messages and objects are numbered on from those that arrived."""
    run_id = fill(records)
    move(records, target)

    with closing(SqlStore(target, SystemClock())) as store:
        last = store.outbox.last()
        store.events.record(run_id, "after", {})
        assert store.events.latest(run_id, 1)[0].sequence == last + 1


def test_what_was_moved_says_where_it_is(records, target):
    """No program opens the old place by mistake, and no password is in what it says."""
    fill(records)
    secret = target.replace("owner@", "owner:secret@")

    move(records, secret)

    said = r"moved to postgresql://owner:\*\*\*@127.0.0.1:\d+/empty\d+ on .* UTC: write `url = \"postgresql://owner@12"
    with pytest.raises(MovedError, match=said) as refused:
        SqlStore(file_url(records), SystemClock())
    assert "secret" not in str(refused.value)
    assert b":secret@" not in records.database.read_bytes()


def test_a_dry_run_changes_neither(records, target, postgres):
    """It says how many rows of each table would go."""
    fill(records)
    before = content(file_url(records))

    moved = move(records, target, dry_run=True)

    assert (moved.done, moved.rows["units"], moved.rows["runs"]) == (False, 250, 1)
    assert content(file_url(records)) == before
    SqlStore(file_url(records), SystemClock()).close()
    public = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.execute(public, target.rpartition("/")[2]) == [(0,)]


def test_a_state_is_moved_into_an_empty_database_only(records, target):
    """What is there is not mixed with what comes, nor replaced."""
    fill(records)
    with closing(SqlStore(target, SystemClock())) as store:
        a_run(store, "other", records.folder())
    before = content(target)

    with pytest.raises(UserError, match="has a state already"):
        move(records, target)

    assert content(target) == before
    SqlStore(file_url(records), SystemClock()).close()


@pytest.mark.parametrize("works", ["a daemon", "a run elsewhere"])
def test_nothing_is_moved_under_who_works(records, target, works):
    """Whoever works on it would write into the old place."""
    run_id, now = fill(records), records.clock.now().timestamp()
    with closing(SqlStore(file_url(records), SystemClock())) as store:
        if works == "a daemon":
            store.processes.beat(ProcessRow("daemon", "there", 7, "", now, {}))
        else:
            worker = Worker("there", 7, "2026-11-26T03:00:00+00:00", "another-kernel")
            store.leases.claim(run_id, str(worker), seconds=60, is_gone=lambda _: False)

    with pytest.raises(LockedError, match=r"7 on there.*end it first"):
        move(records, target)


@pytest.mark.parametrize("back", [False, True], ids=["from a file", "from a server"])
def test_who_was_stopped_during_a_move_writes_and_does_nothing_more(records, target, back):
    """It has the old place open still: no lease of it is good there, and every write says where the state is."""
    run_id, now = fill(records), records.clock.now().timestamp()
    if back:
        move(records, target)
    with closing(SqlStore(target if back else file_url(records), SystemClock())) as store:
        term = Term(store, store.leadership.claim("a leader", 600, lambda _: True).fence, 600, records.clock)
        fence = store.leases.claim(run_id, "a leader", seconds=-1, is_gone=lambda _: True).fence
        lease = Lease(run_id, fence, store, records.clock)
        claimed = store.units.claim(run_id, "pixels", 1, now=now, seconds=-1, worker="a worker")
        before = store.events.latest(run_id)

        move(records, target, back=back)

        units = store.units
        for act in (
            term.check,
            lease.check,
            lambda: term.store.events.record(run_id, "late", {}),
            lambda: lease.store.runs.save_result(run_id, "{}"),
            lambda: store.leadership.claim("another", 60, lambda _: True),
            lambda: units.claim(run_id, "pixels", 1, now=now, seconds=9, worker="a worker"),
            lambda: units.renew(claimed[0], now + 9),
        ):
            with pytest.raises(MovedError, match="was moved to"):
                act()
        assert store.events.latest(run_id) == before
        assert term.is_lost


@pytest.mark.parametrize("back", [False, True], ids=["to a server", "from a server"])
def test_a_server_waits_for_the_comparison_of_a_large_table(records, target, monkeypatch, back):
    """It would end a transaction in which nothing is asked for a while; this one takes as long as it takes."""
    fill(records)
    if back:
        move(records, target)
    limits, copy = [], moving.copy_rows

    def watched(source, arrives, *more):
        server = source if back else arrives
        limits.append(server.execute(text("SHOW idle_in_transaction_session_timeout")).scalar())
        return copy(source, arrives, *more)

    monkeypatch.setattr(moving, "copy_rows", watched)
    move(records, target, back=back)

    assert limits == ["0"]


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry-run", "really"])
def test_a_state_is_not_moved_among_another_programs_tables(records, target, postgres, dry_run):
    """It is said before anything is changed, also in a dry run."""
    fill(records)
    postgres.execute("CREATE TABLE alembic_version (version_num text)", target.rpartition("/")[2])

    with pytest.raises(ConfigError, match="another program has tables"):
        move(records, target, dry_run=dry_run)

    SqlStore(file_url(records), SystemClock()).close()


def test_a_daemon_that_is_known_to_be_dead_is_not_waited_for(records, target):
    """Its machine knows that its process is gone, however lately it was heard of."""
    fill(records)
    with closing(SqlStore(file_url(records), SystemClock())) as store:
        pid, _, where = process_name().partition("@")
        host, _began, namespace = where.split("/")
        facts = {"process": f"{pid}@{host}/1/{namespace}"}  # an earlier process of the same id
        store.processes.beat(ProcessRow("daemon", host, int(pid), "", records.clock.now().timestamp(), facts))

    assert move(records, target, dry_run=True).rows["runs"] == 1


def test_a_database_without_a_state_has_none_to_move_back(records, target):
    """It is said so, and nothing is made there."""
    with pytest.raises(UserError, match="there is no state in that database"):
        move(records, target, back=True)


def test_what_arrives_otherwise_is_not_moved(records, target, postgres):
    """The rows are compared in the new place, before anything is committed there."""
    fill(records)
    SqlStore(target, SystemClock()).close()
    name = target.rpartition("/")[2]
    changed = "BEGIN NEW.value = NEW.value + 1; RETURN NEW; END"
    postgres.execute(f"CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ {changed} $$", name)
    postgres.execute("CREATE TRIGGER t BEFORE INSERT ON lessons FOR EACH ROW EXECUTE FUNCTION change()", name)

    with pytest.raises(IntegrityError, match=r"lessons.*nothing was moved"):
        move(records, target)

    assert not any(content(target).values())
    SqlStore(file_url(records), SystemClock()).close()


def test_a_move_that_was_ended_before_it_could_say_so_is_finished(records, target, monkeypatch):
    """The same command finds the same rows in the new place, and marks the old one."""
    fill(records)
    with monkeypatch.context() as patched:
        patched.setattr(moving, "mark_moved", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            move(records, target)
    SqlStore(file_url(records), SystemClock()).close()

    move(records, target)

    with pytest.raises(MovedError, match="moved to postgresql"):
        SqlStore(file_url(records), SystemClock())


def test_a_database_that_was_moved_back_says_to_take_the_setting_out(records, target):
    """Whoever leaves `[store] url` as it was is told that it goes, and which file has the state."""
    fill(records)
    move(records, target)
    move(records, target, back=True)

    with pytest.raises(
        MovedError, match=r"moved to the file .*state.db on .* UTC: take `url` out of \[store\]"
    ) as refused:
        SqlStore(target, SystemClock())
    assert refused.value.exit_code == 4


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry-run", "really"])
def test_what_moving_back_left_in_a_database_is_replaced_when_asked(records, target, dry_run):
    """Without being asked it is refused, with the way out; what comes is the file's state of now."""
    run_id = fill(records)
    move(records, target)
    move(records, target, back=True)
    with closing(SqlStore(file_url(records), SystemClock())) as store:
        store.events.record(run_id, "since", {})
    before = content(file_url(records))

    with pytest.raises(UserError, match=r"left behind.*--replace-left-behind.*dropdb empty\d+`"):
        move(records, target, dry_run=dry_run)
    move(records, target, replace=True, dry_run=dry_run)

    if not dry_run:
        assert content(target) == before
        SqlStore(target, SystemClock()).close()


def test_what_was_moved_elsewhere_is_not_replaced(records, target, tmp_path):
    """Its mark says whose copy it is: another state's stays."""
    fill(records)
    move(records, target)
    move(records, target, back=True)
    other = Records(Settings(local=LocalSettings(state_dir=str(tmp_path / "other"))))
    fill(other)
    before = content(target)

    with pytest.raises(UserError, match="not where it would come from"):
        move(other, target, replace=True)

    assert content(target) == before


def test_a_live_state_is_never_replaced(records, target):
    """The option is about what was moved away, and nothing else."""
    fill(records)
    with closing(SqlStore(target, SystemClock())) as store:
        a_run(store, "other", records.folder())
    before = content(target)

    with pytest.raises(UserError, match="has a state already"):
        move(records, target, replace=True)

    assert content(target) == before


def test_a_daemon_of_the_folder_is_named_and_to_be_ended(records, target):
    """Its lock says who it is, also where its row is old."""
    fill(records)

    with (
        exclusive(records.folder() / "serve.lock", "it"),
        pytest.raises(LockedError, match=rf"a daemon \(process {os.getpid()}\) works on the state in .*: end it first"),
    ):
        move(records, target)

"""A state that is in PostgreSQL, looked after: what is checked, what is somebody else's task, what is said of it."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from care_kit import a_run

from orchestrator.app.records import Records
from orchestrator.app.verbs import database
from orchestrator.app.verbs.figures import figures
from orchestrator.app.verbs.overview import overview
from orchestrator.config.sections import LocalSettings, Settings, StoreSettings
from orchestrator.core.errors import ClosedStateError, ConfigError, UserError
from orchestrator.faces.metrics import Page


@pytest.fixture
def url(postgres):
    made = postgres.new()
    yield made
    postgres.drop(made)


def records_of(tmp_path, url, **store):
    told = StoreSettings(url=SecretStr(url), **store)
    return Records(Settings(local=LocalSettings(state_dir=str(tmp_path / "state")), store=told))


@pytest.fixture
def records(tmp_path, url):
    made = records_of(tmp_path, url)
    a_run(made.store, "night", tmp_path, tasks=3, units=5, states=("PLANNED", "EXPORTING"))
    yield made
    made.store.close()


def test_a_whole_state_has_no_flaw(records):
    """Counts, needs and tables are as the rows say."""
    assert database.check(records) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE part_counts SET bytes = bytes + 1",
        "UPDATE unit_counts SET units = 0",
        "UPDATE units SET lacking = 3",
        "INSERT INTO events (run_id, at, name, facts) VALUES ('nobody', '', 'e', '{}')",
    ],
)
def test_what_is_counted_wrongly_is_found_and_mended(records, postgres, url, wrong):
    """As in SQLite's file."""
    postgres.execute(wrong, url.rpartition("/")[2])

    found, _ = database.check(records)
    left, mended = database.check(records, repair=True)

    assert len(found) == 1
    assert (left, mended) == ([], [found[0].what])


@pytest.mark.parametrize("act", [database.back_up, database.upgrade, lambda app: database.downgrade(app, "0003")])
def test_what_is_done_to_a_file_says_what_to_do_instead(records, act):
    """No file is copied that would not be the state."""
    with pytest.raises(UserError, match=r"PostgreSQL.*pg_"):
        act(records)


def test_it_is_said_which_database_it_is(records, url):
    """Kind, version and time to the metrics; the page shows them, without a password."""
    seen = figures(records).database

    assert (seen.kind, seen.place, seen.latency_seconds < 5) == ("PostgreSQL", url, True)
    assert overview(records).database.startswith(f"PostgreSQL {seen.version}, {url}, answers in ")
    assert f'state_database_info{{kind="PostgreSQL",version="{seen.version}"}} 1.0' in Page(records).text()


def test_a_server_without_a_state_is_looked_at_and_left_alone(tmp_path, postgres):
    """Whoever mistypes a name finds no tables of ours in another database."""
    url = postgres.empty()
    records = records_of(tmp_path, url)

    assert not records.has_state()
    assert not overview(records).running

    public = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.execute(public, url.rpartition("/")[2]) == [(0,)]
    postgres.drop(url)


def test_a_password_comes_from_a_file_that_others_cannot_read(tmp_path):
    """It is joined with the address, whatever letters it has; the address stays a secret of the settings."""
    file = tmp_path / "password"
    file.write_text("p@ss/wörd:1\n", encoding="utf-8")
    file.chmod(0o600)

    records = records_of(tmp_path, "postgresql://me@db.example/state", password_file=str(file))

    assert records.store_url == "postgresql://me:p%40ss%2Fw%C3%B6rd%3A1@db.example/state"
    assert "p@ss" not in repr(records.settings)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"password_file.*chmod 0400"):
        _ = records_of(tmp_path, "postgresql://me@db.example/state", password_file=str(file)).store_url


def test_the_file_of_a_password_is_read_at_each_connection(tmp_path, url):
    """So that another password needs nobody who begins the program again; while there is none, it waits."""
    file = tmp_path / "password"
    file.write_text("first\n", encoding="utf-8")
    file.chmod(0o600)
    with closing(records_of(tmp_path, url, password_file=str(file)).store) as store:
        file.unlink()
        store._db._engine.dispose()

        with pytest.raises(ClosedStateError, match="password_file"):
            store.runs.count()

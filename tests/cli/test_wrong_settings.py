"""What must work while config.toml is wrong: whether the daemon lives, and telling people that something is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.app.heartbeat import DAEMON
from orchestrator.engine.stores.records import ProcessRow

WRONG = {
    "no TOML": "[ee]\nproject = \n",
    "an unknown key": "[ee]\nprojekt = 'x'\n",
    "a table of a sandbox's alone": "[ee]\nurl = 'http://127.0.0.1:9'\n",
    "a profile that is not there": "",
}


@pytest.fixture(params=WRONG, ids=lambda name: name.replace(" ", "-"))
def wrong(request, tmp_path, monkeypatch):
    """A config.toml in the folder of the command, with a mistake."""
    if not WRONG[request.param]:
        monkeypatch.setenv("ORCHESTRATOR_PROFILE", "night")
    path = tmp_path / "config.toml"
    path.write_text(WRONG[request.param])
    return path


def beat(kept):
    now = datetime.now(UTC)
    kept.store.processes.beat(ProcessRow(DAEMON, "here", 1, now.isoformat(), now.timestamp(), {"busy": 1}))


@pytest.mark.usefixtures("wrong")
def test_a_mistake_in_the_settings_does_not_make_the_daemon_ill(kept, call):
    """It goes on with what it read before, and a probe that fails would end it; the mistake is said."""
    beat(kept)

    called = call("health")

    assert called.code == 0
    assert "1 run in slots" in called.out
    assert "the settings cannot be read" in called.err


def test_the_state_folder_is_read_from_settings_that_are_wrong(kept, call, wrong, monkeypatch):
    """It may be set there alone."""
    monkeypatch.delenv("ORCHESTRATOR_LOCAL__STATE_DIR")
    wrong.write_text(f"{wrong.read_text()}[local]\nstate_dir = '{kept.folder}'\n")
    beat(kept)

    assert call("health").code == 0


def test_the_database_is_read_from_settings_that_are_wrong(kept, call, wrong):
    """Its file in the state folder is another state than the one that is named; nobody listens at port 9."""
    wrong.write_text(f"{wrong.read_text()}[store]\nurl = 'postgresql://owner@127.0.0.1:9/night'\n")
    beat(kept)

    called = call("health")

    assert called.code == 1
    assert "port 9" in called.out


@pytest.mark.parametrize("place", ["environment", "file"])
def test_people_are_told_while_the_settings_are_wrong(call, tmp_path, monkeypatch, place):
    """The unit that failed for a mistake tells so by the same config.toml; port 9 takes nothing (RFC 863)."""
    addresses = "json://127.0.0.1:9/a"
    if place == "environment":
        monkeypatch.setenv("ORCHESTRATOR_NOTIFY__URLS", addresses)
    more = f"[notify]\nurls = '{addresses}'\n" if place == "file" else ""
    (tmp_path / "config.toml").write_text(f"{WRONG['no TOML']}{more}")

    called = call("notify", "send", "it has failed")

    assert called.code == 5
    assert "json-" in called.out
    assert "the settings cannot be read" in called.err

"""What `orchestrator web` says and refuses before anything is served."""

from __future__ import annotations

import json
import stat

import pytest

from orchestrator.faces.cli.main import run_cli


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


def told(state, *words):
    return run_cli(["--state-dir", str(state), "web", *words])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["--host", "0.0.0.0"], "could be read by others than this machine", id="everywhere, bare"),  # noqa: S104
        pytest.param(["--behind-proxy"], "answers to the proxy's name alone", id="a proxy without a name"),
    ],
)
def test_a_place_that_others_reach_is_refused(state, capsys, words, says):
    """A setting is wrong: exit code 4, one line that says what to do, nothing is listened at."""
    assert told(state, *words) == 4
    assert says in capsys.readouterr().err


def test_a_map_that_is_no_file_is_refused(state, capsys, monkeypatch, tmp_path):
    """By its name and its key."""
    monkeypatch.setenv("ORCHESTRATOR_WEB__BASEMAP", str(tmp_path / "none.pmtiles"))

    assert told(state) == 4
    assert "none.pmtiles under [web] is no file" in capsys.readouterr().err


def test_a_link_is_asked_for_where_no_page_runs(state, capsys):
    """It is said how to begin one; no state is made of the question."""
    assert told(state, "--link") == 2
    assert "start `" in capsys.readouterr().err
    assert not state.exists()


def test_the_link_has_the_token_of_the_state(state, capsys):
    """Of the page that runs there, as programs are told it, too."""
    state.mkdir()
    (state / "web.json").write_text(json.dumps({"url": "http://127.0.0.1:8765", "pid": 1}))

    assert run_cli(["--state-dir", str(state), "--json", "web", "--link"]) == 0

    token = (state / "web.token").read_text(encoding="ascii")
    assert json.loads(capsys.readouterr().out)["link"] == f"http://127.0.0.1:8765/?token={token}"
    assert len(token) >= 43  # 32 bytes of chance, in base 64


def test_the_token_is_its_owners_alone(state, capsys):
    """Whatever the mask of files is."""
    test_the_link_has_the_token_of_the_state(state, capsys)

    assert stat.S_IMODE((state / "web.token").stat().st_mode) == 0o600


def test_the_page_is_opened_by_serve_only_where_there_is_one(state, capsys):
    """`--open` without `--web` is a slip, said before anything works."""
    assert run_cli(["--state-dir", str(state), "serve", "--open", "--sandbox-url", "http://127.0.0.1:9"]) == 2
    assert "add --web" in capsys.readouterr().err

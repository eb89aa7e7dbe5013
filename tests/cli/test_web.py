"""What `orchestrator web` says and refuses before anything is served."""

from __future__ import annotations

import json
import socket
import stat
import sys

import pytest

from orchestrator.core import guard
from orchestrator.core.process import process_name
from orchestrator.faces.cli.main import run_cli
from orchestrator.faces.cli.web_running import note_page, page_line

TOKEN = "0123456789abcdef"  # noqa: S105  nobody's


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


@pytest.fixture
def place():
    """An address at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def begun(state, place, **more):
    """Write down that a page runs on a state, as one that begins does; `more` is other than it was."""
    state.mkdir()
    note_page(state, place, TOKEN)
    guard.make_private(state / "web.token")
    (state / "web.token").write_text(more.pop("token", TOKEN), encoding="ascii")
    file = state / "web.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | more))


def test_the_link_has_the_token_of_the_state(state, place, capsys):
    """Of the page that runs there, as programs are told it, too."""
    begun(state, place)

    assert run_cli(["--state-dir", str(state), "--json", "web", "--link"]) == 0
    assert json.loads(capsys.readouterr().out)["link"] == f"{place}/?token={TOKEN}"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        pytest.param({"process": process_name().replace("/", "/9", 1)}, "no page runs on", id="an ended process"),
        pytest.param({"url": "http://127.0.0.1:9"}, "no page runs on", id="nobody listens"),
        pytest.param({"token": "another-token-of-later"}, "was begun with another token", id="another token"),
    ],
)
def test_a_link_that_would_not_open_is_not_given(state, place, capsys, more, says):
    """A page that was killed leaves its address, and one that began before `--new-token` knows the old one alone."""
    begun(state, place, **more)

    assert told(state, "--link") == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_what_an_earlier_version_wrote_of_its_page_is_read(state, place, capsys):
    """It had address and id of the process."""
    begun(state, place)
    (state / "web.json").write_text(json.dumps({"url": place, "pid": 1}))

    assert told(state, "--link") == 0
    assert f"{place}/?token={TOKEN}" in "".join(capsys.readouterr().out.split())


def test_a_token_is_not_made_anew_by_a_page_that_cannot_begin(state, place, capsys):
    """The one that runs would refuse what `--link` prints from then on."""
    begun(state, place)

    assert told(state, "--new-token", "--port", place.rpartition(":")[2]) == 4
    assert "web --link` prints its address" in " ".join(capsys.readouterr().err.split())
    assert (state / "web.token").read_text(encoding="ascii") == TOKEN


def test_the_token_is_its_owners_alone(state, place):
    """Whatever the mask of files is."""
    state.mkdir()
    note_page(state, place, "")
    (state / "web.json").write_text(json.dumps({"url": place, "pid": 1}))

    assert told(state, "--link") == 0

    file = state / "web.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text(encoding="ascii")) >= 43  # 32 bytes of chance, in base 64


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (False, False)], ids=["a terminal", "a file"])
def test_the_token_is_printed_to_a_person_alone(monkeypatch, terminal, shown):
    """Into a file, a pipe or a journal, which are kept, comes the address, and how to ask for the rest."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)

    line = page_line("http://127.0.0.1:8765", f"http://127.0.0.1:8765/?token={TOKEN}")

    assert (TOKEN in line) is shown
    assert ("`orchestrator web --link`" in line) is not shown


def test_the_page_is_opened_by_serve_only_where_there_is_one(state, capsys):
    """`--open` without `--web` is a slip, said before anything works."""
    assert run_cli(["--state-dir", str(state), "serve", "--open", "--sandbox-url", "http://127.0.0.1:9"]) == 2
    assert "add --web" in capsys.readouterr().err

"""A command that a message prints works as printed, in whatever shell it is pasted into."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from orchestrator.faces.cli.called import Called

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"`([^`]*orchestrator[^`]*)`")
SCRIPT = """#!{python}
import sys
sys.path.insert(0, {root!r})
from orchestrator.faces.cli.main import main
main()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the command in `.venv/bin`, as the README's first line leaves it, and nothing on PATH."""
    here = tmp_path / "a folder"
    venv.create(here / ".venv")
    script = here / ".venv/bin/orchestrator"
    script.write_text(SCRIPT.format(python=sys.executable, root=str(ROOT)))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("ORCHESTRATOR_LOCAL__STATE_DIR", str(tmp_path / "state"))  # nobody's own runs are looked at
    return here


def says(command, folder, shell="sh"):
    """Return what a person sees of a command line."""
    done = subprocess.run([shell, "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def printed(text):
    """Return the first command that a text names in backticks."""
    return COMMAND.search(text)[1]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    "start",
    [
        ".venv/bin/orchestrator",
        '"$PWD/.venv/bin/orchestrator"',
        ". .venv/bin/activate; orchestrator",
        'PATH="$PWD/.venv/bin:$PATH"; orchestrator',
        f"PYTHONPATH={ROOT} {sys.executable} -m orchestrator",
    ],
    ids=["by its path", "by its whole path", "activated", "on PATH", "as a module"],
)
def test_a_printed_command_works_in_a_new_shell(folder, monkeypatch, start, shell):
    """However the program was started here, the words lead to it from a shell that knows nothing of that."""
    command = printed(says(f"{start} status", folder, shell))
    monkeypatch.setenv("PYTHONPATH", str(ROOT) if "-m" in start else "")
    monkeypatch.setenv("PATH", f"{folder}/.venv/bin:/usr/bin:/bin" if "PATH=" in start[:5] else "/usr/bin:/bin")

    heard = says(command.replace(" demo", " --version"), folder, shell)

    assert heard.startswith("orchestrator, version"), command


def test_the_words_are_the_shortest_that_work(folder):
    """On PATH of every shell the plain word, below this folder a relative path, elsewhere the whole one."""
    whole = folder / ".venv/bin/orchestrator"

    assert printed(says(".venv/bin/orchestrator status", folder)) == ".venv/bin/orchestrator demo"
    assert printed(says('PATH="$PWD/.venv/bin:$PATH" orchestrator status', folder)) == "orchestrator demo"
    assert shlex.split(printed(says(f"{shlex.quote(str(whole))} status", folder / ".venv/bin"))) == [
        "./orchestrator",
        "demo",
    ]
    assert shlex.split(printed(says(f"{shlex.quote(str(whole))} status", "/usr"))) == [str(whole), "demo"]


def test_the_state_folder_and_the_settings_are_named_again(folder):
    """A run in another state folder is not found without its name."""
    (folder / "my settings.toml").write_text("")
    options = '--config "my settings.toml" --state-dir other'

    command = printed(says(f".venv/bin/orchestrator {options} status", folder))

    assert shlex.split(command)[1:] == ["--config", "my settings.toml", "--state-dir", "other", "demo"]


def test_an_error_names_a_command_that_works(kept):
    """Also where the program ends with one line on standard error."""
    kept.admit("east")
    command = [sys.executable, "-m", "orchestrator", "--state-dir", str(kept.folder), "why", "nothing-of-ours"]

    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr

    again = subprocess.run(printed(said), shell=True, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S602
    assert "east" in again.stdout


def test_help_names_commands_that_work(folder, monkeypatch):
    """The help of the program and of a command."""
    monkeypatch.setenv("COLUMNS", "200")
    for words in ("--help", "sandbox --help"):
        shown = says(f".venv/bin/orchestrator {words}", folder)
        assert ".venv/bin/orchestrator run --sandbox-url" in " ".join(shown.split())


def test_programs_are_told_the_plain_word(folder):
    """JSON lines do not depend on where the program lies."""
    shown = says(".venv/bin/orchestrator --json", folder)

    assert "`orchestrator --help`" in shown.splitlines()[0]


def test_another_program_speaks_of_the_command(call):
    """Where ours was not started by a person, as in a notebook, the plain word stands."""
    assert "`orchestrator demo`" in call("status").out


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [
        ("`orchestrator clean r1` clears", "`orchestrator clean --sandbox --bucket b r1` clears"),
        ("`orchestrator retry r1`", "`orchestrator retry r1`"),
        ("`orchestrator run --sandbox-url http://x a.toml`", "`orchestrator run --sandbox-url http://x a.toml`"),
    ],
    ids=["joins the service", "does not", "says it already"],
)
def test_a_command_that_joins_the_service_names_the_same_one(monkeypatch, sentence, spoken):
    """A run of a sandbox is found in that sandbox only."""
    monkeypatch.setattr(sys, "argv", ["another"])
    called = Called()
    called.service = ["--sandbox", "--bucket", "b"]

    assert called.spoken(sentence) == spoken

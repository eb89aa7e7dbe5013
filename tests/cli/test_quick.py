"""Commands that only look are quick, because what is heavy is not even imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from orchestrator.faces.cli.main import COMMANDS, cli

HEAVY = {"ee", "geopandas", "rasterio", "numpy", "pandas", "matplotlib", "google", "googleapiclient", "alembic"}
LOOK = """
import json, sys
from orchestrator.faces.cli.main import run_cli
code = run_cli(sys.argv[1:])
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["status"],
        ["status", "east"],
        ["why", "east"],
        ["logs", "east"],
        ["watch", "east"],
        ["health"],
        ["run", "--help"],
    ],
    ids=" ".join,
)
def test_a_look_imports_nothing_heavy(kept, words):
    """In a process of its own, after the command, none of the heavy libraries is loaded."""
    kept.store.runs.set_state(kept.admit("east").id, "FAILED", "no")
    command = [sys.executable, "-c", LOOK, "--state-dir", str(kept.folder), *words]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    code, modules = json.loads(said.splitlines()[-1])
    assert code == (1 if words[0] in ("watch", "health") else 0)
    assert HEAVY & set(modules) == set()


def test_help_imports_no_command():
    """The list of commands needs their names and sentences only, not what a database needs."""
    said = subprocess.run([sys.executable, "-c", LOOK, "--help"], capture_output=True, text=True, check=True).stdout

    assert {"sqlalchemy", "pydantic", "structlog", "apscheduler"} & set(json.loads(said.splitlines()[-1])[1]) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name):
    """The sentence in the list of commands is the first one of the command's own help."""
    first = (cli.commands[name].help or "").strip().split("\n\n")[0]

    assert " ".join(first.split()) == COMMANDS[name].says

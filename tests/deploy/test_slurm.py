"""The job array of the page on Slurm: its command is one of ours, and asks to end in time."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from orchestrator.config import Settings, unknown_variables
from orchestrator.faces.cli.main import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "slurm.md"
(SCRIPT,) = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
ASKED = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", SCRIPT, re.MULTILINE))


def test_its_command_exists():
    """As a step of the job, since Slurm signals steps; with options that the command has."""
    step, program, name, *rest = shlex.split(SCRIPT.strip().splitlines()[-1])
    options = {option for one in cli.commands[name].params for option in one.opts}

    assert (step, Path(program).name, name) == ("srun", "orchestrator", "worker")
    assert {word for word in rest if word.startswith("-")} <= options


def test_every_variable_is_a_setting():
    """A name that sets nothing would be ignored in silence; the page's text has such names, too."""
    names = re.findall(r"export (ORCHESTRATOR_\w+)=", PAGE.read_text(encoding="utf-8"))

    assert len(names) == 3
    assert unknown_variables(dict.fromkeys(names, "")) == []


def test_a_worker_has_time_to_drain():
    """It is asked to end long before the time is over, to the script's steps and not to its shell."""
    signal, _, seconds = ASKED["signal"].partition("@")

    assert signal == "TERM"
    assert int(seconds) > Settings().worker.drain


def test_each_node_has_a_state_folder_of_its_own():
    """On the node and named after the job: locks of a network file system are not to be relied upon."""
    (folder,) = re.findall(r'ORCHESTRATOR_LOCAL__STATE_DIR="(.*)"', SCRIPT)

    assert "$SLURM_JOB_ID" in folder
    assert not folder.startswith("/shared")


def test_nothing_secret_stands_in_it():
    """Scripts of jobs are kept by Slurm, and shown to others."""
    assert not re.search("PASSWORD|TOKEN|SECRET|://", SCRIPT)

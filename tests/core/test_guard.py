"""The secrets of a process stay with it: in its memory, in its files, and not with its children."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from orchestrator.core.guard import for_children, make_private

SEALED = """
import ctypes, resource
from orchestrator.faces.cli.main import run_cli
run_cli(["--state-dir", "state", "serve", "--until-idle"])
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what is asked is Linux's")
def test_the_daemon_leaves_no_core_dump_and_lets_nobody_trace_it(tmp_path):
    """PR_GET_DUMPABLE is 0 and RLIMIT_CORE is nothing, before anything is signed in to."""
    asked = [sys.executable, "-c", SEALED]
    found = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert found.stdout.splitlines()[-1] == "0 (0, 0)"


@pytest.mark.parametrize(
    "name",
    [
        "ORCHESTRATOR_CREDENTIALS__COPERNICUS__PASSWORD",
        "ORCHESTRATOR_CREDENTIALS__COPERNICUS__TOTP",
        "ORCHESTRATOR_CREDENTIALS__COPERNICUS__CLIENT_SECRET",
        "ORCHESTRATOR_NOTIFY__URLS",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "GITHUB_TOKEN",
    ],
)
def test_no_child_inherits_a_secret(name):
    """What is called like one is left out; the rest of the environment is as it was."""
    assert for_children({name: "canary", "PATH": "/bin", "HTTPS_PROXY": "p"}) == {"PATH": "/bin", "HTTPS_PROXY": "p"}


def test_a_variable_that_names_a_file_of_secrets_is_no_secret():
    """A child that is given the path may read it where it may."""
    given = {"ORCHESTRATOR_CREDENTIALS__GOOGLE__KEY_FILE": "/run/key.json"}

    assert for_children(given) == given


def test_a_private_file_is_its_owners_alone_whatever_the_mask(tmp_path):
    """And one that is there is left as it is."""
    make_private(tmp_path / "state.db")
    (tmp_path / "state.db").write_bytes(b"kept")
    make_private(tmp_path / "state.db")

    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600
    assert (tmp_path / "state.db").read_bytes() == b"kept"

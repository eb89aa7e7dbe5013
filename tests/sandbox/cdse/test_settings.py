"""How a Copernicus Data Space is started: the command's options, and what is refused before anything listens."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests

from orchestrator.sandbox.cdse.second_factor import code_at
from orchestrator.sandbox.cdse.settings import Copernicus, CopernicusError
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.main import main

SECRET = "JBSWY3DPEHPK3PXP"  # noqa: S105  an example


def test_the_command_tells_where_everything_is(safe):
    """In its line of JSON; an account and a second factor of its options let in."""
    options = ["--copernicus", str(safe), "--copernicus-account", "me:mine", "--copernicus-second-factor", SECRET]
    command = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())["copernicus"]
        found = requests.get(told["catalogue"] + "/Products", timeout=20).json()["value"]
        form = {"grant_type": "password", "client_id": "cdse-public", "username": "me", "password": "mine"}
        code = code_at(SECRET, Clock().now())
        status = requests.post(told["identity"], data={**form, "totp": code}, timeout=20).status_code
        listed = requests.get(f"{told['download']}/Products({found[0]['Id']})/Nodes", timeout=20).json()["result"]
        process.stdin.close()

    assert ([each["Name"] for each in found], status) == ([safe.name], 200)
    assert [each["Name"] for each in listed] == [safe.name]
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(
            ["--copernicus", "nowhere"], "nowhere is no folder; give one with SAFE folders in it", id="no folder"
        ),
        pytest.param(["--copernicus-cut", "1,2"], "1,2", id="a cut of two numbers"),
        pytest.param(["--copernicus-second-factor", "0"], "no base32", id="no secret"),
    ],
)
@pytest.mark.usefixtures("_process_as_it_was")
def test_what_cannot_be_served_is_said_in_one_line(capsys, options, told):
    """On standard error, before anything listens; exit code 2."""
    code = main(options)

    said = capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1)
    assert told in said.err


@pytest.mark.usefixtures("_process_as_it_was")
def test_a_port_of_downloads_that_is_taken_is_named(capsys, space):
    """With the option that chooses another one, and who has it; nothing else is left listening."""
    number = space.sandbox.download_url.rpartition(":")[2]

    assert main(["--copernicus-port", number]) == 2
    assert f"port {number} of 127.0.0.1 is in use by " in (said := capsys.readouterr().err)
    assert "choose another --copernicus-port" in said


def test_an_account_without_a_password_is_refused_by_the_command(capsys):
    """With the form that it should have."""
    with pytest.raises(SystemExit):
        main(["--copernicus-account", "me"])

    assert "'me' is no USER:PASSWORD" in capsys.readouterr().err


@pytest.mark.parametrize("settings", [{"at_once": 0}, {"per_minute": 0}, {"token_seconds": -1}, {"totp_secret": "1"}])
def test_settings_that_cannot_be_are_refused(settings):
    """By their name, or what they are."""
    (name,) = settings
    told = "second factor" if name == "totp_secret" else name

    with pytest.raises(CopernicusError, match=told):
        Copernicus(**settings)

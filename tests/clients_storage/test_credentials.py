"""Who we are to Google, decided before anything is sent."""

from __future__ import annotations

import json
import os

import pytest
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.credentials import SCOPES, credentials_for
from orchestrator.core import log
from orchestrator.core.errors import ConfigError, CredentialError

# A user's login as `gcloud auth application-default login` writes it, with nobody in it.
NOBODY = {"type": "authorized_user", "client_id": "id", "client_secret": "hunter2", "refresh_token": "hunter3"}


def test_a_sandbox_is_spoken_to_as_nobody(tmp_path):
    """Real credentials never go to a sandbox's address, even if a key is configured."""
    made = credentials_for(url="http://127.0.0.1:1", key_file=tmp_path / "key.json")

    assert isinstance(made, AnonymousCredentials)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        pytest.param(None, 0, "cannot be read", id="missing"),
        pytest.param("{}", 0o604, "open to everybody.*chmod 0400", id="readable by everybody"),
        pytest.param("{}", 0o602, "open to everybody.*chmod 0400", id="writable by everybody"),
        pytest.param("{}", 0o620, "changed by its group.*chmod 0400", id="writable by a group"),
        pytest.param(json.dumps(NOBODY), 0o600, "not a service account's key", id="another kind"),
        pytest.param("hunter2", 0o600, "not a service account's key", id="not JSON"),
    ],
)
def test_a_key_file_that_will_not_do_is_refused_without_its_content(tmp_path, content, mode, message):
    """The message names the file and what to change, and no secret."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)

    with pytest.raises(ConfigError, match=message) as caught:
        credentials_for(key_file=path)

    assert str(path) in str(caught.value)
    assert "hunter" not in str(caught.value)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with no identity of its own and no metadata server."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return tmp_path


@pytest.mark.usefixtures("machine")
def test_a_machine_without_credentials_is_told_the_three_ways_out():
    """The first start on a new machine ends in advice."""
    with pytest.raises(CredentialError, match="attach a service account, set a key file, or run"):
        credentials_for()


def test_one_account_may_act_as_another(machine, monkeypatch):
    """Impersonation wraps what the machine has; it asks for the same scopes."""
    path = machine / "login.json"
    path.write_text(json.dumps(NOBODY))
    path.chmod(0o600)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "ee-sandbox")

    made = credentials_for(impersonate="runner@ee-sandbox.iam.gserviceaccount.com", scopes=SCOPES)

    assert made.service_account_email == "runner@ee-sandbox.iam.gserviceaccount.com"
    assert made._target_scopes == list(SCOPES)


def test_a_key_of_somebody_else_is_refused(tmp_path, monkeypatch):
    """Who owns the file may change it; root, who mounts keys into containers, may anyway."""
    path = tmp_path / "key.json"
    path.write_text("{}")
    path.chmod(0o400)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    owner = path.stat().st_uid
    if owner == 0:
        os.chown(path, 4711, -1)
        owner = 4711

    with pytest.raises(ConfigError, match=f"belongs to user {owner}, not to us"):
        credentials_for(key_file=path)


def test_a_key_that_a_group_may_read_is_said(tmp_path, capsys):
    """It may be meant, as with a mounted secret; it is not silent."""
    path = tmp_path / "key.json"
    path.write_text("{}")
    path.chmod(0o440)
    log.configure("info", "json")

    with pytest.raises(ConfigError, match="not a service account's key"):
        credentials_for(key_file=path)

    assert "its group" in capsys.readouterr().err


@pytest.mark.usefixtures("machine")
def test_a_key_named_by_the_environment_is_looked_at_as_well(tmp_path, monkeypatch):
    """It is the same secret, whatever names it."""
    path = tmp_path / "login.json"
    path.write_text(json.dumps(NOBODY))
    path.chmod(0o644)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    with pytest.raises(ConfigError, match="open to everybody"):
        credentials_for()

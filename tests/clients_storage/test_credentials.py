"""Who we are to Google, decided before anything is sent."""

from __future__ import annotations

import json

import pytest
import structlog
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.credentials import SCOPES, credentials_for
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
        pytest.param("{}", 0o604, "chmod 0400", id="open to everybody"),
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
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "ee-sandbox")

    made = credentials_for(impersonate="runner@ee-sandbox.iam.gserviceaccount.com", scopes=SCOPES)

    assert made.service_account_email == "runner@ee-sandbox.iam.gserviceaccount.com"
    assert made._target_scopes == list(SCOPES)


@pytest.mark.parametrize(("mode", "is_said"), [(0o604, True), (0o644, True), (0o600, False), (0o640, False)])
def test_a_key_of_the_machine_that_everybody_may_read_is_said(machine, monkeypatch, mode, is_said):
    """The environment's key is taken as it is, but not in silence."""
    path = machine / "adc.json"
    path.write_text(json.dumps(NOBODY))
    path.chmod(mode)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    with structlog.testing.capture_logs() as said:
        credentials_for()

    assert [(entry["event"], entry["path"]) for entry in said] == [("key_file.open_to_everybody", str(path))] * is_said
    assert "hunter" not in str(said)

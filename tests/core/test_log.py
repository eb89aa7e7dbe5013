"""Secrets never reach a log line."""

from __future__ import annotations

import io
import json

import pytest

from orchestrator.core import log

CANARIES = {
    "authorization": "Bearer abc",
    "nested": {"private_key": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"},
    "url": "https://x/y?X-Goog-Signature=deadbeef&z=1",
    "text": "the token is ya29.a0AfH6SMBx-_ and a jwt eyJhbGciOi.eyJzdWIiOi.sig",
    "listed": ["AIza" + "x" * 35],
}
SECRETS = ("Bearer abc", "MIIE", "deadbeef", "ya29.a0", "eyJzdWIiOi", "AIzaxxx")


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_masked_by_name_and_by_form(style):
    """Neither a key called so nor a value that looks so comes through, in any style."""
    stream = io.StringIO()
    log.configure("info", style, stream)

    log.get("test").info("event", **CANARIES)

    written = stream.getvalue()
    assert log.MASK in written
    assert not [secret for secret in SECRETS if secret in written]


def test_an_exception_is_masked_too():
    """A secret in an error's message is no better than one in a field."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    error = ValueError("refused ya29.secretsecret")

    log.get("test").error("failed", exc_info=error)

    assert "ya29.secretsecret" not in stream.getvalue()
    assert json.loads(stream.getvalue())["event"] == "failed"

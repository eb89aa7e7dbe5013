"""The client of the process when a service ends: whom it is given back to, and who is asked meanwhile."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import ee
import pytest
from google.auth.credentials import AnonymousCredentials
from structlog.testing import capture_logs

from orchestrator.clients.session import CLIENT, borrowed
from orchestrator.sandbox.server import Options, Sandbox


@pytest.fixture
def passing():
    """Another service, which ends before the one of the other tests."""
    CLIENT.close()
    with Sandbox(None, Options(), evaluator=object()) as other:
        yield other
    CLIENT.close()


def test_a_service_of_the_user_that_is_gone_is_not_waited_for(engine, sandbox):
    """It is looked for once, before the client would try for half a minute, and the reason is told."""
    with capture_logs() as told, ExitStack() as later, Sandbox(None, Options(), evaluator=object()) as theirs:
        ee.Initialize(AnonymousCredentials(), url=theirs.url, project=theirs.options.project)
        later.enter_context(borrowed(sandbox.url))
        engine._initialise(sandbox.options.project, AnonymousCredentials(), sandbox.url)

    lost = [each["error"] for each in told if each["event"] == "earthengine.session_not_restored"]
    theirs_lost = [error for error in lost if theirs.url in error]  # sessions that tests before have left are told, too
    assert len(theirs_lost) == 1
    assert f"Earth Engine cannot be reached at {theirs.url}: connection refused" in theirs_lost[0]
    assert not ee.data.is_initialized()


def test_one_of_ours_that_nobody_uses_any_more_is_not_given_back(engine, passing, sandbox):
    """Neither as ours nor as if its user had signed in there."""
    engine._initialise(passing.options.project, AnonymousCredentials(), passing.url)
    CLIENT.forget(passing.url, passing.options.project)

    with borrowed(sandbox.url):
        engine._initialise(sandbox.options.project, AnonymousCredentials(), sandbox.url)

    assert not ee.data.is_initialized()


def test_only_google_is_asked_for_googles_catalogue(engine, passing, monkeypatch):
    """The client fetches it to know which of Google's assets are old; who is signed in elsewhere needs no Google."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        proxy.settimeout(0)

        engine._initialise(passing.options.project, AnonymousCredentials(), passing.url)

        assert ee.data.is_initialized()
        with pytest.raises(BlockingIOError):  # nobody has asked for a way to Google
            proxy.accept()

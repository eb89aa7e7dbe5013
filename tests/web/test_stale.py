"""What is shown is marked as old when nobody makes it new: the daemon was killed, or the page itself."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing, suppress

import browsing
import journey_kit as kit
import pytest
from page_kit import Served, serving
from playwright.sync_api import expect

FRESH_MS = 30_000  # what a busy machine may take; looks are a second apart


@pytest.fixture
def home(tmp_path, program, service):
    """An empty folder of a user's."""
    return kit.Home(tmp_path, program, service)


def serve(home):
    """Start a daemon, and wait until it is heard of."""
    words = ["serve", "--sandbox-url", home.service.url, "--bucket", kit.BUCKET, "--state-dir", "state"]
    daemon = home.program.start(words, home.folder)
    home.wait_until(lambda: beats(home, "SELECT count(*) FROM processes WHERE pid = ?", daemon.pid) == 1)
    return daemon


def beats(home, words, *values):
    """Ask or change what is known of daemons."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(home.folder / "state" / "state.db")) as opened:
        with opened:
            found = opened.execute(words, values).fetchone()
        return found[0] if found else None
    return None


def test_a_killed_daemon_is_told_of_and_its_successor_too(home, chromium):
    """With kill -9 it says nothing; that it is gone is known on its machine at once and shown, until one is back."""
    daemon = serve(home)
    with serving(home) as served, browsing.visit(chromium, served.login) as (page, _):
        page.goto("/")
        expect(page.locator("#stale")).to_be_hidden()

        daemon.signal(signal.SIGKILL)
        daemon.wait()

        expect(page.locator("#stale")).to_be_visible(timeout=FRESH_MS)
        expect(page.locator("#stale")).to_contain_text("ended without a word")
        expect(page.locator("#stale code").first).to_have_text("orchestrator serve")
        expect(page.locator("#stale")).not_to_contain_text("`")
        again = serve(home)
        expect(page.locator("#stale")).to_be_hidden(timeout=FRESH_MS)
        again.signal(signal.SIGTERM)
        assert again.wait().code == 0


def test_a_page_that_is_gone_is_told_of_and_comes_back_by_itself(home, chromium):
    """The process of the page is killed: what is shown is marked as old; another at the same port makes it new."""
    daemon = serve(home)
    words = ["web", "--state-dir", "state", "--port"]
    first = home.program.start([*words, "0"], home.folder)
    served = Served(first, home)
    with browsing.visit(chromium, served.login) as (page, _):
        page.clock.install()  # so that nobody waits for as long as a reader would
        page.goto("/")
        expect(page.locator("#stale")).to_be_hidden()

        first.signal(signal.SIGKILL)
        first.wait()
        page.clock.fast_forward("00:25")

        expect(page.locator("#stale")).to_be_visible(timeout=FRESH_MS)
        with serving(home, *words[:1], "--port", served.url.rpartition(":")[2]):
            expect(page.locator("#stale")).to_be_hidden(timeout=FRESH_MS)
            expect(page.locator("h1")).to_have_text("Now")
    daemon.signal(signal.SIGTERM)
    daemon.wait()

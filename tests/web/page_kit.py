"""The page as a process, and requests of who is logged in."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import requests

SAID = re.compile(r"The page: (http://127\.0\.0\.1:\d+) ")


class Served:
    """A page that a process serves: its login's address, and requests with the cookie that follows from it."""

    def __init__(self, running, home):
        self.running = running
        home.wait_until(lambda: SAID.search(running.said()) or self._ended(), seconds=60)
        found = SAID.search(running.said())
        assert found, running.said()
        self.url = found[1]
        token = (home.folder / "state" / "web.token").read_text(encoding="ascii")
        self.login = f"{self.url}/?token={token}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.get(self.login.removeprefix(self.url))

    def _ended(self):
        with Path(f"/proc/{self.running.pid}/stat").open() as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"

    def get(self, path, **how):
        return self.session.get(self.url + path, timeout=30, **how)

    def post(self, path, **how):
        headers = {"Origin": self.url} | how.pop("headers", {})
        return self.session.post(self.url + path, timeout=30, headers=headers, **how)


_numbers = count()


@contextmanager
def serving(home, *words, **environment):
    """Start the program's page, `orchestrator web` or what `words` say, and stop it at the end."""
    # Several processes of tests look at one state: each writes what it says in a folder of its own.
    folder = home.folder / f"page-{os.getpid()}-{next(_numbers)}"
    folder.mkdir()
    config = home.folder / "config.toml"
    there = {"ORCHESTRATOR_CONFIG": str(config)} if config.exists() else {}
    told = [*(words or ("web", "--port", "0")), "--state-dir", str(home.folder / "state")]
    running = home.program.start(told, folder, **home.environment, **there, **environment)
    try:
        yield Served(running, home)
    finally:
        running.signal(signal.SIGTERM)
        outcome = running.wait()
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err + outcome.out, outcome.err

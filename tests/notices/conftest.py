"""A state folder with a clock that is set by hand, and a receiver of webhooks that answers as it is told."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import update

from orchestrator.app.notices.post import Notices
from orchestrator.app.records import Records
from orchestrator.clients.messages import Delivery
from orchestrator.config import load
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.schema import runs
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.job import AreaSource, Job

JOB = Job("east", "/results", AreaSource("east.gpkg"), "2024-05-01", "2024-06-01", service="sandbox")


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


class Mailbox:
    """Takes messages, or does not."""

    def __init__(self) -> None:
        self.sent = []
        self.takes = True
        self.dies = False

    def __call__(self, letters, _seconds, _stop):
        for letter in letters:
            self.sent.append(letter)
            if self.dies:
                raise KeyboardInterrupt
            yield Delivery(letter.id, self.takes, "" if self.takes else "no route")

    @property
    def titles(self):
        return [letter.title for letter in self.sent]


@dataclass
class Post:
    """A state, who is told, and what was sent."""

    folder: object
    clock: HandClock
    store: SqlStore
    environment: dict
    box: Mailbox = field(default_factory=Mailbox)

    def app(self, **settings):
        given = {f"ORCHESTRATOR_NOTIFY__{key.upper()}": str(value) for key, value in settings.items()}
        app = Records(load(None, environment=self.environment | given).settings)
        app.clock, app.store = self.clock, self.store
        return app

    def notices(self, **settings):
        """Return a process's notices, begun."""
        made = Notices(self.app(**settings), "abcd", self.box)
        made.begin()
        return made

    def admit(self, name="east", date=""):
        job = replace(JOB, base_name=name)
        return self.store.runs.admit(
            Admission(name, date, job.fingerprints(), job.to_json(), base_name=name), again=True
        )

    def set_run(self, run_id, **columns):
        """Write what no method of the store writes: when it was, mostly."""
        with self.store._db.write() as db:
            db.execute(update(runs).where(runs.c.id == run_id).values(**columns))


@pytest.fixture
def post(tmp_path, store_url):
    """Over each kind of database."""
    clock = HandClock()
    store = SqlStore(store_url, clock)
    environment = {
        "ORCHESTRATOR_LOCAL__STATE_DIR": str(tmp_path),
        "ORCHESTRATOR_NOTIFY__URLS": "jsons://hook.example/a",
    }
    yield Post(tmp_path, clock, store, environment)
    store.close()


@dataclass
class Receiver:
    """A webhook on loopback. The first word of a path says how it answers."""

    url: str = ""
    got: list = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def titles(self, path):
        return [content["title"] for where, content in self.got if where == path]


@pytest.fixture(scope="module")
def receiver():
    """Answers 200; /fail 500; /away a redirect to a metadata server; /here one to itself; /stall never."""
    made = Receiver()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.got.append((self.path, content))
            if self.path.startswith("/stall"):
                made.stalled.set()
                made.ended.wait(60)
                return
            with suppress(OSError):
                self.answer()

        def answer(self):
            places = {"/away": "http://169.254.169.254/latest/", "/here": "/landed"}
            status = 500 if self.path == "/fail" else 302 if self.path in places else 200
            self.send_response(status)
            if self.path in places:
                self.send_header("Location", places[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            self.do_POST()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        made.url = f"json://127.0.0.1:{server.server_address[1]}"
        yield made
        made.ended.set()
        server.shutdown()

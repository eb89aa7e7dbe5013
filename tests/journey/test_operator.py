"""A night of the daemon as its operator sees it: numbers on a page, messages, and lines of the log."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import journey_kit as kit
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from test_daemon import configure, serve


@dataclass(frozen=True)
class Night:
    """What was seen: the page in the middle of it, messages in order, lines of the log, how it ended."""

    page: dict
    told: list
    lines: list
    ended: kit.Outcome
    runs: dict


@pytest.fixture(scope="module")
def webhook():
    """A receiver of messages on loopback: its address, and what came."""
    came = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"json://127.0.0.1:{server.server_address[1]}/hook", came
        server.shutdown()


@pytest.fixture(scope="module")
def night(tmp_path_factory, program, service, webhook):
    """One job is good, one fails, one cannot be read; the page is read while an export is under way."""
    url, told = webhook
    home = kit.Home(tmp_path_factory.mktemp("night"), program, service)
    configure(home, ("good", {}), ("bad", {"bands": '["nope"]'}), ("typo", {"more": "chron = '@daily'"}))
    service.order({"action": "task_hold", "after": 0.5})
    before = service.exports
    daemon = serve(
        home,
        *("--until-idle", "--metrics", "127.0.0.1:0"),
        ORCHESTRATOR_NOTIFY__URLS=url,
        ORCHESTRATOR_NOTIFY__EVENTS="started, finished, failed, refused",
    )
    home.wait_until(lambda: service.exports > before)
    (page,) = re.findall(r'"address": "(http://127[^"]+)"', daemon.said())
    text = requests.get(page, timeout=30).text
    service.post("/sandbox/release", {})
    ended = daemon.wait()
    samples = {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    runs = {run["name"]: run["run"] for run in home.runs()}
    return Night(samples, told, [json.loads(line) for line in ended.err.splitlines()], ended, runs)


def test_the_page_tells_how_the_night_goes(night):
    """An export under way, a run that failed, a daemon that lives, a job that cannot be read."""
    live = sum(night.page["orchestrator_tasks", state] for state in ("SUBMITTING", "QUEUED", "RUNNING"))

    assert live == 1
    assert night.page["orchestrator_runs", "EXPORTING"] == 1
    assert night.page["orchestrator_heartbeat_timestamp_seconds", "daemon"] > 1.7e9
    assert night.page["orchestrator_jobs_refused",] == 1
    assert night.page["process_resident_memory_bytes",] > 1e7


def test_people_are_told_how_it_went(night):
    """By the end of the process everything was sent, once, and to the right kind of attention."""
    night.ended.expect(1)

    told = sorted((message["title"], message["type"]) for message in night.told)
    assert told == [
        ("bad: failed", "failure"),
        ("good: finished", "success"),
        ("good: started", "info"),
        ("typo: refused", "failure"),
    ]


def test_each_line_about_a_run_says_which(night):
    """Run, job and service, whichever thread wrote it; a line about a task names the task."""
    about = [line for line in night.lines if line["event"].split(".")[0] in ("run", "task", "part", "output", "cloud")]

    names = {run: name for name, run in night.runs.items()}
    assert {line["event"] for line in about} >= {"task.exported", "part.downloaded", "run.done", "run.failed"}
    for line in about:
        assert line["job"] == names[line["run"]], line
        assert line.get("service") == "sandbox" or line["event"] == "run.admitted", line
        assert "task" in line or not line["event"].startswith("task."), line

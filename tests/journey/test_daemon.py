"""The daemon among bad jobs, held runs and wrong settings; what it tells of itself; what its exit code says."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections import Counter
from contextlib import closing

import journey_kit as kit
import pytest

from orchestrator.app.verbs.daemon import Served, wait_for_state
from orchestrator.config import load
from orchestrator.core.errors import TransientError
from orchestrator.engine.service import Summary
from orchestrator.faces.cli.serve import exit_code

JOB = """
[jobs.{name}]
area = "{area}"
output = "out"
base_name = "{name}"
start_date = "2024-05-01"
end_date = "2024-06-01"
recipe = "image-code"
params = {{ file = "{folder}/image.py" }}
bands = {bands}
grid = {{ crs = "EPSG:32633", scale = 40 }}
{more}
"""


def configure(home, *jobs):
    """Write config.toml with jobs of these names; a job's keys may be changed."""
    tables = [
        JOB.format(
            folder=home.folder,
            **{"name": name, "area": "area.geojson", "bands": '["x", "y"]', "more": 'every = "1d"', **changes},
        )
        for name, changes in jobs
    ]
    (home.folder / "config.toml").write_text(f'[gcs]\nbucket = "{kit.BUCKET}"\n' + "".join(tables))


def serve(home, *more, **environment):
    words = ["serve", "--sandbox-url", home.service.url, "--state-dir", "state", *more]
    return home.program.start(words, home.folder, **environment)


def states(home):
    return {run["name"]: run["state"] for run in home.runs()}


def test_bad_jobs_keep_nobody_from_working(home):
    """A misspelt key, a bad cron line, a missing area file: the good job is done, the bad ones are named everywhere."""
    configure(
        home,
        ("good", {}),
        ("typo", {"more": "chron = '@daily'"}),
        ("late", {"more": "cron = '0 25 * * *'"}),
        ("lost", {"area": "nowhere.geojson"}),
    )

    done = serve(home, "--until-idle").wait().expect(4)
    shown = home.command("status").expect(0).messages
    examined = home.command("doctor", "--offline").expect(4).messages

    assert states(home) == {"good": "CLEANED"}
    for name, word in (("typo", "chron"), ("late", "hour '25'"), ("lost", "nowhere.geojson")):
        assert [line for line in done.err.splitlines() if name in line and word in line], name
        assert [m for m in examined if m.get("name") == f"job {name}" and m["verdict"] == "error" and word in m["seen"]]
    assert {m["name"] for m in shown if m["message_type"] == "job"} == {"typo", "late", "lost"}


def test_the_others_finish_in_two_slots(home):
    """Twelve jobs into one folder, two bad, two held: all others finish, and the exit code says that two failed."""
    configure(
        home,
        *((f"good{n}", {}) for n in range(8)),
        *((f"bad{n}", {"bands": '["nope"]'}) for n in range(2)),
        *((f"held{n}", {}) for n in range(2)),
    )
    serve(home, "--until-idle", ORCHESTRATOR_SERVE__SLOTS="2", ORCHESTRATOR_CRASH_AT="run.admitted").wait()
    with sqlite3.connect(home.folder / "state" / "state.db") as database:
        database.execute(
            "UPDATE runs SET state = 'HELD', who = 'person', resume = 'ADMITTED' WHERE job_name LIKE 'held%'"
        )
    database.close()

    serve(home, "--until-idle", ORCHESTRATOR_SERVE__SLOTS="2").wait().expect(1)

    assert Counter(states(home).values()) == {"CLEANED": 8, "FAILED": 2, "HELD": 2}
    assert len(list(home.out.glob("good?_clipped.tif"))) == 8


def test_a_run_without_a_bucket_waits_for_one(home):
    """The daemon says so once and ends with 4; started again with a bucket, it goes on by itself."""
    address = {f"ORCHESTRATOR_{section}__URL": home.service.url for section in ("EE", "GCS", "DRIVE")}
    address |= {"ORCHESTRATOR_EE__PROJECT": kit.PROJECT, "ORCHESTRATOR_SERVE__PATIENCE": "0"}
    home.start("submit", **address).wait().expect(0)

    first = home.command("serve", "--until-idle", **address).expect(4)
    waiting = home.runs()[0]
    home.command(
        "serve", "--until-idle", "--bucket", kit.BUCKET, **address | {"ORCHESTRATOR_SERVE__PATIENCE": "60"}
    ).expect(0)

    assert (waiting["state"], "no bucket is named" in waiting["reason"]) == ("HELD", True)
    assert first.err.count("no bucket is named") == 1
    assert home.runs()[0]["state"] == "CLEANED"


def test_a_run_of_another_service_is_left_alone(home):
    """It is named in the log; its row stays as it is, and nobody waits for it."""
    home.start("submit").wait().expect(0)  # for Google

    def rows():
        return [(run["run"], run["state"], run["reason"], run["who"]) for run in home.runs()]

    before = rows()

    done = serve(home, "--until-idle").wait().expect(0)

    assert rows() == before
    assert done.err.count("never continued elsewhere") == 1


def test_a_daemon_stopped_before_the_end_says_so(home):
    """Evicted from its node, a pod that works until idle does not pass for done."""
    home.service.order({"action": "task_hold", "after": 0.5})
    configure(home, ("good", {}))
    before = home.service.exports
    daemon = serve(home, "--until-idle")
    home.wait_until(lambda: home.service.exports > before)

    daemon.signal(signal.SIGTERM)
    stopped = daemon.wait()
    home.service.post("/sandbox/release", {})

    stopped.expect(130)
    serve(home, "--until-idle").wait().expect(0)


def age(home, seconds):
    """Make the daemon's last beat older: so much time has passed without another."""
    with sqlite3.connect(home.folder / "state" / "state.db") as database:
        database.execute("UPDATE processes SET beat = beat - ?", (seconds,))
    database.close()


def test_health_notices_a_daemon_that_was_stopped(home):
    """Healthy while it lives, not after a minute of silence, healthy again when it goes on, not after its end."""

    def health():
        outcome = home.command("health")
        (message,) = outcome.messages
        return outcome.code, message["because"]

    before = health()
    daemon = serve(home)
    home.wait_until(lambda: "serve.started" in daemon.said() and home.command("health", "--ready").code == 0)
    living = health()
    daemon.signal(signal.SIGSTOP)
    age(home, 61)
    silent = health()
    daemon.signal(signal.SIGCONT)
    home.wait_until(lambda: health()[0] == 0)
    daemon.signal(signal.SIGTERM)
    daemon.wait().expect(0)
    after = health()

    assert (before[0], "there is no state" in before[1]) == (1, True)
    assert (living[0], f"process {daemon.pid}" in living[1]) == (0, True)
    assert (silent[0], "hangs or is gone" in silent[1]) == (1, True)
    assert (after[0], "no daemon works on this state" in after[1]) == (1, True)


def test_why_knows_whether_a_daemon_will_come(home):
    """A queued run that nobody works on waits for the daemon's turn, or for a daemon."""
    home.start("submit").wait().expect(0)  # for Google: the daemon of the sandbox leaves it alone
    run_id = home.runs()[0]["run"]

    def because():
        (message,) = [m for m in home.command("why", run_id).expect(0).messages if m["message_type"] == "why"]
        return " ".join(message["because"])

    alone = because()
    daemon = serve(home)
    home.wait_until(lambda: "run.elsewhere" in daemon.said())
    served = because()
    daemon.signal(signal.SIGTERM)
    daemon.wait()

    assert "start `run` or `serve` again" in alone
    assert f"the daemon (process {daemon.pid}" in served


def test_systemd_hears_of_every_turn_of_the_loop(home, tmp_path):
    """READY before areas are read, WATCHDOG while it works, STOPPING at the end."""
    configure(home)
    address = str(tmp_path / "notify")
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        channel.settimeout(60)
        daemon = serve(home, NOTIFY_SOCKET=address)
        while not {"READY=1", "WATCHDOG=1"} <= {word for text in heard for word in text.split("\n")}:
            heard.append(channel.recv(4096).decode())
        daemon.signal(signal.SIGTERM)
        daemon.wait().expect(0)
        while "STOPPING=1" not in heard:
            heard.append(channel.recv(4096).decode())

    assert heard[-1] == "STOPPING=1"


class Starting:
    """What `serve` knows of the application while it opens the state; the database is locked for a while."""

    def __init__(self, locked: int) -> None:
        self.settings = load(environment={}, path=None).settings
        self.clock, self.stop, self.told, self.waits, self.locked = self, self, [], [], locked

    @property
    def store(self):
        if len(self.waits) < self.locked:
            raise TransientError("database is locked")
        return self

    queue = property(lambda self: self)

    def waiting(self):
        return []

    def monotonic(self):
        return sum(self.waits)

    def wait(self, seconds):
        self.waits.append(seconds)

    def notify(self, name, _run, _facts):
        self.told.append(name)


def test_a_database_that_is_locked_at_the_start_is_waited_for(monkeypatch, tmp_path):
    """Ever more seldom, in one line, and for as long as it takes."""
    monkeypatch.chdir(tmp_path)
    app = Starting(locked=40)

    wait_for_state(app, until_idle=False)

    assert (app.told, app.waits[:7]) == (["serve.trouble", "serve.recovered"], [2, 4, 8, 10, 10, 10, 10])


def test_until_idle_does_not_wait_for_ever_for_its_database(monkeypatch, tmp_path):
    """Its error says: try again later."""
    monkeypatch.chdir(tmp_path)
    app = Starting(locked=1_000)

    with pytest.raises(TransientError, match="locked"):
        wait_for_state(app, until_idle=True)
    assert app.monotonic() < 2 * app.settings.serve.patience


@pytest.mark.parametrize(
    ("summary", "jobs_wrong", "stopped", "code"),
    [
        pytest.param(Summary(), False, False, 0, id="all done"),
        pytest.param(Summary(later=1), False, False, 5, id="one is to be tried later"),
        pytest.param(Summary(later=1, person=1), False, False, 3, id="one waits for a person"),
        pytest.param(Summary(person=1, unjoined=1), False, False, 4, id="one waits for settings"),
        pytest.param(Summary(person=1), True, False, 4, id="a job is wrong"),
        pytest.param(Summary(failed=1, unjoined=1), True, False, 1, id="one failed"),
        pytest.param(Summary(failed=1), False, True, 130, id="stopped before the end"),
    ],
)
def test_the_exit_code_tells_the_worst_that_is_left(summary, jobs_wrong, stopped, code):
    """As docs/reference/cli.md lists them."""
    assert exit_code(Served(summary, int(jobs_wrong), stopped)) == code


def test_a_job_for_another_service_is_told_that_it_is_never_taken(home):
    """It waits for ever: `why` says for what, and what to do, while the daemon lives; another one is refused."""
    submitted = home.start("submit").wait().expect(0).messages[-1]
    daemon = serve(home)
    home.wait_until(lambda: "serve.started" in daemon.said())
    home.wait_until(lambda: home.command("health").code == 0)

    (told,) = home.command("why", submitted["run"]).expect(0).messages
    refused = home.start("submit").wait()

    daemon.signal(signal.SIGTERM)
    daemon.wait()
    assert refused.code == 4
    assert "works on sandbox and never continues a run for google" in " ".join(told["because"])


def append(home, text):
    with (home.folder / "config.toml").open("a") as file:
        file.write(text)


def test_jobs_are_taken_over_on_sighup_and_a_wrong_file_changes_nothing(home):
    """One goes, one comes, one is misspelt and named; the run of the one that went ends as it began."""
    home.service.order({"action": "task_hold", "after": 0.5})
    configure(home, ("gone", {}))
    before = home.service.exports
    daemon = serve(home)
    home.wait_until(lambda: home.service.exports > before)

    append(home, "[serve]\nslots = 'many'\n")
    daemon.signal(signal.SIGHUP)
    home.wait_until(lambda: "config.refused" in daemon.said())
    configure(home, ("come", {}), ("typo", {"more": "chron = '@daily'"}))
    append(home, "[serve]\nslots = 3\n")
    daemon.signal(signal.SIGHUP)
    home.wait_until(lambda: "config.reloaded" in daemon.said())
    home.wait_until(lambda: "come" in states(home))
    home.service.post("/sandbox/release", {})
    home.wait_until(lambda: states(home) == {"gone": "CLEANED", "come": "CLEANED"})
    daemon.signal(signal.SIGTERM)
    ended = daemon.wait().expect(0)

    (refused,) = [line for line in ended.err.splitlines() if "config.refused" in line]
    (reloaded,) = [line for line in ended.err.splitlines() if "config.reloaded" in line]
    assert "many" in refused
    assert all(word in reloaded for word in ("come", "gone", "serve.slots"))
    assert [line for line in ended.err.splitlines() if "job.refused" in line and "typo" in line and "chron" in line]
    assert home.out.joinpath("gone_clipped.tif").exists()


def test_a_submitted_job_has_the_priority_that_was_said_last(home):
    """Of the command, else of the job file; a run that is there takes the new one."""
    (home.folder / "job.toml").write_text("priority = 4\n")

    def submitted(*more):
        home.start("submit", "job.toml", *more).wait().expect(0)
        with closing(sqlite3.connect(home.folder / "state" / "state.db")) as database:
            return [priority for (priority,) in database.execute("SELECT priority FROM runs")]

    assert [submitted(*more) for more in ((), ("--priority", "9"), ("--priority", "0"))] == [[4], [9], [0]]

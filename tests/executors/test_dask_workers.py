"""Units are done by the workers of a Dask cluster, whose futures are never the truth: what is lost there is said."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import structlog
from dask_kit import PATH, Cluster, wait_until
from unit_doing import HOPELESS_SECONDS, claim, do_for_dask, done_in

pytest.importorskip("distributed", reason="the extra `dask` is not installed")

from orchestrator.app import Application
from orchestrator.app.verbs.findings import findings
from orchestrator.clients.dask_cluster import LOOPBACK, DaskPlace, DaskWorkers, addresses_of
from orchestrator.config import load
from orchestrator.core import log
from orchestrator.core.errors import TransientError


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("dask"), {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"})
    yield cluster
    cluster.end()


@pytest.fixture(scope="module")
def workers(cluster):
    """Ours, connected to that cluster with one worker."""
    cluster.scheduler()
    cluster.worker()
    workers = DaskWorkers(DaskPlace(scheduler_file=str(cluster.file)), do_for_dask, "1.0")
    wait_until(lambda: workers.room() == 2)
    yield workers
    workers.close()


@pytest.fixture
def ended():
    return queue.SimpleQueue()


@pytest.fixture
def nanny_said():
    """What the library logs of the processes of a cluster in this one, from warnings on."""
    said, handler = [], logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("distributed.nanny").addHandler(handler)
    yield said
    logging.getLogger("distributed.nanny").removeHandler(handler)


@pytest.mark.usefixtures("workers")
def test_what_the_library_logs_is_a_warning_of_ours(capsys):
    """Also where it calls a scheduler that is gone an error: the run waits for it, and says so itself."""
    log.configure("info", "json")
    try:
        logging.getLogger("distributed.client").error("Failed to reconnect to scheduler after 30.00 seconds")
    finally:
        structlog.reset_defaults()

    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["level"], line["event"]) == ("warning", "dask.library_said")
    assert "reconnect" in line["why"]


def begin(workers, folder, key, ended):
    workers.begin(claim(folder, key), lambda unanswered: ended.put((key, unanswered)))


def test_a_unit_is_done_by_a_worker_and_no_more_are_sent_than_it_has_threads_for(workers, tmp_path, ended):
    """One that is under way takes a place of two until it has ended."""
    begin(workers, tmp_path, "wait", ended)
    wait_until(lambda: done_in(tmp_path))
    room = workers.room()
    (tmp_path / "go").touch()

    assert (room, ended.get(timeout=HOPELESS_SECONDS)) == (1, ("wait", None))
    assert workers.room() == 2
    assert done_in(tmp_path)[0][0] != os.getpid()


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize(
    ("lacking", "seen"),
    [("", ("ok", "2 units at once")), (".gone", ("warning", "is not there"))],
    ids=["there", "no-file"],
)
def test_doctor_looks_whether_the_cluster_has_workers(cluster, tmp_path, lacking, seen):
    """How many units it takes at once, or what is wrong with it."""
    told = {
        "LOCAL__STATE_DIR": tmp_path,
        "ENGINE__EXECUTOR": "dask",
        "DASK__SCHEDULER_FILE": f"{cluster.file}{lacking}",
    }
    loaded = load(environment={f"ORCHESTRATOR_{name}": str(value) for name, value in told.items()})
    app = Application(loaded.settings, stop=threading.Event())

    found = next(one for one in findings(app, offline=False, reload=lambda: loaded) if one.name == "dask")

    assert found.verdict == seen[0]
    assert seen[1] in found.seen


def test_what_a_worker_refuses_is_not_sent_there_again(workers, cluster, tmp_path, ended):
    """It says why; while no other is there units wait, and what is wrong is told; another one does them."""
    begin(workers, tmp_path, "refuse", ended)
    refused = ended.get(timeout=HOPELESS_SECONDS)[1]
    alone = workers.room(), workers.trouble()
    second = cluster.worker("second")
    wait_until(lambda: workers.room() == 2)

    begin(workers, tmp_path, "one", ended)

    assert ended.get(timeout=HOPELESS_SECONDS) == ("one", None)
    assert (refused.why, refused.counted) == ("this worker has another version", False)
    assert alone == (0, "this worker has another version")
    assert dict(reversed(pair) for pair in done_in(tmp_path))["one"] == second.pid


def test_a_unit_that_kills_its_worker_is_told_as_what_may_be_at_fault(workers, cluster, tmp_path, ended):
    """Dask gives it up; that counts against the unit, and the next worker does others."""
    begin(workers, tmp_path, "die", ended)

    unanswered = ended.get(timeout=HOPELESS_SECONDS)[1]
    cluster.worker("third")
    begin(workers, tmp_path, "one", ended)

    assert unanswered.counted
    assert "died" in unanswered.why
    assert ended.get(timeout=HOPELESS_SECONDS) == ("one", None)


def test_a_scheduler_that_dies_is_said_and_its_successor_is_found(workers, cluster, tmp_path, ended):
    """What was under way is unanswered and counts for nothing; a new one that writes the same file is used."""
    begin(workers, tmp_path, "wait", ended)
    wait_until(lambda: done_in(tmp_path))

    for process in cluster.processes:
        process.send_signal(signal.SIGKILL)
    unanswered = ended.get(timeout=HOPELESS_SECONDS)[1]
    wait_until(workers.trouble)
    told = workers.trouble()
    cluster.scheduler()
    cluster.worker()
    wait_until(lambda: workers.room() == 2)
    begin(workers, tmp_path, "one", ended)

    assert unanswered is not None
    assert not unanswered.counted
    assert str(cluster.file) in told
    assert ended.get(timeout=HOPELESS_SECONDS) == ("one", None)
    assert workers.trouble() == ""


def test_a_cluster_of_ours_can_be_reached_from_this_machine_alone_and_leaves_nothing(tmp_path, ended, nanny_said):
    """
    Every address is 127.0.0.1, and who has no certificate of ours is not let in; no process and no thread stays, and
    the end waits for no unit that is under way.
    """
    before = set(threading.enumerate())
    workers = DaskWorkers(DaskPlace(local=1, environment={"PYTHONPATH": PATH}), do_for_dask, "1.0")
    wait_until(lambda: workers.room() == 2)
    begin(workers, tmp_path, "one", ended)
    done = ended.get(timeout=HOPELESS_SECONDS)
    found, bound = addresses_of(workers._cluster), listening([os.getpid(), done_in(tmp_path)[0][0]])
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
        speak_without_certificate(workers._cluster.scheduler_address)
    begin(workers, tmp_path, "wait", ended)
    wait_until(lambda: len(done_in(tmp_path)) == 2)

    workers.close()

    assert nanny_said == []

    assert done == ("one", None)
    assert found == {LOOPBACK}
    assert bound == {LOOPBACK}
    wait_until(lambda: not Path(f"/proc/{done_in(tmp_path)[0][0]}").exists())
    # What stays are threads of the library's, which have nothing to do.
    wait_until(lambda: all(one.name.startswith("Dask-") for one in set(threading.enumerate()) - before))


def speak_without_certificate(address):
    """As a stranger on this machine would: the refusal comes with the first bytes."""
    told = urlsplit(address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((told.hostname, told.port)) as plain, context.wrap_socket(plain) as secure:
        secure.recv(1)


def listening(pids):
    """Return the addresses that these processes listen at."""
    found = set()
    for pid in pids:
        mine = {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir() if each.exists() or each.is_symlink()}  # noqa: PTH115
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and f"socket:[{words[9]}]" in mine:
                    number = words[1].split(":")[0]
                    told = ".".join(str(int(number[i : i + 2], 16)) for i in (6, 4, 2, 0)) if table == "tcp" else number
                    found.add(told)
    return found


def test_a_scheduler_that_is_not_there_is_a_sentence(tmp_path):
    """Which file, and what would write it; nothing can be begun meanwhile."""
    workers = DaskWorkers(DaskPlace(scheduler_file=str(tmp_path / "none.json")), do_for_dask, "1.0")
    try:
        assert workers.room() == 0
        assert "none.json" in workers.trouble()
        assert "--scheduler-file" in workers.trouble()
        with pytest.raises(TransientError, match=r"none\.json"):
            workers.begin(claim(tmp_path, "one"), print)
    finally:
        workers.close()

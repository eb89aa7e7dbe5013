"""The sandbox as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

from orchestrator.sandbox import folder_lock, main
from orchestrator.sandbox.earthengine.tasks import STOP_SECONDS

COMMAND = [sys.executable, "-m", "orchestrator.sandbox", "--die-with-parent"]


def start(*arguments, **options):
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def told(process):
    return json.loads(process.stdout.readline())


@pytest.fixture
def finished():
    """`finished(process)` closes its input and returns (exit code, what it wrote to stderr)."""
    processes = []

    def close(process):
        processes.append(process)
        _, errors = process.communicate(timeout=30)
        return process.returncode, errors

    yield close
    for process in processes:
        if process.poll() is None:
            process.kill()


def test_the_process_tells_its_address_and_ends_with_its_parent(tmp_path, finished):
    """One line of JSON on standard output and in the file; when standard input closes, it ends and leaves nothing."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = start("--ready-file", str(tmp_path / "ready"), "--bucket", "mine", env=environment)
    ready = told(process)
    buckets = requests.get(ready["url"] + "/storage/v1/b?project=p", timeout=20).json()["items"]

    code, errors = finished(process)

    assert json.loads((tmp_path / "ready").read_text()) == ready
    assert [each["name"] for each in buckets] == ["mine"]
    assert (code, errors) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


EXPORT = {
    "expression": {
        "result": "0",
        "values": {
            "0": {
                "functionInvocationValue": {
                    "functionName": "Image.constant",
                    "arguments": {"value": {"constantValue": 7}},
                }
            }
        },
    },
    "grid": {
        "crsCode": "EPSG:32633",
        "dimensions": {"width": 300, "height": 300},
        "affineTransform": {"scaleX": 10, "translateX": 500000, "scaleY": -10, "translateY": 5200000},
    },
    "description": "cut",
    "requestId": "cut-1",
    "fileExportOptions": {
        "fileFormat": "GEO_TIFF",
        "cloudStorageDestination": {"bucket": "ee-sandbox-bucket", "filenamePrefix": "cut"},
    },
}


def follow(url, name, state):
    """Ask for the operation until it is in `state`; return its metadata."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        metadata = requests.get(f"{url}/v1/{name}", timeout=20).json()["metadata"]
        if metadata["state"] == state:
            return metadata
    raise TimeoutError(metadata)


def test_a_killed_process_loses_no_object_and_repeats_its_task(tmp_path, finished):
    """After kill -9 a new process on the same folder has the same object, and runs the task again as attempt 2."""
    first = start("--data-dir", str(tmp_path / "data"))
    url = told(first)["url"]
    path = "/storage/v1/b/ee-sandbox-bucket/o/"
    made = requests.post(f"{url}/upload{path[:-1]}?uploadType=media&name=kept", data=b"bytes", timeout=20).json()
    requests.post(url + "/sandbox/faults", json={"action": "task_hold"}, timeout=20)
    task = requests.post(f"{url}/v1/projects/ee-sandbox/image:export", json=EXPORT, timeout=20).json()["name"]
    follow(url, task, "RUNNING")
    first.send_signal(signal.SIGKILL)
    finished(first)

    second = start("--data-dir", str(tmp_path / "data"))
    url = told(second)["url"]
    repeated = follow(url, task, "SUCCEEDED")
    found = requests.get(f"{url}{path}kept", timeout=20).json()
    data = requests.get(found["mediaLink"], timeout=20).content
    started = requests.get(url + "/sandbox/state", timeout=20).json()["exportsStarted"]
    code, errors = finished(second)

    assert (found["generation"], found["crc32c"], data) == (made["generation"], made["crc32c"], b"bytes")
    assert (repeated["attempt"], started) == (2, 1)
    assert (code, errors) == (0, "")


def test_clients_that_hang_up_leave_no_traceback(finished):
    """Broken connections are the sandbox's daily bread."""
    process = start()
    url = told(process)["url"]
    with requests.get(url + "/v1/projects/ee-sandbox/algorithms", stream=True, timeout=20) as answer:
        answer.raw.read(10)

    troubles = requests.get(url + "/sandbox/state", timeout=20).json()["troubles"]

    assert (troubles, finished(process)) == ([], (0, ""))


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--scenes", "{empty}"], id="a folder without scenes"),
        pytest.param(["--host", "203.0.113.1", "--beyond-loopback"], id="an address that is not ours"),
        pytest.param(["--host", "0.0.0.0"], id="every address, unasked"),  # noqa: S104  refused
        pytest.param(["--host", "::"], id="every address of IPv6, unasked"),
        pytest.param(["--host", "sandbox.example"], id="a name, unasked"),
    ],
)
def test_a_wrong_start_is_one_line(tmp_path, finished, arguments):
    """What cannot be served is said in one line, with exit code 2 and without a traceback."""
    process = start(*(each.replace("{empty}", str(tmp_path)) for each in arguments))

    code, errors = finished(process)

    assert code == 2
    assert errors.startswith("sandbox: ")
    assert len(errors.splitlines()) == 1


LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen({command}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
line = process.stdout.readline().decode()
if {forks} and os.fork() == 0:
    sys.stdin.read()  # a child that holds the pipe open, as a pool of workers would
    os._exit(0)
sys.stdout.write(line)
sys.stdout.flush()
process.wait()
"""


@pytest.mark.parametrize("forks", [False, True], ids=["alone", "with a child that holds the pipe"])
def test_a_parent_that_is_killed_takes_the_sandbox_along(tmp_path, forks):
    """After kill -9 of the parent the sandbox's process ends: its folder is free, whatever else holds the pipe."""
    command = [*COMMAND, "--data-dir", str(tmp_path)]
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER.format(command=command, forks=forks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told(launcher)

    launcher.send_signal(signal.SIGKILL)

    folder_lock.take(tmp_path, wait_seconds=30).close()
    launcher.communicate()


def test_a_sandbox_that_cannot_close_its_books_ends_all_the_same():
    """Once the parent is gone there is a last moment, whatever the sandbox is stuck in."""
    codes, end = [], threading.Event()

    main._wait_for_parent(end, parent=-1, sleep=codes.append, leave=codes.append)  # no process is called so

    assert end.is_set()
    assert codes == [main.GRACE_SECONDS, 1]
    assert main.GRACE_SECONDS > STOP_SECONDS


def test_a_port_that_another_sandbox_has_is_said_in_one_line(finished):
    """The line names the port and the process that has it; the exit code is that of a wrong question."""
    first = start()
    ready = told(first)
    second = start("--port", ready["url"].rpartition(":")[2])

    code, errors = finished(second)

    assert (code, len(errors.splitlines())) == (2, 1)
    assert f"in use by another sandbox (process {ready['pid']}, project ee-sandbox)" in errors
    assert finished(first) == (0, "")


def test_a_port_and_folder_that_another_sandbox_has_are_refused_at_once(tmp_path, finished):
    """The same command twice says the port, instead of waiting for the folder first."""
    arguments = ["--data-dir", str(tmp_path)]
    first = start(*arguments)
    second = start(*arguments, "--port", told(first)["url"].rpartition(":")[2])

    code, errors = finished(second)

    assert code == 2
    assert "in use by another sandbox" in errors
    finished(first)


def test_who_waits_for_a_folder_says_so_at_once(tmp_path, finished):
    """The sentence comes before the folder is free; with its end the second one goes on."""
    first = start("--data-dir", str(tmp_path))
    told(first)
    second = start("--data-dir", str(tmp_path))

    said = second.stderr.readline()
    finished(first)

    assert f"{tmp_path} is in use by another sandbox; waiting" in said
    assert told(second)["pid"] == second.pid
    finished(second)


def test_a_port_that_another_program_has_is_said_with_its_name(finished):
    """Whoever listens is named as well as this machine lets us know."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = start("--port", str(port))

        code, errors = finished(process)

    assert code == 2
    assert f"port {port} of 127.0.0.1 is in use by the program " in errors
    assert f"(process {os.getpid()})" in errors


def test_a_sandbox_tells_who_it_is(sandbox):
    """What the line of JSON says at the start can be asked for later."""
    about = requests.get(sandbox.url + "/sandbox/about", timeout=20).json()

    named = {"project": "ee-sandbox", "buckets": ["ee-sandbox-bucket"]}
    assert about.pop("copernicus") == sandbox.copernicus_urls
    assert about == {"url": sandbox.url, "pid": os.getpid(), **named, "scenes": "made by hand: Ramps"}

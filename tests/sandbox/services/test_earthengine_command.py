"""The command `earthengine` of Google's client, unmodified, as processes against the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import ee
import pytest
import requests

TOOL = Path(sys.executable).parent / "earthengine"


@pytest.fixture(scope="module")
def files(shared, tmp_path_factory):
    """What a user writes down once: the configuration and the key that the sandbox gives."""
    folder = tmp_path_factory.mktemp("earthengine")
    for name in ("ee-config", "key"):
        (folder / name).write_text(requests.get(f"{shared.url}/sandbox/{name}", timeout=20).text)
    return folder


@pytest.fixture
def earthengine(files):
    """`earthengine(...)` runs the command; (exit code, what it printed)."""

    def run(*arguments):
        settings = {"EE_CONFIG_FILE": str(files / "ee-config"), "PATH": str(TOOL.parent), "HOME": str(files)}
        told = [str(TOOL), "--service_account_file", str(files / "key"), *arguments]
        done = subprocess.run(told, env=settings, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("project", [None, "some-other-name"], ids=["of the configuration", "of --project"])
def test_tasks_are_listed_by_project(kit, prefix, earthengine, project):
    """Id, type, description and state in a line; another project has tasks of its own."""
    task = kit.to_bucket(prefix, description="from-the-client")
    kit.finish(task)

    code, printed = earthengine(*([] if project is None else ["--project", project]), "task", "list")

    lines = [line.split() for line in printed.splitlines() if task.id in line]
    assert code == 0
    assert lines == ([[task.id, "Export.image", "from-the-client", "SUCCEEDED", "---"]] if project is None else [])


def test_a_task_is_told(kit, prefix, earthengine):
    """State, type, description and where its files went."""
    task = kit.to_bucket(prefix, description="told")
    kit.finish(task)

    code, printed = earthengine("task", "info", task.id)

    said = dict(line.strip().split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert code == 0
    assert (said["State"], said["Type"], said["Description"]) == ("SUCCEEDED", "Export.image", "told")
    assert kit.bucket_name in said["Destination URIs"]


def test_a_task_is_cancelled(kit, prefix, earthengine):
    """A task that waits without end is no more."""
    kit.order("task_stuck")
    task = kit.to_bucket(prefix)
    task.start()

    code, printed = earthengine("task", "cancel", task.id)

    assert (code, f'Canceling task "{task.id}"' in printed) == (0, True)
    assert task.status()["state"] == "CANCELLED"


def test_tasks_are_waited_for(kit, prefix, earthengine):
    """The command ends when they have ended, and counts how."""
    good, bad = kit.to_bucket(prefix), kit.to_bucket(prefix, description="bad")
    kit.order("task_fail", text="bad", sentence="user_memory")
    kit.finish(good)
    kit.finish(bad)

    code, printed = earthengine("task", "wait", good.id, bad.id)

    assert code == 0
    assert "1 tasks completed successfully." in printed
    assert "1 tasks failed." in printed


def test_images_of_a_collection_are_listed(earthengine):
    """By their names, as many as asked."""
    code, printed = earthengine("ls", "-m", "3", "TEST/RAMPS")

    found = printed.split()
    assert code == 0
    assert [each.removeprefix("projects/earthengine-public/assets/") for each in found] == [
        f"TEST/RAMPS/r{day}" for day in range(3)
    ]


def test_an_asset_is_told(earthengine):
    """The resource as JSON: the same that the client gets."""
    code, printed = earthengine("asset", "info", "TEST/RAMPS/r0")

    assert code == 0
    assert json.loads(printed) == ee.data.getAsset("TEST/RAMPS/r0")


def test_an_asset_that_is_none_is_one_sentence(earthengine):
    """An exit code and one line, without a traceback."""
    assert earthengine("asset", "info", "TEST/RAMPS/r9") == (
        1,
        "Asset does not exist or is not accessible: TEST/RAMPS/r9\n",
    )


def test_the_key_is_one_that_google_auth_reads(shared, files):
    """Whoever has only a path to give (`GOOGLE_APPLICATION_CREDENTIALS`) is let in."""
    key = ee.ServiceAccountCredentials(None, str(files / "key"))

    key.refresh(requests_transport())

    assert key.token == "sandbox"  # noqa: S105  it opens nothing
    assert key._token_uri == f"{shared.url}/token"


def requests_transport():
    from google.auth.transport.requests import Request  # noqa: PLC0415

    return Request()


def test_the_root_of_a_project_is_weighed(earthengine):
    """It is a folder that every project has; one that nobody put anything into weighs nothing."""
    code, printed = earthengine("du", "projects/nobody-used-this/assets")

    assert code == 0, printed
    assert printed.split()[-2:] == ["0", "projects/nobody-used-this/assets"]

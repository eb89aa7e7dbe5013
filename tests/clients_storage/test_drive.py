"""Drive through its unmodified client."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.drive import connect_drive
from orchestrator.core.errors import CredentialError, GenerationError, NotFoundError, ThrottleError, TransientError
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.transfer.download import DownloadPolicy
from orchestrator.transfer.store import CheckedStore

CONTENT = os.urandom(200_000)
EAGER = DownloadPolicy(RetryPolicy(attempts=4, first_wait_seconds=0.0))


@pytest.fixture
def drive(cloud):
    made = connect_drive(cloud.url, AnonymousCredentials(), cloud.folder, transfers=2)
    yield made
    made.close()


@pytest.fixture
def put(cloud, drive):
    """Write a file into the folder as somebody else would; the SDK's own uploads know no plain HTTP."""

    def write(name, content=CONTENT, folder=None):
        about = json.dumps({"name": name, "parents": [folder or drive.folder_id()]}).encode()
        body = (
            b"--cut\r\nContent-Type: application/json\r\n\r\n"
            + about
            + b"\r\n--cut\r\nContent-Type: image/tiff\r\n\r\n"
            + content
            + b"\r\n--cut--\r\n"
        )
        return requests.post(
            f"{cloud.url}/upload/drive/v3/files?uploadType=multipart",
            data=body,
            headers={"Content-Type": "multipart/related; boundary=cut"},
            timeout=30,
        ).raise_for_status()

    return write


def fetch(drive, source, target):
    CheckedStore(drive, EAGER).fetch(source, target, lambda _count: None, threading.Event())


def test_the_listing_tells_all_a_download_needs(drive, put):
    """Id, size, revision and MD5; other names stay out, and names may repeat."""
    put("run-p-0000000000-0000000256.tif")
    put("run-p-0000000000-0000000256.tif", b"twin")
    put("else.tif")

    found = drive.find("run-p")

    assert {item.size for item in found} == {len(CONTENT), 4}
    assert len({item.id for item in found}) == 2
    assert hashlib.md5(CONTENT, usedforsecurity=False).hexdigest() in {item.md5 for item in found}
    assert all(item.generation for item in found)


def test_every_page_of_a_listing_is_read(drive, put):
    """Drive gives a thousand files at a time; the rest is asked for."""
    names = [f"many-{number:04d}" for number in range(1003)]
    for name in names:
        put(name, b"x")

    assert [item.name for item in drive.find("many-")] == names


def test_files_outside_the_folder_are_not_ours(drive, put):
    """The same name elsewhere in the Drive is somebody else's."""
    put("a.tif", folder="root")

    assert drive.find("a") == []


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([], id="a quiet network"),
        pytest.param([{"action": "truncate", "bytes": 100_000}], id="a cut"),
        pytest.param([{"action": "flip", "offset": 17}], id="a bit flip"),
        pytest.param([{"action": "http", "status": 403, "reason": "userRateLimitExceeded"}], id="too many calls"),
        pytest.param(
            [{"action": "truncate", "bytes": 100_000}, {"action": "short", "bytes": 1000, "ranged": True}],
            id="a short range after a cut",
        ),
    ],
)
def test_a_file_arrives_whole(cloud, drive, put, tmp_path, faults):
    """Every fault is met, and the file is the one listed."""
    put("a.tif")
    for fault in faults:
        cloud.order(api="drive.media", **fault)

    fetch(drive, drive.find("a.tif")[0], tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == CONTENT
    assert cloud.pending() == 0


def test_a_file_with_new_content_is_not_the_listed_one(drive, put, tmp_path):
    """The revision is looked at before bytes are read and before a file is deleted."""
    put("a.tif")
    (listed,) = drive.find("a.tif")
    older = type(listed)(**{name: getattr(listed, name) for name in listed.__slots__} | {"generation": "before"})

    with pytest.raises(GenerationError, match="replaced"):
        fetch(drive, older, tmp_path / "a.tif")

    assert drive.delete(older) is Deletion.CHANGED
    assert len(drive.find("a.tif")) == 1


def test_a_deletion_is_by_id_and_may_be_repeated(drive, put, tmp_path):
    """The twin of the same name stays; gone is gone."""
    put("a.tif")
    put("a.tif", b"twin")
    first, twin = sorted(drive.find("a.tif"), key=lambda item: -item.size)

    assert (drive.delete(first), drive.delete(first)) == (Deletion.DELETED, Deletion.ABSENT)
    assert drive.find("a.tif") == [twin]
    with pytest.raises(NotFoundError):
        fetch(drive, first, tmp_path / "a.tif")


def test_the_folder_is_made_once_and_found_by_the_next(cloud, drive):
    """A quote in the name is no obstacle; two clients agree."""
    again = connect_drive(cloud.url, AnonymousCredentials(), cloud.folder)

    found = again.folder_id()
    again.close()

    assert drive.folder_id() == found


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param({"status": 401}, CredentialError, id="401"),
        pytest.param({"status": 403, "reason": "insufficientPermissions"}, CredentialError, id="403"),
        pytest.param({"status": 403, "reason": "rateLimitExceeded"}, ThrottleError, id="403 too many calls"),
        pytest.param({"status": 503}, TransientError, id="503"),
        pytest.param({"status": 200, "html": True}, TransientError, id="a login page with status 200"),
    ],
)
def test_a_refused_listing_has_the_class_of_who_must_act_and_is_asked_once(cloud, drive, fault, error):
    """One layer of retries, and it is not this one."""
    drive.folder_id()
    before = cloud.asked("drive.list")
    cloud.order(api="drive.list", action="http", **fault)

    with pytest.raises(error, match="listing Drive folder") as caught:
        drive.find("a")

    assert type(caught.value) is error
    assert cloud.asked("drive.list") == before + 1


def test_doctor_reads_the_quota(drive, put):
    """A full Drive stops exports; it is better known before."""
    put("a.tif")

    quota = drive.quota()

    assert quota.used >= len(CONTENT)
    assert quota.limit is not None


def test_several_threads_may_share_it(drive, put):
    """Each thread has a connection of its own."""
    put("a.tif")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _number: drive.find("a"), range(8)))

    assert [len(items) for items in found] == [1] * 8


def test_the_listing_tells_when_a_file_was_made(drive, put):
    """A file older than the export that is said to have written it is somebody else's."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    put("a.tif")

    (found,) = drive.find("a.tif")

    assert before <= datetime.fromisoformat(found.created) <= datetime.now(UTC) + timedelta(seconds=1)


@pytest.mark.parametrize("said", ["yesterday", 5, None, "2026-01-01T00:00:00"], ids=["words", "5", "null", "no zone"])
def test_a_moment_that_is_none_counts_as_not_said(cloud, drive, said):
    """Whoever compares moments is not handed what cannot be compared."""
    drive.folder_id()
    file = {"id": "1", "name": "a.tif", "size": "4", "md5Checksum": "0" * 32, "createdTime": said}
    cloud.order(api="drive.list", action="http", status=200, body=json.dumps({"files": [file]}))

    (found,) = drive.find("a")

    assert found.created == ""


def test_when_a_file_was_made_is_no_part_of_its_identity():
    """What was stored before the time was kept is the same object still."""
    assert StoredObject("a", 1, "1", created="2026-01-01T00:00:00Z") == StoredObject("a", 1, "1")

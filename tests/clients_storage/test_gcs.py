"""Cloud Storage through its unmodified client."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from orchestrator.clients.gcs import NEEDED_PERMISSIONS, connect_gcs
from orchestrator.core.errors import (
    ConfigError,
    CredentialError,
    GenerationError,
    NotFoundError,
    ThrottleError,
    TransientError,
)
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.objects import Deletion
from orchestrator.transfer.download import DownloadPolicy
from orchestrator.transfer.store import CheckedStore

CONTENT = os.urandom(300_000)
EAGER = DownloadPolicy(RetryPolicy(attempts=4, first_wait_seconds=0.0))


@pytest.fixture
def gcs(cloud):
    made = connect_gcs(cloud.url, "ee-sandbox", AnonymousCredentials(), cloud.bucket, transfers=2)
    yield made
    made.close()


@pytest.fixture
def gcs_of(cloud):
    """Connect to another bucket."""
    made = []

    def connect(bucket):
        made.append(connect_gcs(cloud.url, "ee-sandbox", AnonymousCredentials(), bucket))
        return made[-1]

    yield connect
    for each in made:
        each.close()


@pytest.fixture
def put(cloud):
    """Write an object as somebody else would; return its generation."""
    client = storage.Client(
        "ee-sandbox", credentials=AnonymousCredentials(), client_options={"api_endpoint": cloud.url}
    )

    def write(name, content=CONTENT):
        blob = client.bucket(cloud.bucket).blob(name)
        blob.upload_from_string(content, content_type="image/tiff")
        return str(blob.generation)

    yield write
    client.close()


def fetch(gcs, source, target):
    CheckedStore(gcs, EAGER).fetch(source, target, lambda _count: None, threading.Event())


def test_the_listing_tells_all_a_download_needs(gcs, put):
    """Name, size, generation and both checksums; other prefixes stay out."""
    generation = put("run/a b/p-0000000000-0000000256.tif")
    put("runs/else.tif")

    found = gcs.find("run/")

    assert [item.name for item in found] == ["run/a b/p-0000000000-0000000256.tif"]
    assert found[0].size == len(CONTENT)
    assert found[0].generation == generation
    assert found[0].md5 == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert len(found[0].crc32c) == 8


def test_every_page_of_a_listing_is_read(gcs, put):
    """The service gives a thousand names at a time; the rest is asked for."""
    names = [f"many/{number:04d}" for number in range(1003)]
    for name in names:
        put(name, b"x")

    assert [item.name for item in gcs.find("many/")] == names


def test_an_object_arrives_whole(gcs, put, tmp_path):
    """A name that must be quoted in a URL is no obstacle."""
    put("run/ä %2F#?.tif")

    fetch(gcs, gcs.find("run/")[0], tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([{"action": "truncate", "bytes": 100_000}], id="a cut"),
        pytest.param([{"action": "reset"}], id="a reset before the answer"),
        pytest.param([{"action": "http", "status": 503, "count": 2}], id="503 twice"),
        pytest.param([{"action": "http", "status": 429}], id="429"),
        pytest.param([{"action": "http", "status": 200, "html": True}], id="a login page with status 200"),
        pytest.param([{"action": "flip", "offset": 17}], id="a bit flip"),
        pytest.param([{"action": "short", "bytes": 1000}], id="a short body"),
        pytest.param(
            [{"action": "truncate", "bytes": 100_000}, {"action": "flip", "offset": 5, "ranged": True}],
            id="a bit flip after a cut",
        ),
        pytest.param(
            [{"action": "truncate", "bytes": 100_000}, {"action": "short", "bytes": 1000, "ranged": True}],
            id="a short range after a cut",
        ),
    ],
)
def test_what_the_network_does_to_a_body_does_not_reach_the_file(cloud, gcs, put, tmp_path, faults):
    """Every fault is met, and the file is the object."""
    put("a.tif")
    for fault in faults:
        cloud.order(api="objects.media", **fault)

    fetch(gcs, gcs.find("a.tif")[0], tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == CONTENT
    assert cloud.pending() == 0


def test_an_object_replaced_after_listing_is_not_taken_for_the_listed_one(gcs, put, tmp_path):
    """The old generation cannot be had; the new one is another object."""
    put("a.tif")
    (listed,) = gcs.find("a.tif")
    put("a.tif", b"new")

    with pytest.raises(GenerationError, match=r"a\.tif at generation"):
        fetch(gcs, listed, tmp_path / "a.tif")

    assert list(tmp_path.iterdir()) == []


def test_an_object_gone_after_listing_is_said_to_be_gone(gcs, put, tmp_path):
    """Gone and replaced are told apart."""
    put("a.tif")
    (listed,) = gcs.find("a.tif")
    gcs.delete(listed)

    with pytest.raises(NotFoundError):
        fetch(gcs, listed, tmp_path / "a.tif")


def test_a_deletion_takes_exactly_the_listed_generation(gcs, put):
    """Deleted, absent the second time, and a newer object under the name stays."""
    put("a.tif")
    (old,) = gcs.find("a.tif")

    first, second = gcs.delete(old), gcs.delete(old)
    put("a.tif", b"new")
    third = gcs.delete(old)

    assert (first, second, third) == (Deletion.DELETED, Deletion.ABSENT, Deletion.CHANGED)
    assert [item.size for item in gcs.find("a.tif")] == [3]


def test_a_lost_reply_to_a_deletion_is_settled_by_asking_again(cloud, gcs, put):
    """The first try deletes and its answer is lost; the second finds nothing, which is as good."""
    put("a.tif")
    (listed,) = gcs.find("a.tif")
    cloud.order(api="objects.delete", action="commit_then_fail", then="reset")

    with pytest.raises(TransientError, match="deleting gs://"):
        gcs.delete(listed)

    assert gcs.delete(listed) is Deletion.ABSENT


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param({"status": 401}, CredentialError, id="401"),
        pytest.param({"status": 403, "reason": "forbidden"}, CredentialError, id="403"),
        pytest.param({"status": 403, "reason": "rateLimitExceeded"}, ThrottleError, id="403 too many calls"),
        pytest.param({"status": 404}, NotFoundError, id="404"),
        pytest.param({"status": 429}, ThrottleError, id="429"),
        pytest.param({"status": 500}, TransientError, id="500"),
        pytest.param({"status": 502, "html": True}, TransientError, id="502 in HTML"),
        pytest.param({"status": 200, "html": True}, TransientError, id="a login page with status 200"),
    ],
)
def test_a_refused_listing_has_the_class_of_who_must_act_and_is_asked_once(cloud, gcs, fault, error):
    """The client's own retries are off: one layer of retries, and it is not this one."""
    before = cloud.asked("objects.list")
    cloud.order(api="objects.list", action="http", **fault)

    with pytest.raises(error, match=cloud.bucket) as caught:
        gcs.find("a")

    assert type(caught.value) is error
    assert cloud.asked("objects.list") == before + 1


def test_a_listing_cut_off_by_the_network_is_transient(cloud, gcs):
    """A reset before the answer is worth another try."""
    cloud.order(api="objects.list", action="reset")

    with pytest.raises(TransientError):
        gcs.find("a")


def test_doctor_sees_the_buckets_settings(cloud, gcs_of):
    """A rule that deletes our parts, versions and soft deletion are what a run must know of."""
    settings = {
        "name": "ruled",
        "versioning": {"enabled": True},
        "softDeletePolicy": {"retentionDurationSeconds": "604800"},
        "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]},
    }
    cloud.call("POST", "/sandbox/buckets", settings)

    info = gcs_of("ruled").bucket_info()

    assert (info.versioning, info.soft_delete_seconds, info.uniform_access) == (True, 604_800, True)
    assert [(rule.action, rule.conditions) for rule in info.lifecycle] == [("Delete", (("age", "1"),))]


def test_doctor_asks_for_rights_by_name(cloud, gcs, gcs_of):
    """A right that is missing is missing from the answer."""
    cloud.call("POST", "/sandbox/buckets", {"name": "readonly", "permissions": ["storage.objects.list"]})
    readonly = gcs_of("readonly")

    assert gcs.granted() == frozenset(NEEDED_PERMISSIONS)
    assert readonly.granted() == {"storage.objects.list"}


def test_doctor_writes_reads_and_deletes_a_probe(gcs):
    """The probe takes the way of parts, and never overwrites."""
    written = gcs.create("probe", b"hello")

    assert gcs.read_probe(written) == b"hello"
    with pytest.raises(GenerationError):
        gcs.create("probe", b"again")
    assert gcs.delete(written) is Deletion.DELETED


def test_a_bucket_that_is_not_there_is_named(gcs_of):
    """The first thing that goes wrong in a new installation says what to look at."""
    with pytest.raises(NotFoundError, match="gs://nowhere"):
        gcs_of("nowhere").bucket_info()


@pytest.mark.parametrize("name", ["gs://bucket", "bucket/folder", "", "UPPER"])
def test_what_cannot_be_a_buckets_name_is_refused_before_any_call(name):
    """A scheme or a folder in the name is the common mistake."""
    with pytest.raises(ConfigError, match="bucket's name"):
        connect_gcs("http://127.0.0.1:9", "p", AnonymousCredentials(), name)


def test_the_listing_tells_when_an_object_was_made(gcs, put):
    """An object older than the export that is said to have written it is somebody else's."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    put("a.tif")

    (found,) = gcs.find("a.tif")

    assert before <= datetime.fromisoformat(found.created) <= datetime.now(UTC) + timedelta(seconds=1)


def test_the_sdk_asks_for_nothing_of_its_own(gcs):
    """Nobody without the right to read the bucket's settings is refused for what was never asked."""
    gcs.find("a")

    assert not [thread for thread in threading.enumerate() if "_fetch_background" in thread.name]
    assert gcs._client._bucket_metadata_cache is None


def test_bytes_are_asked_for_at_the_listed_generation(cloud, gcs, put, tmp_path):
    """The service refuses another one; what its answer says of itself is looked at besides."""
    generation = put("a.tif")

    fetch(gcs, gcs.find("a.tif")[0], tmp_path / "a.tif")

    asked = cloud.call("GET", "/sandbox/requests?api=objects.media")["requests"][-1]
    assert asked["query"]["ifGenerationMatch"] == generation

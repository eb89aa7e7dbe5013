"""Wrong bytes through the real clients: who is accused, and over how many connections."""

from __future__ import annotations

import os
import threading

import pytest
from google.auth.credentials import AnonymousCredentials

from orchestrator.clients.drive import connect_drive
from orchestrator.clients.gcs import connect_gcs
from orchestrator.core.errors import DamagedObjectError, WayError
from orchestrator.core.retry import RetryPolicy
from orchestrator.sandbox.storage.values import Preconditions
from orchestrator.transfer.download import DownloadPolicy
from orchestrator.transfer.store import CheckedStore

CONTENT = os.urandom(200_000)
EAGER = DownloadPolicy(RetryPolicy(attempts=2, first_wait_seconds=0.0))


@pytest.fixture
def bucket(cloud, sandbox):
    """The verified store over a bucket with one object, how to spoil what is stored, and the name of its bodies."""
    client = connect_gcs(cloud.url, "ee-sandbox", AnonymousCredentials(), cloud.bucket)
    client.create("a.tif", CONTENT)
    stored = sandbox.buckets.get(cloud.bucket, "a.tif", None, Preconditions()).blob
    store = CheckedStore(client, EAGER)
    yield store, sandbox.buckets.blobs.path(stored), "objects.media"
    store.close()


def read(store):
    (source,) = store.find("a.tif")
    return store.read(source, lambda _count: None, threading.Event())


def test_a_way_that_turns_the_same_bit_each_time_is_suspected(cloud, bucket):
    """Every body arrives wrong at the same place, and the object is still not called damaged."""
    store, _, api = bucket
    cloud.order(api=api, action="flip", offset=17, count=10)

    with pytest.raises(WayError):
        read(store)


def test_an_object_whose_bytes_are_not_its_checksums_is_damaged(bucket):
    """The service itself holds other bytes than it took in."""
    store, path, _ = bucket
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))

    with pytest.raises(DamagedObjectError):
        read(store)


def test_a_way_that_is_mended_meanwhile_brings_the_object(cloud, bucket):
    """Two wrong bodies accuse nobody for good: the next read is a new one."""
    store, _, api = bucket
    cloud.order(api=api, action="flip", offset=17, count=3)
    with pytest.raises(WayError):
        read(store)

    assert read(store) == CONTENT


def test_a_file_in_drive_is_asked_about_as_well(cloud, sandbox):
    """Drive keeps MD5 only; the same holds."""
    client = connect_drive(cloud.url, AnonymousCredentials(), cloud.folder)
    store = CheckedStore(client, EAGER)
    stored = sandbox.drive.blobs.store(CONTENT)
    sandbox.drive.create("a.tif", mime_type="image/tiff", parents=(client.folder_id(),), blob=stored)
    cloud.order(api="drive.media", action="flip", offset=17, count=10)

    with pytest.raises(WayError):
        read(store)

    store.close()

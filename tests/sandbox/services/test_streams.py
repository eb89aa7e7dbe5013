"""A body that lies on disk is sent whole, whatever happens to its object, and never lies in memory whole."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from orchestrator.sandbox.blobs import Blobs
from orchestrator.sandbox.connection import Connection
from orchestrator.sandbox.storage.media import media
from orchestrator.sandbox.storage.values import StoredObject
from orchestrator.sandbox.streams import FileBody, steadily
from orchestrator.sandbox.web import Request

FIRST, SECOND = b"first " * 50_000, b"second"
MEBIBYTE = 1 << 20


@pytest.fixture
def before_sending(monkeypatch):
    """`before_sending(act)`: `act` runs once, when the next answer from disk is made and none of it is sent."""
    send, waiting = Connection._send, []

    def acting(connection, response):
        # Google's client looks at the bucket in a thread of its own after an upload; that answer is not meant.
        if waiting and isinstance(response.body, FileBody):
            waiting.pop()()
        send(connection, response)

    monkeypatch.setattr(Connection, "_send", acting)
    return waiting.append


@pytest.fixture
def overwrite(sandbox, bucket):
    """`overwrite(name)` gives the object other bytes."""

    def act(name):
        sandbox.buckets.put(bucket.name, name, sandbox.buckets.blobs.store(SECOND), content_type="text/plain")

    return act


@pytest.mark.parametrize("address", ["/storage/v1/b/{bucket}/o/{quoted}?alt=media", "/{bucket}/{name}"])
@pytest.mark.parametrize("gone", [False, True], ids=["overwritten", "deleted"])
def test_a_read_that_has_begun_ends_with_the_bytes_it_began_with(
    web, bucket, prefix, overwrite, before_sending, address, gone
):
    """Cloud Storage reads are consistent: one generation, whole (guide "Consistency")."""
    bucket.blob(prefix).upload_from_string(FIRST)
    act = bucket.delete_blob if gone else overwrite
    path = address.format(bucket=bucket.name, name=prefix, quoted=prefix.replace("/", "%2F"))
    before_sending(lambda: act(prefix))

    assert web("GET", path).content == FIRST


def test_a_download_from_drive_that_has_begun_ends(sandbox, drive, before_sending):
    """The file is deleted between the answer's head and its body."""
    made = sandbox.drive.create("x", mime_type="text/plain", blob=sandbox.drive.blobs.store(FIRST))
    before_sending(lambda: sandbox.drive.delete(made.id))

    assert drive.files().get_media(fileId=made.id).execute() == FIRST


def test_what_is_replaced_between_look_up_and_opening_is_looked_up_again(tmp_path):
    """The second look finds the new file."""
    names = iter([tmp_path / "old", tmp_path / "new"])
    (tmp_path / "new").write_bytes(SECOND)

    assert steadily(lambda: next(names).read_bytes()) == SECOND


def test_what_inflates_enormously_is_sent_in_pieces(tmp_path):
    """64 MiB of zeros, of which 64 kB are stored, cost a few MiB of memory."""
    blobs, plain = Blobs(tmp_path), bytes(MEBIBYTE)
    stored = blobs.store(gzip.compress(plain * 64))
    item = StoredObject("b", "o", 1, 1, "text/plain", "", stored, {}, {"contentEncoding": "gzip"})
    tracemalloc.start()
    try:
        answer = media(item, blobs, Request.of("GET", "/", {}, b"", ""), {})
        sizes = [len(each) for each in answer.body.pieces()]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        answer.close()

    assert sum(sizes) == answer.length == 64 * MEBIBYTE
    assert peak < 8 * MEBIBYTE

"""Strips in Cloud Storage: the output is composed inside the service, and the join moves its head and little else."""

from __future__ import annotations

import hashlib
import threading

import pytest
from assembly import Scene, assemble
from google.auth.credentials import AnonymousCredentials

from orchestrator.assemble.joining import StripJoin
from orchestrator.assemble.strip import StripMosaic
from orchestrator.assemble.strip_index import StripIndex
from orchestrator.clients.gcs import connect_gcs
from orchestrator.core.retry import RetryPolicy
from orchestrator.model.strip import OutputStrip
from orchestrator.places.bucket import BucketPlace
from orchestrator.sandbox.server import Options, Sandbox

BUCKET = "strips"


@pytest.fixture
def bucket():
    """A bucket of a sandbox that really composes, as the real client sees it."""
    with Sandbox(None, Options(buckets=(BUCKET,)), evaluator=object()) as sandbox:
        client = connect_gcs(sandbox.url, "sandbox", AnonymousCredentials(), BUCKET, stop=threading.Event())
        yield BucketPlace(client, f"gs://{BUCKET}/work", "work", RetryPolicy(), threading.Event())
        client.close()


def test_strips_in_a_bucket_are_composed_to_the_file_of_one_machine(bucket, tmp_path):
    """The composed object has the SHA-256 of the file that one machine makes, and lies beside what it was made of."""
    profile = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
    scene = Scene(height=300, width=260, side=64, seed=3, profile=profile)
    parts, stop = scene.write(tmp_path / "parts"), threading.Event()
    whole = assemble(scene, parts, tmp_path / "whole")
    indexes = []
    for strip in (OutputStrip(0, 0, 128), OutputStrip(1, 128, 256), OutputStrip(2, 256, 300)):
        made = StripMosaic.open(scene.spec(), strip, tmp_path / str(strip.index))
        made.place([(w, path) for w, path in parts.items() if strip.has(w)], lambda _window: None)
        indexes.append(StripIndex.from_json(made.publish(bucket, f"{strip.index}/", stop).to_json()))
    noted = []

    joined = StripJoin(scene.spec(), indexes, bucket, tmp_path / "join", stop).run("out.tif", note=noted.append)

    content = bucket.read(joined.stored, lambda _size: None, stop)
    assert hashlib.sha256(content).digest() == hashlib.sha256(whole.path.read_bytes()).digest()
    known = {stored.name for index in indexes for stored in index.objects} | {stored.name for stored in noted}
    assert {found.name for found in bucket.find("")} <= known | {"out.tif"}

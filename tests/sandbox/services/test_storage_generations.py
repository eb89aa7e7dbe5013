"""What is kept of replaced and deleted objects: noncurrent generations, soft deletion, holds and retention."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed

VERSIONED = {"versioning": {"enabled": True}}
SOFT = {"softDeletePolicy": {"retentionDurationSeconds": "604800"}}
DAY = 86_400


def put(bucket, data, name="x"):
    blob = bucket.blob(name)
    blob.upload_from_string(data)
    return blob.generation


def listed(bucket, **which):
    return [each.generation for each in bucket.client.list_blobs(bucket, **which)]


def test_a_replaced_generation_can_still_be_read(home):
    """In a versioned bucket; a plain list shows the living one."""
    bucket = home(**VERSIONED)
    old, new = put(bucket, b"old"), put(bucket, b"new")

    assert bucket.blob("x", generation=old).download_as_bytes() == b"old"
    assert bucket.blob("x").download_as_bytes() == b"new"
    assert (listed(bucket), listed(bucket, versions=True)) == ([new], [old, new])


def test_a_deleted_object_becomes_noncurrent(home):
    """It is not found by its name, and tells since when it is gone."""
    bucket = home(**VERSIONED)
    generation = put(bucket, b"old")

    bucket.blob("x").delete()

    (found,) = bucket.client.list_blobs(bucket, versions=True)
    assert bucket.get_blob("x") is None
    assert (found.generation, found.time_deleted is not None) == (generation, True)


def test_a_generation_is_deleted_for_good(home):
    """By its number, the living one too."""
    bucket = home(**VERSIONED)
    old, new = put(bucket, b"old"), put(bucket, b"new")

    bucket.delete_blob("x", generation=old)
    bucket.delete_blob("x", generation=new)

    assert listed(bucket, versions=True) == []


def test_generations_are_paged_one_by_one(home):
    """A page may end between two generations of a name."""
    bucket = home(**VERSIONED)
    wanted = [put(bucket, b"%d" % number) for number in range(3)]

    pages = bucket.client.list_blobs(bucket, versions=True, page_size=1).pages

    assert [each.generation for page in pages for each in page] == wanted


def test_a_bucket_with_noncurrent_generations_is_not_empty(home):
    """409 until they are gone, too."""
    bucket = home(**VERSIONED)
    generation = put(bucket, b"x")
    bucket.blob("x").delete()

    with pytest.raises(Conflict, match="not empty"):
        bucket.delete()
    bucket.delete_blob("x", generation=generation)
    bucket.delete()

    assert bucket.client.lookup_bucket(bucket.name) is None


def test_a_softly_deleted_object_can_be_restored(home):
    """Reference of objects.restore: a new generation, metageneration 1; the deleted one stays until its time."""
    bucket = home(**SOFT)
    generation = put(bucket, b"kept")
    bucket.delete_blob("x")

    (gone,) = bucket.client.list_blobs(bucket, soft_deleted=True)
    restored = bucket.restore_blob("x", generation=generation)

    assert (gone.hard_delete_time - gone.soft_delete_time).total_seconds() == 604_800
    assert (restored.generation > generation, restored.metageneration) == (True, 1)
    assert bucket.blob("x").download_as_bytes() == b"kept"
    assert [each.generation for each in bucket.client.list_blobs(bucket, soft_deleted=True)] == [generation]


def test_a_softly_deleted_object_is_out_of_the_usual_reach(home):
    """Neither read nor listed; told only to whoever asks for the deleted."""
    bucket = home(**SOFT)
    generation = put(bucket, b"kept")
    bucket.delete_blob("x")

    assert (listed(bucket), listed(bucket, versions=True)) == ([], [])
    assert bucket.get_blob("x", generation=generation, soft_deleted=True).generation == generation
    with pytest.raises(NotFound):
        bucket.blob("x", generation=generation).download_as_bytes()


def test_a_replaced_object_is_softly_deleted_too(home):
    """In a bucket without versioning."""
    bucket = home(**SOFT)
    old = put(bucket, b"old")
    put(bucket, b"new")

    assert listed(bucket, soft_deleted=True) == [old]


def test_soft_deletion_ends_by_the_sandboxs_clock(sandbox, home):
    """After the policy's time nothing is left to restore."""
    bucket = home(**SOFT)
    generation = put(bucket, b"kept")
    bucket.delete_blob("x")

    sandbox.clock.advance(7 * DAY + 1)

    assert listed(bucket, soft_deleted=True) == []
    with pytest.raises(NotFound):
        bucket.restore_blob("x", generation=generation)


def test_a_soft_deletion_of_an_odd_time_is_refused(home):
    """7 to 90 days, or none."""
    with pytest.raises(BadRequest, match="softDeletePolicy"):
        home(softDeletePolicy={"retentionDurationSeconds": "60"})


@pytest.mark.parametrize("hold", ["temporary_hold", "event_based_hold"])
def test_a_held_object_is_neither_deleted_nor_replaced(home, hold):
    """403 with the service's reason; released, it can go."""
    bucket = home()
    put(bucket, b"held")
    blob = bucket.get_blob("x")
    setattr(blob, hold, True)
    blob.patch()

    for call in (blob.delete, lambda: put(bucket, b"new")):
        with pytest.raises(Forbidden, match="hold"):
            call()
    setattr(blob, hold, False)
    blob.patch()
    blob.delete()

    assert bucket.get_blob("x") is None


def test_a_retention_policy_keeps_objects_for_its_time(sandbox, home):
    """403 before, and deleted after; the object tells until when."""
    bucket = home(retentionPolicy={"retentionPeriod": "3600"})
    put(bucket, b"kept")
    blob = bucket.get_blob("x")

    with pytest.raises(Forbidden, match="retention"):
        blob.delete()
    sandbox.clock.advance(3601)
    blob.delete()

    assert (blob.retention_expiration_time - blob.time_created).total_seconds() == 3600


def test_a_release_of_an_event_based_hold_begins_the_retention_anew(sandbox, home):
    """Guide "Object holds": its time in the bucket is reset by the release."""
    bucket = home(retentionPolicy={"retentionPeriod": "3600"}, defaultEventBasedHold=True)
    put(bucket, b"held")
    sandbox.clock.advance(3601)
    blob = bucket.get_blob("x")

    blob.event_based_hold = False
    blob.patch()

    with pytest.raises(Forbidden, match="retention"):
        blob.delete()


def test_a_locked_policy_cannot_be_shortened(home):
    """Nor taken away; prolonged it can be."""
    bucket = home(retentionPolicy={"retentionPeriod": "3600"})
    bucket.lock_retention_policy()

    bucket.retention_period = 60
    with pytest.raises(Forbidden, match="locked"):
        bucket.patch()
    bucket.retention_period = 7200
    bucket.patch()

    assert (bucket.retention_policy_locked, bucket.retention_period) == (True, 7200)


def test_a_lock_needs_the_metageneration_it_was_seen_with(home):
    """412 if the bucket has changed since."""
    bucket = home(retentionPolicy={"retentionPeriod": "3600"})
    stale = bucket.client.get_bucket(bucket.name)
    bucket.labels = {"a": "b"}
    bucket.patch()

    with pytest.raises(PreconditionFailed):
        stale.lock_retention_policy()


def test_versions_and_retention_together_are_refused(home):
    """Two guides tell opposite things about it."""
    with pytest.raises(BadRequest, match="does not imitate a bucket with object versioning and a retention policy"):
        home(retentionPolicy={"retentionPeriod": "3600"}, **VERSIONED)

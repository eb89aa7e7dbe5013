"""Lifecycle rules: what is due when (guide "Object Lifecycle Management"), and that it is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import BadRequest, NotFound

from orchestrator.sandbox.blobs import Blob
from orchestrator.sandbox.storage import lifecycle
from orchestrator.sandbox.storage.values import StoredObject

CREATED = datetime(2026, 1, 10, 10, 0, tzinfo=UTC)
DELETE = {"type": "Delete"}
DAY = 86_400


def item(**told):
    told = {"name": "a/b.tif", "created": CREATED.isoformat(), **told}
    return StoredObject("b", told.pop("name"), 1, 1, "", told.pop("created"), Blob("", 0, "", ""), **told)


def due(condition, days, newer=0, **told):
    rules = [{"action": DELETE, "condition": condition}]
    return lifecycle.due(rules, item(**told), newer, CREATED + timedelta(days=days)) == "Delete"


ARCHIVED = {"archived": (CREATED + timedelta(days=2)).isoformat()}
CUSTOM = {"settings": {"customTime": "2026-01-12T00:00:00Z"}}


@pytest.mark.parametrize(
    ("condition", "before", "after", "told"),
    [
        pytest.param({"age": 10}, 9.999, 10, {}, id="age: from the same time of the day"),
        pytest.param({"daysSinceNoncurrentTime": 3}, 4.999, 5, ARCHIVED, id="days since noncurrent"),
        pytest.param({"daysSinceCustomTime": 3}, 4.5, 4.6, CUSTOM, id="days since custom time"),
    ],
)
def test_days_are_counted_from_the_moment_on(condition, before, after, told):
    """Not due just before, due then."""
    assert (due(condition, before, **told), due(condition, after, **told)) == (False, True)


@pytest.mark.parametrize(
    ("condition", "told", "newer", "fits"),
    [
        pytest.param({"createdBefore": "2026-01-11"}, {}, 0, True, id="created before midnight of the date"),
        pytest.param({"createdBefore": "2026-01-10"}, {}, 0, False, id="created on the date"),
        pytest.param({"customTimeBefore": "2026-01-13"}, CUSTOM, 0, True, id="custom time before"),
        pytest.param({"customTimeBefore": "2026-01-12"}, CUSTOM, 0, False, id="custom time not before"),
        pytest.param({"customTimeBefore": "2026-01-13"}, {}, 0, False, id="no custom time"),
        pytest.param({"daysSinceCustomTime": 0}, {}, 0, False, id="no custom time to count from"),
        pytest.param({"noncurrentTimeBefore": "2026-01-13"}, ARCHIVED, 0, True, id="noncurrent before"),
        pytest.param({"noncurrentTimeBefore": "2026-01-13"}, {}, 0, False, id="never noncurrent"),
        pytest.param({"age": 2_147_483_647}, {}, 0, False, id="an age beyond all times"),
        pytest.param({"isLive": True}, {}, 0, True, id="living"),
        pytest.param({"isLive": True}, ARCHIVED, 0, False, id="noncurrent is not living"),
        pytest.param({"isLive": False}, ARCHIVED, 0, True, id="noncurrent"),
        pytest.param({"numNewerVersions": 2}, ARCHIVED, 2, True, id="two newer versions"),
        pytest.param({"numNewerVersions": 2}, ARCHIVED, 1, False, id="one newer version"),
        pytest.param({"matchesPrefix": ["x", "a/"]}, {}, 0, True, id="one of the prefixes"),
        pytest.param({"matchesPrefix": ["b"]}, {}, 0, False, id="no prefix"),
        pytest.param({"matchesSuffix": [".tif"]}, {}, 0, True, id="suffix"),
        pytest.param({"matchesSuffix": [".TIF"]}, {}, 0, False, id="suffix in another case"),
        pytest.param({"matchesStorageClass": ["STANDARD"]}, {}, 0, True, id="class"),
        pytest.param({"matchesStorageClass": ["NEARLINE"]}, {}, 0, False, id="another class"),
        pytest.param({"age": 1, "matchesPrefix": ["b"]}, {}, 0, False, id="all conditions of a rule must hold"),
    ],
)
def test_conditions_say_what_they_mean(condition, told, newer, fits):
    """A hundred days later, where days count."""
    assert due(condition, 100, newer, **told) is fits


def test_a_deletion_goes_before_a_class_and_the_coldest_class_wins():
    """Where several rules are met at once."""
    colder = [
        {"action": {"type": "SetStorageClass", "storageClass": name}, "condition": {"age": 0}}
        for name in ("NEARLINE", "ARCHIVE", "COLDLINE")
    ]
    deleted = [*colder, {"action": DELETE, "condition": {"age": 0}}]

    assert lifecycle.due(colder, item(), 0, CREATED) == "ARCHIVE"
    assert lifecycle.due(deleted, item(), 0, CREATED) == "Delete"


def test_a_class_is_never_made_warmer():
    """Rules go from warm to cold only."""
    rule = {"action": {"type": "SetStorageClass", "storageClass": "NEARLINE"}, "condition": {"age": 0}}

    assert lifecycle.due([rule], item(settings={"storageClass": "ARCHIVE"}), 0, CREATED) is None


def ruled(home, action, condition, **settings):
    return home(lifecycle={"rule": [{"action": action, "condition": condition}]}, **settings)


def test_old_objects_are_deleted_by_the_sandboxs_clock(sandbox, home):
    """Not before their time, and gone after it."""
    bucket = ruled(home, DELETE, {"age": 7})
    bucket.blob("x").upload_from_string(b"x")

    sandbox.clock.advance(6.9 * DAY)
    kept = bucket.get_blob("x")
    sandbox.clock.advance(0.2 * DAY)

    assert kept is not None
    assert bucket.get_blob("x") is None


def test_old_objects_get_a_colder_class(sandbox, home):
    """With the time of the change; the generation stays."""
    bucket = ruled(home, {"type": "SetStorageClass", "storageClass": "NEARLINE"}, {"age": 30})
    bucket.blob("x").upload_from_string(b"x")
    before = bucket.get_blob("x")

    sandbox.clock.advance(31 * DAY)
    after = bucket.get_blob("x")

    assert (after.storage_class, after.generation) == ("NEARLINE", before.generation)
    assert (after._properties["timeStorageClassUpdated"] > before._properties["timeStorageClassUpdated"]) is True


def test_a_living_object_of_a_versioned_bucket_becomes_noncurrent(sandbox, home):
    """A rule's deletion is one without a generation."""
    bucket = ruled(home, DELETE, {"age": 7, "isLive": True}, versioning={"enabled": True})
    bucket.blob("x").upload_from_string(b"x")

    sandbox.clock.advance(8 * DAY)

    assert bucket.get_blob("x") is None
    assert len(list(bucket.client.list_blobs(bucket, versions=True))) == 1


def test_only_the_newest_versions_are_kept(sandbox, home):
    """Two newer ones are reason enough."""
    bucket = ruled(home, DELETE, {"numNewerVersions": 2}, versioning={"enabled": True})
    for data in (b"1", b"2", b"3"):
        bucket.blob("x").upload_from_string(data)

    sandbox.clock.advance(DAY)

    kept = [each.download_as_bytes() for each in bucket.client.list_blobs(bucket, versions=True)]
    assert kept == [b"2", b"3"]


def test_a_hold_outlives_a_rule(sandbox, home):
    """The object goes when the hold does."""
    bucket = ruled(home, DELETE, {"age": 1})
    blob = bucket.blob("x")
    blob.upload_from_string(b"x")
    blob.temporary_hold = True
    blob.patch()
    sandbox.clock.advance(2 * DAY)

    held = bucket.get_blob("x")
    held.temporary_hold = False
    held.patch()
    sandbox.clock.advance(DAY)

    assert bucket.get_blob("x") is None


def test_unfinished_multipart_uploads_are_given_up(sandbox, home, web):
    """By the age of the upload."""
    bucket = ruled(home, {"type": "AbortIncompleteMultipartUpload"}, {"age": 1})
    begun = web("POST", f"/{bucket.name}/x?uploads").text
    number = begun.partition("<UploadId>")[2].partition("<")[0]

    sandbox.clock.advance(1.1 * DAY)

    assert web("PUT", f"/{bucket.name}/x?partNumber=1&uploadId={number}", data=b"x").status_code == 404


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"action": {"type": "Explode"}, "condition": {"age": 1}}, id="action"),
        pytest.param({"action": DELETE, "condition": {}}, id="no condition"),
        pytest.param({"action": DELETE, "condition": {"moon": "full"}}, id="condition"),
        pytest.param({"action": DELETE, "condition": {"age": -1}}, id="negative age"),
        pytest.param({"action": DELETE, "condition": {"createdBefore": "soon"}}, id="date"),
        pytest.param({"action": {"type": "SetStorageClass"}, "condition": {"age": 1}}, id="class"),
    ],
)
def test_a_rule_that_is_none_is_refused(home, rule):
    """400, and there is no bucket."""
    with pytest.raises(BadRequest):
        home(lifecycle={"rule": [rule]})


def test_a_bucket_can_be_deleted_with_its_rules(home):
    """An empty one, whatever its settings."""
    bucket = ruled(home, DELETE, {"age": 1})
    bucket.delete()

    with pytest.raises(NotFound):
        bucket.reload()

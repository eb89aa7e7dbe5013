"""Buckets: their resource, policies, lists and notifications, kept and shown as they were set."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed


def test_a_bucket_is_made_found_and_deleted(bucket, prefix):
    """409 for a second one of the name, 404 when it is gone."""
    client, name = bucket.client, f"made-{prefix.partition('/')[0]}"
    made = client.create_bucket(name)

    with pytest.raises(Conflict):
        client.create_bucket(name)
    made.delete()

    with pytest.raises(NotFound, match="The specified bucket does not exist"):
        client.get_bucket(name)


@pytest.mark.parametrize("name", ["ab", "Upper", "under score", "google-x", "a..b", "-x-"])
def test_a_name_that_no_bucket_may_have_is_refused(web, name):
    """Guide "Bucket names"."""
    assert web("POST", "/storage/v1/b?project=p", json={"name": name}).status_code == 400


def test_a_bucket_that_holds_something_is_not_deleted(home):
    """409 with the service's words."""
    bucket = home()
    bucket.blob("x").upload_from_string(b"x")

    with pytest.raises(Conflict, match="The bucket you tried to delete is not empty"):
        bucket.delete()


def test_a_patch_merges_and_an_update_replaces(web, home):
    """Null takes a label away; PUT leaves nothing that it does not tell, but the access stays."""
    path = f"/storage/v1/b/{home(labels={'a': '1', 'b': '2'}, cors=[]).name}"

    patched = web("PATCH", path, json={"labels": {"a": None, "c": "3"}, "versioning": {"enabled": True}}).json()
    updated = web("PUT", path, json={"labels": {"d": "4"}}).json()

    assert (patched["labels"], patched["versioning"]) == ({"b": "2", "c": "3"}, {"enabled": True})
    assert (updated["labels"], updated.get("versioning"), updated["metageneration"]) == ({"d": "4"}, None, "3")
    assert updated["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"] is False


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"colour": "red"}, id="a field that there is not"),
        pytest.param({"lifecycle": 5}, id="a number for rules"),
        pytest.param({"versioning": {"enabled": "x"}}, id="a text for a truth"),
        pytest.param({"labels": {"a": 5}}, id="a number for a label"),
        pytest.param({"iamConfiguration": {"uniformBucketLevelAccess": 5}}, id="a number, deep within"),
        pytest.param({"cors": [{"method": "GET"}]}, id="a text for a list"),
        pytest.param({"storageClass": "LUKEWARM"}, id="a class that is none"),
        pytest.param({"retentionPolicy": {"retentionPeriod": "-1"}}, id="a negative period"),
        pytest.param({"autoclass": {"enabled": True}}, id="what is not imitated"),
    ],
)
def test_a_setting_that_is_none_is_refused(web, home, body):
    """400, and nothing changed."""
    path = f"/storage/v1/b/{home().name}"

    assert web("PATCH", path, json=body).status_code == 400
    assert web("GET", path).json()["metageneration"] == "1"


@pytest.mark.parametrize(("verb", "status"), [("GET", 412), ("PATCH", 412), ("PUT", 412), ("DELETE", 412)])
def test_a_buckets_preconditions_guard_every_method(web, home, verb, status):
    """By its metageneration."""
    path = f"/storage/v1/b/{home().name}"

    assert web(verb, f"{path}?ifMetagenerationMatch=9", json={}).status_code == status
    assert web("GET", f"{path}?ifMetagenerationNotMatch=1").status_code == 304


def test_objects_get_the_class_of_their_bucket(home):
    """Unless they are told another."""
    bucket = home(storageClass="NEARLINE")
    bucket.blob("x").upload_from_string(b"x")

    assert bucket.get_blob("x").storage_class == "NEARLINE"


def test_buckets_are_listed_by_prefix_in_pages(bucket, prefix):
    """In the order of their names."""
    lead = f"list-{prefix.partition('/')[0]}-"
    for end in "cab":
        bucket.client.create_bucket(lead + end)

    assert [each.name for each in bucket.client.list_buckets(prefix=lead, page_size=2)] == [lead + x for x in "abc"]


def test_an_iam_policy_is_kept_as_it_was_set(home):
    """A stale etag does not set another; nobody is kept out by it."""
    bucket = home()
    stale, policy = bucket.get_iam_policy(), bucket.get_iam_policy()
    policy.bindings = [{"role": "roles/storage.objectViewer", "members": {"user:a@example.com"}}]
    bucket.set_iam_policy(policy)

    with pytest.raises(PreconditionFailed):
        bucket.set_iam_policy(stale)

    assert [dict(each) for each in bucket.get_iam_policy().bindings] == policy.bindings


@pytest.mark.parametrize("acl", ["acl", "default_object_acl"])
def test_a_buckets_access_lists_are_kept(home, acl):
    """Entries are added, shown and taken away."""
    bucket = home()
    held = getattr(bucket, acl)
    held.user("a@example.com").grant_read()
    held.save()
    held.reload()
    shown = [each["entity"] for each in held]
    held.reset()

    assert "user-a@example.com" in shown


def test_single_entries_are_told_changed_and_deleted(web, home):
    """404 for one that is not there."""
    path = f"/storage/v1/b/{home().name}/acl"
    web("POST", path, json={"entity": "user-a@example.com", "role": "READER"})
    one = f"{path}/user-a@example.com"

    found = [
        web("PATCH", one, json={"role": "OWNER"}).json()["role"],
        web("GET", one).json()["role"],
        web("DELETE", one).status_code,
        web("GET", one).status_code,
    ]

    assert found == ["OWNER", "OWNER", 204, 404]


def test_uniform_access_has_no_lists(web, bucket):
    """400 with the service's words, for the sandbox's own buckets."""
    answer = web("GET", f"/storage/v1/b/{bucket.name}/acl")

    assert (answer.status_code, "uniform bucket-level access" in answer.text) == (400, True)


def test_notifications_are_kept_and_never_sent(home):
    """Made, listed, deleted."""
    bucket = home()
    made = bucket.notification("some-topic", topic_project="some-project", payload_format="JSON_API_V1")
    made.create()
    listed = [each.notification_id for each in bucket.list_notifications()]
    made.delete()

    assert listed == [made.notification_id]
    assert list(bucket.list_notifications()) == []


def test_what_a_bucket_keeps_survives_its_sandbox(tmp_path, ramps):
    """Settings, policies, generations and soft deletions are there in the next one on the folder."""
    from orchestrator.sandbox.server import Options, Sandbox  # noqa: PLC0415  two sandboxes of its own

    versioned = {"versioning": {"enabled": True}}
    with Sandbox(ramps, Options(data_dir=tmp_path)) as first:
        first.buckets.create("kept-bucket", settings=versioned)
        for data in (b"1", b"2"):
            first.buckets.put("kept-bucket", "x", first.buckets.blobs.store(data))
    with Sandbox(ramps, Options(data_dir=tmp_path)) as second:
        found = second.buckets.objects("kept-bucket", keep=lambda _: True)

        assert [second.buckets.blobs.path(each.blob).read_bytes() for each in found] == [b"1", b"2"]
        assert [each.live for each in found] == [False, True]


def test_a_batch_does_its_calls_in_order(bucket, prefix):
    """As the client sends them; uploads are not among them."""
    for number in range(3):
        bucket.blob(f"{prefix}/{number}").upload_from_string(b"x")

    with bucket.client.batch():
        bucket.blob(f"{prefix}/0").delete()
        patched = bucket.blob(f"{prefix}/1")
        patched.metadata = {"k": "v"}
        patched.patch()

    assert [each.name for each in bucket.list_blobs(prefix=prefix)] == [f"{prefix}/1", f"{prefix}/2"]
    assert bucket.get_blob(f"{prefix}/1").metadata == {"k": "v"}


def test_a_batch_tells_which_call_failed(bucket, prefix):
    """The others are done all the same."""
    bucket.blob(f"{prefix}/there").upload_from_string(b"x")

    def calls():
        with bucket.client.batch():
            bucket.blob("absent").delete()
            bucket.blob(f"{prefix}/there").delete()

    with pytest.raises(NotFound, match="absent"):
        calls()

    assert bucket.get_blob(f"{prefix}/there") is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, b"--x\r\n\r\n\r\n--x--", id="no boundary"),
        pytest.param({"Content-Type": "multipart/mixed; boundary=x"}, b"", id="no calls"),
        pytest.param({"Content-Type": "multipart/mixed; boundary=x"}, b"--x\r\n\r\nnonsense\r\n--x--", id="nonsense"),
        pytest.param(
            {"Content-Type": "multipart/mixed; boundary=x"},
            b"--x\r\n\r\nPOST /upload/x HTTP/1.1\r\n\r\n\r\n--x--",
            id="upload",
        ),
    ],
)
def test_a_batch_that_is_none_is_refused(web, headers, body):
    """400 with what was found."""
    assert web("POST", "/batch/storage/v1", headers=headers, data=body).status_code == 400


def test_a_bucket_of_another_form_is_refused_by_its_name(bucket, prefix):
    """A namespace of folders that would be none."""
    made = bucket.client.bucket(f"deep-{prefix.partition('/')[0]}")
    made.hierarchical_namespace_enabled = True
    made.iam_configuration.uniform_bucket_level_access_enabled = True

    with pytest.raises(BadRequest, match="does not imitate the field 'hierarchicalNamespace'"):
        made.create()

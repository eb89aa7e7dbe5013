"""Objects made of others: copies, rewrites in steps, compositions, moves."""

from __future__ import annotations

import base64
from urllib.parse import quote

import google_crc32c
import pytest
from google.api_core.exceptions import BadRequest, NotFound, PreconditionFailed

LARGE = bytes(range(256)) * 10240  # 2.5 MiB


def crc32c(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()


@pytest.fixture
def source(bucket, prefix):
    made = bucket.blob(f"{prefix}/source")
    made.content_type, made.cache_control, made.metadata = "text/csv", "max-age=60", {"k": "v"}
    made.upload_from_string(b"a,b\n", content_type="text/csv")
    return made


def test_a_copy_has_the_bytes_and_what_was_said_about_them(bucket, source, prefix):
    """Another generation, the same content, type, cache control and metadata."""
    bucket.copy_blob(source, bucket, f"{prefix}/copy")

    found = bucket.get_blob(f"{prefix}/copy")
    assert (found.download_as_bytes(), found.content_type, found.cache_control) == (b"a,b\n", "text/csv", "max-age=60")
    assert (found.metadata, found.md5_hash) == ({"k": "v"}, source.md5_hash)
    assert found.generation > source.generation


def test_whoever_tells_something_about_a_copy_tells_all(web, bucket, source, prefix):
    """Reference of objects.copy: metadata in the body replace those of the source."""
    path = f"/storage/v1/b/{bucket.name}/o/{quote(source.name, safe='')}/copyTo/b/{bucket.name}/o/"

    answer = web("POST", path + quote(f"{prefix}/told", safe=""), json={"contentType": "text/plain"}).json()

    assert (answer["contentType"], answer.get("metadata"), answer.get("cacheControl")) == ("text/plain", None, None)


def test_a_copy_outlives_its_source(bucket, source, prefix):
    """The bytes of the two are not one file that goes with the first."""
    copy = bucket.copy_blob(source, bucket, f"{prefix}/copy")

    source.delete()

    assert copy.download_as_bytes() == b"a,b\n"


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({"if_source_generation_match": 5}, id="source"),
        pytest.param({"if_generation_match": 5}, id="target"),
    ],
)
def test_preconditions_of_source_and_target_guard_a_rewrite(bucket, source, prefix, conditions):
    """412, and nothing is made."""
    with pytest.raises(PreconditionFailed):
        bucket.blob(f"{prefix}/rewritten").rewrite(source, **conditions)

    assert bucket.get_blob(f"{prefix}/rewritten") is None


def test_a_rewrite_to_another_class_may_take_several_calls(web, bucket, prefix):
    """Steps of maxBytesRewrittenPerCall, held together by the token, until it is done."""
    bucket.blob(f"{prefix}/large").upload_from_string(LARGE)
    names = [quote(f"{prefix}/{each}", safe="") for each in ("large", "cold")]
    path = f"/storage/v1/b/{bucket.name}/o/{names[0]}/rewriteTo/b/{bucket.name}/o/{names[1]}"
    order = {"maxBytesRewrittenPerCall": 1 << 20}

    answers = [web("POST", path, params=order, json={"storageClass": "COLDLINE"}).json()]
    while not answers[-1]["done"] and len(answers) < 5:
        params = {**order, "rewriteToken": answers[-1]["rewriteToken"]}
        answers.append(web("POST", path, params=params, json={"storageClass": "COLDLINE"}).json())

    assert [each["totalBytesRewritten"] for each in answers] == [str(1 << 20), str(2 << 20), str(len(LARGE))]
    assert (answers[-1]["resource"]["storageClass"], answers[-1]["resource"]["crc32c"]) == ("COLDLINE", crc32c(LARGE))


def test_a_token_is_good_for_its_own_rewrite_alone(web, bucket, prefix):
    """400 for another target, another step, another source."""
    for name in ("large", "other"):
        bucket.blob(f"{prefix}/{name}").upload_from_string(LARGE)

    def send(source, target, step, **more):
        names = [quote(f"{prefix}/{each}", safe="") for each in (source, target)]
        path = f"/storage/v1/b/{bucket.name}/o/{names[0]}/rewriteTo/b/{bucket.name}/o/{names[1]}"
        params = {"maxBytesRewrittenPerCall": step << 20, **more}
        return web("POST", path, params=params, json={"storageClass": "COLDLINE"})

    token = send("large", "cold", 1).json()["rewriteToken"]
    others = [("large", "elsewhere", 1), ("large", "cold", 2), ("other", "cold", 1)]

    assert [send(*each, rewriteToken=token).status_code for each in others] == [400, 400, 400]
    assert send("large", "cold", 1, rewriteToken=token).status_code == 200


def test_a_rewrite_within_a_class_is_done_at_once(web, bucket, source):
    """Discovery document: the step applies only where location or class change."""
    path = f"/storage/v1/b/{bucket.name}/o/{quote(source.name, safe='')}/rewriteTo/b/{bucket.name}/o/w"

    assert web("POST", path, params={"maxBytesRewrittenPerCall": 1 << 20}, json={}).json()["done"] is True


@pytest.mark.parametrize(
    "query", [pytest.param("rewriteToken=nonsense", id="token"), pytest.param("maxBytesRewrittenPerCall=5", id="step")]
)
def test_a_token_or_step_that_is_none_is_refused(web, bucket, source, query):
    """400, with the class changing, so that both are looked at."""
    path = f"/storage/v1/b/{bucket.name}/o/{quote(source.name, safe='')}/rewriteTo/b/{bucket.name}/o/w?{query}"

    assert web("POST", path, json={"storageClass": "ARCHIVE"}).status_code == 400


def test_a_composition_is_its_parts_in_order(bucket, prefix):
    """Its crc32c is that of the joined bytes; it counts its components and has no MD5."""
    parts = [bucket.blob(f"{prefix}/{number}") for number in range(3)]
    for number, each in enumerate(parts):
        each.upload_from_string(b"%d" % number * 5)
    whole = bucket.blob(f"{prefix}/whole")

    whole.compose(parts)
    whole.compose([whole, parts[0]])

    found = bucket.get_blob(whole.name)
    assert found.download_as_bytes() == b"00000111112222200000"
    assert (found.component_count, found.md5_hash, found.crc32c) == (4, None, crc32c(b"00000111112222200000"))


def test_at_most_32_objects_are_composed(bucket, source, prefix):
    """The 33rd is one too many."""
    bucket.blob(f"{prefix}/many").compose([source] * 32)

    with pytest.raises(BadRequest, match="33"):
        bucket.blob(f"{prefix}/more").compose([source] * 33)


@pytest.mark.parametrize(
    ("conditions", "error"),
    [
        pytest.param({"if_source_generation_match": [5]}, PreconditionFailed, id="source"),
        pytest.param({"if_generation_match": 5}, PreconditionFailed, id="target"),
    ],
)
def test_preconditions_guard_a_composition(bucket, source, prefix, conditions, error):
    """Those of each source, and those of the target."""
    with pytest.raises(error):
        bucket.blob(f"{prefix}/composed").compose([source], **conditions)


def test_a_composition_of_what_is_not_there_is_not_found(bucket, prefix):
    """404 that names the source."""
    with pytest.raises(NotFound, match="absent"):
        bucket.blob(f"{prefix}/composed").compose([bucket.blob("absent")])


def test_a_moved_object_is_where_it_should_be_and_nowhere_else(bucket, source, prefix):
    """All that was said about it goes along."""
    bucket.move_blob(source, f"{prefix}/moved")

    found = bucket.get_blob(f"{prefix}/moved")
    assert (found.download_as_bytes(), found.metadata) == (b"a,b\n", {"k": "v"})
    assert bucket.get_blob(source.name) is None

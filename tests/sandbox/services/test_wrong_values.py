"""A value of another type than the real service promises is refused with HTTP 400, never passed over."""

from __future__ import annotations

import pytest

OBJECTS = "/storage/v1/b/ee-sandbox-bucket/o"
FILES = "/drive/v3/files"
NINES = "9" * 400
ARABIC = "\u0661"  # one, in the digits of Arabic


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (OBJECTS, {"versions": "maybe"}),
        (OBJECTS, {"projection": "foo"}),
        (OBJECTS, {"alt": "foo"}),
        (OBJECTS, {"maxResults": NINES}),
        (OBJECTS, {"prettyPrint": "perhaps"}),
        (FILES, {"supportsAllDrives": "maybe"}),
        (FILES, {"alt": "proto"}),
        (FILES, {"pageSize": ARABIC}),
        (f"{OBJECTS}/x", {"ifGenerationMatch": ARABIC}),
        (f"{OBJECTS}/x", {"ifGenerationMatch": "1_0"}),
        (f"{OBJECTS}/x", {"generation": NINES}),
        ("/ee-sandbox-bucket/x", {"generation": "\u00b2"}),
        ("/ee-sandbox-bucket/x", {"GoogleAccessId": "a", "Signature": "b", "Expires": NINES}),
    ],
)
def test_a_parameter_of_another_type_is_refused(web, path, query):
    """The types are those of the discovery documents of the services."""
    name = next(reversed(query))

    answer = web("GET", path, params=query)

    assert answer.status_code == 400
    assert name in answer.text or "proto" in answer.text


def test_the_step_of_a_rewrite_is_a_number(web, bucket, prefix):
    """Even where the whole object is copied at once."""
    bucket.blob(prefix).upload_from_string("x")
    source = f"{OBJECTS}/{prefix.replace('/', '%2F')}"

    answer = web("POST", f"{source}/rewriteTo/b/{bucket.name}/o/y", params={"maxBytesRewrittenPerCall": "abc"})

    assert answer.status_code == 400
    assert "maxBytesRewrittenPerCall" in answer.text


@pytest.mark.parametrize("size", ["-5", "abc", NINES, ""])
@pytest.mark.parametrize("path", [f"/upload{OBJECTS}", f"/upload{FILES}"])
def test_an_announced_size_that_is_none_is_refused(web, path, size):
    """No upload begins."""
    query, headers = {"uploadType": "resumable"}, {"X-Upload-Content-Length": size}

    answer = web("POST", path, params=query, headers=headers, json={"name": "x"})

    assert answer.status_code == 400
    assert "X-Upload-Content-Length" in answer.text


@pytest.mark.parametrize("number", ["../x", "", "x", "1" * 34, "1" + "\u00e9" * 32])
def test_a_file_has_an_id_as_drive_generates_them(web, number):
    """`files.create` takes ids of `files.generateIds`."""
    answer = web("POST", FILES, json={"name": "x", "id": number})

    assert answer.status_code == 400
    assert "generateIds" in answer.text


@pytest.mark.parametrize("body", [b'{"name":"\\ud800"}', b'{"metadata":{"\\uDC00":"x"}}', b"[" * 100_000])
def test_a_body_that_is_no_json_of_unicode_is_refused(web, bucket, prefix, body):
    """Half a character is none, and no depth of brackets makes the sandbox fail."""
    bucket.blob(prefix).upload_from_string("x")

    answer = web("PATCH", f"{OBJECTS}/{prefix.replace('/', '%2F')}", data=body)

    assert answer.status_code == 400
    assert "Invalid JSON payload" in answer.text


def test_whole_characters_beyond_the_first_plane_are_none_of_this(web, bucket, prefix):
    """A pair of escapes is one character."""
    bucket.blob(prefix).upload_from_string("x")
    path = f"{OBJECTS}/{prefix.replace('/', '%2F')}"

    made = web("PATCH", path, data=b'{"metadata":{"a":"\\ud83d\\ude00"}}')

    assert made.json()["metadata"] == {"a": "\U0001f600"}

"""What Drive keeps of a file beside its bytes: properties, times, revisions, who may read it, shared drives."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timedelta

import googleapiclient.discovery
import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

from orchestrator.sandbox.server import Options, Sandbox

FOLDER = "application/vnd.google-apps.folder"
KIB = 1024


@pytest.fixture(scope="module")
def url():
    with Sandbox(None, Options()) as running:
        yield running.url


@pytest.fixture(scope="module")
def service(url):
    """A client made of the sandbox's own document, whose uploads go to the sandbox too."""
    made = googleapiclient.discovery.build(
        "drive",
        "v3",
        credentials=AnonymousCredentials(),
        static_discovery=False,
        discoveryServiceUrl=url + "/discovery/v1/apis/{api}/{apiVersion}/rest",
    )
    yield made
    made.close()


@pytest.fixture
def files(service):
    return service.files()


@pytest.fixture
def folder(files, request):
    return files.create(body={"name": request.node.name[:80], "mimeType": FOLDER}, fields="id").execute()["id"]


def media(data, **more):
    return MediaIoBaseUpload(io.BytesIO(data), mimetype="image/tiff", **more)


def made(files, name="a", data=b"pixels", **body):
    return files.create(body={"name": name, **body}, media_body=media(data), fields="*").execute()


def names(files, folder, text="trashed = false", **more):
    found = files.list(q=f"'{folder}' in parents and {text}", fields="files(name)", **more).execute()["files"]
    return [each["name"] for each in found]


def refused(call):
    with pytest.raises(HttpError) as caught:
        call.execute()
    return caught.value.resp.status, caught.value.error_details[0]["reason"]


@pytest.mark.parametrize("size", [0, 1, 256 * KIB, 600 * KIB], ids=["nothing", "a byte", "a chunk", "three chunks"])
def test_an_upload_in_chunks_arrives_whole(files, size):
    """The client's resumable upload: chunks of 256 KiB, checksums of the whole."""
    data = bytes(i % 251 for i in range(size))
    call = files.create(body={"name": "big"}, media_body=media(data, resumable=True, chunksize=256 * KIB), fields="*")

    answer = None
    while answer is None:
        _, answer = call.next_chunk()

    assert answer["size"] == str(size)
    assert answer["sha256Checksum"] == hashlib.sha256(data).hexdigest()
    assert answer["sha1Checksum"] == hashlib.sha1(data, usedforsecurity=False).hexdigest()


def test_an_upload_tells_how_far_it_is(url):
    """308 with the bytes that are kept: whole multiples of 256 KiB; a chunk that does not follow is refused."""
    begun = requests.post(url + "/upload/drive/v3/files?uploadType=resumable", json={"name": "x"}, timeout=20)
    place, total = begun.headers["Location"], 300 * KIB

    def put(data, told):
        return requests.put(place, data=data, headers={"Content-Range": told}, timeout=20)

    assert put(b"", f"bytes */{total}").headers.get("Range") is None
    short = put(b"x" * 1000, f"bytes 0-999/{total}")
    assert (short.status_code, short.headers.get("Range")) == (308, None)
    first = put(b"x" * 256 * KIB, f"bytes 0-{256 * KIB - 1}/{total}")
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{256 * KIB - 1}")
    assert put(b"y", f"bytes {total - 1}-{total - 1}/{total}").status_code == 400
    last = put(b"x" * 44 * KIB, f"bytes {256 * KIB}-{total - 1}/{total}")
    assert (last.status_code, last.json()["name"]) == (200, "x")


def test_properties_are_kept_changed_found_and_taken_away(files, folder):
    """A null takes a key away; the search names key and value."""
    number = made(files, parents=[folder], properties={"run": "7", "part": "1"}, appProperties={"own": "x"})["id"]

    changed = files.update(fileId=number, body={"properties": {"part": None, "new": "2"}}, fields="*").execute()

    assert changed["properties"] == {"run": "7", "new": "2"}
    assert changed["appProperties"] == {"own": "x"}
    assert names(files, folder, "properties has { key='run' and value='7' }") == ["a"]
    assert names(files, folder, "appProperties has { key='run' and value='7' }") == []
    assert refused(files.create(body={"name": "x", "properties": {"k": "v" * 124}}))[0] == 403


def test_what_the_service_writes_cannot_be_written(files):
    """403 fieldNotWritable, for parents of a file that exists, too."""
    number = made(files)["id"]

    assert refused(files.create(body={"name": "x", "size": "5"})) == (403, "fieldNotWritable")
    assert refused(files.update(fileId=number, body={"parents": ["root"]})) == (403, "fieldNotWritable")


def test_times_that_are_told_are_kept_as_moments(files, folder):
    """With an offset from UTC a time is the same moment, in answers, searches and orders."""
    made(files, "old", parents=[folder], modifiedTime="2020-06-01T12:00:00+02:00")
    number = made(
        files, "new", parents=[folder], createdTime="2020-06-01T10:00:01Z", modifiedTime="2020-06-01T10:00:01Z"
    )["id"]

    assert files.get(fileId=number, fields="createdTime").execute() == {"createdTime": "2020-06-01T10:00:01.000Z"}
    assert names(files, folder, "modifiedTime > '2020-06-01T05:00:00-05:00'") == ["new"]
    assert names(files, folder, orderBy="modifiedTime") == ["old", "new"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("name", ["a10", "a9", "b"]),
        ("name_natural", ["a9", "a10", "b"]),
        ("starred,name", ["b", "a10", "a9"]),
        ("folder,name desc", ["a10", "b", "a9"]),
        ("quotaBytesUsed,name", ["a10", "a9", "b"]),
        ("viewedByMeTime desc,name", ["a9", "a10", "b"]),
    ],
)
def test_lists_come_in_the_order_asked_for(files, folder, order, expected):
    """Folders first, stars first, numbers in names as numbers."""
    files.create(body={"name": "a10", "mimeType": FOLDER, "parents": [folder]}).execute()
    made(files, "a9", b"12", parents=[folder], viewedByMeTime="2024-01-01T00:00:00Z")
    made(files, "b", b"123", parents=[folder], starred=True)

    assert names(files, folder, orderBy=order) == expected


def test_an_order_that_there_is_not_is_refused(files):
    """400, as for any wrong parameter."""
    assert refused(files.list(orderBy="size"))[0] == 400


def test_new_bytes_leave_the_old_ones_as_a_revision(files, service):
    """The head changes, the id does not; an older revision can be read, kept for ever, and deleted."""
    first = made(files, data=b"one")

    second = files.update(fileId=first["id"], media_body=media(b"three"), fields="*").execute()

    revisions = service.revisions()
    found = revisions.list(fileId=first["id"], fields="*").execute()["revisions"]
    assert [each["id"] for each in found] == [first["headRevisionId"], second["headRevisionId"]]
    assert [each["size"] for each in found] == ["3", "5"]
    assert (second["md5Checksum"], second["version"]) == (hashlib.md5(b"three", usedforsecurity=False).hexdigest(), "2")
    old = {"fileId": first["id"], "revisionId": first["headRevisionId"]}
    assert revisions.get_media(**old).execute() == b"one"
    assert revisions.update(**old, body={"keepForever": True}, fields="keepForever").execute() == {"keepForever": True}
    revisions.delete(**old).execute()
    assert len(revisions.list(fileId=first["id"]).execute()["revisions"]) == 1
    assert files.get_media(fileId=first["id"]).execute() == b"three"


def test_a_copy_is_a_file_of_its_own(files, folder):
    """It has the bytes and properties of the original, and lives on without it."""
    original = made(files, data=b"same", parents=[folder], properties={"a": "1"})

    copy = files.copy(fileId=original["id"], body={"name": "copy"}, fields="*").execute()
    files.delete(fileId=original["id"]).execute()

    assert (copy["properties"], copy["parents"]) == ({"a": "1"}, [folder])
    assert files.get_media(fileId=copy["id"]).execute() == b"same"
    assert refused(files.copy(fileId=folder, body={"name": "x"}))[0] == 403


def test_only_documents_can_be_exported(files):
    """403 for bytes."""
    number = made(files)["id"]

    assert refused(files.export(fileId=number, mimeType="text/csv")) == (403, "fileNotExportable")


def test_what_lies_in_a_trashed_folder_is_in_the_trash(files, folder):
    """It was not put there itself, and is gone with the folder when the trash is emptied."""
    number = made(files, parents=[folder])["id"]

    files.update(fileId=folder, body={"trashed": True}).execute()

    shown = files.get(fileId=number, fields="trashed,explicitlyTrashed").execute()
    assert shown == {"trashed": True, "explicitlyTrashed": False}
    assert names(files, folder, "trashed = true") == ["a"]
    files.emptyTrash().execute()
    assert refused(files.get(fileId=number))[0] == 404


def test_ids_can_be_had_in_advance_and_are_used_once(files):
    """409 for the second file of an id: an upload that is sent again makes no twin."""
    (number,) = files.generateIds(count=1).execute()["ids"]

    assert made(files, id=number)["id"] == number
    assert refused(files.create(body={"name": "x", "id": number})) == (409, "fileIdInUse")


def test_a_folder_is_shared_with_what_lies_in_it(files, service, folder):
    """Permissions given to a folder hold for its files; the owner stays."""
    number = made(files, parents=[folder])["id"]
    permissions = service.permissions()

    given = permissions.create(
        fileId=folder, body={"type": "user", "role": "reader", "emailAddress": "a@example.com"}, fields="*"
    ).execute()

    roles = {each["role"] for each in permissions.list(fileId=number).execute()["permissions"]}
    assert roles == {"owner", "reader"}
    assert names(files, folder, "'sandbox@example.com' in owners") == ["a"]
    assert files.get(fileId=number, fields="shared").execute() == {"shared": True}
    permissions.update(fileId=folder, permissionId=given["id"], body={"role": "writer"}).execute()
    assert permissions.get(fileId=folder, permissionId=given["id"]).execute()["role"] == "writer"
    permissions.delete(fileId=folder, permissionId=given["id"]).execute()
    assert len(permissions.list(fileId=number).execute()["permissions"]) == 1
    assert refused(permissions.create(fileId=number, body={"type": "user", "role": "reader"}))[0] == 400


def test_files_of_a_shared_drive_are_found_by_those_who_ask_for_them(files, service):
    """Without `supportsAllDrives` they do not exist; such a drive is deleted when it is empty."""
    drive = service.drives().create(requestId="r1", body={"name": "team"}).execute()["id"]
    number = made(files, "shared", parents=[drive])["id"]
    wide = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}

    assert refused(files.get(fileId=number))[0] == 404
    assert files.get(fileId=number, supportsAllDrives=True, fields="driveId").execute() == {"driveId": drive}
    inside = files.list(corpora="drive", driveId=drive, **wide).execute()["files"]
    assert [each["name"] for each in inside] == ["shared"]
    assert number not in [each["id"] for each in files.list(pageSize=1000).execute()["files"]]
    assert refused(files.list(corpora="drive", **wide))[0] == 400
    assert refused(service.drives().create(requestId="r1", body={"name": "team"}))[0] == 409
    assert refused(service.drives().delete(driveId=drive))[0] == 403
    files.delete(fileId=number, supportsAllDrives=True).execute()
    service.drives().delete(driveId=drive).execute()
    assert service.drives().list().execute()["drives"] == []


def test_changes_since_a_token_are_told_once_for_each_file(files, service):
    """The last change of each, and the token to go on with."""
    token = service.changes().getStartPageToken().execute()["startPageToken"]
    kept, gone = made(files, "kept")["id"], made(files, "gone")["id"]
    files.update(fileId=kept, body={"name": "renamed"}).execute()
    files.delete(fileId=gone).execute()

    found = service.changes().list(pageToken=token).execute()

    told = {each["fileId"]: each.get("file", {}).get("name") for each in found["changes"]}
    assert told == {kept: "renamed", gone: None}
    again = service.changes().list(pageToken=found["newStartPageToken"]).execute()
    assert again["changes"] == []


def test_everything_is_there_after_a_restart(tmp_path):
    """Properties, revisions and shared drives are kept with the folder."""

    def client(running):
        return googleapiclient.discovery.build(
            "drive",
            "v3",
            credentials=AnonymousCredentials(),
            static_discovery=False,
            discoveryServiceUrl=running.url + "/discovery/v1/apis/{api}/{apiVersion}/rest",
        )

    with Sandbox(None, Options(data_dir=tmp_path)) as running, client(running) as service:
        number = made(service.files(), data=b"one", properties={"a": "1"})["id"]
        service.files().update(fileId=number, media_body=media(b"two")).execute()
        drive = service.drives().create(requestId="r", body={"name": "team"}).execute()["id"]

    with Sandbox(None, Options(data_dir=tmp_path)) as running, client(running) as service:
        assert service.files().get(fileId=number, fields="properties").execute() == {"properties": {"a": "1"}}
        assert len(service.revisions().list(fileId=number).execute()["revisions"]) == 2
        assert [each["id"] for each in service.drives().list().execute()["drives"]] == [drive]


def test_bytes_of_the_trash_are_counted_apart(files, service):
    """`about` tells what emptying the trash would free."""
    number = made(files, data=b"x" * 1000)["id"]
    before = service.about().get(fields="storageQuota").execute()["storageQuota"]
    files.update(fileId=number, body={"trashed": True}).execute()

    after = service.about().get(fields="storageQuota").execute()["storageQuota"]

    assert int(after["usageInDriveTrash"]) == int(before["usageInDriveTrash"]) + 1000
    assert after["usage"] == before["usage"]


def test_a_modification_is_later_than_the_one_before(files):
    """`modifiedTime` moves on with each change; it is a time with milliseconds."""
    first = made(files)
    second = files.update(fileId=first["id"], body={"description": "x"}, fields="*").execute()

    def when(shown):
        return datetime.fromisoformat(shown["modifiedTime"])

    assert timedelta(0) <= when(second) - when(first) < timedelta(minutes=1)
    assert second["description"] == "x"

"""Drive through the real client."""

from __future__ import annotations

import hashlib
import io
import socket

import googleapiclient.discovery
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.drive.files import DriveFile
from orchestrator.sandbox.drive.query import parse
from orchestrator.sandbox.web import ApiError

FOLDER = "application/vnd.google-apps.folder"
DOCUMENT = "application/vnd.google-apps.document"
DATA = b"pixels" * 5000


@pytest.fixture
def writer(sandbox):
    """A client built from the sandbox's own discovery document, whose uploads go to the sandbox too."""
    service = googleapiclient.discovery.build(
        "drive",
        "v3",
        credentials=AnonymousCredentials(),
        static_discovery=False,
        discoveryServiceUrl=sandbox.url + "/discovery/v1/apis/{api}/{apiVersion}/rest",
    )
    yield service
    service.close()


@pytest.fixture
def folder(drive, prefix):
    return drive.files().create(body={"name": prefix, "mimeType": FOLDER}, fields="id").execute()["id"]


def upload(writer, name, folder, data=DATA):
    media = MediaIoBaseUpload(io.BytesIO(data), mimetype="image/tiff")
    return writer.files().create(body={"name": name, "parents": [folder]}, media_body=media, fields="*").execute()


def test_a_file_comes_back_in_chunks(drive, writer, folder):
    """Media is served by ranges; size and md5 are those of the bytes."""
    made = upload(writer, "a.tif", folder)
    received = io.BytesIO()
    loader = MediaIoBaseDownload(received, drive.files().get_media(fileId=made["id"]), chunksize=7000)

    done = False
    while not done:
        _, done = loader.next_chunk()

    assert received.getvalue() == DATA
    assert made["md5Checksum"] == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert (made["size"], made["parents"], made["trashed"]) == (str(len(DATA)), [folder], False)
    assert made["headRevisionId"]
    assert made["version"] == "1"


@pytest.mark.parametrize("data", [b"\r", b"\n", b"a\r\n\r\nb\n\nc"])
def test_bytes_that_look_like_line_ends_survive_an_upload(drive, writer, folder, data):
    """The upload's own line ends are not confused with the content's."""
    made = upload(writer, "odd", folder, data)

    assert drive.files().get_media(fileId=made["id"]).execute() == data


def test_only_the_fields_asked_for_come_back(drive, writer, folder):
    """Without `fields` four names; with it exactly those."""
    made = upload(writer, "b.tif", folder)

    assert set(drive.files().get(fileId=made["id"]).execute()) == {"kind", "id", "name", "mimeType"}
    assert set(drive.files().get(fileId=made["id"], fields="size,md5Checksum").execute()) == {"size", "md5Checksum"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("name = 'one.tif'", ["one.tif"], id="name"),
        pytest.param("name contains 'one'", ["one-2.tif", "one.tif"], id="name contains"),
        pytest.param("not name contains 'one' and mimeType != '{kind}'", ["it's.tif"], id="not, and"),
        pytest.param("name = 'it\\'s.tif'", ["it's.tif"], id="an escaped quote"),
        pytest.param("(name = 'one.tif' or name = 'it\\'s.tif') and trashed = false", ["it's.tif", "one.tif"], id="or"),
        pytest.param("trashed = true", [], id="trashed"),
    ],
)
def test_queries_find_what_drive_would_find(drive, writer, folder, query, names):
    """The terms that file lists are made of, joined with the folder."""
    for name in ("one.tif", "one-2.tif", "it's.tif"):
        upload(writer, name, folder)
    text = f"'{folder}' in parents and {query.replace('{kind}', FOLDER)}"

    found = drive.files().list(q=text, orderBy="name", fields="files(name)").execute()["files"]

    assert sorted(each["name"] for each in found) == sorted(names)


def test_lists_are_paged(drive, writer, folder):
    """Pages join to the whole, through the client's list_next."""
    for i in range(5):
        upload(writer, f"{i}", folder)

    names, request = [], drive.files().list(q=f"'{folder}' in parents", pageSize=2)
    while request is not None:
        answer = request.execute()
        names += [each["name"] for each in answer["files"]]
        request = drive.files().list_next(request, answer)

    assert names == ["4", "3", "2", "1", "0"]


def test_a_deleted_file_is_not_found_and_frees_its_bytes(drive, writer, folder):
    """404 with Drive's sentence; the quota shows the difference."""
    made = upload(writer, "gone.tif", folder)
    before = int(drive.about().get(fields="storageQuota").execute()["storageQuota"]["usage"])

    drive.files().delete(fileId=made["id"]).execute()

    with pytest.raises(HttpError, match=f"File not found: {made['id']}") as caught:
        drive.files().get(fileId=made["id"]).execute()
    after = int(drive.about().get(fields="storageQuota").execute()["storageQuota"]["usage"])
    assert caught.value.resp.status == 404
    assert before - after == len(DATA)


def test_a_folder_takes_along_what_lies_in_it(drive, writer, folder):
    """Deleting a folder deletes its files."""
    made = upload(writer, "inside.tif", folder)

    drive.files().delete(fileId=folder).execute()

    with pytest.raises(HttpError, match="File not found"):
        drive.files().get(fileId=made["id"]).execute()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("createdTime > '2020-01-01T00:00:00'", True, id="UTC where no offset is given"),
        pytest.param("createdTime = '2024-06-01T14:00:00+02:00'", True, id="the same moment elsewhere"),
        pytest.param("createdTime < '2024-06-01T11:30:00-01:00'", True, id="later, though it reads earlier"),
        pytest.param("createdTime >= '2024-06-01T12:00:01Z'", False, id="a second later"),
        pytest.param("createdTime != '2024-06-01T12:00:00.000Z'", False, id="with milliseconds"),
    ],
)
def test_times_are_compared_as_moments(text, found):
    """Offsets count: a query written in another zone finds the same files."""
    file = DriveFile("1", "x", "text/plain", (), "2024-06-01T12:00:00.000Z", "2024-06-01T12:00:00.000Z", 1)

    assert parse(text, "root")(file) == found


@pytest.mark.parametrize("text", ["createdTime > 'yesterday'", "name > 'a'", "createdTime contains '2024'"])
def test_a_comparison_that_drive_does_not_have_is_invalid(text):
    """400 `Invalid Value`, as Drive answers, instead of an answer that means nothing."""
    with pytest.raises(ApiError, match="Invalid Value"):
        parse(text, "root")


def test_a_file_can_be_moved(drive, writer, folder):
    """addParents and removeParents change the folder."""
    there = drive.files().create(body={"name": "there", "mimeType": FOLDER}, fields="id").execute()["id"]
    made = upload(writer, "moved.tif", folder)

    moved = drive.files().update(fileId=made["id"], addParents=there, removeParents=folder, fields="parents").execute()

    assert moved["parents"] == [there]


def test_a_file_lies_in_one_folder(drive, writer, folder):
    """A second parent is refused, as Drive does since 2020."""
    there = drive.files().create(body={"name": "there", "mimeType": FOLDER}, fields="id").execute()["id"]
    made = upload(writer, "two.tif", folder)

    with pytest.raises(HttpError, match="Increasing the number of parents is not allowed"):
        drive.files().update(fileId=made["id"], addParents=there).execute()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda files: files.list(spaces="appDataFolder"), id="another space"),
        pytest.param(lambda files: files.list(corpora="domain"), id="other corpora"),
        pytest.param(lambda files: files.list(q="fullText contains 'x'"), id="a search in texts"),
        pytest.param(lambda files: files.create(body={"name": "x", "mimeType": DOCUMENT}), id="a document"),
    ],
)
def test_what_is_not_imitated_of_drive_is_refused(drive, call):
    """400 that names it: nothing is without effect in silence."""
    with pytest.raises(HttpError, match="does not imitate") as caught:
        call(drive.files()).execute()

    assert caught.value.resp.status == 400


def test_lists_can_be_ordered_by_size(drive, writer, folder):
    """`quotaBytesUsed desc` puts the largest first."""
    for size in (10, 30, 20):
        upload(writer, str(size), folder, b"x" * size)

    found = (
        drive.files().list(q=f"'{folder}' in parents", orderBy="quotaBytesUsed desc", fields="files(name)").execute()
    )

    assert [each["name"] for each in found["files"]] == ["30", "20", "10"]


def test_a_wrong_query_is_an_invalid_value(drive):
    """400 `Invalid Value`, as Drive answers."""
    with pytest.raises(HttpError, match="Invalid Value"):
        drive.files().list(q="name = ").execute()


@given(name=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40))
def test_any_name_can_be_asked_for_when_it_is_escaped(name):
    """Escaping backslash and quote is enough for a name to be found, and for no other to be."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    wanted = parse(f"name = '{escaped}'", "root")

    assert wanted(DriveFile("1", name, "text/plain", (), "", "", 1))
    assert not wanted(DriveFile("1", name + "x", "text/plain", (), "", "", 1))


def test_the_port_is_on_loopback_only(sandbox):
    """The sandbox listens where it was told to."""
    host, port = sandbox.url.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=5) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"

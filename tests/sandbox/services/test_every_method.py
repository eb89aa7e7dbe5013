"""Every method of the three services: what is not imitated is refused by its name, and nothing fails on our side."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ee
import googleapiclient
import pytest
import requests
from google.api_core.exceptions import BadRequest
from googleapiclient.errors import HttpError

from orchestrator.sandbox.server import DEFAULT_BUCKET

# By the ids of the discovery documents: what COVERAGE.md says is imitated.
IMITATED = {
    "earthengine.projects.algorithms.list",
    "earthengine.projects.assets.copy",
    "earthengine.projects.assets.create",
    "earthengine.projects.assets.delete",
    "earthengine.projects.assets.get",
    "earthengine.projects.assets.move",
    "earthengine.projects.assets.patch",
    "earthengine.projects.assets.getPixels",
    "earthengine.projects.assets.listAssets",
    "earthengine.projects.assets.listFeatures",
    "earthengine.projects.getConfig",
    "earthengine.projects.image.computePixels",
    "earthengine.projects.image.export",
    "earthengine.projects.imageCollection.computeImages",
    "earthengine.projects.listAssets",
    "earthengine.projects.operations.cancel",
    "earthengine.projects.operations.get",
    "earthengine.projects.maps.create",
    "earthengine.projects.maps.tiles.get",
    "earthengine.projects.operations.list",
    "earthengine.projects.operations.wait",
    "earthengine.projects.table.computeFeatures",
    "earthengine.projects.table.export",
    "earthengine.projects.tables.create",
    "earthengine.projects.tables.getFeatures",
    "earthengine.projects.thumbnails.create",
    "earthengine.projects.thumbnails.getPixels",
    "earthengine.projects.updateConfig",
    "earthengine.projects.value.compute",
    "storage.bucketAccessControls.delete",
    "storage.bucketAccessControls.get",
    "storage.bucketAccessControls.insert",
    "storage.bucketAccessControls.list",
    "storage.bucketAccessControls.patch",
    "storage.bucketAccessControls.update",
    "storage.buckets.delete",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
    "storage.buckets.getStorageLayout",
    "storage.buckets.insert",
    "storage.buckets.list",
    "storage.buckets.lockRetentionPolicy",
    "storage.buckets.patch",
    "storage.buckets.setIamPolicy",
    "storage.buckets.testIamPermissions",
    "storage.buckets.update",
    "storage.defaultObjectAccessControls.delete",
    "storage.defaultObjectAccessControls.get",
    "storage.defaultObjectAccessControls.insert",
    "storage.defaultObjectAccessControls.list",
    "storage.defaultObjectAccessControls.patch",
    "storage.defaultObjectAccessControls.update",
    "storage.notifications.delete",
    "storage.notifications.get",
    "storage.notifications.insert",
    "storage.notifications.list",
    "storage.objectAccessControls.delete",
    "storage.objectAccessControls.get",
    "storage.objectAccessControls.insert",
    "storage.objectAccessControls.list",
    "storage.objectAccessControls.patch",
    "storage.objectAccessControls.update",
    "storage.objects.compose",
    "storage.objects.copy",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.insert",
    "storage.objects.list",
    "storage.objects.move",
    "storage.objects.patch",
    "storage.objects.restore",
    "storage.objects.rewrite",
    "storage.objects.update",
    "drive.about.get",
    "drive.changes.getStartPageToken",
    "drive.changes.list",
    "drive.drives.create",
    "drive.drives.delete",
    "drive.drives.get",
    "drive.drives.hide",
    "drive.drives.list",
    "drive.drives.unhide",
    "drive.drives.update",
    "drive.files.copy",
    "drive.files.create",
    "drive.files.delete",
    "drive.files.emptyTrash",
    "drive.files.export",
    "drive.files.generateIds",
    "drive.files.get",
    "drive.files.list",
    "drive.files.update",
    "drive.permissions.create",
    "drive.permissions.delete",
    "drive.permissions.get",
    "drive.permissions.list",
    "drive.permissions.update",
    "drive.revisions.delete",
    "drive.revisions.get",
    "drive.revisions.list",
    "drive.revisions.update",
}


def described(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from described(inner)


def filled(method):
    """The method's path with a name for each parameter, one that fits the parameter's own pattern."""

    def name(found):
        pattern = method["parameters"][found.group(1)].get("pattern", "")
        return pattern.strip("^$").replace("[^/]+", "some-name").replace(".*", "some-name") or "some-name"

    return re.sub(r"\{\+?(\w+)\}", name, method["path"])


def documents():
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    for name in ("storage.v1", "drive.v3"):
        yield json.loads((folder / f"{name}.json").read_text())
    from orchestrator.sandbox.earthengine import discovery  # noqa: PLC0415  the document that the client is given

    yield discovery.document("")


def calls():
    for document in documents():
        for method in described(document):
            path = f"/{document['servicePath']}{filled(method)}"
            uploads = method.get("mediaUpload", {}).get("protocols", {}).values()
            yield method["id"], method["httpMethod"], path
            for each in uploads:
                yield method["id"], method["httpMethod"], each["path"].replace(path[1:], "").format(**NAMES)


NAMES = {"bucket": "some-name", "fileId": "some-name"}
CALLS = sorted(set(calls()))
BODIES = {"nothing": b"", "an object": b"{}", "nonsense": b'{"name": 5, "parents": 5, "metadata": 5}', "no JSON": b"["}


def test_the_documents_have_the_methods_that_clients_call():
    """Some 200 methods, so that the tests below are about something."""
    assert len({number for number, _, _ in CALLS}) > 190


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_method_fails_on_our_side(sandbox, body):
    """Whatever is sent: never a 5xx, which real clients repeat for up to a minute."""
    with requests.Session() as session:
        found = {
            (verb, path): session.request(verb, sandbox.url + path, data=body, timeout=20).status_code
            for _, verb, path in CALLS
        }

    assert {call: status for call, status in found.items() if status >= 500} == {}


def test_what_is_not_imitated_is_refused_by_its_name(sandbox):
    """400 that names method and path: not 404, which would say that there is no such object."""
    violations = len(sandbox.state()["violations"])
    wrong = {}
    with requests.Session() as session:
        for number, verb, path in CALLS:
            if number in IMITATED:
                continue
            answer = session.request(verb, sandbox.url + path, json={}, timeout=20)
            error = answer.json()["error"]
            named = "does not imitate" in error["message"] and f"{number} ({verb} {path})" in error["message"]
            if answer.status_code != 400 or error["code"] != 400 or not named:
                wrong[number, path] = answer.text

    assert wrong == {}
    assert len(sandbox.state()["violations"]) == violations


NONSENSE = {
    "a name that is a number": {"name": 5},
    "parents that are a number": {"parents": 5},
    "parents of numbers": {"parents": [5]},
    "a type that is a list": {"mimeType": [], "contentType": []},
    "metadata that is a text": {"metadata": "x"},
    "metadata of numbers": {"metadata": {"a": 5}},
    "trash that is a text": {"trashed": "yes"},
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
def test_a_field_of_another_type_is_refused_and_changes_nothing(sandbox, bucket, drive, body):
    """On things that exist, too: 400 or, where the field means nothing, a plain answer; lists still work."""
    bucket.blob("typed").upload_from_string(b"x")
    file = drive.files().create(body={"name": "typed"}).execute()["id"]
    calls = [
        ("PATCH", f"/storage/v1/b/{DEFAULT_BUCKET}/o/typed"),
        ("POST", f"/upload/storage/v1/b/{DEFAULT_BUCKET}/o?uploadType=resumable"),
        ("POST", "/drive/v3/files"),
        ("PATCH", f"/drive/v3/files/{file}"),
        ("GET", f"/storage/v1/b/{DEFAULT_BUCKET}/o"),
        ("GET", "/drive/v3/files"),
    ]

    found = [requests.request(verb, sandbox.url + path, json=body, timeout=20) for verb, path in calls]

    assert {each.status_code for each in found} <= {200, 400, 403}  # 403: a field that cannot be written
    assert [each.status_code for each in found[-2:]] == [200, 200]
    assert 400 in {each.status_code for each in found[:4]}


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        pytest.param("POST", "/batch", id="batch of Earth Engine"),
        pytest.param("POST", "/batch/storage/v1", id="batch of Cloud Storage"),
        pytest.param("POST", "/batch/drive/v3", id="batch of Drive"),
        pytest.param("GET", "/v2/projects/p/operations", id="another version"),
        pytest.param("OPTIONS", "/storage/v1/b", id="a browser's question"),
        pytest.param("TRACE", "/storage/v1/b", id="an odd verb"),
    ],
)
def test_a_call_that_is_in_no_document_is_no_missing_object_either(sandbox, verb, path):
    """400 for whatever else may come."""
    answer = requests.request(verb, sandbox.url + path, data=b"", timeout=20)

    assert answer.status_code == 400


def test_the_error_has_the_form_of_its_service(sandbox):
    """Earth Engine names a status, the older services list reasons."""
    engine = requests.post(sandbox.url + "/v1/projects/p/table:computeFeatures", json={}, timeout=20).json()
    storage = requests.post(sandbox.url + "/storage/v1/b/x/o/bulkRestore", json={}, timeout=20).json()

    assert engine["error"]["status"] == "INVALID_ARGUMENT"
    assert storage["error"]["errors"][0]["reason"] == "notImplemented"


def test_the_storage_client_learns_at_once_what_is_missing(bucket):
    """The real client raises for a key of its own, with its retries on."""
    with pytest.raises(BadRequest, match=r"storage\.projects\.hmacKeys\.create"):
        bucket.client.create_hmac_key(service_account_email="sandbox@example.com")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/storage/v1/b?project=p&returnPartialSuccess=true", id="Cloud Storage"),
        pytest.param(f"/storage/v1/b/{DEFAULT_BUCKET}/o/x?restoreToken=y", id="an object"),
    ],
)
def test_a_parameter_that_the_real_method_has_is_no_violation(sandbox, path):
    """It is refused by its name, and nobody is blamed for it."""
    violations = len(sandbox.state()["violations"])

    answer = requests.get(sandbox.url + path, timeout=20)

    assert answer.status_code == 400
    assert "does not imitate the parameter" in answer.json()["error"]["message"]
    assert len(sandbox.state()["violations"]) == violations


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/sandbox/clock", {"advanceSeconds": "soon"}, id="a time that is none"),
        pytest.param("/sandbox/release", {"id": 10**9}, id="a fault that nobody ordered"),
        pytest.param("/sandbox/buckets", {"name": "x", "permissions": 5}, id="permissions that are none"),
        pytest.param("/sandbox/buckets", {}, id="a bucket without a name"),
        pytest.param("/sandbox/faults", {"faults": [5]}, id="a fault that is none"),
        pytest.param("/sandbox/faults", {"faults": 5}, id="faults that are no list"),
        pytest.param("/sandbox/forget", {"operation": 5}, id="an operation that is none"),
    ],
)
def test_the_sandboxs_own_methods_refuse_nonsense(sandbox, path, body):
    """400 in one sentence, as a test's author wants to read it."""
    answer = requests.post(sandbox.url + path, json=body, timeout=20)

    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_the_earth_engine_client_asks_once(kit):
    """With its retries on, the real client does not repeat what is refused."""
    before = kit.sandbox.state()["requests"].get("filmstripThumbnails.create", 0)
    ee.data.setMaxRetries(5)
    try:
        with pytest.raises(ee.EEException, match=r"filmstripThumbnails\.create"):
            ee.data.getThumbId({"image": kit.image()}, "filmstrip")
    finally:
        ee.data.setMaxRetries(0)

    assert kit.sandbox.state()["requests"]["filmstripThumbnails.create"] == before + 1


@pytest.mark.parametrize("version", ["v1alpha", "v1beta"])
@pytest.mark.parametrize("method", ["value:compute", "table:computeFeatures", "imageCollection:computeImages"])
def test_another_version_of_the_api_is_refused_by_its_methods_name(sandbox, version, method):
    """The real service has these versions: 400 that names the path, and nobody is blamed."""
    violations = len(sandbox.state()["violations"])
    path = f"/{version}/projects/p/{method}"

    answer = requests.post(sandbox.url + path, json={}, timeout=20)

    named = f"does not imitate Earth Engine's method earthengine.projects.{method.replace(':', '.')} (POST {path})"
    assert answer.status_code == 400
    assert named in answer.json()["error"]["message"]
    assert len(sandbox.state()["violations"]) == violations


def test_the_drive_client_asks_once(sandbox, drive):
    """With its retries on, it raises at once for what is missing."""
    before = sandbox.state()["requests"].get("drive.comments.list", 0)

    with pytest.raises(HttpError, match=r"drive\.comments\.list"):
        drive.comments().list(fileId="x", fields="*").execute(num_retries=5)

    assert sandbox.state()["requests"]["drive.comments.list"] == before + 1


def test_refusals_are_counted_under_their_names(kit):
    """A call that is not imitated can be spoilt and is counted like any other."""
    number = kit.order("http", api="filmstripThumbnails.create", status=503)
    before = kit.sandbox.state()["requests"].get("filmstripThumbnails.create", 0)

    with pytest.raises(ee.EEException, match="told to answer 503"):
        ee.data.getThumbId({"image": kit.image()}, "filmstrip")

    assert kit.sandbox.state()["requests"]["filmstripThumbnails.create"] == before + 1
    assert kit.consumed(number) == 1


def test_any_project_name_works(sandbox, kit, connect, prefix):
    """A program that names its own project is served, and its tasks are its own."""
    import warnings  # noqa: PLC0415

    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    kit.finish(kit.to_bucket(f"{prefix}-here", description="here"))
    ee.Reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ee.Initialize(credentials=AnonymousCredentials(), url=sandbox.url, project="anything")
    try:
        computed = ee.Number(1).add(1).getInfo()
        kit.finish(kit.to_bucket(f"{prefix}-there", description="there"))
        listed = [each["metadata"]["description"] for each in ee.data.listOperations()]
        name = ee.data.getProjectConfig()["name"]
    finally:
        connect(sandbox)

    assert (computed, listed, name) == (2, ["there"], "projects/anything/config")

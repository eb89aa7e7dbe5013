"""The methods of Drive v3 that the client calls, and a discovery document that points here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.sandbox import bodies, fields, multipart
from orchestrator.sandbox.documents import bundled
from orchestrator.sandbox.drive.files import FOLDER, QUOTA_BYTES, Drive, DriveFile
from orchestrator.sandbox.drive.query import parse
from orchestrator.sandbox.web import (
    ApiError,
    ProtocolViolation,
    Request,
    Response,
    Route,
    integer,
    json_response,
    media_response,
    not_imitated,
    route,
)

_FILE = "acknowledgeAbuse supportsAllDrives supportsTeamDrives includeLabels includePermissionsForView"
_LIST = (
    "q pageSize pageToken orderBy spaces corpora corpus driveId includeItemsFromAllDrives includeTeamDriveItems "
    "supportsAllDrives supportsTeamDrives teamDriveId includeLabels includePermissionsForView"
)
_WRITE = (
    "supportsAllDrives supportsTeamDrives addParents removeParents enforceSingleParent ignoreDefaultVisibility "
    "keepRevisionForever ocrLanguage useContentAsIndexableText includeLabels includePermissionsForView"
)
# Drive answers these when a call names no fields.
_DEFAULT_FILE = "kind,id,name,mimeType"
_DEFAULT_LIST = f"kind,incompleteSearch,nextPageToken,files({_DEFAULT_FILE})"


class DriveRoutes:
    """Answer for Drive."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive

    def routes(self) -> list[Route]:
        # Three methods of the real service stand where a file's id stands.
        one = r"/drive/v3/files/(?P<number>(?!(?:trash|generateIds|generateCseToken)$)[^/]+)"
        return [
            route("drive", "drive.discovery", "GET", r"/discovery/v1/apis/drive/v3/rest", _discovery, query="labels"),
            route("drive", "drive.about", "GET", r"/drive/v3/about", self._about),
            route("drive", "drive.list", "GET", r"/drive/v3/files", self._list, query=_LIST),
            route("drive", "drive.media", "GET", one, self._media, query=_FILE, media=True),
            route("drive", "drive.get", "GET", one, self._get, query=_FILE, media=False),
            route("drive", "drive.create", "POST", r"(?:/upload)?/drive/v3/files", self._create, query=_WRITE),
            route("drive", "drive.update", "PATCH", one, self._update, query=_WRITE),
            route("drive", "drive.delete", "DELETE", one, self._delete, query=_FILE + " enforceSingleParent"),
        ]

    def _about(self, request: Request) -> Response:
        if not request.query.get("fields"):
            raise ProtocolViolation("The 'fields' parameter is required for this method.")
        used = str(self._drive.used_bytes())
        answer = {
            "kind": "drive#about",
            "user": {"kind": "drive#user", "displayName": "Sandbox", "emailAddress": "sandbox@example.com", "me": True},
            "storageQuota": {"limit": str(QUOTA_BYTES), "usage": used, "usageInDrive": used, "usageInDriveTrash": "0"},
        }
        return json_response(fields.select(request.query["fields"], answer))

    def _list(self, request: Request) -> Response:
        _refuse_other_places(request)
        text = request.query.get("q", "").strip()
        found = self._drive.find(parse(text, self._drive.root.id) if text else lambda _: True)
        size = integer(request, "pageSize", 100)
        if not 1 <= size <= 1000:
            raise ProtocolViolation(f"Invalid value '{size}'. Values must be within the range: [1, 1000]")
        found = _ordered(found, request.query.get("orderBy"))
        start = _start(request.query.get("pageToken"))
        page = found[start : start + size]
        answer: dict[str, Any] = {
            "kind": "drive#fileList",
            "incompleteSearch": False,
            "files": [each.resource() for each in page],
        }
        if start + size < len(found):
            answer["nextPageToken"] = f"page-{start + size}"
        return json_response(fields.select(request.query.get("fields"), answer, default=_DEFAULT_LIST))

    def _get(self, request: Request, number: str) -> Response:
        return _shown(request, self._drive.get(number).resource())

    def _media(self, request: Request, number: str) -> Response:
        found = self._drive.get(number)
        if found.blob is None:
            raise ApiError(
                403,
                "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
                reason="fileNotDownloadable",
            )
        headers = {"Content-Type": found.mime_type, "Content-Disposition": "attachment"}
        return media_response(self._drive.blobs.path(found.blob), found.blob.size, request, headers)

    def _create(self, request: Request) -> Response:
        kind = request.query.get("uploadType")
        if kind == "resumable":
            raise not_imitated("resumable uploads to Drive")
        metadata, data, content_type = request.json() if kind is None else {}, None, None
        if kind == "multipart":
            upload = multipart.read(request)
            metadata, data, content_type = upload.metadata, upload.data, upload.content_type
        elif kind == "media":
            data, content_type = request.body, request.headers.get("content-type")
        if unknown := sorted(set(metadata) - {"name", "mimeType", "parents", "kind"}):
            raise not_imitated(f"{unknown} of a new Drive file")
        mime_type = bodies.text(metadata, "mimeType") or content_type or "application/octet-stream"
        name, parents = bodies.text(metadata, "name") or "Untitled", bodies.texts(metadata, "parents")
        blob = None if mime_type == FOLDER else self._drive.blobs.store(data or b"")
        made = self._drive.create(
            name,
            mime_type=mime_type,
            parents=tuple(self._drive.get(each).id for each in parents),
            blob=blob,
        )
        return _shown(request, made.resource())

    def _update(self, request: Request, number: str) -> Response:
        body = request.json()
        if unknown := sorted(set(body) - {"name", "trashed"}):
            raise not_imitated(f"changing {unknown} of a Drive file")
        old = self._drive.get(number)
        parents = self._moved(request, old)
        name = bodies.text(body, "name") or old.name
        trashed = bodies.boolean(body, "trashed") if "trashed" in body else old.trashed
        return _shown(
            request, self._drive.update(number, {"name": name, "trashed": trashed, "parents": parents}).resource()
        )

    def _moved(self, request: Request, old: DriveFile) -> tuple[str, ...]:
        """Read where a file shall lie: since 2020 in one folder."""
        added = [self._drive.get(each).id for each in request.query.get("addParents", "").split(",") if each]
        removed = [self._drive.get(each).id for each in request.query.get("removeParents", "").split(",") if each]
        parents = tuple(each for each in (*old.parents, *added) if each not in removed) or (self._drive.root.id,)
        if len(parents) > 1:
            raise ApiError(403, "Increasing the number of parents is not allowed", reason="cannotAddParent")
        return parents

    def _delete(self, request: Request, number: str) -> Response:  # noqa: ARG002  every handler takes the request
        self._drive.delete(number)
        return Response(204)


def _shown(request: Request, resource: dict[str, Any]) -> Response:
    return json_response(fields.select(request.query.get("fields"), resource, default=_DEFAULT_FILE))


def _start(token: str | None) -> int:
    if token is None:
        return 0
    if not token.startswith("page-") or not token[5:].isdigit():
        raise ApiError(400, "Invalid Value")
    return int(token[5:])


_ORDERS: dict[str, Callable[[DriveFile], Any]] = {
    "createdTime": lambda each: each.order,
    "folder": lambda each: each.mime_type != FOLDER,
    "modifiedTime": lambda each: each.modified,
    "name": lambda each: each.name,
    "quotaBytesUsed": lambda each: 0 if each.blob is None else each.blob.size,
    "recency": lambda each: each.modified,
}
_OTHER_ORDERS = ("modifiedByMeTime", "name_natural", "sharedWithMeTime", "starred", "viewedByMeTime")


def _ordered(found: list[DriveFile], order: str | None) -> list[DriveFile]:
    for key in reversed((order or "").split(",")):
        name, _, direction = key.strip().partition(" ")
        if not name:
            continue
        if name in _OTHER_ORDERS:
            raise not_imitated(f"lists of Drive ordered by {name}")
        if name not in _ORDERS:
            raise ProtocolViolation(f"Invalid field in orderBy: {name}")
        found = sorted(found, key=_ORDERS[name], reverse=direction == "desc")
    return found


def _refuse_other_places(request: Request) -> None:
    """There is one user's own Drive here, with nothing shared."""
    spaces, corpora = request.query.get("spaces", "drive"), request.query.get("corpora", "user")
    if spaces != "drive":
        raise not_imitated(f"the space '{spaces}' of Drive")
    if corpora not in ("user", "allDrives") or request.query.get("driveId"):
        raise not_imitated(f"lists of Drive over the corpora '{corpora}' or a shared drive")


def _discovery(request: Request) -> Response:
    base = request.base_url + "/"
    document = {**bundled("drive.v3"), "rootUrl": base, "baseUrl": base + "drive/v3/", "mtlsRootUrl": base}
    return json_response(document)

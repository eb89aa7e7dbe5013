"""The methods of Drive v3 on files, and a discovery document that points here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.sandbox import bodies, fields
from orchestrator.sandbox.documents import bundled
from orchestrator.sandbox.drive import metadata, uploads
from orchestrator.sandbox.drive.files import FOLDER, QUOTA_BYTES, Drive, DriveFile
from orchestrator.sandbox.drive.orders import ordered
from orchestrator.sandbox.drive.query import parse
from orchestrator.sandbox.drive.uploads import Content, Session, Sessions
from orchestrator.sandbox.drive.values import GOOGLE, ME, new_id
from orchestrator.sandbox.ranges import media_response
from orchestrator.sandbox.resumable import Piece, add
from orchestrator.sandbox.streams import steadily
from orchestrator.sandbox.web import (
    ApiError,
    ProtocolViolation,
    Request,
    Response,
    Route,
    digits,
    integer,
    json_response,
    not_imitated,
    route,
    truth,
)

SHARED = "supportsAllDrives supportsTeamDrives"
_FILE = f"acknowledgeAbuse includeLabels includePermissionsForView {SHARED}"
_LIST = (
    "q pageSize pageToken orderBy spaces corpora corpus driveId includeItemsFromAllDrives includeTeamDriveItems "
    f"teamDriveId includeLabels includePermissionsForView {SHARED}"
)
_WRITE = (
    "addParents removeParents enforceSingleParent ignoreDefaultVisibility keepRevisionForever ocrLanguage "
    f"useContentAsIndexableText includeLabels includePermissionsForView upload_id {SHARED}"
)
# Drive answers these when a call names no fields.
_DEFAULT_FILE = "kind,id,name,mimeType"
_DEFAULT_LIST = f"kind,incompleteSearch,nextPageToken,files({_DEFAULT_FILE})"
FILE = r"/drive/v3/files/(?P<number>(?!(?:trash|generateIds|generateCseToken)$)[^/]+)"
MAX_IDS = 1000


def visible(drive: Drive, request: Request, number: str) -> DriveFile:
    """
    Find a file; what lies in a shared drive is found only by those who say that they know such drives.

    Raises:
        ApiError: 404 if there is none.
    """
    found = drive.get(number)
    if found.drive is not None and not (truth(request, "supportsAllDrives") or truth(request, "supportsTeamDrives")):
        raise ApiError(404, f"File not found: {number}.")
    return found


class DriveRoutes:
    """Answer for Drive's files."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._sessions = Sessions()

    def routes(self) -> list[Route]:
        def one(api: str, method: str, pattern: str, handler: Any, query: str = "", media: bool | None = None) -> Route:
            return route("drive", f"drive.{api}", method, pattern, handler, query=query, media=media)

        up = r"(?:/resumable)?(?:/upload)?"
        return [
            one("discovery", "GET", r"/discovery/v1/apis/drive/v3/rest", _discovery, "labels"),
            one("about", "GET", r"/drive/v3/about", self._about),
            one("generateIds", "GET", r"/drive/v3/files/generateIds", self._ids, "count space type"),
            one("emptyTrash", "DELETE", r"/drive/v3/files/trash", self._empty_trash, "driveId enforceSingleParent"),
            one("list", "GET", r"/drive/v3/files", self._list, _LIST),
            one("media", "GET", FILE, self._media, _FILE, media=True),
            one("get", "GET", FILE, self._get, _FILE, media=False),
            one("export", "GET", FILE + "/export", self._export, "mimeType"),
            one("copy", "POST", FILE + "/copy", self._copy, f"{_WRITE} copyComments"),
            one("create", "POST", up + r"/drive/v3/files", self._create, _WRITE),
            one("resume", "PUT", up + r"/drive/v3/files(?:/[^/]+)?", self._resume, _WRITE),
            one("update", "PATCH", up + FILE, self._update, _WRITE),
            one("delete", "DELETE", FILE, self._delete, _FILE + " enforceSingleParent"),
        ]

    def _about(self, request: Request) -> Response:
        if not request.query.get("fields"):
            raise ProtocolViolation("The 'fields' parameter is required for this method.")
        used = str(self._drive.used_bytes())
        answer = {
            "kind": "drive#about",
            "user": ME,
            "storageQuota": {
                "limit": str(QUOTA_BYTES),
                "usage": used,
                "usageInDrive": used,
                "usageInDriveTrash": str(self._drive.used_bytes(trashed=True)),
            },
            "canCreateDrives": True,
            "appInstalled": True,
            "importFormats": {},
            "exportFormats": {},
        }
        return json_response(fields.select(request.query["fields"], answer))

    def _ids(self, request: Request) -> Response:
        count = integer(request, "count", 10)
        if not 1 <= count <= MAX_IDS:
            raise ProtocolViolation(f"Invalid value '{count}'. Values must be within the range: [1, {MAX_IDS}]")
        if request.query.get("space", "drive") != "drive" or request.query.get("type", "files") != "files":
            raise not_imitated("ids for other spaces or kinds than Drive's files")
        ids = [new_id() for _ in range(count)]
        answer = {"kind": "drive#generatedIds", "space": "drive", "ids": ids}
        return json_response(fields.select(request.query.get("fields"), answer))

    def _empty_trash(self, request: Request) -> Response:
        self._drive.empty_trash(request.query.get("driveId"))
        return Response(204)

    def _list(self, request: Request) -> Response:
        text = request.query.get("q", "").strip()
        asked = parse(text, self._drive.root.id, self._drive.is_trashed) if text else lambda _: True
        drives = _drives(request)
        found = self._drive.find(lambda each: (drives is None or each.drive in drives) and asked(each))
        size = integer(request, "pageSize", 100)
        if not 1 <= size <= 1000:
            raise ProtocolViolation(f"Invalid value '{size}'. Values must be within the range: [1, 1000]")
        found = ordered(found, request.query.get("orderBy"))
        start = page_start(request.query.get("pageToken"))
        page = found[start : start + size]
        answer: dict[str, Any] = {
            "kind": "drive#fileList",
            "incompleteSearch": False,
            "files": [self._drive.shown(each) for each in page],
        }
        if start + size < len(found):
            answer["nextPageToken"] = f"page-{start + size}"
        return json_response(fields.select(request.query.get("fields"), answer, default=_DEFAULT_LIST))

    def _get(self, request: Request, number: str) -> Response:
        return self._shown(request, visible(self._drive, request, number))

    def _media(self, request: Request, number: str) -> Response:
        return steadily(lambda: self._opened(request, number))

    def _opened(self, request: Request, number: str) -> Response:
        found = visible(self._drive, request, number)
        if found.blob is None:
            raise ApiError(
                403,
                "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
                reason="fileNotDownloadable",
            )
        headers = {"Content-Type": found.mime_type, "Content-Disposition": "attachment"}
        return media_response(self._drive.blobs.path(found.blob), found.blob.size, request, headers)

    def _export(self, request: Request, number: str) -> Response:
        if "mimeType" not in request.query:
            raise ProtocolViolation("Required parameter: mimeType")
        found = self._drive.get(number)
        if found.mime_type.startswith(GOOGLE) and found.mime_type != FOLDER:
            raise not_imitated("exports of Google documents")
        raise ApiError(403, "Export only supports Docs Editors files.", reason="fileNotExportable")

    def _create(self, request: Request) -> Response:
        if request.query.get("uploadType") == "resumable":
            metadata.check(request.json(), new=True)
            return self._sessions.begin(request, None)
        return self._shown(request, self._made(uploads.read(request)))

    def _made(self, content: Content) -> DriveFile:
        body = content.metadata
        metadata.check(body, new=True)
        kind = bodies.text(body, "mimeType") or content.mime_type or "application/octet-stream"
        if kind.startswith(GOOGLE) and kind != FOLDER:
            raise not_imitated(f"files of the type {kind}")
        if kind == FOLDER and content.data:
            raise ApiError(400, "A folder cannot have media content.", reason="invalidContentType")
        parents = bodies.texts(body, "parents")
        if len(parents) > 1:
            raise ApiError(403, "A file cannot have more than one parent.", reason="multipleParentsNotAllowed")
        inside, told = tuple(self._drive.get(each).id for each in parents), metadata.details(body, {})
        return self._drive.create(
            bodies.text(body, "name") or "Untitled",
            mime_type=kind,
            parents=inside,
            blob=None if kind == FOLDER else self._drive.blobs.store(content.data or b""),
            number=bodies.text(body, "id"),
            created=metadata.moment(body, "createdTime"),
            modified=metadata.moment(body, "modifiedTime"),
            details=told,
        )

    def _copy(self, request: Request, number: str) -> Response:
        body, old = request.json(), visible(self._drive, request, number)
        metadata.check(body, new=True)
        if old.blob is None:
            raise ApiError(403, "This file cannot be copied.", reason="cannotCopyFile")
        if not body.get("name"):
            raise not_imitated("the name of a copy that is not told")
        given = {"mimeType": old.mime_type, "parents": list(old.parents), **old.details, **body}
        data = steadily(lambda: self._bytes(number))
        return self._shown(request, self._made(Content(given, data, old.mime_type)))

    def _bytes(self, number: str) -> bytes:
        found = self._drive.get(number).blob
        return b"" if found is None else self._drive.blobs.path(found).read_bytes()

    def _update(self, request: Request, number: str) -> Response:
        if request.query.get("uploadType") == "resumable":
            metadata.check(request.json(), new=False)
            return self._sessions.begin(request, visible(self._drive, request, number).id)
        old = visible(self._drive, request, number)
        return self._shown(request, self._changed(request.query, old, uploads.read(request)))

    def _changed(self, query: Mapping[str, str], old: DriveFile, content: Content) -> DriveFile:
        body = content.metadata
        metadata.check(body, new=False)
        changes: dict[str, Any] = {"parents": self._moved(query, old), "details": metadata.details(body, old.details)}
        if name := bodies.text(body, "name"):
            changes["name"] = name
        if kind := bodies.text(body, "mimeType"):
            changes["mime_type"] = kind
        if (when := metadata.moment(body, "modifiedTime")) is not None:
            changes["modified"] = when
        if "trashed" in body:
            trashed = bodies.boolean(body, "trashed")
            changes |= {"trashed": trashed, "trashed_at": self._drive.now() if trashed else None}
        if content.data is not None:
            changes |= self._content(old, content, changes)
        return self._drive.update(old.id, changes)

    def _content(self, old: DriveFile, content: Content, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Put new bytes in the place of the old ones, which stay as a revision."""
        if old.blob is None:
            raise ApiError(403, "A folder cannot have media content.", reason="invalidContentType")
        kind = changes.get("mime_type") or content.mime_type or old.mime_type
        blob = self._drive.blobs.store(content.data or b"")
        head = self._drive.revision(blob, changes.get("name", old.name), kind)
        return {"blob": blob, "mime_type": kind, "head_revision": head.id, "revisions": (*old.revisions, head)}

    def _resume(self, request: Request) -> Response:
        session = self._sessions.get(request)
        with session.lock:
            if session.result is None:
                if not add(session, Piece.of(request), request.body):
                    return Response(308, session.range_header)
                session.result = self._drive.shown(self._finished(session))
            chosen = request.query.get("fields") or session.query.get("fields")
            return json_response(fields.select(chosen, session.result, default=_DEFAULT_FILE))

    def _finished(self, session: Session) -> DriveFile:
        content = Content(session.metadata, bytes(session.data), session.mime_type)
        if session.number is None:
            return self._made(content)
        return self._changed(session.query, self._drive.get(session.number), content)

    def _moved(self, query: Mapping[str, str], old: DriveFile) -> tuple[str, ...]:
        """Read where a file shall lie: since 2020 in one folder."""
        added = [self._drive.get(each).id for each in query.get("addParents", "").split(",") if each]
        removed = [self._drive.get(each).id for each in query.get("removeParents", "").split(",") if each]
        parents = tuple(each for each in (*old.parents, *added) if each not in removed) or (self._drive.root.id,)
        if len(set(parents)) > 1:
            raise ApiError(403, "Increasing the number of parents is not allowed", reason="cannotAddParent")
        return parents[:1]

    def _delete(self, request: Request, number: str) -> Response:
        self._drive.delete(visible(self._drive, request, number).id)
        return Response(204)

    def _shown(self, request: Request, made: DriveFile) -> Response:
        return json_response(fields.select(request.query.get("fields"), self._drive.shown(made), default=_DEFAULT_FILE))


def page_start(token: str | None) -> int:
    """
    Read where a page begins.

    Raises:
        ApiError: 400 for a token that none of our pages named.
    """
    if token is None:
        return 0
    if not token.startswith("page-") or not digits(token[5:]):
        raise ApiError(400, "Invalid Value")
    return int(token[5:])


def _drives(request: Request) -> set[str | None] | None:
    """Read whose files a list may hold: None as a member is the user's own Drive, None as a whole everything."""
    spaces, corpora = request.query.get("spaces", "drive"), request.query.get("corpora", "user")
    number = request.query.get("driveId")
    wide = truth(request, "includeItemsFromAllDrives") and truth(request, "supportsAllDrives")
    if spaces != "drive":
        raise not_imitated(f"the space '{spaces}' of Drive")
    if corpora not in ("user", "allDrives", "drive"):
        raise not_imitated(f"lists of Drive over the corpora '{corpora}'")
    if (corpora == "drive") != (number is not None):
        raise ApiError(400, "The driveId parameter must be specified if and only if corpora is set to drive.")
    if corpora != "user" and not wide:
        raise ApiError(
            403, "The includeItemsFromAllDrives and supportsAllDrives parameters must be true for these corpora."
        )
    if number is not None:
        return {number}
    return None if corpora == "allDrives" else {None}


def _discovery(request: Request) -> Response:
    base = request.base_url + "/"
    document = {**bundled("drive.v3"), "rootUrl": base, "baseUrl": base + "drive/v3/", "mtlsRootUrl": base}
    return json_response(document)

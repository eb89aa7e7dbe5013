"""The methods of Drive v3 on what belongs to files: permissions, revisions, changes; and on shared drives."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.sandbox import bodies, fields
from orchestrator.sandbox.drive.files import Drive, DriveFile
from orchestrator.sandbox.drive.routes import FILE, SHARED, page_start, visible
from orchestrator.sandbox.drive.values import ME, Revision, SharedDrive
from orchestrator.sandbox.ranges import media_response
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

_ROLES = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")
_TYPES = ("user", "group", "domain", "anyone")
_DEFAULT_CHANGES = (
    "kind,nextPageToken,newStartPageToken,changes(kind,changeType,time,removed,fileId,file(kind,id,name,mimeType))"
)
_SHARING = f"{SHARED} useDomainAdminAccess enforceExpansiveAccess enforceSingleParent"
_DRIVE = r"/drive/v3/drives/(?P<number>[^/]+)"


class MoreDriveRoutes:
    """Answer for Drive's permissions, revisions, changes and shared drives."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive

    def routes(self) -> list[Route]:
        def one(
            api: str, method: str, path: str, call: Callable[..., Response], query: str, media: bool | None = None
        ) -> Route:
            return route("drive", f"drive.{api}", method, path, call, query=query, media=media)

        shares, share = FILE + "/permissions", FILE + r"/permissions/(?P<key>[^/]+)"
        revision = FILE + r"/revisions/(?P<key>[^/]+)"
        page = "pageSize pageToken"
        return [
            one("permissions.list", "GET", shares, self._shares, f"{page} {_SHARING} includePermissionsForView"),
            one(
                "permissions.create",
                "POST",
                shares,
                self._share,
                f"{_SHARING} emailMessage sendNotificationEmail moveToNewOwnersRoot transferOwnership",
            ),
            one("permissions.get", "GET", share, self._get_share, _SHARING),
            one("permissions.update", "PATCH", share, self._change_share, f"{_SHARING} removeExpiration"),
            one("permissions.delete", "DELETE", share, self._unshare, _SHARING),
            one("revisions.list", "GET", FILE + "/revisions", self._revisions, page),
            one("revisions.media", "GET", revision, self._revision_media, "acknowledgeAbuse", media=True),
            one("revisions.get", "GET", revision, self._revision, "acknowledgeAbuse", media=False),
            one("revisions.update", "PATCH", revision, self._keep_revision, ""),
            one("revisions.delete", "DELETE", revision, self._delete_revision, ""),
            one("changes.getStartPageToken", "GET", r"/drive/v3/changes/startPageToken", self._start, SHARED),
            one(
                "changes.list",
                "GET",
                r"/drive/v3/changes",
                self._changes,
                f"{page} includeRemoved includeItemsFromAllDrives spaces {SHARED}",
            ),
            one("drives.list", "GET", r"/drive/v3/drives", self._drives, f"{page} useDomainAdminAccess"),
            one("drives.create", "POST", r"/drive/v3/drives", self._make_drive, "requestId"),
            one("drives.get", "GET", _DRIVE, self._get_drive, "useDomainAdminAccess"),
            one("drives.update", "PATCH", _DRIVE, self._change_drive, "useDomainAdminAccess"),
            one("drives.delete", "DELETE", _DRIVE, self._delete_drive, "useDomainAdminAccess"),
            one("drives.hide", "POST", _DRIVE + "/hide", self._hide, ""),
            one("drives.unhide", "POST", _DRIVE + "/unhide", self._unhide, ""),
        ]

    def _shares(self, request: Request, number: str) -> Response:
        found = self._drive.permissions(visible(self._drive, request, number))
        return _page(request, "permissions", "drive#permissionList", found, "kind,id,type,role")

    def _get_share(self, request: Request, number: str, key: str) -> Response:
        found = self._drive.permissions(visible(self._drive, request, number))
        return _one(request, _by_id(found, key), "kind,id,type,role")

    def _share(self, request: Request, number: str) -> Response:
        found = visible(self._drive, request, number)
        made = _permission(request.json())
        self._drive.update(found.id, {"permissions": (*found.permissions, made), "modified": found.modified})
        return _one(request, made, "kind,id,type,role")

    def _change_share(self, request: Request, number: str, key: str) -> Response:
        found, body = visible(self._drive, request, number), request.json()
        old = _by_id([dict(each) for each in found.permissions], key)
        if set(body) - {"role", "kind"}:
            raise not_imitated(f"changing {sorted(set(body) - {'role', 'kind'})} of a permission")
        changed = {**old, "role": _role(body)}
        kept = tuple(changed if each["id"] == key else each for each in found.permissions)
        self._drive.update(found.id, {"permissions": kept, "modified": found.modified})
        return _one(request, changed, "kind,id,type,role")

    def _unshare(self, request: Request, number: str, key: str) -> Response:
        found = visible(self._drive, request, number)
        if key == ME["permissionId"]:
            raise ApiError(403, "The owner of a file cannot be removed.", reason="cannotDeletePermission")
        _by_id([dict(each) for each in found.permissions], key)
        kept = tuple(each for each in found.permissions if each["id"] != key)
        self._drive.update(found.id, {"permissions": kept, "modified": found.modified})
        return Response(204)

    def _revisions(self, request: Request, number: str) -> Response:
        shown = [each.resource() for each in self._drive.get(number).revisions]
        return _page(request, "revisions", "drive#revisionList", shown, "kind,id,mimeType,modifiedTime")

    def _revision(self, request: Request, number: str, key: str) -> Response:
        return _one(request, _found(self._drive.get(number), key).resource(), "kind,id,mimeType,modifiedTime")

    def _revision_media(self, request: Request, number: str, key: str) -> Response:
        return steadily(lambda: self._opened(request, number, key))

    def _opened(self, request: Request, number: str, key: str) -> Response:
        found = _found(self._drive.get(number), key)
        headers = {"Content-Type": found.mime_type, "Content-Disposition": "attachment"}
        return media_response(self._drive.blobs.path(found.blob), found.blob.size, request, headers)

    def _keep_revision(self, request: Request, number: str, key: str) -> Response:
        body, made = request.json(), self._drive.get(number)
        if set(body) - {"keepForever", "kind"}:
            raise not_imitated(f"changing {sorted(set(body) - {'keepForever', 'kind'})} of a revision")
        changed = replace(_found(made, key), keep_forever=bodies.boolean(body, "keepForever"))
        kept = tuple(changed if each.id == key else each for each in made.revisions)
        self._drive.update(made.id, {"revisions": kept, "modified": made.modified})
        return _one(request, changed.resource(), "kind,id,mimeType,modifiedTime")

    def _delete_revision(self, request: Request, number: str, key: str) -> Response:  # noqa: ARG002
        made = self._drive.get(number)
        gone = _found(made, key)
        if gone is made.revisions[-1]:
            raise not_imitated("the deletion of a file's current revision")
        kept = tuple(each for each in made.revisions if each.id != key)
        self._drive.update(made.id, {"revisions": kept, "modified": made.modified})
        self._drive.blobs.discard(gone.blob)
        return Response(204)

    def _start(self, request: Request) -> Response:
        answer = {"kind": "drive#startPageToken", "startPageToken": str(self._drive.last_change())}
        return json_response(fields.select(request.query.get("fields"), answer))

    def _changes(self, request: Request) -> Response:
        token = request.query.get("pageToken", "")
        if not digits(token):
            raise ApiError(400, f"Invalid Value: the page token '{token}' is none that was given.")
        if request.query.get("spaces", "drive") != "drive":
            raise not_imitated(f"the space '{request.query['spaces']}' of Drive")
        size, gone_too = integer(request, "pageSize", 100), request.query.get("includeRemoved", "true") != "false"
        found = [each for each in self._drive.changes(int(token)) if gone_too or not each[3]]
        wide = truth(request, "includeItemsFromAllDrives") and truth(request, "supportsAllDrives")
        shown = [each for each in (self._change(*change, wide=wide) for change in found[:size]) if each]
        answer: dict[str, Any] = {"kind": "drive#changeList", "changes": shown}
        if len(found) > size:
            answer["nextPageToken"] = str(found[size - 1][0])
        else:
            answer["newStartPageToken"] = str(self._drive.last_change())
        return json_response(fields.select(request.query.get("fields"), answer, default=_DEFAULT_CHANGES))

    def _change(self, at: int, number: str, when: str, gone: bool, *, wide: bool) -> dict[str, Any] | None:
        del at
        told = {"kind": "drive#change", "type": "file", "changeType": "file", "time": when, "fileId": number}
        if gone:
            return {**told, "removed": True}
        made = self._drive.get(number)
        if not made.parents or (made.drive is not None and not wide):
            return None
        return {**told, "removed": False, "file": self._drive.shown(made)}

    def _drives(self, request: Request) -> Response:
        shown = [each.resource() for each in self._drive.shared()]
        return _page(request, "drives", "drive#driveList", shown, "kind,id,name")

    def _make_drive(self, request: Request) -> Response:
        name, wanted = bodies.text(request.json(), "name"), request.query.get("requestId")
        if not name or not wanted:
            raise ProtocolViolation("Required: the parameter requestId and a name in the body.")
        return _one(request, self._drive.make_shared(name, wanted).resource(), "kind,id,name")

    def _get_drive(self, request: Request, number: str) -> Response:
        return _one(request, self._drive.shared_drive(number).resource(), "kind,id,name")

    def _change_drive(self, request: Request, number: str) -> Response:
        body = request.json()
        if set(body) - {"name", "kind"}:
            raise not_imitated(f"changing {sorted(set(body) - {'name', 'kind'})} of a shared drive")
        old = self._drive.shared_drive(number)
        return self._kept(request, replace(old, name=bodies.text(body, "name") or old.name))

    def _delete_drive(self, request: Request, number: str) -> Response:  # noqa: ARG002
        self._drive.delete_shared(number)
        return Response(204)

    def _hide(self, request: Request, number: str) -> Response:
        return self._kept(request, replace(self._drive.shared_drive(number), hidden=True))

    def _unhide(self, request: Request, number: str) -> Response:
        return self._kept(request, replace(self._drive.shared_drive(number), hidden=False))

    def _kept(self, request: Request, made: SharedDrive) -> Response:
        return _one(request, self._drive.keep_shared(made).resource(), "kind,id,name")


def _found(made: DriveFile, key: str) -> Revision:
    found = next((each for each in made.revisions if each.id == key), None)
    if found is None:
        raise ApiError(404, f"Revision not found: {key}.")
    return found


def _by_id(found: list[dict[str, Any]], key: str) -> dict[str, Any]:
    permission = next((each for each in found if each["id"] == key), None)
    if permission is None:
        raise ApiError(404, f"Permission not found: {key}.")
    return permission


def _role(body: Mapping[str, Any]) -> str:
    role = bodies.text(body, "role")
    if role not in _ROLES:
        raise ApiError(400, f"The specified role is invalid or not supported as a role: {role}.")
    if role == "owner":
        raise not_imitated("another owner of a Drive file")
    return role


def _permission(body: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(body) - {"role", "type", "emailAddress", "domain", "allowFileDiscovery", "kind"}):
        raise not_imitated(f"{unknown} of a permission")
    kind, email = bodies.text(body, "type"), bodies.text(body, "emailAddress")
    if kind not in _TYPES:
        raise ApiError(400, f"The permission type field is required; it is one of {', '.join(_TYPES)}.")
    if (kind in ("user", "group")) != (email is not None):
        raise ApiError(400, "The specified emailAddress is invalid or not applicable for the given permission type.")
    role = _role(body)
    number = {"anyone": "anyoneWithLink"}.get(kind) or f"{secrets.randbelow(10**20):020d}"
    made: dict[str, Any] = {"kind": "drive#permission", "id": number, "type": kind, "role": role}
    if email is not None:
        made |= {"emailAddress": email, "displayName": email.partition("@")[0], "deleted": False, "pendingOwner": False}
    if kind in ("anyone", "domain"):
        made["allowFileDiscovery"] = bodies.boolean(body, "allowFileDiscovery")
    return made if kind != "domain" else {**made, "domain": bodies.text(body, "domain")}


def _one(request: Request, shown: Mapping[str, Any], default: str) -> Response:
    return json_response(fields.select(request.query.get("fields"), dict(shown), default=default))


def _page(request: Request, name: str, kind: str, found: list[dict[str, Any]], default: str) -> Response:
    size, start = integer(request, "pageSize", 100), page_start(request.query.get("pageToken"))
    if size < 1:
        raise ProtocolViolation(f"Invalid value '{size}'. Values must be within the range: [1, 1000]")
    answer: dict[str, Any] = {"kind": kind, name: found[start : start + size]}
    if start + size < len(found):
        answer["nextPageToken"] = f"page-{start + size}"
    whole = f"kind,nextPageToken,{name}({default})"
    return json_response(fields.select(request.query.get("fields"), answer, default=whole))

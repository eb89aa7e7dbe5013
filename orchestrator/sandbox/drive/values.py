"""Drive's files, revisions, permissions and shared drives as values, and how its JSON shows them."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator.sandbox.blobs import CHUNK_BYTES, Blob

GOOGLE = "application/vnd.google-apps."
FOLDER, SHORTCUT = GOOGLE + "folder", GOOGLE + "shortcut"
ME = {
    "kind": "drive#user",
    "displayName": "Sandbox",
    "me": True,
    "permissionId": "00000000000000000001",
    "emailAddress": "sandbox@example.com",
}
_ALPHABET = string.ascii_letters + string.digits + "-_"


def is_id(text: str) -> bool:
    """Tell whether `text` has the form of the ids that `files.generateIds` gives."""
    return len(text) == 33 and text.startswith("1") and set(text) <= set(_ALPHABET)


def new_id() -> str:
    """Ids look like Drive's: 33 characters that begin with 1."""
    return "1" + "".join(secrets.choice(_ALPHABET) for _ in range(32))


@dataclass(frozen=True, slots=True)
class Revision:
    """One content of a file."""

    id: str
    modified: str
    mime_type: str
    blob: Blob
    name: str
    sha1: str
    sha256: str
    keep_forever: bool = False

    def resource(self) -> dict[str, Any]:
        return {
            "kind": "drive#revision",
            "id": self.id,
            "mimeType": self.mime_type,
            "modifiedTime": self.modified,
            "keepForever": self.keep_forever,
            "published": False,
            "lastModifyingUser": ME,
            "originalFilename": self.name,
            "md5Checksum": self.blob.md5_hex,
            "size": str(self.blob.size),
        }


@dataclass(frozen=True, slots=True)
class DriveFile:
    """
    A file, or a folder when it has no blob. Names may repeat; the id is what identifies.

    Attributes:
        details: What the caller set of the resource and nothing else depends on, by its name there.
        drive: The shared drive it lies in, or None.
        permissions: Given to it itself; those of its folders come on top.
        revisions: Every content it has had, the current one last. Files of older sandboxes have none.
        trashed: It itself was put into the trash; what lies in a trashed folder is trashed with it.
    """

    id: str
    name: str
    mime_type: str
    parents: tuple[str, ...]
    created: str
    modified: str
    version: int
    blob: Blob | None = None
    head_revision: str | None = None
    trashed: bool = False
    order: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    drive: str | None = None
    permissions: tuple[Mapping[str, Any], ...] = ()
    revisions: tuple[Revision, ...] = ()
    trashed_at: str | None = None

    @property
    def starred(self) -> bool:
        return bool(self.details.get("starred", False))


@dataclass(frozen=True, slots=True)
class SharedDrive:
    """A drive that belongs to a group; its id is that of its topmost folder."""

    id: str
    name: str
    created: str
    request: str
    hidden: bool = False

    def resource(self) -> dict[str, Any]:
        return {
            "kind": "drive#drive",
            "id": self.id,
            "name": self.name,
            "createdTime": self.created,
            "hidden": self.hidden,
        }


def revision_of(blob: Blob, path: Path, name: str, mime_type: str, when: str) -> Revision:
    """Describe the content at `path`, with the checksums that Drive shows."""
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            sha1.update(chunk)
            sha256.update(chunk)
    return Revision(new_id(), when, mime_type, blob, name, sha1.hexdigest(), sha256.hexdigest())


def resource(made: DriveFile, *, trashed: bool, permissions: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Show a file as Drive's JSON does.

    Args:
        made: The file.
        trashed: Whether it or a folder around it is in the trash.
        permissions: Its own and those of its folders.
    """
    own = made.drive is None
    shown: dict[str, Any] = {
        "kind": "drive#file",
        "id": made.id,
        "name": made.name,
        "mimeType": made.mime_type,
        "parents": list(made.parents),
        "createdTime": made.created,
        "modifiedTime": made.modified,
        "modifiedByMe": True,
        "modifiedByMeTime": made.modified,
        "version": str(made.version),
        "trashed": trashed,
        "explicitlyTrashed": made.trashed,
        "lastModifyingUser": ME,
        "shared": any(each["role"] != "owner" for each in permissions),
        "starred": False,
        "spaces": ["drive"],
        "permissionIds": [each["id"] for each in permissions],
        "permissions": permissions,
        "capabilities": _capabilities(made),
        "webViewLink": _link(made),
        "quotaBytesUsed": "0",
        "viewedByMe": "viewedByMeTime" in made.details,
    }
    shown |= {"ownedByMe": True, "owners": [ME]} if own else {"driveId": made.drive, "teamDriveId": made.drive}
    if made.trashed_at is not None:
        shown |= {"trashedTime": made.trashed_at, "trashingUser": ME}
    return shown | dict(made.details) | _content(made)


def _content(made: DriveFile) -> dict[str, Any]:
    if made.blob is None:
        return {}
    name = str(made.details.get("originalFilename", made.name))
    shown = {
        "size": str(made.blob.size),
        "quotaBytesUsed": str(made.blob.size),
        "md5Checksum": made.blob.md5_hex,
        "headRevisionId": made.head_revision,
        "originalFilename": name,
        "fileExtension": PurePosixPath(name).suffix.lstrip("."),
        "fullFileExtension": "".join(PurePosixPath(name).suffixes).lstrip("."),
        "webContentLink": f"https://drive.google.com/uc?id={made.id}&export=download",
    }
    if made.revisions:
        shown |= {"sha1Checksum": made.revisions[-1].sha1, "sha256Checksum": made.revisions[-1].sha256}
    return shown


def _link(made: DriveFile) -> str:
    if made.mime_type == FOLDER:
        return f"https://drive.google.com/drive/folders/{made.id}"
    return f"https://drive.google.com/file/d/{made.id}/view?usp=drivesdk"


def _capabilities(made: DriveFile) -> dict[str, bool]:
    """What the one user of this Drive may do."""
    is_folder = made.mime_type == FOLDER
    may = ("canCopy", "canDelete", "canDownload", "canEdit", "canRename", "canShare", "canTrash", "canUntrash")
    shown = dict.fromkeys(may, True)
    return shown | {
        "canAddChildren": is_folder,
        "canListChildren": is_folder,
        "canCopy": not is_folder,
        "canDownload": made.blob is not None,
        "canReadRevisions": made.blob is not None,
    }

"""Drive's files and folders as values, and the place where they are kept."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.sandbox.blobs import Blob, Blobs
from orchestrator.sandbox.clock import Clock, rfc3339_millis
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.web import ApiError

FOLDER = "application/vnd.google-apps.folder"
QUOTA_BYTES = 15 << 30  # what a free account has
_ALPHABET = string.ascii_letters + string.digits + "-_"


@dataclass(frozen=True, slots=True)
class DriveFile:
    """A file, or a folder when it has no blob. Names may repeat; the id is what identifies."""

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

    def resource(self) -> dict[str, Any]:
        """Show it as Drive's JSON does, every field we know."""
        shown: dict[str, Any] = {
            "kind": "drive#file",
            "id": self.id,
            "name": self.name,
            "mimeType": self.mime_type,
            "parents": list(self.parents),
            "createdTime": self.created,
            "modifiedTime": self.modified,
            "version": str(self.version),
            "trashed": self.trashed,
            "explicitlyTrashed": self.trashed,
            "ownedByMe": True,
            "starred": False,
            "spaces": ["drive"],
        }
        if self.blob is not None:
            shown |= {
                "size": str(self.blob.size),
                "quotaBytesUsed": str(self.blob.size),
                "md5Checksum": self.blob.md5_hex,
                "headRevisionId": self.head_revision,
                "originalFilename": self.name,
                "fileExtension": Path(self.name).suffix.lstrip("."),
            }
        return shown


class Drive:
    """Keep files on disk; every change is whole or not at all, and safe from several threads."""

    def __init__(self, folder: Path, records: Records, clock: Clock) -> None:
        self.blobs = Blobs(folder)
        self._records = records
        self._clock = clock
        self._lock = threading.RLock()
        self._files = {key: _file_of(value) for key, value in records.all("drive").items()}
        self._order = max((each.order for each in self._files.values()), default=0)
        self.root = self._root()
        self.blobs.sweep({each.blob.name for each in self._files.values() if each.blob is not None})

    def create(
        self, name: str, *, mime_type: str, parents: tuple[str, ...] = (), blob: Blob | None = None
    ) -> DriveFile:
        """
        Make a file, or a folder without a blob; without parents it lies in the root.

        Raises:
            ApiError: 404 if a parent is unknown.
        """
        with self._lock:
            for parent in parents:
                self.get(parent)
            now = rfc3339_millis(self._clock.now())
            self._order += 1
            made = DriveFile(
                id=_new_id(),
                name=name,
                mime_type=mime_type,
                parents=parents or (self.root.id,),
                created=now,
                modified=now,
                version=1,
                blob=blob,
                head_revision=_new_id() if blob is not None else None,
                order=self._order,
            )
            return self._keep(made)

    def folder(self, name: str | None) -> DriveFile:
        """Find the newest folder called `name`, or make one in the root; without a name, the root itself."""
        if not name:
            return self.root
        with self._lock:
            found = [f for f in self._files.values() if f.name == name and f.mime_type == FOLDER and not f.trashed]
            return max(found, key=lambda each: each.order) if found else self.create(name, mime_type=FOLDER)

    def get(self, number: str) -> DriveFile:
        """
        Raises:
            ApiError: 404 if there is none.
        """
        with self._lock:
            found = self._files.get(self.root.id if number == "root" else number)
        if found is None:
            raise ApiError(404, f"File not found: {number}.")
        return found

    def update(self, number: str, changes: Mapping[str, Any]) -> DriveFile:
        """Change name, parents or the trashed mark."""
        with self._lock:
            old = self.get(number)
            now = rfc3339_millis(self._clock.now())
            return self._keep(replace(old, **changes, version=old.version + 1, modified=now))

    def delete(self, number: str) -> None:
        """Remove a file for good; a folder takes along what lies in it."""
        with self._lock:
            found = self.get(number)
            inside = [each.id for each in self._files.values() if found.id in each.parents]
            for child in inside:
                self.delete(child)
            self._files.pop(found.id, None)
            self._records.delete("drive", found.id)
        if found.blob is not None:
            self.blobs.discard(found.blob)

    def find(self, wanted: Callable[[DriveFile], bool]) -> list[DriveFile]:
        """Return the files that `wanted` accepts, newest first; the root is no file."""
        with self._lock:
            found = [each for each in self._files.values() if each.id != self.root.id and wanted(each)]
        return sorted(found, key=lambda each: -each.order)

    def used_bytes(self) -> int:
        with self._lock:
            return sum(each.blob.size for each in self._files.values() if each.blob is not None)

    def report(self) -> dict[str, int]:
        with self._lock:
            files = sum(1 for each in self._files.values() if each.blob is not None)
            return {"files": files, "folders": len(self._files) - files - 1, "bytes": self.used_bytes()}

    def _root(self) -> DriveFile:
        found = next((each for each in self._files.values() if not each.parents), None)
        if found is not None:
            return found
        now = rfc3339_millis(self._clock.now())
        return self._keep(DriveFile(_new_id(), "My Drive", FOLDER, (), now, now, 1))

    def _keep(self, made: DriveFile) -> DriveFile:
        self._records.put("drive", made.id, asdict(made))
        self._files[made.id] = made
        return made


def _new_id() -> str:
    """Ids look like Drive's: 33 characters that begin with 1."""
    return "1" + "".join(secrets.choice(_ALPHABET) for _ in range(32))


def _file_of(value: dict[str, Any]) -> DriveFile:
    blob = Blob(**value["blob"]) if value["blob"] else None
    return DriveFile(**{**value, "parents": tuple(value["parents"]), "blob": blob})

"""Where Drive's files are kept; every change is whole or not at all, and safe from several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from orchestrator.sandbox.blobs import Blob, Blobs
from orchestrator.sandbox.clock import Clock, rfc3339_millis
from orchestrator.sandbox.drive import values
from orchestrator.sandbox.drive.values import FOLDER, ME, DriveFile, Revision, SharedDrive, new_id, revision_of
from orchestrator.sandbox.records import Records
from orchestrator.sandbox.web import ApiError

__all__ = ["FOLDER", "QUOTA_BYTES", "Drive", "DriveFile"]

QUOTA_BYTES = 15 << 30  # what a free account has
_OWNER: dict[str, Any] = {
    "kind": "drive#permission",
    "id": ME["permissionId"],
    "type": "user",
    "role": "owner",
    "emailAddress": ME["emailAddress"],
    "displayName": ME["displayName"],
    "deleted": False,
    "pendingOwner": False,
}


class Drive:
    """One user's Drive, and the shared drives that the user belongs to."""

    def __init__(self, folder: Path, records: Records, clock: Clock) -> None:
        self.blobs = Blobs(folder)
        self._records = records
        self._clock = clock
        self._lock = threading.RLock()
        self._files = {key: _file_of(value) for key, value in records.all("drive").items()}
        self._shared = {key: SharedDrive(**value) for key, value in records.all("shared_drives").items()}
        self._order = max((each.order for each in self._files.values()), default=0)
        # What changed, oldest first: an id, when, and whether it is gone. A place in the list is a page token.
        self._changes: list[tuple[str, str, bool]] = []
        self.root = self._root()
        self.blobs.sweep({blob.name for each in self._files.values() for blob in _blobs(each)})

    def now(self) -> str:
        return rfc3339_millis(self._clock.now())

    def create(
        self,
        name: str,
        *,
        mime_type: str,
        parents: tuple[str, ...] = (),
        blob: Blob | None = None,
        number: str | None = None,
        created: str | None = None,
        modified: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> DriveFile:
        """
        Make a file, or a folder without a blob; without parents it lies in the root.

        Raises:
            ApiError: 404 if a parent is unknown, 409 if the id that was asked for is taken.
        """
        with self._lock:
            drives = [self.get(parent).drive for parent in parents]
            if number is not None and number in self._files:
                raise ApiError(409, "A file already exists with the provided ID.", reason="fileIdInUse")
            now = self.now()
            head = None if blob is None else self.revision(blob, name, mime_type)
            self._order += 1
            made = DriveFile(
                id=number or new_id(),
                name=name,
                mime_type=mime_type,
                parents=parents or (self.root.id,),
                created=created or now,
                modified=modified or now,
                version=1,
                blob=blob,
                head_revision=None if head is None else head.id,
                order=self._order,
                details=details or {},
                drive=next((each for each in drives if each), None),
                revisions=() if head is None else (head,),
            )
            return self._keep(made)

    def revision(self, blob: Blob, name: str, mime_type: str) -> Revision:
        """Describe a content that has just come."""
        return revision_of(blob, self.blobs.path(blob), name, mime_type, self.now())

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
        """Change fields of a file; the time of its modification, too, unless `changes` names one."""
        with self._lock:
            old = self.get(number)
            return self._keep(replace(old, **{"modified": self.now(), "version": old.version + 1, **changes}))

    def delete(self, number: str) -> None:
        """Remove a file for good; a folder takes along what lies in it."""
        with self._lock:
            found = self.get(number)
            for child in self._children(found.id):
                self.delete(child.id)
            self._files.pop(found.id, None)
            self._records.delete("drive", found.id)
            self._changes.append((found.id, self.now(), True))
        for blob in _blobs(found):
            self.blobs.discard(blob)

    def empty_trash(self, drive: str | None = None) -> None:
        """Remove what is in the trash of the user's Drive, or of a shared drive."""
        with self._lock:
            for each in [f for f in self._files.values() if f.trashed and f.drive == drive]:
                if each.id in self._files:
                    self.delete(each.id)

    def find(self, wanted: Callable[[DriveFile], bool]) -> list[DriveFile]:
        """Return the files that `wanted` accepts, newest first; roots are no files."""
        with self._lock:
            found = [each for each in self._files.values() if each.parents and wanted(each)]
        return sorted(found, key=lambda each: -each.order)

    def shown(self, made: DriveFile) -> dict[str, Any]:
        """Show a file as Drive's JSON does, every field we know."""
        with self._lock:
            return values.resource(made, trashed=self.is_trashed(made), permissions=self.permissions(made))

    def is_trashed(self, made: DriveFile) -> bool:
        """Tell whether a file, or a folder around it, is in the trash."""
        with self._lock:
            return any(each.trashed for each in self._upwards(made))

    def permissions(self, made: DriveFile) -> list[dict[str, Any]]:
        """Give who may do what: the owner, whom the file was shared with, and whom its folders were shared with."""
        found: dict[str, dict[str, Any]] = {} if made.drive else {_OWNER["id"]: dict(_OWNER)}
        for each in self._upwards(made):
            for permission in each.permissions:
                found.setdefault(str(permission["id"]), dict(permission))
        return list(found.values())

    def changes(self, after: int) -> list[tuple[int, str, str, bool]]:
        """Give the last change of each file after a place: its place, the id, when, and whether the file is gone."""
        with self._lock:
            last = {number: (at, when, gone) for at, (number, when, gone) in enumerate(self._changes, start=1)}
        found = [(at, number, when, gone) for number, (at, when, gone) in last.items() if at > after]
        return sorted(found)

    def last_change(self) -> int:
        with self._lock:
            return len(self._changes)

    def make_shared(self, name: str, request: str) -> SharedDrive:
        """
        Make a shared drive, once for each request id.

        Raises:
            ApiError: 409 if the request id made one before.
        """
        with self._lock:
            if any(each.request == request for each in self._shared.values()):
                raise ApiError(409, "A shared drive already exists with the provided request ID.")
            made = SharedDrive("0A" + new_id()[1:18], name, self.now(), request)
            self._keep(DriveFile(made.id, name, FOLDER, (), made.created, made.created, 1, drive=made.id))
            return self.keep_shared(made)

    def keep_shared(self, made: SharedDrive) -> SharedDrive:
        with self._lock:
            self._records.put("shared_drives", made.id, asdict(made))
            self._shared[made.id] = made
        return made

    def shared(self) -> list[SharedDrive]:
        with self._lock:
            return sorted(self._shared.values(), key=lambda each: each.name)

    def shared_drive(self, number: str) -> SharedDrive:
        """
        Raises:
            ApiError: 404 if there is none.
        """
        with self._lock:
            found = self._shared.get(number)
        if found is None:
            raise ApiError(404, f"Shared drive not found: {number}")
        return found

    def delete_shared(self, number: str) -> None:
        """
        Remove an empty shared drive.

        Raises:
            ApiError: 403 if something lies in it.
        """
        with self._lock:
            self.shared_drive(number)
            if self._children(number):
                raise ApiError(403, "A shared drive cannot be deleted while it contains items.")
            self.delete(number)
            self._shared.pop(number)
            self._records.delete("shared_drives", number)

    def used_bytes(self, *, trashed: bool | None = None) -> int:
        """Count bytes of the user's own files; of those in the trash, or outside of it, alone."""
        with self._lock:
            own = [each for each in self._files.values() if each.drive is None]
            counted = [each for each in own if trashed is None or self.is_trashed(each) == trashed]
            return sum(each.blob.size for each in counted if each.blob is not None)

    def report(self) -> dict[str, int]:
        with self._lock:
            files = sum(1 for each in self._files.values() if each.blob is not None)
            folders = sum(1 for each in self._files.values() if each.blob is None and each.parents)
            return {"files": files, "folders": folders, "bytes": self.used_bytes()}

    def _children(self, number: str) -> list[DriveFile]:
        return [each for each in self._files.values() if number in each.parents]

    def _upwards(self, made: DriveFile) -> Iterator[DriveFile]:
        yield made
        seen = {made.id}
        while made.parents and made.parents[0] in self._files and made.parents[0] not in seen:
            made = self._files[made.parents[0]]
            seen.add(made.id)
            yield made

    def _root(self) -> DriveFile:
        found = next((each for each in self._files.values() if not each.parents and each.drive is None), None)
        if found is not None:
            return found
        now = self.now()
        return self._keep(DriveFile(new_id(), "My Drive", FOLDER, (), now, now, 1))

    def _keep(self, made: DriveFile) -> DriveFile:
        self._records.put("drive", made.id, asdict(made))
        self._files[made.id] = made
        self._changes.append((made.id, self.now(), False))
        return made


def _blobs(made: DriveFile) -> list[Blob]:
    blobs = [each.blob for each in made.revisions]
    return blobs if made.blob is None or made.blob in blobs else [*blobs, made.blob]


def _file_of(value: dict[str, Any]) -> DriveFile:
    blob = Blob(**value["blob"]) if value["blob"] else None
    revisions = tuple(Revision(**{**each, "blob": Blob(**each["blob"])}) for each in value.get("revisions", ()))
    told = {"parents": tuple(value["parents"]), "blob": blob, "revisions": revisions}
    return DriveFile(**{**value, **told, "permissions": tuple(value.get("permissions", ()))})

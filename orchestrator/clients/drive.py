"""Drive: the files of one folder, their bytes, and the end of them. The only room that meets its SDK."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import google_auth_httplib2  # type: ignore[import-untyped]  # ships no types; one call below
from googleapiclient.discovery import build
from googleapiclient.http import MediaInMemoryUpload

from orchestrator.clients.answers import Pages, shorten
from orchestrator.clients.media import MediaBody, MediaSession, open_media
from orchestrator.clients.probe import probe
from orchestrator.clients.refusals import calling, refusals
from orchestrator.clients.transport import Transport
from orchestrator.clients.watch import LIMITS, CallLimits
from orchestrator.core.errors import GenerationError, NotFoundError, PermanentError, TransientError
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop

PUBLIC_URL = "https://www.googleapis.com"
PATH = "/drive/v3"
_FOLDER = "application/vnd.google-apps.folder"
_FILE = "id,name,size,md5Checksum,headRevisionId,createdTime"
MAX_FILES = 1_000_000  # of the whole folder
_PAGE = 1000  # the most Drive gives at once


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes of the account's storage; `limit` is None where it has none."""

    used: int
    limit: int | None


class DriveFiles:
    """
    The files directly in one folder, found by its name. Safe to use from several threads.

    Where several folders share the name it is the one modified last, which is the one Earth Engine exports into
    (Export.image.toDrive). Drive has no preconditions: a file is looked at just before it is read or deleted, and
    what changes in between is caught by the checksum, or, for a deletion, not at all.
    """

    def __init__(
        self,
        service: Any,
        folder: str,
        session: MediaSession,
        url: str,
        transport: Transport,
        stop: Stop | None = None,
        limits: CallLimits = LIMITS,
    ) -> None:
        """Take the discovery `service` over its `transport`, and an authorised `session` for bodies."""
        self._service, self._session, self._transport = service, session, transport
        self._folder, self._url, self._stop, self._limits = folder, url, stop, limits
        self._folder_id = ""
        self._finding = threading.Lock()
        self._met = False

    def close(self) -> None:
        """Give up every idle connection; the next call would open new ones."""
        self._session.close()
        self._service.close()
        self._transport.close()

    def find(self, prefix: str) -> list[StoredObject]:
        """List every file of the folder whose name starts with `prefix`, all pages, in the order of names."""
        what = f"listing Drive folder {self._folder!r}"
        # `name contains` matches words, not characters; what it leaves out would look like parts never written.
        # So the whole folder is listed and the prefix compared here.
        query = f"'{self.folder_id()}' in parents and trashed = false and mimeType != '{_FOLDER}'"
        with refusals(what):
            files = [entry for entry in self._list(query, what) if str(entry["name"]).startswith(prefix)]
            # Documents without bytes have no size and no checksum; they are nobody's export.
            return sorted((_stored(entry) for entry in files if "md5Checksum" in entry), key=lambda file: file.name)

    @contextmanager
    def open_body(self, source: StoredObject, start: int) -> Iterator[MediaBody]:
        """
        Open the bytes of the listed revision from offset `start` on.

        Raises:
            GenerationError: The file has new content.
            NotFoundError: The file is gone.
        """
        what = self._where(source)
        if self._get(source).generation != source.generation:
            raise GenerationError(f"{what}: its content was replaced after it was listed")
        with open_media(
            self._session,
            f"{self._url}/files/{quote(source.id, safe='')}",
            params={"alt": "media", "supportsAllDrives": "true"},
            start=start,
            size=source.size,
            generation=None,
            what=what,
        ) as body:
            yield body

    def create(self, name: str, content: bytes, over: StoredObject | None = None) -> StoredObject:
        """
        Write a small file that must not exist yet, and return it as a listing would.

        Drive lets several files have one name: of two who do this at once, both may succeed.

        Raises:
            GenerationError: A file of that name is there already.
            PermanentError: One is to be replaced: Drive has no condition that nobody else does so.
        """
        if over is not None:
            raise PermanentError(f"{name} in Drive is not replaced: Drive cannot promise that nobody else does so")
        what = f"writing Drive file {self._folder}/{name}"
        if any(found.name == name for found in self.find(name)):
            raise GenerationError(f"{what}: there is one already")
        body = {"name": name, "parents": [self.folder_id()]}
        media = MediaInMemoryUpload(content, "application/octet-stream")
        request = self._service.files().create(body=body, media_body=media, fields=_FILE, supportsAllDrives=True)
        # The SDK sends uploads to Google's own address, whatever address it was told.
        request.uri = f"{self._url.removesuffix(PATH)}/upload{PATH}{request.uri.partition(PATH)[2]}"
        answer = self._execute(request, what)
        with refusals(what):
            return _stored(answer)

    def delete(self, source: StoredObject) -> Deletion:
        """Delete the file for good, not into the trash, if its content is still the listed one."""
        what = f"deleting {self._where(source)}"
        try:
            if self._get(source).generation != source.generation:
                return Deletion.CHANGED
            answer, status = self._send(self._service.files().delete(fileId=source.id, supportsAllDrives=True), what)
        except NotFoundError:
            return Deletion.ABSENT
        # Done is an empty answer (204), or an empty object; a page with status 200 deletes nothing.
        if status != 204 and answer != {}:
            raise TransientError(f"{what}: the answer, HTTP {status}, does not say that it is done")
        return Deletion.DELETED

    def folder_id(self) -> str:
        """Return the folder's id, making the folder where there is none; asked once."""
        with self._finding:
            if not self._folder_id:
                self._folder_id = self._newest_folder() or self._create_folder()
            return self._folder_id

    def exists(self) -> bool:
        """Tell whether there is a folder of the name."""
        return bool(self._newest_folder())

    def remove_if_empty(self) -> bool:
        """Delete the folder unless something lies in it, be it in the trash; tell whether there is none left."""
        what = f"removing Drive folder {self._folder!r}"
        folder = self._newest_folder()
        if not folder:
            return True
        if any(self._list(f"'{folder}' in parents", what)):
            return False
        answer, status = self._send(self._service.files().delete(fileId=folder), what)
        if status != 204 and answer != {}:
            raise TransientError(f"{what}: the answer, HTTP {status}, does not say that it is done")
        with self._finding:
            self._folder_id = ""
        return True

    def quota(self) -> Quota:
        """Return what the account's storage holds and may hold."""
        answer = self._execute(self._service.about().get(fields="storageQuota"), "reading Drive's storage quota")
        with refusals("reading Drive's storage quota"):
            quota = answer["storageQuota"]
            limit = quota.get("limit")
            return Quota(used=int(quota.get("usage", 0)), limit=None if limit is None else int(limit))

    def _newest_folder(self) -> str:
        name = self._folder.replace("\\", "\\\\").replace("'", "\\'")
        query = f"mimeType = '{_FOLDER}' and name = '{name}' and trashed = false"
        request = self._service.files().list(
            q=query, orderBy="modifiedTime desc", pageSize=1, fields="files(id)", spaces="drive"
        )
        what = f"looking for Drive folder {self._folder!r}"
        files = _files(self._execute(request, what), what)
        return _id(files[0], what) if files else ""

    def _create_folder(self) -> str:
        request = self._service.files().create(body={"name": self._folder, "mimeType": _FOLDER}, fields="id")
        what = f"making Drive folder {self._folder!r}"
        return _id(self._execute(request, what), what)

    def _list(self, query: str, what: str) -> Iterator[dict[str, Any]]:
        token, others = None, frozenset({"kind", "incompleteSearch"})
        checked = Pages(what, "files", others, entries=MAX_FILES, pages=self._limits.pages)
        end = time.monotonic() + self._limits.list_seconds
        while True:
            request = self._service.files().list(
                q=query,
                pageSize=_PAGE,
                pageToken=token,
                fields=f"nextPageToken,files({_FILE})",
                supportsAllDrives=True,
                includeItemsFromAllDrives=True,
            )
            answer = self._execute(request, what)
            yield from _files(answer, what)
            checked.check(answer)
            token = answer.get("nextPageToken")
            if not token:
                return
            if time.monotonic() > end:
                raise TransientError(f"{what}: the list did not end within {self._limits.list_seconds:g} s")

    def look(self, source: StoredObject) -> StoredObject:
        """
        Return the file as Drive describes it now, asked over a new connection.

        Raises:
            GenerationError: It has new content.
            NotFoundError: It is gone.
        """
        self._transport.close()
        found = self._get(source)
        if found.generation != source.generation:
            raise GenerationError(f"{self._where(source)}: its content was replaced after it was listed")
        return found

    def renew(self) -> None:
        """Let the next body come over a new connection."""
        self._session.close()

    def _get(self, source: StoredObject) -> StoredObject:
        request = self._service.files().get(fileId=source.id, fields=_FILE, supportsAllDrives=True)
        what = self._where(source)
        answer = self._execute(request, what)
        with refusals(what):
            found = _stored(answer)
        if found.id != source.id:
            raise TransientError(f"{what}: the answer is about file {found.id}")
        return found

    def _execute(self, request: Any, what: str) -> dict[str, Any]:
        answer, _ = self._send(request, what)
        # The SDK hands on a page that is no JSON as if it were an answer; taken for an empty listing, a hotel's
        # login page would say that every part is gone.
        if not isinstance(answer, dict):
            raise TransientError(f"{what}: the answer has not the shape of Drive's: {shorten(str(answer), 80)!r}")
        return answer

    def _send(self, request: Any, what: str) -> tuple[Any, int]:
        """Return the answer as the SDK reads it, and its status."""
        if not self._met:
            probe(self._url, "Drive", self._stop)
            self._met = True
        with calling(what, self._stop, self._limits) as watch:
            return request.execute(num_retries=0), watch.status

    def _where(self, source: StoredObject) -> str:
        return f"Drive file {self._folder}/{source.name} (id {source.id}, revision {source.generation})"


def _stored(entry: dict[str, Any]) -> StoredObject:
    md5 = str(entry.get("md5Checksum", ""))
    return StoredObject(
        name=str(entry["name"]),
        size=int(entry.get("size", 0)),
        # Files of services that keep no revisions are told apart by their content.
        generation=str(entry.get("headRevisionId") or md5),
        md5=md5 or None,
        id=str(entry["id"]),
        created=_moment(entry.get("createdTime")),
    )


def _moment(text: Any) -> str:
    """Return a moment as Drive writes it; whatever is none counts as not said."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return found.isoformat() if found.tzinfo else ""


def _files(answer: dict[str, Any], what: str) -> list[dict[str, Any]]:
    files = answer.get("files")
    if not isinstance(files, list) or not all(isinstance(entry, dict) for entry in files):
        raise TransientError(f"{what}: the answer has no list of files in it")
    return files


def _id(entry: dict[str, Any], what: str) -> str:
    found = entry.get("id")
    if not isinstance(found, str) or not found:
        raise TransientError(f"{what}: the answer names no id")
    return found


def connect_drive(
    url: str | None,
    credentials: Any,
    folder: str,
    transfers: int = 4,
    stop: Stop | None = None,
    limits: CallLimits = LIMITS,
) -> DriveFiles:
    """
    Return the files of the folder named `folder`, with room for `transfers` bodies at once; nothing is sent yet.

    `url` is a sandbox's; None is Google's own. Every call ends soon after `stop` is set. The description of the API
    comes with the SDK, not over the network.
    """
    base = (url or PUBLIC_URL).rstrip("/") + PATH
    transport = Transport(transfers)
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=transport)
    with refusals("connecting to Drive"):
        service = build("drive", "v3", http=http, client_options={"api_endpoint": base}, static_discovery=True)
    session = MediaSession(credentials, transfers, base, stop)
    return DriveFiles(service, folder, session, base, transport, stop, limits)

"""Drive: the files of one folder, their bytes, and the end of them. The only room that meets its SDK."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import google_auth_httplib2  # type: ignore[import-untyped]  # ships no types; two calls below
import httplib2  # type: ignore[import-untyped]  # ships no types; one call below
from googleapiclient.discovery import build

from orchestrator.clients.media import READ_SECONDS, MediaBody, MediaSession, open_media
from orchestrator.clients.refusals import refusals
from orchestrator.core.errors import GenerationError, NotFoundError, TransientError
from orchestrator.model.objects import Deletion, StoredObject

PUBLIC_URL = "https://www.googleapis.com"
PATH = "/drive/v3"
_FOLDER = "application/vnd.google-apps.folder"
_FILE = "id,name,size,md5Checksum,headRevisionId"
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

    def __init__(self, service: Any, folder: str, session: MediaSession, url: str, http: Callable[[], Any]) -> None:
        """Take the discovery `service`, an authorised `session` for bodies, and how to make one thread's `http`."""
        self._service, self._session = service, session
        self._folder, self._url = folder, url
        self._make_http, self._local = http, threading.local()
        self._opened: list[Any] = []
        self._folder_id = ""
        self._finding = threading.Lock()

    def close(self) -> None:
        """Give up every connection, of every thread; only when no call is under way."""
        self._session.close()
        self._service.close()
        for http in self._opened:
            http.close()

    def find(self, prefix: str) -> list[StoredObject]:
        """List every file of the folder whose name starts with `prefix`, all pages, in the order of names."""
        what = f"listing Drive folder {self._folder!r}"
        # `name contains` matches words, not characters; what it leaves out would look like parts never written.
        # So the whole folder is listed and the prefix compared here.
        query = f"'{self.folder_id()}' in parents and trashed = false and mimeType != '{_FOLDER}'"
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
        if self._revision(source) != source.generation:
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

    def delete(self, source: StoredObject) -> Deletion:
        """Delete the file for good, not into the trash, if its content is still the listed one."""
        what = f"deleting {self._where(source)}"
        try:
            if self._revision(source) != source.generation:
                return Deletion.CHANGED
            self._send(self._service.files().delete(fileId=source.id, supportsAllDrives=True), what)
        except NotFoundError:
            return Deletion.ABSENT
        return Deletion.DELETED

    def folder_id(self) -> str:
        """Return the folder's id, making the folder where there is none; asked once."""
        with self._finding:
            if not self._folder_id:
                self._folder_id = self._newest_folder() or self._create_folder()
            return self._folder_id

    def quota(self) -> Quota:
        """Return what the account's storage holds and may hold."""
        answer = self._execute(self._service.about().get(fields="storageQuota"), "reading Drive's storage quota")
        quota = answer["storageQuota"]
        limit = quota.get("limit")
        return Quota(used=int(quota.get("usage", 0)), limit=None if limit is None else int(limit))

    def _newest_folder(self) -> str:
        name = self._folder.replace("\\", "\\\\").replace("'", "\\'")
        query = f"mimeType = '{_FOLDER}' and name = '{name}' and trashed = false"
        request = self._service.files().list(
            q=query, orderBy="modifiedTime desc", pageSize=1, fields="files(id)", spaces="drive"
        )
        files = self._execute(request, f"looking for Drive folder {self._folder!r}").get("files", [])
        return str(files[0]["id"]) if files else ""

    def _create_folder(self) -> str:
        request = self._service.files().create(body={"name": self._folder, "mimeType": _FOLDER}, fields="id")
        return str(self._execute(request, f"making Drive folder {self._folder!r}")["id"])

    def _list(self, query: str, what: str) -> Iterator[dict[str, Any]]:
        token = None
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
            if "files" not in answer:
                raise TransientError(f"{what}: the answer has no list of files in it")
            yield from answer["files"]
            token = answer.get("nextPageToken")
            if not token:
                return

    def _revision(self, source: StoredObject) -> str:
        request = self._service.files().get(fileId=source.id, fields=_FILE, supportsAllDrives=True)
        return _stored(self._execute(request, self._where(source))).generation

    def _execute(self, request: Any, what: str) -> dict[str, Any]:
        answer = self._send(request, what)
        # The SDK hands on a page that is no JSON as if it were an answer; taken for an empty listing, a hotel's
        # login page would say that every part is gone.
        if not isinstance(answer, dict):
            raise TransientError(f"{what}: the answer has not the shape of Drive's: {str(answer)[:80]!r}")
        return answer

    def _send(self, request: Any, what: str) -> Any:
        with refusals(what):
            return request.execute(http=self._http(), num_retries=0)

    def _http(self) -> Any:
        """Return this thread's connection: httplib2 is not to be shared between threads."""
        if not hasattr(self._local, "http"):
            self._local.http = self._make_http()
            self._opened.append(self._local.http)
        return self._local.http

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
    )


def connect_drive(url: str | None, credentials: Any, folder: str, transfers: int = 4) -> DriveFiles:
    """
    Return the files of the folder named `folder`, with room for `transfers` bodies at once; nothing is sent yet.

    `url` is a sandbox's; None is Google's own. The description of the API comes with the SDK, not over the network.
    """
    base = (url or PUBLIC_URL).rstrip("/") + PATH

    def make_http() -> Any:
        return google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=READ_SECONDS))

    with refusals("connecting to Drive"):
        service = build("drive", "v3", http=make_http(), client_options={"api_endpoint": base}, static_discovery=True)
    return DriveFiles(service, folder, MediaSession(credentials, transfers, base), base, make_http)

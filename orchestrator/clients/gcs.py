"""Cloud Storage: what lies in a bucket, its bytes, and the end of it. The only room that meets its SDK."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage

from orchestrator.clients.answers import Pages, is_proof
from orchestrator.clients.connections import TIMEOUT, SettledSession, make_session, mount
from orchestrator.clients.media import MediaBody, MediaSession, open_media
from orchestrator.clients.probe import probe
from orchestrator.clients.refusals import calling, refusal, refusals
from orchestrator.clients.watch import LIMITS, CallLimits, Watch
from orchestrator.core.errors import ConfigError, GenerationError, NotFoundError, TransientError
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop

PUBLIC_URL = "https://storage.googleapis.com"
_FIELDS = "kind,items(name,size,generation,crc32c,md5Hash,timeCreated),nextPageToken"
MAX_OBJECTS = 1_000_000
MAX_SOURCES = 32  # Cloud Storage: Composite objects, "between 1 and 32 objects"
CHUNK_UNIT = 256 << 10  # Cloud Storage: Resumable uploads, "a multiple of 256 KB"
# What the program does in the bucket; `doctor` asks for each by name.
NEEDED_PERMISSIONS = (
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A rule of the bucket that acts on objects without asking us; `conditions` as the service wrote them."""

    action: str
    conditions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BucketInfo:
    """
    What the owner of a bucket decided about it.

    Attributes:
        name: Its name.
        location: Region or multi-region, in capitals.
        storage_class: Of new objects, unless they say otherwise.
        versioning: Whether a deleted object stays as a noncurrent version, and is paid for.
        soft_delete_seconds: How long deleted bytes are kept, and paid for.
        uniform_access: Whether access is decided by the bucket alone.
        lifecycle: Rules that may delete our parts before we have them.
    """

    name: str
    location: str
    storage_class: str
    versioning: bool
    soft_delete_seconds: int
    uniform_access: bool
    lifecycle: tuple[Lifecycle, ...]


class WatchedSession(AuthorizedSession, SettledSession):
    """google-auth's session for the SDK, whose calls and renewals of the token are watched."""

    def __init__(self, credentials: Any, connections: int) -> None:
        self._renewals = make_session(1)
        renew: Any = Request
        super().__init__(credentials, auth_request=renew(self._renewals))  # type: ignore[no-untyped-call]
        mount(self, connections)

    def close(self) -> None:
        super().close()  # type: ignore[no-untyped-call]  # google-auth is typed in part
        self._renewals.close()


class GcsObjects:
    """
    The objects of one bucket. Safe to use from several threads.

    Every call has deadlines and is made once: whoever calls it decides about trying again. `session` carries
    the bodies; it must be authorised as `client` is.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        session: MediaSession,
        url: str | None = None,
        stop: Stop | None = None,
        limits: CallLimits = LIMITS,
    ) -> None:
        self._client, self._session, self._stop, self._limits = client, session, stop, limits
        self._met = False
        self._bucket = client.bucket(bucket)
        self._name = bucket
        self._url = (url or PUBLIC_URL).rstrip("/")

    def close(self) -> None:
        """Give up every connection; the next call would open new ones."""
        self._session.close()
        self._client.close()

    def find(self, prefix: str) -> list[StoredObject]:
        """List every live object whose name starts with `prefix`, all pages, in the order of names."""
        what = f"listing gs://{self._name}/{prefix}*"
        others = frozenset({"kind", "prefixes"})
        checked = Pages(what, "items", others, entries=MAX_OBJECTS, pages=self._limits.pages)
        with self._calling(what, seconds=self._limits.list_seconds):
            blobs = self._client.list_blobs(self._bucket, prefix=prefix, fields=_FIELDS, timeout=TIMEOUT, retry=None)
            found = []
            for page in blobs.pages:
                # An empty listing has no items in it, so something else must say that it is one.
                if page.raw_page.get("kind") != "storage#objects":
                    raise TransientError(f"{what}: the answer is not a listing")
                checked.check(page.raw_page)
                found += [_stored(blob) for blob in page]
            return found

    @contextmanager
    def _calling(self, what: str, seconds: float | None = None) -> Iterator[Watch]:
        """As `calling`; where nobody is at the address, the first call says so within seconds."""
        if not self._met:
            probe(self._url, "Cloud Storage", self._stop)
            self._met = True
        with calling(what, self._stop, self._limits, seconds=seconds) as watch:
            yield watch

    def look(self, source: StoredObject) -> StoredObject:
        """
        Return the object as the service describes it now, asked over a new connection.

        Raises:
            GenerationError: It was replaced.
            NotFoundError: It is gone.
        """
        self._client.close()
        with self._calling(f"looking at {self._where(source)}"):
            blob = self._bucket.blob(source.name)
            blob.reload(if_generation_match=int(source.generation), timeout=TIMEOUT, retry=None)
            return _stored(blob)

    def renew(self) -> None:
        """Let the next body come over a new connection."""
        self._session.close()

    def open_body(self, source: StoredObject, start: int, end: int | None = None) -> AbstractContextManager[MediaBody]:
        """
        Open the bytes of the listed generation from offset `start` on, up to `end` or its own end.

        Raises:
            GenerationError: The object was replaced.
            NotFoundError: The object is gone.
        """
        # Not `generation=`: that answers 404 for a replaced object and for a deleted one, and the two mean
        # different things to us. The precondition tells them apart and pins the bytes as well.
        return open_media(
            self._session,
            f"{self._url}/download/storage/v1/b/{quote(self._name, safe='')}/o/{quote(source.name, safe='')}",
            params={"alt": "media", "ifGenerationMatch": source.generation},
            start=start,
            size=source.size if end is None else end,
            generation=source.generation,
            what=self._where(source),
            part=end is not None,
        )

    def stat(self, name: str) -> StoredObject | None:
        """Return the living object of a name as the service describes it now; None where there is none."""
        try:
            with self._calling(f"looking for gs://{self._name}/{name}"):
                blob = self._bucket.blob(name)
                blob.reload(timeout=TIMEOUT, retry=None)
                return _stored(blob)
        except NotFoundError:
            return None

    def delete(self, source: StoredObject) -> Deletion:
        """Delete exactly the listed generation: gone already is as good, replaced is left alone."""
        generation = int(source.generation)
        # Both: the precondition protects a newer object, and naming the generation removes the bytes where the
        # bucket keeps versions.
        blob = self._bucket.blob(source.name, generation=generation)
        try:
            with self._calling(f"deleting {self._where(source)}") as watch:
                blob.delete(if_generation_match=generation, timeout=TIMEOUT, retry=None)
                # The SDK takes any status below 300; a page of somebody else's deletes nothing.
                if watch.status != 204:
                    raise TransientError(f"{watch.what}: the answer, HTTP {watch.status}, does not say that it is done")
        except GenerationError:
            return Deletion.CHANGED
        except NotFoundError:
            return Deletion.CHANGED if self._lives(source.name) else Deletion.ABSENT
        return Deletion.DELETED

    def _lives(self, name: str) -> bool:
        with self._calling(f"looking for gs://{self._name}/{name}"):
            return bool(self._bucket.blob(name).exists(timeout=TIMEOUT, retry=None))

    def _where(self, source: StoredObject) -> str:
        return f"gs://{self._name}/{source.name} at generation {source.generation}"

    def bucket_info(self) -> BucketInfo:
        """
        Return the bucket's own settings.

        Raises:
            NotFoundError: There is no such bucket.
            CredentialError: We may use the bucket's objects, but not read its settings (storage.buckets.get).
        """
        with self._calling(f"reading the settings of gs://{self._name}"):
            self._bucket.reload(timeout=TIMEOUT, retry=None)
            bucket = self._bucket
            return BucketInfo(
                name=self._name,
                location=str(bucket.location or ""),
                storage_class=str(bucket.storage_class or ""),
                versioning=bool(bucket.versioning_enabled),
                soft_delete_seconds=int(bucket.soft_delete_policy.retention_duration_seconds or 0),
                uniform_access=bool(bucket.iam_configuration.uniform_bucket_level_access_enabled),
                lifecycle=tuple(_rule(dict(rule)) for rule in bucket.lifecycle_rules),
            )

    def granted(self, permissions: tuple[str, ...] = NEEDED_PERMISSIONS) -> frozenset[str]:
        """Return which of `permissions` we have on the bucket."""
        with self._calling(f"asking for our permissions on gs://{self._name}"):
            answer = self._bucket.test_iam_permissions(list(permissions), timeout=TIMEOUT, retry=None)
        return frozenset(str(permission) for permission in answer)

    def create(self, name: str, content: bytes, over: StoredObject | None = None) -> StoredObject:
        """
        Write a small object that must not exist yet, and return it as a listing would.

        With `over` it replaces exactly that generation.

        Raises:
            GenerationError: An object of that name is there already, or another than `over`.
        """
        with self._calling(f"writing gs://{self._name}/{name}"):
            blob = self._bucket.blob(name)
            blob.upload_from_string(
                content,
                content_type="application/octet-stream",
                if_generation_match=int(over.generation) if over else 0,
                timeout=TIMEOUT,
                retry=None,
                checksum="crc32c",
            )
            return _stored(blob)

    def compose(self, name: str, sources: Sequence[StoredObject], over: StoredObject | None = None) -> StoredObject:
        """
        Make one object of the bytes of 1 to `MAX_SOURCES` others, in order, inside the service.

        Raises:
            GenerationError: There is one of that name, or another than `over`; or a source was replaced.
            NotFoundError: A source is gone.
        """
        with self._calling(f"composing gs://{self._name}/{name} of {len(sources)} objects"):
            blob = self._bucket.blob(name)
            blob.content_type = "application/octet-stream"
            generations = [int(source.generation) for source in sources]
            blob.compose(
                [self._bucket.blob(source.name) for source in sources],
                if_generation_match=int(over.generation) if over else 0,
                if_source_generation_match=generations,
                timeout=TIMEOUT,
                retry=None,
            )
            return _stored(blob)

    def begin_upload(self, name: str, size: int, crc32c: str, over: StoredObject | None = None) -> str:
        """
        Begin to write an object in pieces, and return the address of the session.

        Raises:
            GenerationError: As of `create`.
        """
        with self._calling(f"beginning to write gs://{self._name}/{name}"):
            blob = self._bucket.blob(name)
            blob.crc32c = crc32c
            match = int(over.generation) if over else 0
            return str(
                blob.create_resumable_upload_session(
                    content_type="application/octet-stream",
                    size=size,
                    if_generation_match=match,
                    timeout=TIMEOUT,
                    checksum=None,
                    retry=None,
                )
            )

    def send(self, session: str, chunk: bytes, at: int, size: int) -> int | StoredObject:
        """
        Send bytes of an object of `size` bytes that belong at `at`; return how many it has now, or the finished object.

        Without a chunk it is only asked. All chunks but the last have a multiple of `CHUNK_UNIT` bytes.

        Raises:
            NotFoundError: There is no such session any more: begin anew.
            GenerationError: Something else has its name by now.
        """
        end = at + len(chunk) - 1
        told = f"bytes {at}-{end}/{size}" if chunk else f"bytes */{size}"
        with self._calling(f"writing to gs://{self._name}") as watch:
            answer = self._client._http.put(  # noqa: SLF001  the session that we gave it
                session, data=chunk, headers={"Content-Range": told}, timeout=TIMEOUT, allow_redirects=False
            )
            if answer.status_code == 308:  # Cloud Storage: Resumable uploads; "Resume Incomplete"
                had = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("Range", ""))
                return int(had.group(1)) + 1 if had else 0
            if answer.status_code in (200, 201):
                return _resource(answer.json())
        raise refusal(answer.status_code, answer.text, watch.what, proved=is_proof(answer.status_code, answer.content))

    def read_probe(self, source: StoredObject) -> bytes:
        """Return the whole of a small object, by the way parts take."""
        with self.open_body(source, 0) as body:
            return b"".join(iter(lambda: body.read(1 << 16), b""))


def _stored(blob: Any) -> StoredObject:
    return StoredObject(
        name=str(blob.name),
        size=int(blob.size),
        generation=str(int(blob.generation)),
        crc32c=str(blob.crc32c) if blob.crc32c else None,
        md5=base64.b64decode(blob.md5_hash, validate=True).hex() if blob.md5_hash else None,
        created=blob.time_created.isoformat() if blob.time_created else "",
    )


def _resource(told: Mapping[str, Any]) -> StoredObject:
    return StoredObject(
        name=str(told["name"]),
        size=int(told["size"]),
        generation=str(int(told["generation"])),
        crc32c=str(told["crc32c"]) if "crc32c" in told else None,
        md5=base64.b64decode(told["md5Hash"], validate=True).hex() if "md5Hash" in told else None,
        created=str(told.get("timeCreated", "")),
    )


def _rule(rule: dict[str, Any]) -> Lifecycle:
    conditions = rule.get("condition", {})
    return Lifecycle(
        action=str(rule.get("action", {}).get("type", "")),
        conditions=tuple(sorted((str(key), str(value)) for key, value in conditions.items())),
    )


def connect_gcs(
    url: str | None,
    project: str | None,
    credentials: Any,
    bucket: str,
    transfers: int = 8,
    stop: Stop | None = None,
    limits: CallLimits = LIMITS,
) -> GcsObjects:
    """
    Return the objects of `bucket`, with room for `transfers` bodies at once; nothing is sent yet.

    `url` is a sandbox's; None is Google's own. Every call ends soon after `stop` is set.

    Raises:
        ConfigError: The bucket's name cannot be one.
    """
    # Cloud Storage: Bucket naming guidelines. A name with a slash or a scheme would address something else.
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", bucket):
        raise ConfigError(f"{bucket!r} is not a bucket's name; write it without gs:// and without a folder")
    options = {"api_endpoint": url.rstrip("/")} if url else None
    with refusals("connecting to Cloud Storage"):
        session = WatchedSession(credentials, transfers)
        client = storage.Client(project=project, credentials=credentials, client_options=options, _http=session)
        # For traces nobody records, the SDK asks for the bucket's settings in a thread of its own, over minutes where
        # it is refused, and heeds no close and no stop.
        client._bucket_metadata_cache = None  # noqa: SLF001  there is no other switch for one client
    return GcsObjects(client, bucket, MediaSession(credentials, transfers, url or PUBLIC_URL, stop), url, stop, limits)

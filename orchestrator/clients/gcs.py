"""Cloud Storage: what lies in a bucket, its bytes, and the end of it. The only room that meets its SDK."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage

from orchestrator.clients.answers import Pages
from orchestrator.clients.connections import TIMEOUT, make_session, mount
from orchestrator.clients.media import MediaBody, MediaSession, open_media
from orchestrator.clients.probe import probe
from orchestrator.clients.refusals import calling, refusals
from orchestrator.clients.watch import LIMITS, CallLimits, Watch
from orchestrator.core.errors import ConfigError, GenerationError, NotFoundError, TransientError
from orchestrator.model.objects import Deletion, StoredObject
from orchestrator.model.ports import Stop

PUBLIC_URL = "https://storage.googleapis.com"
_FIELDS = "kind,items(name,size,generation,crc32c,md5Hash,timeCreated),nextPageToken"
MAX_OBJECTS = 1_000_000
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


class WatchedSession(AuthorizedSession):
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

    def open_body(self, source: StoredObject, start: int) -> AbstractContextManager[MediaBody]:
        """
        Open the bytes of the listed generation from offset `start` on.

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
            size=source.size,
            generation=source.generation,
            what=self._where(source),
        )

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

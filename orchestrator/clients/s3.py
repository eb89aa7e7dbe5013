"""A bucket that speaks S3: what lies in it, its bytes, and the end of it. The only room that meets obstore."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from orchestrator.core.errors import (
    CredentialError,
    GenerationError,
    NotFoundError,
    OrchestratorError,
    PermanentError,
    TransientError,
)
from orchestrator.core.log import one_line
from orchestrator.core.optional import required
from orchestrator.model.objects import StoredObject

CRC32C = "crc32c"  # of the metadata of an object that was written here; S3 itself states one only where it is asked for
PART_BYTES = 8 << 20  # S3: at least 5 MiB, and at most 10,000 of them: objects of up to 78 GiB
_TIMEOUT = {"timeout": "120s", "connect_timeout": "10s"}
# Once more within a call, for connections that broke; whoever calls tries again for longer.
_RETRY = {"max_retries": 1, "retry_timeout": timedelta(seconds=60)}
_ERRORS: dict[str, type[OrchestratorError]] = {
    "NotFoundError": NotFoundError,
    "AlreadyExistsError": GenerationError,
    "PreconditionError": GenerationError,
    "NotModifiedError": GenerationError,
    "PermissionDeniedError": CredentialError,
    "UnauthenticatedError": CredentialError,
    "InvalidPathError": PermanentError,
    "NotSupportedError": PermanentError,
    "UnknownConfigurationKeyError": PermanentError,
}


@dataclass(frozen=True, slots=True)
class S3Connection:
    """
    How a bucket is reached, beside what the environment says (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT_URL`,
    profiles of machines).

    Attributes:
        bucket: Its name.
        settings: More of obstore's settings, which win.
    """

    bucket: str
    settings: dict[str, str] = field(default_factory=dict, repr=False)


# Where object stores' clients find who they are, beside keys: a token's file, a container's or a machine's role.
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ROLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)
_METADATA = "http://169.254.169.254"
_METADATA_SECONDS = 2.0


def check_identity(bucket: str, environment: Mapping[str, str]) -> None:
    """
    Make sure that there is somebody to speak to a bucket as; nothing is sent to the bucket.

    Where the environment names nobody, the machine is asked for its role, as AWS documents it: `PUT
    /latest/api/token` at 169.254.169.254, or at `AWS_METADATA_ENDPOINT`, for 2 s at the most.

    Raises:
        CredentialError: There is nobody.
    """
    given = {name.upper() for name, value in environment.items() if value}
    if given.issuperset(_KEYS) or given.intersection(_ROLES) or _has_role(environment):
        return
    lacking = " and ".join(name for name in _KEYS if name not in given)
    raise CredentialError(
        f"nobody is named to speak to s3://{bucket} as: set {lacking}, AWS_REGION, and for another provider than AWS "
        "AWS_ENDPOINT_URL; this machine has no role of its own either (its address for that, "
        f"{environment.get('AWS_METADATA_ENDPOINT', _METADATA)}, gave none)"
    )


def _has_role(environment: Mapping[str, str]) -> bool:
    where = urlsplit(environment.get("AWS_METADATA_ENDPOINT", "") or _METADATA)
    way = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=_METADATA_SECONDS)
    try:  # without a proxy: the address is this machine's own. Other clouds answer there, too, and not with 200.
        way.request("PUT", "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        return way.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        way.close()


class S3Objects:
    """The objects of one bucket. Safe to use from several threads. Every call is made once, or twice where it broke."""

    def __init__(self, where: S3Connection) -> None:
        """
        Take where it is; nothing is sent to it yet.

        Raises:
            ExtraError: obstore is not installed.
            CredentialError: Nobody is named to speak to it as.
            PermanentError: The environment says what is no setting.
        """
        self._obstore = required("obstore", "objects", "a place that speaks S3")
        store = required("obstore.store", "objects", "a place that speaks S3")
        if not where.settings:
            check_identity(where.bucket, os.environ)
        with s3_errors(f"connecting to s3://{where.bucket}"):
            # As settings: `client_options` would replace what the environment says of the client.
            self._store = store.S3Store(where.bucket, config=_TIMEOUT | where.settings, retry_config=_RETRY)
        self._name = where.bucket

    def find(self, prefix: str) -> list[StoredObject]:
        """List what begins with `prefix`, in the order of names; checksums are not in a list."""
        # obstore lists folders: what is below one, and not what begins like it.
        folder = prefix.rpartition("/")[0]
        with s3_errors(f"listing s3://{self._name}/{prefix}*"):
            listed = [each for page in self._obstore.list(self._store, folder or None) for each in page]
        found = [_listed(each) for each in listed]
        return sorted((each for each in found if each.name.startswith(prefix)), key=lambda each: each.name)

    def stat(self, name: str) -> StoredObject | None:
        """Return what lies at a name, with the checksum that its metadata has; None where nothing does."""
        try:
            with s3_errors(f"looking for s3://{self._name}/{name}"):
                found = self._obstore.get(self._store, name, options={"head": True})
                return _listed(found.meta, str(dict(found.attributes).get(CRC32C, "")))
        except NotFoundError:
            return None

    def read(self, source: StoredObject, offset: int, size: int) -> bytes:
        """
        Return a range of the listed object, which is not empty.

        Raises:
            GenerationError: It was replaced.
            NotFoundError: It is gone.
        """
        with s3_errors(f"reading s3://{self._name}/{source.name}"):
            asked = {"if_match": quoted_tag(source), "range": (offset, offset + size)}
            return bytes(self._obstore.get(self._store, source.name, options=asked).bytes())

    def put(self, name: str, content: bytes, crc32c: str, over: StoredObject | None = None) -> None:
        """
        Write an object in one request that must not exist yet, or, with `over`, be that one.

        Raises:
            GenerationError: It does, or is another.
        """
        mode: Any = "create" if over is None else {"e_tag": quoted_tag(over)}
        with s3_errors(f"writing s3://{self._name}/{name}"):
            told = {CRC32C: crc32c}
            self._obstore.put(self._store, name, content, attributes=told, mode=mode, use_multipart=False)

    def send(self, name: str, content: Iterator[bytes], crc32c: str) -> None:
        """Write a large object in pieces, over whatever lies there: the last request of it has no condition."""
        with s3_errors(f"writing s3://{self._name}/{name}"):
            told, size = {CRC32C: crc32c}, PART_BYTES
            writer = self._obstore.open_writer(self._store, name, attributes=told, buffer_size=size, max_concurrency=4)
            for piece in content:
                writer.write(piece)
            writer.close()  # only now it is there; of what was given up before, the bucket's own rules clear the parts

    def delete(self, name: str) -> None:
        """Delete whatever lies at a name."""
        with s3_errors(f"deleting s3://{self._name}/{name}"):
            self._obstore.delete(self._store, name)


@contextmanager
def s3_errors(what: str) -> Iterator[None]:
    """
    Turn every failure inside the block into an error of the house.

    Raises:
        OrchestratorError: With `what`, the thing asked for, in its message.
    """
    try:
        yield
    except OrchestratorError:
        raise
    except FileNotFoundError as error:  # obstore's own for what is gone, besides that of its `exceptions`
        raise NotFoundError(one_line(f"{what}: {error}", 400)) from None
    except Exception as error:
        # By the name of its class: importing obstore for its exceptions would load it for who never needs it.
        kind = next((_ERRORS[one.__name__] for one in type(error).__mro__ if one.__name__ in _ERRORS), TransientError)
        told = str(error).partition("Debug source:")[0]  # the same once more, for who debugs the library
        raise kind(one_line(f"{what}: {told}", 400)) from error


def quoted_tag(source: StoredObject) -> str:
    """Return an object's ETag as a condition has it."""
    return f'"{source.generation}"'


def _listed(meta: Any, crc32c: str = "") -> StoredObject:
    created = meta["last_modified"]
    return StoredObject(
        name=str(meta["path"]),
        size=int(meta["size"]),
        generation=str(meta["e_tag"] or "").strip('"'),
        crc32c=crc32c or None,
        created=created.isoformat() if created else "",
    )

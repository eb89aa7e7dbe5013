"""Addresses of places in buckets, as a job's output has them: `gs://bucket/prefix`, `s3://bucket/prefix`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from orchestrator.core.errors import UserError

SCHEMES = ("gs", "s3")
# What both services allow; the rules of each are stricter, and it says so itself.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_DIGITS = 16  # of the checksum that names the folder in which a result is made


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """
    A prefix in a bucket.

    Attributes:
        scheme: `gs` or `s3`.
        bucket: Its name.
        prefix: What names of objects begin with, without slashes at its ends; may be empty.
    """

    scheme: str
    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> BucketAddress:
        """
        Read an address.

        Raises:
            UserError: It is none.
        """
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        wanted = "write gs://BUCKET/PREFIX or s3://BUCKET/PREFIX"
        if scheme not in SCHEMES:
            raise UserError(f"{text!r} is no address of a bucket; {wanted}")
        if not _BUCKET.fullmatch(bucket):
            raise UserError(f"{text!r} names the bucket {bucket!r}, which can be none; {wanted}")
        folded = PurePosixPath("/" + prefix.strip("/"))
        if prefix and (".." in folded.parts or not prefix.isprintable() or any(sign in prefix for sign in "?#*[]")):
            raise UserError(f"{text!r}: a prefix has no .. and none of ? # * [ ] in it; {wanted}")
        return cls(scheme, bucket, str(folded).strip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def is_address(text: str) -> bool:
    """Tell whether a job's output is a place in a bucket, and no folder."""
    return "://" in text


def making_folder(root: Path, address: str) -> Path:
    """Return the folder below `root` in which the results for an address are made, the same for the same address."""
    return root / "delivered" / hashlib.sha256(address.encode()).hexdigest()[:_DIGITS]

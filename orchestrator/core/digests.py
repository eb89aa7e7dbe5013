"""Checksums by the names that catalogues and manifests give them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.core.files import CHUNK_BYTES, StopFlag
from orchestrator.core.optional import required


def _blake3() -> Any:
    return required("blake3", "copernicus", "a file whose checksum is a BLAKE3").blake3()


# MD5 is one against accidents, not against enemies.
ALGORITHMS: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "MD5": partial(hashlib.md5, usedforsecurity=False),
        "SHA-256": hashlib.sha256,
        "SHA3-256": hashlib.sha3_256,
        "BLAKE3": _blake3,
    }
)


def digests_of(path: Path, algorithms: tuple[str, ...], stop: StopFlag | None = None) -> tuple[str, ...]:
    """
    Return several checksums of a file, in lower-case hexadecimal, from one reading.

    Raises:
        IntegrityError: Nobody here can compute one of them.
        Stopped: `stop` was set.
    """
    if unknown := [name for name in algorithms if name not in ALGORITHMS]:
        raise IntegrityError(f"nobody here can compute a {unknown[0]}; known are {', '.join(ALGORITHMS)}")
    digests = [ALGORITHMS[name]() for name in algorithms]
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            if stop is not None and stop.is_set():
                raise Stopped(f"stopped while reading {path}; the same command continues")
            for digest in digests:
                digest.update(chunk)
    return tuple(str(digest.hexdigest()) for digest in digests)

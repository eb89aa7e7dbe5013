"""`manifest.safe`: which files a product has, how long they are, and their checksums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestrator.core.errors import UserError
from orchestrator.safe.xml import Element, parse

# Hex digits of a checksum. MD5 until early 2021, SHA3-256 from baseline 03.01 on, in either case.
DIGITS = {"MD5": 32, "SHA3-256": 64}


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """
    A file of a product.

    Attributes:
        path: Inside the SAFE folder, with slashes: "GRANULE/…/IMG_DATA/….jp2".
        size: Bytes.
        algorithm: "MD5" or "SHA3-256".
        checksum: Hex digits in lower case.
    """

    path: str
    size: int
    algorithm: str
    checksum: str


def read_manifest(content: bytes, where: str = "manifest.safe") -> tuple[ManifestFile, ...]:
    """
    Read the files of a product, in the order of its manifest.

    Raises:
        UserError: It is no manifest; or a file has no size or checksum, leads out of the product, or is listed twice.
    """
    section = parse(content, where, "XFDU").one("dataObjectSection")
    files = tuple(_file(stream) for entry in section.all("dataObject") for stream in entry.all("byteStream"))
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise UserError(f"{where}: lists {file.path} twice; fetch it again")
        seen.add(file.path)
    return files


def _file(stream: Element) -> ManifestFile:
    where = stream.where
    path = _inside(stream.one("fileLocation").attributes.get("href", ""), where)
    checksum = stream.one("checksum")
    algorithm = checksum.attributes.get("checksumName", "").upper()
    if algorithm not in DIGITS:
        raise UserError(f"{where}: {path} has a checksum {algorithm or 'of no name'}, expected {' or '.join(DIGITS)}")
    value = checksum.text.lower()
    if not re.fullmatch(rf"[0-9a-f]{{{DIGITS[algorithm]}}}", value):
        raise UserError(f"{where}: {path} has the {algorithm} {value[:80]!r}, expected {DIGITS[algorithm]} hex digits")
    size = stream.whole("size")
    if size < 0:
        raise UserError(f"{where}: {path} has {size} bytes, expected 0 or more")
    return ManifestFile(path, size, algorithm, value)


def _inside(href: str, where: str) -> str:
    # Whoever joins it with a folder must stay in that folder, whatever the manifest's author wanted.
    path = PurePosixPath(href)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in href or ":" in path.parts[0]:
        raise UserError(f"{where}: lists {href!r}, expected a path inside the product")
    return str(path)

"""The list of a product's files with size and checksum, `manifest.safe`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from orchestrator.sandbox.safe.product import Product
from orchestrator.sandbox.safe.xml_text import root, tag

NAME = "manifest.safe"
_SHA3_SINCE = "03.01"
_SPACES = {
    "gml": "http://www.opengis.net/gml",
    "safe": "http://www.esa.int/safe/sentinel/1.1",
    "xfdu": "urn:ccsds:schema:xfdu:1",
}
_VERSION = "esa/safe/sentinel/1.1/sentinel-2/msi/archive_{}_user_product"
_XML = "application/xml"


def manifest_xml(product: Product, folder: Path, paths: Iterable[str]) -> str:
    """Return the manifest of files that lie below the product's folder."""
    algorithm = "SHA3-256" if product.baseline >= _SHA3_SINCE else "MD5"
    listed = list(paths)
    pointers = (tag("dataObjectPointer", dataObjectID=_identifier(number)) for number in range(len(listed)))
    units = (tag("xfdu:contentUnit", each, unitType="Measurement Data Unit") for each in pointers)
    about = f"SENTINEL-2 MSI Level-{product.level[1:]} User Product"
    return root(
        "xfdu:XFDU",
        _SPACES,
        tag("informationPackageMap", tag("xfdu:contentUnit", *units, textInfo=about)),
        tag("metadataSection"),
        tag("dataObjectSection", *(_object(n, folder, path, algorithm) for n, path in enumerate(listed))),
        version=_VERSION.format(product.level.lower()),
    )


def _identifier(number: int) -> str:
    return f"Data_{number}"


def _object(number: int, folder: Path, path: str, algorithm: str) -> str:
    """One file. Real manifests have checksums of images in capitals and those of reports in small letters."""
    file = folder / path
    checksum = _digest(file, algorithm)
    is_image = file.suffix == ".jp2"
    return tag(
        "dataObject",
        tag(
            "byteStream",
            tag("fileLocation", href=f"./{path}", locatorType="URL"),
            tag("checksum", checksum.upper() if is_image else checksum, checksumName=algorithm),
            mimeType=_XML if file.suffix == ".xml" else "application/octet-stream",
            size=file.stat().st_size,
        ),
        ID=_identifier(number),
    )


def _digest(file: Path, algorithm: str) -> str:
    name = {"MD5": "md5", "SHA3-256": "sha3_256"}[algorithm]
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, name).hexdigest()

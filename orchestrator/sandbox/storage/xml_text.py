"""The XML documents that the XML API answers with and reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from orchestrator.sandbox.clock import rfc3339_millis
from orchestrator.sandbox.storage.resources import etag
from orchestrator.sandbox.storage.values import StoredObject, moment
from orchestrator.sandbox.web import ApiError, Response

NAMESPACE = "http://doc.s3.amazonaws.com/2006-03-01"
PARTS_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"  # of multipart uploads, as Google's own client reads them


def tag(name: str, *inner: str) -> str:
    """Write an element around what is already XML."""
    return f"<{name}>{''.join(inner)}</{name}>"


def leaf(name: str, value: Any) -> str:
    """Write an element around a text."""
    return f"<{name}>{escape(str(value))}</{name}>"


def document(root: str, *inner: str, namespace: str = NAMESPACE) -> Response:
    """Answer with a document."""
    body = f"<?xml version='1.0' encoding='UTF-8'?><{root} xmlns='{namespace}'>{''.join(inner)}</{root}>"
    return Response(200, {"Content-Type": "application/xml; charset=UTF-8"}, body.encode())


def quoted_etag(item: StoredObject) -> str:
    """The MD5 as hexadecimal digits, as the XML API has it; of a composed object something else."""
    return f'"{etag(item.generation, 1) if item.components else item.blob.md5_hex}"'


def contents(items: Iterable[StoredObject], encoding: str) -> str:
    """Write the items of a list."""
    return "".join(
        tag(
            "Contents",
            leaf("Key", encoded(each.name, encoding)),
            leaf("Generation", each.generation),
            leaf("MetaGeneration", each.metageneration),
            leaf("LastModified", rfc3339_millis(moment(each.created))),
            leaf("ETag", quoted_etag(each)),
            leaf("Size", each.blob.size),
            leaf("StorageClass", each.storage_class),
        )
        for each in items
    )


def prefixes(names: Iterable[str], encoding: str) -> str:
    return "".join(tag("CommonPrefixes", leaf("Prefix", encoded(each, encoding))) for each in names)


def encoded(name: str, encoding: str) -> str:
    return quote(name, safe="/") if encoding == "url" else name


def parts_of(body: bytes) -> list[tuple[int, str]]:
    """
    Read the parts that a completed upload is to be made of: their numbers and ETags.

    Raises:
        ApiError: 400 if it is no such document.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314  on loopback, from the user's own program
        found = [each for each in root if _plain(each) == "Part" and _plain(root) == "CompleteMultipartUpload"]
        parts = [{_plain(leaf): (leaf.text or "").strip() for leaf in each} for each in found]
        named = [(int(each["PartNumber"]), each["ETag"].strip('"')) for each in parts]
    except (ET.ParseError, ValueError, KeyError) as error:
        raise ApiError(400, f"The body is no list of parts: {error}", code="MalformedXML") from error
    if not named:
        raise ApiError(400, "The body lists no parts.", code="MalformedXML")
    return named


def _plain(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]

"""An object's bytes as an answer: ranges, and the decompression of what is stored with gzip."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from orchestrator.sandbox.blobs import Blobs
from orchestrator.sandbox.ranges import media_response
from orchestrator.sandbox.storage.values import StoredObject
from orchestrator.sandbox.streams import FileBody
from orchestrator.sandbox.web import ApiError, Request, Response


def media(
    item: StoredObject, blobs: Blobs, request: Request, headers: Mapping[str, str], *, service: str = "storage"
) -> Response:
    """
    Answer with the bytes of `item`, or the range that is asked for.

    An object stored with the content encoding gzip is sent decompressed, whatever range was asked for, unless the
    caller accepts gzip or the object's cache control forbids it (guide "Transcoding of gzip-compressed files").

    Raises:
        ApiError: 400 if it is to be decompressed and is no gzip: what the service does then is told nowhere.
        FileNotFoundError: The bytes have gone.
    """
    if not _decompressed(item, request):
        return media_response(blobs.path(item.blob), item.blob.size, request, headers, service=service)
    try:
        body = FileBody.inflated(blobs.path(item.blob))
    except FileNotFoundError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise ApiError(
            400,
            "This sandbox does not imitate the decompression of an object that is no gzip.",
            reason="notImplemented",
        ) from error
    plain = {name: value for name, value in headers.items() if name != "Content-Encoding"}
    return Response(200, {**plain, "Vary": "Accept-Encoding", "Warning": "214 UploadServer gunzipped"}, body)


def _decompressed(item: StoredObject, request: Request) -> bool:
    if item.settings.get("contentEncoding") != "gzip" or "no-transform" in item.settings.get("cacheControl", ""):
        return False
    return "gzip" not in request.headers.get("accept-encoding", "")

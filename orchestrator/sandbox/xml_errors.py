"""Errors in the form of Cloud Storage's XML API."""

from __future__ import annotations

from xml.sax.saxutils import escape

# What a code says; the details tell the rest.
MESSAGES = {
    "AccessDenied": "Access denied.",
    "BadDigest": "The provided hash does not match the calculated one.",
    "BucketNotEmpty": "The bucket you tried to delete is not empty.",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum object size.",
    "ExpiredToken": "The provided token has expired.",
    "InvalidArgument": "Invalid argument.",
    "InvalidBucketName": "The specified bucket is not valid.",
    "InvalidPart": "One or more of the specified parts could not be found, or has another ETag.",
    "InvalidPartOrder": "The list of parts was not in ascending order.",
    "InvalidRange": "The requested range cannot be satisfied.",
    "MalformedXML": "The XML you provided was not well-formed or did not validate against our published schema.",
    "NoSuchBucket": "The specified bucket does not exist.",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchUpload": "The specified upload does not exist.",
    "NotImplemented": "This sandbox does not imitate what was asked for.",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold.",
}
_BY_WORDS = (
    ("The specified bucket does not exist", "NoSuchBucket"),
    ("No such object", "NoSuchKey"),
    ("No such upload", "NoSuchUpload"),
    ("The bucket you tried to delete is not empty", "BucketNotEmpty"),
    ("Your previous request to create the named bucket", "BucketAlreadyOwnedByYou"),
    ("This sandbox does not imitate", "NotImplemented"),
)
_BY_STATUS = {
    400: "InvalidArgument",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    416: "InvalidRange",
    429: "SlowDown",
    503: "ServiceUnavailable",
}


def document(status: int, message: str, code: str = "") -> bytes:
    """Write an error; `code` is its name where status and message do not tell it."""
    named = code or next((name for words, name in _BY_WORDS if message.startswith(words)), "")
    named = named or _BY_STATUS.get(status, "InternalError")
    told = escape(MESSAGES.get(named, message))
    inner = f"<Code>{named}</Code><Message>{told}</Message><Details>{escape(message)}</Details>"
    return f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>".encode()

"""The keys by which lists of Drive can be ordered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.drive.values import FOLDER, DriveFile
from orchestrator.sandbox.web import ProtocolViolation


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Split a name so that 10 comes after 9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name.lower()) if part]


ORDERS: dict[str, Callable[[DriveFile], Any]] = {
    "createdTime": lambda each: (each.created, each.order),
    "folder": lambda each: each.mime_type != FOLDER,
    "modifiedByMeTime": lambda each: each.modified,
    "modifiedTime": lambda each: each.modified,
    "name": lambda each: each.name,
    "name_natural": lambda each: _natural(each.name),
    "quotaBytesUsed": lambda each: 0 if each.blob is None else each.blob.size,
    "recency": lambda each: max(each.modified, each.details.get("viewedByMeTime", "")),
    "sharedWithMeTime": lambda _: "",
    "starred": lambda each: not each.starred,
    "viewedByMeTime": lambda each: each.details.get("viewedByMeTime", ""),
}


def ordered(found: list[DriveFile], order: str | None) -> list[DriveFile]:
    """
    Sort by a list of keys, each with `desc` where it runs backwards.

    Raises:
        ProtocolViolation: For a key that there is not.
    """
    for key in reversed((order or "").split(",")):
        name, _, direction = key.strip().partition(" ")
        if not name:
            continue
        if name not in ORDERS or direction.strip() not in ("", "desc", "asc"):
            raise ProtocolViolation(f"Invalid field in orderBy: {key.strip()}")
        found = sorted(found, key=ORDERS[name], reverse=direction.strip() == "desc")
    return found

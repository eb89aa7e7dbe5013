"""Roles of the files of a scene, and the paths that they get: the published names, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from orchestrator.core.errors import IntegrityError

LAYOUT = "raw/<LEVEL>/tile=<TILE>/sensing=<SENSING>Z/files/<FILENAME>"
STEP, INDEX, RUNS, MANIFEST = "meta/step1", "index.json", "runs", "manifest.json"

_BAND = "B(?:0[1-9]|8A|1[0-2])"
# Products before baseline 02.07 begin the names of Level-2A images with "L2A_".
_IMAGE = re.compile(
    rf"(?:L2A_)?T\d{{2}}[A-Z]{{3}}_\d{{8}}T\d{{6}}_(?P<what>{_BAND}|SCL|AOT|WVP)(?:_(?P<metres>\d0)m)?\.jp2"
)
_METADATA = {
    ("L1C", "MTD_MSIL1C.xml"): "l1c.product_metadata",
    ("L2A", "MTD_MSIL2A.xml"): "l2a.product_metadata",
    ("L1C", "MTD_TL.xml"): "l1c.tile_metadata",
    ("L2A", "MTD_TL.xml"): "l2a.tile_metadata",
}
# How deep metadata lies in a product: of the product at its root, of the tile in its granule.
_DEPTHS = {"product_metadata": 1, "tile_metadata": 3}


def role_of(level: str, path: str) -> str:
    """
    Return the role of a file of a product: `l1c.band.B02`, `l2a.scl_20m`, `l2a.tile_metadata`; empty where it has none.

    Args:
        level: "L1C" or "L2A".
        path: Inside the SAFE folder, or the file's name alone.
    """
    parts = PurePosixPath(path).parts
    if metadata := _METADATA.get((level, parts[-1])):
        return metadata if len(parts) in (1, _DEPTHS[metadata.partition(".")[2]]) else ""
    image = _IMAGE.fullmatch(parts[-1])
    if image is None or (len(parts) > 1 and "IMG_DATA" not in parts[:-1]):
        return ""
    what, metres = image["what"], image["metres"]
    if (level == "L1C") != (metres is None):
        return ""
    if what.startswith("B"):
        return f"l1c.band.{what}" if level == "L1C" else f"l2a.band.{what}_{metres}m"
    return "" if level == "L1C" else f"l2a.{what.lower()}_{metres}m"


def by_role(level: str, paths: Iterable[str]) -> Mapping[str, str]:
    """
    Return the files of a product that have a role.

    Raises:
        IntegrityError: Two of them have the same.
    """
    found: dict[str, str] = {}
    for path in paths:
        role = role_of(level, path)
        if role in found:
            raise IntegrityError(f"{found[role]} and {path} are both {role}: expected one file of each role")
        if role:
            found[role] = path
    return found


def files_folder(level: str, tile: str, sensing: str) -> str:
    """Return the folder of a scene's files of a level, from the output folder: `T33UWQ`, `2025-12-10T10:03:19Z`."""
    compact = sensing.replace("-", "").replace(":", "")
    return f"raw/{level}/tile={tile}/sensing={compact}/files"

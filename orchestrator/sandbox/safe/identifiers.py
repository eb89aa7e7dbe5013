"""Ids of products in the catalogue: UUIDs that tell the sensing, so that none must be remembered."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from orchestrator.sandbox.safe.bands import LEVELS
from orchestrator.sandbox.safe.product import Product

_TILE = slice(0, 5)
_SPACECRAFT, _LEVEL, _AGAIN = 5, 6, 7
_ORBIT = slice(9, 12)
_VERSION = 4  # of the UUID: bytes made by whatever means; it takes four bits of byte 6 and two of byte 8


@dataclass(frozen=True, slots=True)
class Sensing:
    """Which product: level, tile, letter of the spacecraft that flew, absolute orbit, how often it was made before."""

    level: str
    tile: str
    letter: str
    orbit: int
    again: int = 0


def identifier(product: Product) -> str:
    """Return the Id of a product."""
    content = bytearray(16)
    content[_TILE] = product.tile.name.encode("ascii")
    content[_SPACECRAFT] = ord(product.scene.overpass.platform.name[-1])
    content[_LEVEL] = LEVELS.index(product.level)
    content[_AGAIN] = product.options.again
    content[_ORBIT] = product.orbit.to_bytes(3, "big")
    return str(uuid.UUID(bytes=bytes(content), version=_VERSION))


def sensing_of(number: str) -> Sensing | None:
    """Read an Id; None if it is none that `identifier` made."""
    try:
        found = uuid.UUID(number)
        content = found.bytes
        tile = content[_TILE].decode("ascii")
    except ValueError:
        return None
    level = content[_LEVEL] & 0x0F
    if found.version != _VERSION or level >= len(LEVELS):
        return None
    orbit = int.from_bytes(content[_ORBIT], "big")
    return Sensing(LEVELS[level], tile, chr(content[_SPACECRAFT]), orbit, content[_AGAIN])

"""TIFFs that lie, bombs and damaged ones: valid files mutated from a seed, and those that no chance finds."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import rasterio
from rasterio.io import MemoryFile

SIDE = 512
TRANSFORM = rasterio.Affine(10, 0, 500_000, 0, -10, 5_100_000)
STORED = [
    {"compress": "deflate", "predictor": 2},
    {"compress": "lzw", "predictor": 2},
    {"compress": "zstd"},
    {},
    {"compress": "deflate", "BIGTIFF": "YES"},
    {"compress": "deflate", "tiled": False},
    {"compress": "deflate", "interleave": "band"},
    {"compress": "packbits"},
    {"compress": "deflate", "ENDIANNESS": "BIG"},
]


def valid(number: int = 0, *, masked: bool = False, side: int = SIDE, crs: str = "EPSG:32633") -> bytes:
    """Return the part that is planned, stored in one of several ways."""
    pixels = np.random.default_rng(number).integers(1, 500, (2, side, side), dtype=np.uint16)
    profile = {"tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel"} | STORED[
        number % len(STORED)
    ]
    if not profile["tiled"]:
        del profile["blockxsize"], profile["blockysize"]
    place = {"crs": crs, "transform": TRANSFORM, "nodata": 0}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        shape = {"width": side, "height": side, "count": 2, "dtype": "uint16"}
        with memory.open(driver="GTiff", **shape, **place, **profile) as target:
            target.write(pixels)
            if masked:
                target.write_mask(pixels[0] > 250)
        return bytes(memory.getbuffer())


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return a file with some damage: bits, numbers of the directory, pieces cut, doubled, swapped or of zeros."""
    body = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(len(body)) if dice.random() < 0.3 else _in_directory(body, dice)
        kind = dice.randrange(7)
        if kind == 0:
            body[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            body[at : at + 4] = struct.pack("<I", dice.choice((0, 1, 2**16, 2**31 - 1, 2**32 - 1, len(body))))
        elif kind == 2:
            del body[at : at + dice.randrange(1, 4096)]
        elif kind == 3:
            body[at:at] = body[at : at + dice.randrange(1, 4096)]
        elif kind == 4:
            body[at : at + 512] = bytes(512)
        elif kind == 5:
            del body[max(at, 16) :]
        else:
            body[at : at + 2] = struct.pack("<H", dice.choice((0, 1, 3, 5, 6, 12, 258, 322, 324, 42112, 65535)))
        if len(body) < 16:
            body.extend(bytes(16))
    return bytes(body)


def _in_directory(body: bytearray, dice: random.Random) -> int:
    """Return a place in the first directory, where most damage is done."""
    start = struct.unpack_from("<I", body, 4)[0]
    return min(start + dice.randrange(400), len(body) - 8) if start < len(body) else dice.randrange(len(body))


def tiff(tags: dict[int, tuple[int, int, int | bytes]], tail: bytes = b"", following: int = 0) -> bytes:
    """
    Return a classic TIFF of one directory.

    Args:
        tags: Type, count, and the value or its bytes, by number.
        tail: What lies behind the directory; it begins at byte `len(tiff(tags))`.
        following: Where the next directory is.
    """
    entries = sorted(tags.items())
    behind, stored = 8 + 2 + 12 * len(entries) + 4, b""
    table = struct.pack("<H", len(entries))
    for number, (kind, count, told) in entries:
        value = behind + len(stored) if isinstance(told, bytes) else told
        stored += told if isinstance(told, bytes) else b""
        table += struct.pack("<HHII", number, kind, count, value)
    return b"II*\0" + struct.pack("<I", 8) + table + struct.pack("<I", following) + stored + tail


PLACE = {
    33550: (12, 3, struct.pack("<3d", 10, 10, 0)),
    33922: (12, 6, struct.pack("<6d", 0, 0, 0, 500_000, 5_100_000, 0)),
    34735: (3, 16, struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)),
    42113: (2, 2, int.from_bytes(b"0\0", "little")),
}


def image(height: int, width: int, block: int, *, bands: int = 2, kind: int = 8) -> dict:
    """Return the tags of a planned part but for where its blocks are."""
    return PLACE | {
        256: (4, 1, width), 257: (4, 1, height), 258: (3, 2, 16 | 16 << 16),
        259: (3, 1, kind), 262: (3, 1, 1), 277: (3, 1, bands), 284: (3, 1, 1), 322: (4, 1, block), 323: (4, 1, block),
        338: (3, 1, 0),
    }  # fmt: skip


def pointing(tags: dict, blocks: int, offset: int, size: int) -> bytes:
    """Return a file all of whose blocks are the same bytes."""
    offsets, sizes = np.full(blocks, offset, "<u4").tobytes(), np.full(blocks, size, "<u4").tobytes()
    whole = lambda data: int.from_bytes(data, "little") if len(data) <= 4 else data  # noqa: E731
    return tiff(tags | {324: (4, blocks, whole(offsets)), 325: (4, blocks, whole(sizes))})


def _bomb(height: int, width: int, block: int, packed: bytes) -> bytes:
    blocks = -(-height // block) * -(-width // block)
    start = len(pointing(image(height, width, block), blocks, 0, 0))
    return pointing(image(height, width, block), blocks, start, len(packed)) + packed


def bombs(address: str) -> Iterator[tuple[str, bytes]]:
    """Yield files that no chance finds, by name; `address` must never be called."""
    swollen = zlib.compress(bytes(400 << 20), 9)
    yield "blocks that swell beyond their size", _bomb(SIDE, SIDE, 256, swollen)
    yield "blocks of four gigabytes", _bomb(SIDE, SIDE, 32768, swollen)
    yield "blocks of a terabyte", _bomb(SIDE, SIDE, 524_288, swollen[:4096])
    yield "ninety gigabytes of nothing", pointing(image(150_000, 150_000, 8192), 361, 0, 0)
    yield "one block for a million places", _bomb(262_144, 262_144, 256, zlib.compress(bytes(262_144)))
    thousands = {number: (1, 9 << 20, 0) for number in range(300, 65_000) if number not in image(1, 1, 1)}
    yield "thousands of tags that are the whole file", tiff(image(SIDE, SIDE, 256) | thousands) + bytes(9 << 20)
    many = {324: (4, 2**30 - 1, 8), 325: (4, 2**30 - 1, 8)}
    yield "a table of a billion blocks", tiff(image(SIDE, SIDE, 256) | many)
    looped = image(SIDE, SIDE, 256) | {324: (4, 4, bytes(16)), 325: (4, 4, bytes(16))}
    yield "a circle of directories", tiff(looped, following=8)
    chain = b"".join(struct.pack("<HHHIII", 1, 256, 4, 1, 1, 8 + 18 * (n + 1)) for n in range(200_000))
    yield "two hundred thousand directories", b"II*\0" + struct.pack("<I", 8) + chain
    odd = {256: (12, 1, struct.pack("<d", float("nan"))), 254: (11, 1, 0x7FC00000)}
    yield "numbers that are none", tiff(looped | odd)
    yield "text where numbers are", tiff(looped | {254: (2, 4, 0x61616161), 322: (2, 4, 0x61616161)})
    yield "sixty thousand bands", tiff(looped | {277: (3, 1, 65_535)})
    yield "no pixels", tiff(looped | {256: (4, 1, 0), 257: (4, 1, 0)})
    yield "a place that is no number", tiff(looped | {33922: (12, 6, struct.pack("<6d", *[float("nan")] * 6))})
    negative = struct.pack("<4Q", *[2**64 - 5] * 4)
    yield "sizes below nothing", _big(negative)
    yield "a virtual dataset that calls", virtual(f"/vsicurl/{address}/a.tif")
    yield "a virtual dataset of a file", virtual("/etc/passwd")
    remote = (
        f'<GDALMetadata><Item name="OVERVIEW_FILE" domain="OVERVIEWS">/vsicurl/{address}/a.tif</Item></GDALMetadata>\0'
    )
    yield "overviews elsewhere", tiff(looped | {42112: (2, len(remote), remote.encode())})
    yield "a service", f'<WMS_Capabilities><OnlineResource href="{address}"/></WMS_Capabilities>'.encode()
    yield "a page", b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
    yield "nothing", b""
    yield "the beginning of one", b"II*\0\x08\0\0\0"
    yield "an image of JPEG 2000 of any size", _jp2(2**31, 2**31, 2**31)
    yield "JPEG 2000 of a billion tiles", _jp2(2**31, 2**31, 64)


def _big(table: bytes) -> bytes:
    entries = sorted(
        image(SIDE, SIDE, 256).items() | {(324, (16, 4, table)), (325, (16, 4, table))}, key=lambda e: e[0]
    )
    behind, stored, rows = 16 + 8 + 20 * len(entries) + 8, b"", b""
    for number, (kind, count, told) in entries:
        value = behind + len(stored) if isinstance(told, bytes) else told
        stored += told if isinstance(told, bytes) else b""
        rows += struct.pack("<HHQQ", number, kind, count, value)
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(entries)) + rows + bytes(8) + stored


def virtual(source: str) -> bytes:
    """Return a virtual dataset of what is planned, whose pixels are those of `source`."""
    return (
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>EPSG:32633</SRS>'
        "<GeoTransform>500000, 10, 0, 5100000, 0, -10</GeoTransform>"
        + "".join(
            f'<VRTRasterBand dataType="UInt16" band="{band}"><SimpleSource><SourceFilename>{source}</SourceFilename>'
            "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
            for band in (1, 2)
        )
        + "</VRTDataset>"
    ).encode()


def _jp2(width: int, height: int, tile: int) -> bytes:
    """Return a codestream with one tile-part of nothing (ISO/IEC 15444-1, Annex A)."""
    size = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, width, height, 0, 0, tile, tile, 0, 0, 1) + b"\x0f\x01\x01"
    style = struct.pack(">HHBBHBBBBBB", 0xFF52, 12, 0, 0, 1, 0, 5, 4, 4, 0, 0)
    steps = struct.pack(">HHB", 0xFF5C, 19, 0x40) + bytes([0x40] * 16)
    part = struct.pack(">HHHIBB", 0xFF90, 10, 0, 14, 0, 1) + b"\xff\x93"
    return b"\xff\x4f" + size + style + steps + part + b"\xff\xd9"


def corpus(seed: int, count: int, address: str) -> Iterator[tuple[str, bytes]]:
    """Yield `count` files by name: every bomb, and mutations of valid ones."""
    dice, made = random.Random(seed), 0  # noqa: S311  the same corpus each time
    for name, content in bombs(address):
        made += 1
        yield name, content
    for number in range(count - made):
        base = valid(number, masked=number % 7 == 6, side=SIDE if number % 5 else 500)
        yield f"mutation {number}", mutated(base, dice)

"""A block is stored by the same bytes wherever in memory the encoder's state happens to lie."""

import ctypes
import mmap
import sys
import zlib

import numpy as np
import pytest
from isal import isal_zlib

from orchestrator.assemble.codec import DEFLATE_FAST_LEVEL, DEFLATE_LEVEL, FLUSHED_FIRST, Codec, Encoding

CASTAGNOLI = 0x82F63B78  # the polynomial of the processor's crc32 instruction, reflected
SLOTS = 1 << 15  # of ISA-L's hash table at levels 1 and 2
PAGE = 1 << 16  # its routine takes the state's address without the lower 16 bits
SYNC_FLUSH, FULL_FLUSH = 1, 2


class Stream(ctypes.Structure):
    """ISA-L's `isal_zstream`, as igzip_lib.h has it; the inner state follows."""

    _fields_ = (
        ("next_in", ctypes.c_void_p),
        ("avail_in", ctypes.c_uint32),
        ("total_in", ctypes.c_uint32),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint32),
        ("total_out", ctypes.c_uint32),
        ("hufftables", ctypes.c_void_p),
        ("level", ctypes.c_uint32),
        ("level_buf_size", ctypes.c_uint32),
        ("level_buf", ctypes.c_void_p),
        ("end_of_stream", ctypes.c_uint16),
        ("flush", ctypes.c_uint16),
        ("gzip_flag", ctypes.c_uint16),
        ("hist_bits", ctypes.c_uint16),
    )


def crc32c(word: int) -> int:
    for _ in range(32):
        word = word >> 1 ^ (CASTAGNOLI if word & 1 else 0)
    return word


def word_of(crc: int) -> int:
    """Return the four bytes that `crc32c` was given."""
    for _ in range(32):
        crc = (crc ^ CASTAGNOLI) << 1 | 1 if crc & 1 << 31 else crc << 1
    return crc


@pytest.fixture(scope="module")
def library():
    library = ctypes.CDLL(isal_zlib.__file__)
    if sys.byteorder != "little" or not hasattr(library, "isal_deflate"):
        pytest.skip("this build of isal shows no isal_deflate, or another one")
    library.isal_deflate_init.argtypes = library.isal_deflate.argtypes = (ctypes.c_void_p,)
    return library


@pytest.fixture(scope="module")
def room():
    """Memory in which a state may lie at one of eight addresses."""
    with mmap.mmap(-1, 16 * PAGE) as memory:
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        yield [(start // PAGE + 1 + number) * PAGE for number in range(8)]


def compressed(library, address: int, level: int, pieces: list[bytes]) -> bytes:
    """Compress with the state at `address`; each piece but the last is flushed by itself."""
    ctypes.memset(address, 0, 4 * PAGE)
    stream = Stream.from_address(address)
    library.isal_deflate_init(address)
    levels, out = ctypes.create_string_buffer(1 << 20), ctypes.create_string_buffer(1 << 20)
    stream.level, stream.level_buf, stream.level_buf_size = level, ctypes.addressof(levels), 1 << 18
    stream.next_out, stream.avail_out = ctypes.addressof(out), len(out)
    for number, piece in enumerate(pieces, 1):
        held = ctypes.create_string_buffer(piece, len(piece))
        stream.next_in, stream.avail_in = ctypes.addressof(held), len(piece)
        stream.end_of_stream = number == len(pieces)
        stream.flush = FULL_FLUSH if number == len(pieces) else SYNC_FLUSH
        assert library.isal_deflate(address) == 0
    return out.raw[: stream.total_out]


def told_apart_at(address: int) -> bytes:
    """Return what ISA-L's faster level stores in another way at this address than at any other: its third byte on."""
    word = word_of(crc32c(address >> 16 & 0xFFFFFFFF)).to_bytes(4, "little")
    noise = bytes(np.random.default_rng(1).integers(0, 256, 600, np.uint8))
    return noise[:2] + word + noise[2:300] + word + noise[300:] + bytes(SLOTS)


@pytest.mark.parametrize(
    ("level", "first"),
    [
        pytest.param(DEFLATE_FAST_LEVEL, FLUSHED_FIRST, id="fast"),
        pytest.param(DEFLATE_LEVEL, 0, id="small"),
    ],
)
def test_the_encoder_does_not_look_at_its_own_address(library, room, level, first):
    """Threads have stacks of their own, and other machines other heaps: the bytes are those of the block alone."""
    for address in room[:3]:
        content = told_apart_at(address)
        pieces = [content[:first], content[first:]] if first else [content]

        stored = {compressed(library, place, level, pieces) for place in room}

        assert len(stored) == 1
        assert zlib.decompress(stored.pop(), -15) == content


def test_a_fast_block_is_begun_by_bytes_that_are_flushed():
    """What keeps the faster level from its own address: the first bytes make up a piece of the stream."""
    codec = Codec(Encoding("deflate", 1, 64), np.dtype("<u2"), 2)
    pixels = np.random.default_rng(2).integers(0, 1000, codec.shape).astype("<u2")

    stored = codec.encode(pixels, fast=True)
    first = zlib.decompressobj()
    begun = first.decompress(stored[: stored.index(b"\0\0\xff\xff") + 4])

    assert begun == pixels.tobytes()[:FLUSHED_FIRST]
    assert np.array_equal(codec.decode(stored), pixels)

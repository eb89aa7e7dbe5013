"""Checksums of parts put together, against the checksum of the bytes themselves."""

from __future__ import annotations

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.crc32c import combine_crc32c, crc32c_of, crc32c_text, crc32c_value


def test_the_checksum_is_that_of_the_standard():
    """RFC 3720, B.4: 32 bytes of zeros, of ones, and those counted up."""
    assert [crc32c_of(content) for content in (bytes(32), b"\xff" * 32, bytes(range(32)))] == [
        0x8A9136AA,
        0x62A8AB43,
        0x46DD794E,
    ]


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_parts_put_together_have_the_checksum_of_the_whole(parts):
    """However the bytes are cut, empty parts too."""
    told = [(crc32c_of(part), len(part)) for part in parts]

    assert combine_crc32c(told) == google_crc32c.value(b"".join(parts))


@pytest.mark.parametrize("size", [2**20, 2**24 + 1], ids=["a mebibyte", "an odd number of bytes"])
def test_a_long_part_is_no_other_matter(size):
    """The length counts, not how often a loop runs."""
    zeros = bytes(size)

    combined = combine_crc32c([(crc32c_of(b"head"), 4), (crc32c_of(zeros), size)])

    assert combined == google_crc32c.value(b"head" + zeros)


def test_lengths_past_any_memory_are_combined():
    """Five tebibytes, in two ways of cutting them, add up to the same."""
    tebi, value = 2**40, 0x12345678

    whole = combine_crc32c([(value, 5 * tebi), (7, 3)])

    # Zero bytes before anything, with the register at zero, change nothing; so an empty sum of any length is its value.
    assert whole == combine_crc32c([(combine_crc32c([(0, 2 * tebi), (value, 3 * tebi)]), 5 * tebi), (7, 3)])


@given(st.integers(0, 2**32 - 1))
def test_the_text_is_read_as_it_was_written(value):
    """Four bytes, big-endian, in base64."""
    assert crc32c_value(crc32c_text(value)) == value


@pytest.mark.parametrize("text", ["", "AAAA", "AAAAAAAA", "not base64"])
def test_what_is_no_checksum_is_refused(text):
    """Other lengths, other letters."""
    with pytest.raises(ValueError, match="is no CRC32C"):
        crc32c_value(text)

"""Numbers with units, from people and for them."""

from __future__ import annotations

import pytest

from orchestrator.core.units import format_bytes, format_count, format_seconds, parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "count"),
    [("48MiB", 48 * 2**20), ("1.5 GB", 1_500_000_000), ("1000", 1000), ("2k", 2000), (7, 7), ("20 gib", 20 * 2**30)],
)
def test_bytes_are_read(text, count):
    """Powers of 1000 and of 1024 are told apart by the i."""
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "much", "-5MB", "1iB", "5 apples"])
def test_what_is_no_size_is_refused(text):
    """The message shows how to write one."""
    with pytest.raises(ValueError, match="48MiB"):
        parse_bytes(text)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1.5h", 5400), ("1d", 86400), (2, 2)])
def test_durations_are_read(text, seconds):
    """The unit is one letter; without one it is seconds."""
    assert parse_seconds(text) == seconds


def test_numbers_are_written_for_people():
    """Three figures and a unit are enough."""
    assert [format_bytes(n) for n in (5, 1536, 50331648, 2**41)] == ["5 B", "1.5 KiB", "48.0 MiB", "2.0 TiB"]
    assert [format_seconds(n) for n in (42, 185, 7800)] == ["42 s", "3 min 05 s", "2 h 10 min"]


@pytest.mark.parametrize(("count", "text"), [(0, "0 tasks"), (1, "1 task"), (2, "2 tasks"), (1000, "1,000 tasks")])
def test_one_thing_is_told_in_the_singular(count, text):
    """Only one is one."""
    assert format_count(count, "task") == text

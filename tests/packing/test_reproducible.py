"""Equal chips give equal bytes, whenever and wherever they are packed."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace

import pytest
from chip_kit import IMAGES, LABELS, make_place

from orchestrator.packing.asked import Packing
from orchestrator.packing.formats import FORMATS
from orchestrator.packing.packing import pack

EVERY = pytest.mark.parametrize("kind", list(FORMATS))


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@EVERY
def test_two_runs_give_equal_bytes(tmp_path, kind, monkeypatch):
    """Of the same chips in two places, at two moments, with another clock and another zone: every file."""
    import time  # noqa: PLC0415

    first, second = make_place(tmp_path / "a"), make_place(tmp_path / "b")
    asked = Packing(IMAGES, LABELS, kind, seed=3)
    pack(first.tiles, asked, tmp_path / "one")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 86_400)
    pack(second.tiles, asked, tmp_path / "deep" / "two")
    monkeypatch.undo()
    time.tzset()

    assert files(tmp_path / "one") == files(tmp_path / "deep" / "two")


@EVERY
def test_every_file_has_its_checksum(place, kind):
    """`sha256sum -c` finds all of them, and there is none besides."""
    folder = pack(place.tiles, Packing(IMAGES, LABELS, kind), place.root / "set").folder

    told = dict(reversed(line.split("  ", 1)) for line in (folder / "SHA256SUMS").read_text().splitlines())

    found = {name: hashlib.sha256(content).hexdigest() for name, content in files(folder).items()}
    del found["SHA256SUMS"]
    assert told == found
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)


def test_a_seed_shuffles_each_split_alike(place):
    """Another order, the same samples in the same splits; the same seed gives the same order."""
    import geopandas  # noqa: PLC0415

    def order(name, seed):
        pack(place.tiles, replace(Packing(IMAGES, seed=seed)), place.root / name)
        frame = geopandas.read_parquet(place.root / name / "index.parquet")
        return list(zip(frame["split"], frame["id"], strict=True))

    plain, shuffled, again = order("plain", None), order("one", 5), order("two", 5)

    assert shuffled == again
    assert shuffled != plain
    assert sorted(shuffled) == sorted(plain)
    assert [split for split, _ in shuffled] == [split for split, _ in plain]

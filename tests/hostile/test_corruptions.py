"""Bytes that arrive wrong never become a part: `benchmarks/corruptions.py`, a few times for each kind."""

from __future__ import annotations

import importlib
import random
import sys
import threading
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
corruptions = importlib.import_module("corruptions")
spoiling = importlib.import_module("corruptions_server")


@pytest.fixture(scope="module")
def url():
    """A Cloud Storage that spoils what it serves, the same way each time it is asked."""
    with spoiling.Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("kind", corruptions.KINDS)
def test_no_corruption_of_a_part_reaches_the_merge(tmp_path, url, kind):
    """It is refused, and nothing lies where the part would be."""
    ours, at = corruptions.Ours(url, tmp_path), list(corruptions.KINDS).index(kind)

    for number in range(3):
        name = f"{at}-{number}"
        _, true, spoiled = corruptions.named(name)
        assert spoiled != true
        assert ours.bring(name, true) is None
        assert not (tmp_path / "ours.tif").exists()


def test_a_part_that_is_whole_is_taken(tmp_path, url, monkeypatch):
    """The measure of the others."""
    monkeypatch.setitem(corruptions.KINDS, "one bit", (lambda data, _dice: data, False, "listed"))

    assert corruptions.Ours(url, tmp_path).bring("0-0", corruptions.PARTS[0]) == corruptions.PARTS[0]


@pytest.mark.parametrize("kind", [kind for kind in corruptions.ANSWERS if kind != "one bit of a value"])
def test_no_damaged_answer_becomes_pixels(kind):
    """Of answers to requests for pixels: whatever changes their size, shape, bands or number type."""
    whole = corruptions._answer()
    wanted = corruptions.read_array(whole, corruptions.REQUEST, ("B2", "B3"))

    for number in range(20):
        spoiled = corruptions.ANSWERS[kind](whole, random.Random(number))  # noqa: S311  the same each time
        try:
            found = corruptions.read_array(spoiled, corruptions.REQUEST, ("B2", "B3"))
        except corruptions.OrchestratorError:
            continue
        assert (found == wanted).all()

"""Pieces of a run whose processes share no folder: objects at its place."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "assemble"))

from place_kit import DictionaryPlace

from orchestrator.core.errors import IntegrityError
from orchestrator.engine.kept_pieces import PlacedPieces, UnsharedError
from orchestrator.model.unit import Unit, UnitPlan


@pytest.fixture
def place():
    return DictionaryPlace()


@pytest.fixture
def pieces(place):
    made = PlacedPieces(place, ".orchestrator/a", threading.Event())
    made.begin(6)
    return made


UNIT = Unit("r", UnitPlan("strip", "0001"), fence=3)


def test_a_piece_is_fetched_as_it_was_kept_and_gone_once_dropped(pieces, place):
    """What a worker brought goes through the place alone."""
    kept = pieces.keep(UNIT, b"an index")

    assert pieces.fetch(kept) == b"an index"
    pieces.drop(kept)
    pieces.drop(kept)
    assert list(place.contents) == [".orchestrator/a/pieces/holder"]


def test_a_piece_that_is_another_by_now_is_brought_again(pieces, place):
    """Its SHA-256 was committed with the unit."""
    kept = pieces.keep(UNIT, b"an index")
    place.contents[kept.name] = b"otherwise"

    with pytest.raises(IntegrityError, match="brought again"):
        pieces.fetch(kept)


def test_a_worker_waits_for_the_claim_that_it_was_told_of(pieces):
    """A holder that was followed by another is not worked for."""
    with pytest.raises(UnsharedError, match="claim 6"):
        pieces.check(7)

    pieces.begin(7)
    pieces.check(7)


def test_a_file_is_refused(pieces, tmp_path):
    """Only bytes go through a bucket; a step that brings a folder is one of a run with a folder."""
    with pytest.raises(IntegrityError, match="only bytes"):
        pieces.keep(UNIT, tmp_path)


def test_nothing_is_left_by_a_worker_that_comes_when_the_run_is_over(pieces, place):
    """Whoever ended the run has cleaned its place: what is written afterwards would stay."""
    place.contents.clear()

    with pytest.raises(UnsharedError, match="the run is over"):
        pieces.keep(UNIT, b"an index")

    assert place.contents == {}


def test_nothing_is_left_by_a_worker_that_stood_still_before_it_wrote(pieces, place, monkeypatch):
    """The run ended between its look and its writing: it looks once more, and takes back what it wrote."""
    create = place.create

    def late(*told):
        place.contents.clear()
        return create(*told)

    monkeypatch.setattr(place, "create", late)

    with pytest.raises(UnsharedError, match="the run is over"):
        pieces.keep(UNIT, b"an index")

    assert place.contents == {}

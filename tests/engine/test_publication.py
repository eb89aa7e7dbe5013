"""The result is read once more before its parts go, and a wish to stop is heard while it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from orchestrator.core.errors import IntegrityError, Stopped
from orchestrator.core.files import sha256_of
from orchestrator.engine.publication import prove_result
from orchestrator.model.validity import percent, valid_words, validity

TERABYTE = 1 << 40


@dataclass(frozen=True)
class Done:
    """As much of a run as is asked for."""

    result: str
    id: str = "7"


class After:
    """A wish to stop that comes after some looks."""

    def __init__(self, looks):
        self.looks = looks

    def is_set(self):
        self.looks -= 1
        return self.looks < 0

    def wait(self, _seconds=None):
        return self.is_set()


def done(path, size, sha256=""):
    return Done(json.dumps({"path": str(path), "bytes": size, "sha256": sha256}))


def test_a_stop_is_heard_while_the_result_is_read_once_more(tmp_path):
    """A terabyte is not read to its end, and how far it was is said."""
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        file.truncate(TERABYTE)
    said = []

    with pytest.raises(Stopped, match="continues"):
        prove_result(done(path, TERABYTE), After(3), said.append)

    assert said == ["reading the result once more: 0 % of 1.0 TiB"]


def test_a_result_that_somebody_changed_is_not_proved(tmp_path):
    """Of the same size, with another byte."""
    path = tmp_path / "a.tif"
    path.write_bytes(b"what was published")
    run = done(path, 18, sha256_of(path))
    prove_result(run, After(99))
    path.write_bytes(b"what is not itself")

    with pytest.raises(IntegrityError, match="is not the file that was published"):
        prove_result(run, After(99))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        pytest.param(0.57, "57 %", id="whole, though not in binary"),
        pytest.param(0.12345, "12.34 %", id="two decimals, towards 0"),
        pytest.param(1 - 1e-9, "99.99 %", id="all but one of a thousand million is not all"),
        pytest.param(1.0, "100 %", id="all"),
        pytest.param(0.0, "0 %", id="none"),
    ],
)
def test_a_share_is_never_said_to_be_more_than_it_is(share, words):
    """100 % means all."""
    assert percent(share) == words


def test_the_worst_band_is_named():
    """One number stands for all bands only where it is true of all."""
    same = validity(("a", "b"), (3, 3), 4)
    other = validity(("a", "b"), (3, 1), 4)

    assert valid_words(same) == "75 % of the area's pixels hold data"
    assert valid_words({"a": 0.23651, "b": 0.23652}) == "23.65 % of the area's pixels hold data"
    assert valid_words(other) == "between 25 % (band b) and 75 % (band a) of the area's pixels hold data"

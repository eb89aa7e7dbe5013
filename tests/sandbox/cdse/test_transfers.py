"""Places of transfers, without the network: when they are taken, and when they are free again."""

from __future__ import annotations

from contextlib import closing

import pytest

from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.cdse.transfers import Transfers
from orchestrator.sandbox.clock import Clock
from orchestrator.sandbox.streams import FileBody
from orchestrator.sandbox.web import ApiError


@pytest.fixture
def transfers():
    return Transfers(Copernicus(at_once=1), Clock())


@pytest.fixture
def body(transfers, tmp_path):
    """A body under way, of the only place that there is."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with closing(transfers.begin("user").carry(FileBody.opened(path, 0, 10), "file", 10)) as under_way:
        yield under_way


def test_a_place_is_taken_until_the_last_byte_leaves(transfers, body):
    """Before that there is none for the same user; another one has a place of his own."""
    with pytest.raises(ApiError, match="Max session number exceeded"):
        transfers.begin("user")
    transfers.begin("another")

    body.ending()

    transfers.begin("user")


def test_a_place_is_given_back_once(transfers, body):
    """A body that ends and is closed does not free the place that the next transfer has."""
    body.ending()
    transfers.begin("user")
    body.close()

    with pytest.raises(ApiError):
        transfers.begin("user")


def test_a_transfer_is_open_until_all_of_it_is_counted(transfers, body):
    """Whoever waits for the end hears of every byte."""
    body.ending()
    early = transfers.wait_idle(timeout_seconds=0)
    body.delivered(10)
    body.close()

    assert (early, transfers.wait_idle(timeout_seconds=0)) == (False, True)
    assert transfers.report()["files"] == {"file": {"size": 10, "transfers": 1, "bytes": 10}}

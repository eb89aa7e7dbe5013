"""What `download` leaves when its process is killed, or the network does anything at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from download_kit import CONTENT, Network, Ordered, fetch, names
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.errors import (
    IntegrityError,
    TransientError,
)
from orchestrator.core.retry import RetryPolicy
from orchestrator.transfer.download import DownloadPolicy

_KILLED = """
import base64, contextlib, io, sys, threading
from pathlib import Path
import google_crc32c
from orchestrator.model.objects import StoredObject
from orchestrator.transfer.download import download
content = Path(sys.argv[2]).read_bytes()
crc32c = base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()

class Body(io.BytesIO):
    def read(self, most):
        return super().read(min(most, 100_000))

@contextlib.contextmanager
def open_body(start):
    body = Body(content)
    body.start = body.seek(start)
    yield body

download(StoredObject("p", len(content), "17", crc32c), open_body, Path(sys.argv[1]), on_bytes=lambda count: None,
         stop=threading.Event())
"""


@pytest.mark.parametrize("point", ["download.after_chunk", "download.before_publish"])
def test_a_killed_process_leaves_no_wrong_file_and_the_next_one_finishes(tmp_path, point):
    """kill -9 in the middle or just before the rename: no target yet; afterwards the right one."""
    target, original = tmp_path / "a.tif", tmp_path / "original"
    original.write_bytes(CONTENT)
    command = [sys.executable, "-c", _KILLED, str(target), str(original)]

    killed = subprocess.run(command, env={**os.environ, "ORCHESTRATOR_CRASH_AT": point}, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    fetch(Network(CONTENT), target)
    assert target.read_bytes() == CONTENT


_orders = st.builds(
    Ordered,
    cut=st.none() | st.integers(0, 3_000),
    flip=st.none() | st.integers(0, 30_000),
    drop=st.integers(0, 50) | st.just(0),
    ignore_range=st.booleans(),
    grain=st.integers(1, 4_000),
)


@given(content=st.binary(max_size=2_000), orders=st.lists(_orders, max_size=12), data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_network_does_the_file_is_right_or_there_is_none(tmp_path_factory, content, orders, data):
    """Any sequence of cuts, flips, omissions and ignored ranges ends in the exact bytes or in an error."""
    target = tmp_path_factory.mktemp("any") / "a.tif"
    attempts = data.draw(st.integers(1, 8))

    try:
        fetch(Network(content, orders), target, policy=DownloadPolicy(RetryPolicy(attempts=attempts)))
    except (TransientError, IntegrityError):
        assert not target.exists()
    else:
        assert target.read_bytes() == content
        assert names(target.parent) == ["a.tif"]

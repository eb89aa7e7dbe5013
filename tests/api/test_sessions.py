"""Several connections in one process, which has one client of Earth Engine."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import ee
import pytest

import orchestrator as orc
from orchestrator.api.connection import current


def address() -> str:
    """Return the address that the client of the process is signed in to."""
    return ee.data._get_state().cloud_api_base_url


@pytest.mark.parametrize("first", [0, 1], ids=["older first", "newer first"])
def test_sandboxes_may_be_closed_in_any_order(sandbox, tmp_path, first):
    """The client speaks to the newest that is open, and at the end to the outer one again."""
    pair = [orc.sandbox(state_dir=tmp_path / name) for name in "ab"]
    closed, left = pair[first], pair[1 - first]

    closed.close()
    between = address()
    left.close()

    assert between == left.url
    assert address() == sandbox.url
    assert ee.Number(2).add(1).getInfo() == 3


def test_a_client_that_is_signed_in_is_left_so(sandbox):
    """Connecting once more asks nobody; after the user's own `ee.Initialize` elsewhere it signs in again."""
    before = ee.data._get_state()
    sandbox.shared.earth_engine()
    kept = ee.data._get_state() is before
    ee.Reset()

    sandbox.shared.earth_engine()

    assert kept
    assert address() == sandbox.url


def test_a_connection_signs_the_client_in_when_it_is_asked_to(sandbox, tmp_path):
    """Images can be made at once then, as in the block of a sandbox; the next verb does not sign it out."""
    ee.Reset()
    with orc.connect(sandbox_url=sandbox.url, state_dir=tmp_path / "state") as connection:
        same = connection.sign_in()
        image = ee.Image.constant(7)

        assert same is connection
        assert image.bandNames().getInfo() == ["constant"]
        assert address() == sandbox.url


def in_threads(*works):
    """Do each work in a thread of its own, at once; return what came of each."""
    found = [None] * len(works)

    def go(number, work):
        try:
            found[number] = work()
        except orc.OrchestratorError as error:
            found[number] = error

    threads = [threading.Thread(target=go, args=one) for one in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def names(connection) -> list[str]:
    """Return the names of the runs that a connection remembers."""
    return [run.name for run in orc.runs(connection=connection)]


def test_a_job_goes_to_the_connection_of_its_own_thread(declare, sandbox, tmp_path):
    """Also where another thread opened another one later."""
    opened, done = threading.Event(), threading.Event()

    def first():
        with orc.sandbox(state_dir=tmp_path / "a") as mine:
            opened.set()
            done.wait(60)
            orc.run(declare(name="mine", route="pixels"), progress=False)
            return names(mine)

    def second():
        opened.wait(60)
        with orc.sandbox(state_dir=tmp_path / "b") as other:
            done.set()
            threads[0].result(60)
            return names(other)

    with ThreadPoolExecutor(2) as pool:
        threads = [pool.submit(first)]
        others = pool.submit(second)
        assert threads[0].result(60) == ["mine"]
        assert others.result(60) == []
    assert address() == sandbox.url


def test_a_second_service_is_refused_while_one_is_at_work(declare, sandbox, tmp_path):
    """The client speaks to one at a time; nothing is done at the wrong place."""
    with (
        orc.sandbox(state_dir=tmp_path / "other") as other,
        sandbox.working(),
        pytest.raises(orc.UserError, match=f"{sandbox.url} is under way .* use another process"),
    ):
        orc.run(declare(name="refused"), connection=other)

    assert names(sandbox).count("refused") == 0


def test_a_sandbox_is_refused_while_a_submitted_run_is_under_way(sandbox, tmp_path):
    """Opening it would turn the client away from the run."""
    with sandbox.working(), pytest.raises(orc.UserError, match="is under way"):
        orc.sandbox(state_dir=tmp_path / "state")

    assert address() == sandbox.url


def test_a_run_may_be_sent_to_another_connection(declare, sandbox, tmp_path):
    """It runs where it was sent, and the client is given back to the newest."""
    with orc.sandbox(state_dir=tmp_path / "state") as newest:
        orc.run(declare(name="sent", route="pixels"), progress=False, connection=sandbox)

        assert address() == newest.url
        assert names(newest) == []
    assert "sent" in names(sandbox)


def test_a_thread_without_a_connection_works_with_the_one_that_is_open(sandbox):
    """As the workers of a pool do."""
    assert in_threads(lambda: current() is sandbox) == [True]


def test_a_thread_without_a_connection_is_asked_which_of_several(sandbox, tmp_path):  # noqa: ARG001
    """Where they were opened by different threads and lead to different places."""

    def opener():
        with orc.connect(project="p", state_dir=tmp_path / "state"):
            return in_threads(orc.runs)

    ((refused,),) = in_threads(opener)

    assert isinstance(refused, orc.UserError)
    assert "connection=" in str(refused)

"""Windows are computed by processes beside the sandbox where that pays, and nobody notices."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future

import numpy as np
import pytest

from orchestrator.sandbox import workers as pool
from orchestrator.sandbox.earthengine.evaluate import EvaluationError, Evaluator, RequestedGrid
from orchestrator.sandbox.errands import READY, Computed, Wanted, receive, send
from orchestrator.sandbox.scenes.synthetic import SyntheticCatalogue
from orchestrator.sandbox.workers import SharedEvaluator, Workers

COMMAND = (sys.executable, "-m", "orchestrator.sandbox.worker", "--seed", "3")
SCENE = "COPERNICUS/S2_SR_HARMONIZED/20230709T100000_20230709T100808_T33TWL"
GRID = RequestedGrid("EPSG:32633", (10, 0, 520000, 0, -10, 5090000), 90, 70)
WAIT_SECONDS = 120


def call(name, **arguments):
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


def expression(value):
    return {"result": "0", "values": {"0": value}}


PIXELS = expression(
    call(
        "Image.select",
        input=call("Image.load", id={"constantValue": SCENE}),
        bandSelectors={"constantValue": ["B4", "SCL"]},
    )
)
# Of single pixels of a degree, it would need more native pixels than there can be.
HOPELESS = expression(
    call(
        "Image.reproject",
        image=call("Image.pixelCoordinates", projection=call("Projection", crs={"constantValue": "EPSG:4326"})),
        crs=call("Projection", crs={"constantValue": "EPSG:4326"}),
        scale={"constantValue": 0.001},
    )
)


def hire(count):
    """Workers that are there from the first window on."""
    hired = Workers(COMMAND, count, patience_seconds=0.0)
    shared(hired).read(0, 0, 1, 1)
    with hired._changed:
        assert hired._changed.wait_for(lambda: len(hired._all) == count, WAIT_SECONDS)
    return hired


def shared(hired, what=PIXELS, grid=GRID):
    return SharedEvaluator(SyntheticCatalogue(seed=3), hired).image(what, grid=grid)


@pytest.fixture(scope="module")
def workers():
    hired = hire(2)
    yield hired
    hired.close()


def test_pieces_from_workers_are_the_pixels_of_one_process(workers, monkeypatch):
    """Values, types and masks, in the order of the windows, whatever pieces they were cut into."""
    monkeypatch.setattr(pool, "PIECE_SIDE", 40)
    windows = [(0, 0, 90, 70), (10, 5, 41, 39), (89, 0, 1, 70)]
    plain = Evaluator(SyntheticCatalogue(seed=3)).image(PIXELS, grid=GRID)
    image = shared(workers)

    found = list(image.stream(windows))

    for (values, valid), (expected, expected_valid) in zip(found, plain.stream(windows), strict=True):
        assert [band.dtype for band in values] == [band.dtype for band in expected]
        assert all(np.array_equal(a, b) for a, b in zip(values, expected, strict=True))
        assert np.array_equal(valid, expected_valid)
    assert image.seconds_elsewhere > 0


def test_what_a_worker_cannot_compute_fails_in_the_sandbox_with_its_sentence(workers):
    """The error is that of a sandbox without workers."""
    wide = RequestedGrid("EPSG:4326", (1, 0, 0, 0, -1, 50), 2, 2)
    image = shared(workers, HOPELESS, wide)

    with pytest.raises(EvaluationError, match="Reprojection output too large"):
        image.read(0, 0, 2, 2)


def test_a_dead_worker_is_done_without():
    """Its windows are computed by another, or by the sandbox itself."""
    hired = hire(1)
    hired._all[0].kill()

    values, _ = shared(hired).read(0, 0, 50, 50)

    assert values[0].shape == (50, 50)
    assert hired._all == []
    hired.close()


def test_a_stream_that_is_left_begins_no_further_window(monkeypatch):
    """A cancelled export costs the pieces under way and no more."""
    hired = Workers(COMMAND, 2, patience_seconds=1e6)
    begun = []

    def submit(_act, piece):
        begun.append(piece)
        done = Future()
        done.set_result(Computed(([], None), 0.0))
        return done

    monkeypatch.setattr(hired.errands, "submit", submit)
    stream = shared(hired).stream([(0, 0, 1, 1)] * 50)

    next(stream)
    stream.close()

    assert len(begun) <= hired.count + 1
    hired.close()


def test_a_worker_ends_with_the_pipe_that_feeds_it():
    """However the sandbox dies, and whatever the worker is computing."""
    worker = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert receive(worker.stdout) == READY
    whole = RequestedGrid("EPSG:32633", (10, 0, 499980, 0, -10, 5100000), 10980, 10980)
    send(worker.stdin, Wanted(0, PIXELS, whole, (0, 0, 10980, 10980)))

    worker.stdin.close()

    assert worker.wait(WAIT_SECONDS) == 0
    worker.stdout.close()


def test_workers_are_started_only_when_there_is_much_to_compute():
    """A sandbox that computes little is one process."""
    hired = Workers(COMMAND, 2, patience_seconds=1e6)
    shared(hired).read(0, 0, 5, 5)

    assert not hired._started
    hired.close()


def test_a_shared_image_has_every_attribute_of_an_image():
    """Whoever reads an image need not know who computes it."""
    idle = Workers(COMMAND, 1, patience_seconds=1e6)
    plain = Evaluator(SyntheticCatalogue(seed=3)).image(PIXELS, grid=GRID)

    image = shared(idle)

    public = [name for name in vars(plain) if not name.startswith("_")]
    assert "properties" in public
    assert {name: getattr(image, name) for name in public} == {name: getattr(plain, name) for name in public}
    idle.close()

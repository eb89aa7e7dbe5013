"""Faults of requests for pixels, and what is counted of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
from pixels_kit import compute, get, grid, refusal


@pytest.mark.parametrize(
    ("order", "words"),
    [
        pytest.param({"sentence": "user_memory"}, "User memory limit exceeded.", id="memory"),
        pytest.param({"sentence": "timed_out"}, "Computation timed out.", id="time"),
        pytest.param({"sentence": "aggregations"}, "Too many concurrent aggregations.", id="concurrency"),
        pytest.param({"sentence": "too_many_requests"}, "Too Many Requests", id="rate"),
        pytest.param({"sentence": "capacity"}, "Earth Engine capacity exceeded.", id="capacity"),
        pytest.param({"sentence": "internal"}, "An internal error has occurred", id="internal"),
    ],
)
def test_every_sentence_can_be_ordered_for_pixels(kit, order, words):
    """Once, counted; the next request is answered."""
    number = kit.order("http", api="image.computePixels", **order)

    found = refusal(lambda: compute(kit.image()))

    assert words in found
    assert compute(kit.image()).shape == (120, 130)
    assert kit.consumed(number) == 1


@pytest.mark.parametrize(
    ("action", "order"),
    [
        pytest.param("truncate", {}, id="cut short"),
        pytest.param("reset", {}, id="broken"),
        pytest.param("stall", {"bytes": 100, "seconds": 0.1}, id="stalled inside"),
        pytest.param("flip", {"offset": 500}, id="one bit"),
        pytest.param("short", {"bytes": 7}, id="the end missing"),
        pytest.param("http", {"status": 200, "body": "no pixels"}, id="other content"),
    ],
)
def test_an_answer_of_pixels_can_be_spoilt(kit, action, order):
    """Each fault acts on getPixels as on any other answer: the caller gets an error or other bytes."""
    whole = get("NPY", grid=grid())
    number = kit.order(action, api="assets.getPixels", **order)

    try:
        found = get("NPY", grid=grid())
    except Exception as error:  # noqa: BLE001  which one is the client's business
        found = error

    assert (found == whole) == (action == "stall")
    assert kit.consumed(number) == 1


def test_large_answers_can_be_asked_for_together(kit):
    """More than are computed at a time: each comes whole, 20 MB of its own window."""
    image = kit.image("half").unmask(-1)

    def ask(number):
        return compute(image, grid=grid(1000, 5000, 0, 100 * number))["half"]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))

    assert [each.shape for each in found] == [(1000, 5000)] * 4
    np.testing.assert_array_equal(found[3][:, :800], found[0][:, 300:1100])


def test_requests_for_pixels_are_counted(sandbox, kit):
    """Answers and refusals, pixels and bytes as the quota counts them, and every window asked for."""
    requests.delete(f"{sandbox.url}/sandbox/pixels", timeout=20)

    compute(kit.image("ramp", "half"))
    get(grid=grid(10, 20, 0, 0), bandIds=["half"])
    refusal(lambda: compute(kit.image(), grid=grid(1, 40818)))

    report = sandbox.state()["pixels"]
    asked = requests.get(f"{sandbox.url}/sandbox/pixels", timeout=20).json()["pixels"]
    assert report["statuses"] == {"200": 2, "400": 1}
    assert (report["pixels"], report["bytes"]) == (120 * 130 + 200, 120 * 130 * 8 + 200 * 5)
    assert report["mostAtOnce"] == 1
    assert [(each["api"], each["height"], each["width"]) for each in asked] == [
        ("image.computePixels", 120, 130),
        ("assets.getPixels", 10, 20),
        ("image.computePixels", 1, 40818),
    ]
    assert [each["refusal"] is None for each in asked] == [True, True, False]


def test_quotas_are_set_through_the_control_api(sandbox):
    """What is not named stays; nonsense is refused."""
    told = requests.post(f"{sandbox.url}/sandbox/quotas", json={"at_once": 7}, timeout=20).json()
    wrong = [
        requests.post(f"{sandbox.url}/sandbox/quotas", json=each, timeout=20).status_code
        for each in ({"at_once": 0}, {"at_once": "many"}, {"colour": 1})
    ]
    usual = requests.post(f"{sandbox.url}/sandbox/quotas", json={"at_once": 40}, timeout=20).json()

    assert (told["at_once"], told["bytes"], wrong) == (7, 50_331_648, [400, 400, 400])
    assert usual == {**told, "at_once": 40}

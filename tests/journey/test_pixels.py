"""`--route pixels` and `--route region`: the same without an export, killed anywhere, in few requests."""

from __future__ import annotations

import json
import time
from collections import Counter

import journey_kit as kit
import numpy as np
import pytest

# In the order a unit passes them, with how many windows may be asked for twice: that one whose answer had no place yet.
POINTS = {"unit.claimed": 0, "unit.fetched": 1, "unit.noted": 1, "unit.placed": 0, "unit.done": 0}
PIXELS = ("--route", "pixels")
REGION = ("--route", "region")
either = pytest.mark.parametrize("route", ["pixels", "region"])
# A quota of the sandbox that takes the small job four to eight requests.
SMALL = 270_000


@pytest.fixture
def small_quota(home):
    """The service takes less in one request than is planned for."""
    before = home.service.state()["pixels"]["quotas"]
    home.service.post("/sandbox/quotas", {"bytes": SMALL})
    home.service.delete("/sandbox/pixels")
    yield home
    home.service.post("/sandbox/quotas", before)


@pytest.fixture
def exported(undisturbed):
    """The pixels of the small job by batch export."""
    return undisturbed.pixels


def asked(home):
    """Return the windows that were answered, and the refusals."""
    every = home.service.get("/sandbox/pixels")["pixels"]
    good = [(*each["transform"][2::3], each["height"], each["width"]) for each in every if each["refusal"] is None]
    return Counter(good), [each for each in every if each["refusal"]]


def computed(home):
    """Return what the server answered to each `value:compute`: the planner's question, and tables of pixels."""
    return [each["status"] for each in home.service.requests("value.compute")]


@either
def test_the_pixels_are_those_of_an_export(home, exported, route):
    """One request here, four files there; nothing was exported and nothing lies in a bucket."""
    before = home.service.exports

    home.run("--route", route).expect(0)

    np.testing.assert_array_equal(home.pixels(), exported)
    assert (home.service.exports, home.service.objects(), home.leftovers()) == (before, [], [])
    assert home.proof()["route"] == route


def test_the_proof_names_each_request(home):
    """Window, request and reply of every piece, and that each pixel came once."""
    home.run(*PIXELS).expect(0)

    proof = home.proof()
    (part,) = proof["parts"]
    assert (proof["route"], proof["cover"]["each_planned_pixel_once"]) == ("pixels", True)
    assert {"window", "request_sha256", "reply_sha256", "bytes", "at"} <= part.keys()


def test_the_log_tells_of_each_request(home):
    """How many were planned, and of each answer the bytes that the proof has."""
    done = home.run(*PIXELS).expect(0)

    (planned,) = done.named("run.planned")
    assert (planned["requests"], planned["tasks"]) == (1, 0)
    assert [answer["bytes"] for answer in done.named("request.answered")] == [p["bytes"] for p in home.proof()["parts"]]


def test_a_refusal_by_size_is_learned_from(small_quota, exported):
    """One request is too big; what it says about sizes holds for all that follow."""
    home = small_quota

    home.run(*PIXELS).expect(0)

    answered, refused = asked(home)
    assert len(refused) == 1
    assert set(answered.values()) == {1}
    np.testing.assert_array_equal(home.pixels(), exported)


def too_many(home):
    """The service takes fewer values in one request than is planned for, and says so to the next one."""
    said = error("ImageCollection.getRegion: Too many values: 97030 points x 3 bands x 1 images > 116000.")
    home.service.order({"action": "http", "api": "value.compute", "text": "getRegion", "status": 400, "body": said})


def test_a_refused_table_is_cut_by_its_numbers_and_asked_for_again_only_where_it_is_missing(home, exported):
    """Two and a half times too many values: three windows, and one of them twice, which a kill left without a place."""
    home.environment["ORCHESTRATOR_PIXELS__AT_ONCE"] = "1"
    too_many(home)
    before = len(computed(home))

    home.run(*REGION, **{kit.CRASH_AT: "unit.noted"}).expect(kit.KILLED)
    home.run(*REGION).expect(0)

    assert computed(home)[before:] == [200, 400, 200, 200, 200, 200]
    np.testing.assert_array_equal(home.pixels(), exported)
    assert home.leftovers() == []


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_asks_only_for_what_is_missing(small_quota, exported, point):
    """A window that has its place is never fetched again; the pixels are the same, nothing is left."""
    home = small_quota
    home.environment["ORCHESTRATOR_PIXELS__AT_ONCE"] = "1"

    home.run(*PIXELS, **{kit.CRASH_AT: point}).expect(kit.KILLED)
    home.run(*PIXELS).expect(0)

    answered, _refused = asked(home)
    assert sum(answered.values()) - len(answered) <= POINTS[point]
    np.testing.assert_array_equal(home.pixels(), exported)
    assert home.leftovers() == []


@pytest.mark.parametrize(
    ("route", "call"),
    [("pixels", {"api": "image.computePixels"}), ("region", {"api": "value.compute", "text": "getRegion"})],
    ids=["pixels", "region"],
)
def test_a_busy_service_is_waited_for(home, exported, route, call):
    """429 and 503 cut nothing: the same window is asked for again."""
    home.service.order({"action": "http", **call, "status": 429, "count": 2}, {"action": "http", **call, "status": 503})

    home.run("--route", route).expect(0)

    np.testing.assert_array_equal(home.pixels(), exported)
    assert len(home.proof()["parts"]) == 1


def test_a_storm_of_429_is_answered_by_backing_off_never_by_cutting(small_quota, exported):
    """Refused while many windows are under way: as many windows as in fair weather, each answered once."""
    home = small_quota
    home.run(*PIXELS, "--base-name", "fair").expect(0)
    fair, _ = asked(home)
    home.service.delete("/sandbox/pixels")
    storm = {"action": "http", "api": "image.computePixels", "sentence": "too_many_requests", "skip": 1, "count": 4}
    home.service.order(storm)  # behind the first refusal, by which the windows are cut to size

    done = home.run(*PIXELS).expect(0)

    assert asked(home)[0] == fair
    assert [event["failure"] for event in done.named("unit.split")] == ["SIZE"]
    assert {event["failure"] for event in done.named("unit.again")} == {"THROTTLE"}
    np.testing.assert_array_equal(home.pixels(), exported)


def test_no_more_go_at_once_than_is_set(small_quota):
    """As the service itself counts them."""
    home = small_quota
    home.environment["ORCHESTRATOR_PIXELS__AT_ONCE"] = "2"
    home.service.order({"action": "stall", "api": "image.computePixels", "seconds": 0.3, "count": 4})

    home.run(*PIXELS).expect(0)

    assert home.service.state()["pixels"]["mostAtOnce"] <= 2


def test_no_more_begin_in_a_second_than_is_set(small_quota):
    """By the time that all of them take: how two of them bunch on their way is the machine's affair, not ours."""
    home = small_quota
    home.environment["ORCHESTRATOR_PIXELS__PER_SECOND"] = "2"
    began = time.monotonic()

    home.run(*PIXELS).expect(0)

    seconds = time.monotonic() - began
    requests = home.service.state()["pixels"]["requests"]
    assert seconds >= (requests - 1) / 2


def test_a_final_refusal_ends_the_run_with_the_sentence(home):
    """It is neither cut nor repeated."""
    sentence = "Image.select: Band pattern 'q' did not match any bands."
    home.service.order({"action": "http", "api": "image.computePixels", "status": 400, "body": error(sentence)})

    outcome = home.run(*PIXELS).expect(1)

    assert sentence in outcome.out + outcome.err


def error(sentence):
    return json.dumps({"error": {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"}})


def test_what_is_small_comes_directly_by_itself(home, exported):
    """`auto` exports nothing here, and says why."""
    before = home.service.exports

    home.run("--route", "auto").expect(0)

    np.testing.assert_array_equal(home.pixels(), exported)
    assert home.service.exports == before
    assert any("at most 16 requests" in note for note in home.proof()["notes"])


def test_the_plan_shows_the_requests(home):
    """Before anything is asked."""
    found = home.start("plan", *PIXELS).wait().expect(0).messages

    plan = next(message for message in found if message["message_type"] == "plan")
    assert (plan["requests"], plan["tasks"], plan["bucket_bytes_at_most"]) == (1, 0, 0)

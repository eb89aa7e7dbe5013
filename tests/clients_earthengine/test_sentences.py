"""What Earth Engine's own sentences ask for: one row of the table for each sentence on record."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import ee
import pytest
from httplib2 import Response

from orchestrator.clients.earthengine import translate
from orchestrator.clients.sentences import TABLE, classify, diagnose, row_of
from orchestrator.core.clock import quota_returns
from orchestrator.core.errors import (
    CredentialError,
    NotFoundError,
    QueueFullError,
    QuotaError,
    ThrottleError,
    TransientError,
)
from orchestrator.model.batch import AlreadyStartedError
from orchestrator.model.ports import RefusedError
from orchestrator.model.states import Failure
from orchestrator.sandbox.sentences import SENTENCES as PUBLISHED

# Sentences as Earth Engine writes them, and what a failed task that ends in them needs.
SENTENCES = {
    "memory limit": ("User memory limit exceeded.", Failure.MEMORY),
    "memory capacity": ("Earth Engine memory capacity exceeded.", Failure.MEMORY),
    "out of memory": ("Execution failed; out of memory.", Failure.OUT_OF_MEMORY),
    "capacity": ("Earth Engine capacity exceeded.", Failure.THROTTLE),
    "capacity with its code": ("Earth Engine capacity exceeded. (Error code: 10)", Failure.THROTTLE),
    "quota of aggregations": ("Quota exceeded: Too many concurrent aggregations.", Failure.THROTTLE),
    "aggregations": ("Too many concurrent aggregations.", Failure.THROTTLE),
    "read requests": (
        (
            "Quota exceeded for quota metric 'Number of read requests' and limit 'Number of read requests per minute' "
            "of service 'earthengine.googleapis.com' for consumer 'project_number:1'."
        ),
        Failure.THROTTLE,
    ),
    "daily quota": (
        (
            "Your usage exceeded the custom quota for 'earthengine.googleapis.com/daily_eecu_usage_time', which is "
            "adjustable by your administrator."
        ),
        Failure.QUOTA,
    ),
    "restricted mode": (
        "Your project has exceeded its noncommercial compute quota and is now in restricted mode.",
        Failure.THROTTLE,
    ),
    "timed out": ("Computation timed out.", Failure.TIMEOUT),
    "a limit of the sandbox": ("Image.foo: bar is not imitated by this sandbox. It times out.", Failure.PERMANENT),
    "a function the sandbox lacks": (
        "Image.foo: this sandbox does not imitate this Earth Engine function.",
        Failure.PERMANENT,
    ),
    "output of a computation": (
        (
            "Output of image computation is too large (20 bands for 851968 pixels = 126.8 MiB > 80.0 MiB). If this is "
            "a reduction, try specifying a larger 'tileScale' parameter."
        ),
        Failure.SIZE,
    ),
    "reprojection": ("Reprojection output too large (27412x20470 pixels).", Failure.SIZE),
    "value": ("Computed value is too large", Failure.PERMANENT),
    "request size": ("Total request size (66060288 bytes) must be less than or equal to 50331648 bytes.", Failure.SIZE),
    "grid dimensions": ("Pixel grid dimensions (13x111332) must be less than or equal to 32768.", Failure.PERMANENT),
    "all masked": ("No valid (un-masked) pixels in export region.", Failure.EMPTY),
    "no bands": ("If one image has no bands, the other must also have no bands. Got 0 and 1.", Failure.PERMANENT),
    "pattern on no bands": (
        "Image.select: Pattern 'B4' was applied to an Image with no bands. See the debugging guide.",
        Failure.PERMANENT,
    ),
    "queue full": (
        "Too many tasks already in the queue (3000). Please wait for some of them to complete.",
        Failure.THROTTLE,
    ),
    "already started": (
        "A different Operation was already started with the given request_id.",
        Failure.TRANSIENT,
    ),
    "number types": (
        "Exported bands must have compatible data types; found inconsistent types: Int16 and Byte. (Error code: 3)",
        Failure.PERMANENT,
    ),
    "unbounded": ("Unable to export unbounded image.", Failure.PERMANENT),
    "edge": (
        "Unable to transform edge (-180.0, -90.0 to 180.0, -90.0) from EPSG:4326 to EPSG:3857.",
        Failure.PERMANENT,
    ),
    "payload": ("Request payload size exceeds the limit: 10485760 bytes.", Failure.PERMANENT),
    "image not found": (
        "Image.load: Image asset 'projects/p/assets/x' not found (does not exist or caller does not have access).",
        Failure.PERMANENT,
    ),
    "asset not found": (
        "Asset 'projects/p/assets/x' does not exist or doesn't allow this operation.",
        Failure.PERMANENT,
    ),
    "homogeneous": (
        (
            "Expected a homogeneous image collection, but an image with incompatible bands was encountered: First "
            "image type: 1 bands ([B1]). Current image type: 2 bands ([B1, B2])."
        ),
        Failure.PERMANENT,
    ),
    "query aborted": ("Collection query aborted after accumulating over 5000 elements.", Failure.PERMANENT),
    "band names": ("Image.select: Band pattern 'B99' did not match any bands.", Failure.PERMANENT),
    "too large in other words": ("The mosaic is too large.", Failure.SIZE),
    "internal error": ("An internal error has occurred (request: 3f2504e0)", Failure.TRANSIENT),
    "internal server error": ("An internal server error has occurred", Failure.TRANSIENT),
    "cancelled": ("Cancelled.", Failure.CANCELLED),
    "unknown": ("The flux capacitor is misaligned.", Failure.UNKNOWN),
    "nothing": ("", Failure.UNKNOWN),
}


def said(name):
    return SENTENCES[name][0]


@pytest.mark.parametrize(("sentence", "failure"), SENTENCES.values(), ids=SENTENCES)
def test_a_failed_task_is_answered_by_its_own_sentence(sentence, failure):
    """Each sentence on record has the class of what helps against it."""
    assert classify(sentence) is failure


def test_every_row_of_the_table_decides_about_a_sentence_on_record():
    """A row that no sentence reaches is a guess, or hidden behind another."""
    reached = {row_of(sentence).pattern for sentence, _ in SENTENCES.values()}

    assert {row.pattern for row in TABLE} - reached == set()


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        pytest.param("Reprojection output too large (27412x20470 pixels).", "leave out .reproject()", id="reproject"),
        pytest.param(said("number types"), "cast them", id="number types"),
        pytest.param(said("homogeneous"), "cast each image", id="homogeneous"),
        pytest.param("Unable to export unbounded image.", "clip it", id="unbounded"),
        pytest.param(said("no bands"), "widen the dates", id="empty collection"),
        pytest.param("Request payload size exceeds the limit: 10485760 bytes.", "simplify the area", id="payload"),
        pytest.param("Computed value is too large", "coarser scale", id="value"),
        pytest.param(said("image not found"), "asset's name", id="asset"),
        pytest.param(said("daily quota"), "midnight Pacific", id="daily quota"),
    ],
)
def test_advice_stands_beside_the_sentence(sentence, words):
    """Where a person must act, the table says how."""
    assert words in diagnose(sentence).advice


def test_a_lack_of_capacity_asks_for_a_long_pause():
    """It is everybody's capacity, and comes back in minutes."""
    assert diagnose("Earth Engine capacity exceeded. (Error code: 10)").wait_seconds >= 60
    assert diagnose("Too many concurrent aggregations.").wait_seconds == 0


@pytest.mark.parametrize(
    ("sentence", "steps"),
    [
        pytest.param("Execution failed; out of memory.", 1, id="out of memory: one repeat"),
        pytest.param("Reprojection output too large (27412x20470 pixels).", 1, id="reproject: one cut"),
        pytest.param("nobody has said this before", 1, id="unknown: once more"),
        pytest.param("User memory limit exceeded.", None, id="memory: the whole ladder"),
    ],
)
def test_some_steps_are_taken_once(sentence, steps):
    """What the next step would only repeat is not repeated."""
    assert diagnose(sentence).steps == steps


@pytest.mark.parametrize(
    ("sentence", "sizes"),
    [
        pytest.param(
            "Total request size (66060288 bytes) must be less than or equal to 50331648 bytes.",
            (66_060_288, 50_331_648),
            id="request",
        ),
        pytest.param(
            "Output of image computation is too large (20 bands for 851968 pixels = 126.8 MiB > 80.0 MiB).",
            (132_959_436, 83_886_080),  # 126.8 and 80 times 2**20, rounded down
            id="output",
        ),
        pytest.param("Total request size (many bytes) must be less than or equal to 50331648 bytes.", None, id="odd"),
        pytest.param(PUBLISHED["too_many_values"].text, (26_027 * 4 * 19, 1_048_576), id="points, bands and images"),
        pytest.param(
            "ImageCollection.getRegion: Too many values: 2446500 values but only 1048576 allowed.",
            (2_446_500, 1_048_576),
            id="values",
        ),
        pytest.param("Too many values: 0 points x 4 bands x 19 images > 1048576.", None, id="no values"),
        pytest.param("Too many values: 1.2.3 points x 4 bands x 19 images > 1048576.", None, id="odd values"),
        pytest.param("Computed value is too large", None, id="not said"),
        *(
            pytest.param(f"Total request size ({found}) must be less than or equal to {most}.", None, id=f"odd {n}")
            for n, (found, most) in enumerate(
                [
                    ("1.2.3 MiB", "50331648 bytes"),
                    ("1.234.567 bytes", "50331648 bytes"),
                    (f"{'9' * 400} bytes", "50331648 bytes"),
                    ("3000000 bytes", ", bytes"),
                    ("0 bytes", "0 bytes"),
                ]
            )
        ),
    ],
)
def test_the_sizes_of_a_sentence_are_read(sentence, sizes):
    """How far a request is beyond the limit tells how much to cut."""
    assert diagnose(sentence).sizes == sizes


def refused(status, sentence, headers=None):
    """Return the client's exception for an answer of `status`, with its context as the client leaves it."""
    error = ee.EEException(sentence)
    context = Exception("an HttpError")
    context.resp = Response({"status": str(status), **(headers or {})})
    context.content = json.dumps({"error": {"code": status, "message": sentence}}).encode()
    error.__context__ = context
    return error


@pytest.mark.parametrize(
    ("status", "sentence", "kind"),
    [
        pytest.param(400, said("already started"), AlreadyStartedError, id="a known request id"),
        pytest.param(409, said("already started"), AlreadyStartedError, id="a known request id, as a conflict"),
        pytest.param(429, said("queue full"), QueueFullError, id="the queue is full"),
        pytest.param(400, said("queue full"), QueueFullError, id="the queue is full, said with 400"),
        pytest.param(503, "Earth Engine capacity exceeded.", ThrottleError, id="capacity"),
        pytest.param(429, said("quota of aggregations"), ThrottleError, id="aggregations"),
        pytest.param(429, said("read requests"), ThrottleError, id="read requests"),
        pytest.param(403, "Rate limit exceeded", ThrottleError, id="a rate said with 403"),
        pytest.param(429, "slower, please", ThrottleError, id="429 in other words"),
        pytest.param(429, said("daily quota"), QuotaError, id="the day's quota"),
        pytest.param(401, "who are you", CredentialError, id="401"),
        pytest.param(403, "Caller does not have required permission", CredentialError, id="403"),
        pytest.param(404, said("image not found"), NotFoundError, id="404"),
        pytest.param(500, "An internal error has occurred", TransientError, id="500"),
        pytest.param(503, "<html>", TransientError, id="503 as a page"),
        pytest.param(0, "Ok", TransientError, id="an answer without a reason"),
        pytest.param(400, "An internal server error has occurred", TransientError, id="internal, said with 400"),
        *(
            pytest.param(400, sentence, RefusedError, id=f"400 {sentence[:40]}")
            for sentence, failure in SENTENCES.values()
            if failure not in (Failure.THROTTLE, Failure.QUOTA, Failure.TRANSIENT)
        ),
    ],
)
def test_a_refused_call_has_the_class_of_who_must_act(status, sentence, kind):
    """The sentence decides where it is known, the status elsewhere; the sentence is always told."""
    error = translate(refused(status, sentence))

    assert type(error) is kind
    assert sentence in str(error)


@pytest.mark.parametrize("status", [400, 405, 409, 413, 422])
@pytest.mark.parametrize(
    "body", [b"", b"Ok", b'{"error": {"code": 400, "mess', b"<html></html>", b'{"error": "no"}', b"\xff"]
)
def test_a_refusal_with_a_damaged_body_is_not_final(status, body):
    """Only Google's form of an error is proof that the service said it."""
    error = refused(status, "Ok")
    error.__context__.content = body

    assert type(translate(error)) is TransientError


def test_a_refused_call_carries_what_its_sentence_asks_for():
    """Too many pixels in one request are cut, whereas as a task's failure they are the area's fault."""
    error = translate(refused(400, "Pixel grid dimensions (13x111332) must be less than or equal to 32768."))

    assert error.diagnosis.failure is Failure.SIZE


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param({"retry-after": "17"}, 17.0, id="seconds"),
        pytest.param({"retry-after": "999999"}, 3600.0, id="days"),
        pytest.param({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0, id="a date"),
        pytest.param({"retry-after": "-5"}, 0.0, id="nonsense"),
        pytest.param({}, 0.0, id="nothing"),
    ],
)
def test_a_service_that_says_how_long_to_wait_is_understood(said, seconds):
    """Retry-After is read where it is a number of seconds."""
    assert translate(refused(429, "slower", said)).wait_seconds == seconds


@pytest.mark.parametrize(
    ("now", "then"),
    [
        pytest.param("2026-07-01T06:00", "2026-07-01T07:05", id="an hour before, in summer time"),
        pytest.param("2026-07-01T08:00", "2026-07-02T07:05", id="an hour after, in summer time"),
        pytest.param("2026-12-01T08:00", "2026-12-02T08:05", id="at midnight, in winter time"),
        pytest.param("2026-11-01T12:00", "2026-11-02T08:05", id="on the day the clocks go back"),
    ],
)
def test_a_daily_quota_returns_after_midnight_in_california(now, then):
    """Google counts days in Pacific time, UTC-8 in winter and UTC-7 in summer."""
    found = quota_returns(datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(then).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "unknown"])
def test_every_sentence_the_sandbox_can_say_is_understood(name):
    """As a failed task says it, with its code at the end, and as a call does."""
    sentence = PUBLISHED[name]

    assert classify(sentence.of_task) is classify(sentence.text) is not Failure.UNKNOWN

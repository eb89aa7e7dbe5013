"""The direct route: pixels as planned, whoever sends them and however they are cut."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import threading
from dataclasses import replace

import ee
import numpy as np
import pytest
import requests
from typed_world import ASSET, GRID, RANGES, STOP, TypedCatalogue, expected, opened

from orchestrator.clients import interactive
from orchestrator.clients.earthengine import deserialise
from orchestrator.clients.interactive import PIXEL_LIMITS
from orchestrator.clients.watch import Watch
from orchestrator.core.errors import IntegrityError, Stopped, ThrottleError, TransientError, WayError
from orchestrator.model.grid import Window
from orchestrator.model.ports import RefusedError
from orchestrator.model.states import Failure
from orchestrator.routes.npy import MAGIC, read_array
from orchestrator.routes.pixels import PixelRoute
from orchestrator.sandbox.server import Options, Sandbox


@pytest.mark.parametrize("dtype", sorted(RANGES))
def test_the_pixels_are_those_of_the_formula(route, ask, dtype):
    """Every number type; zeros are zeros, and only what is masked is nodata."""
    request = ask(Window(250, 260, 120, 130), dtype)

    found, profile = opened(route.fetch(request, STOP))

    np.testing.assert_array_equal(found[0], expected(dtype, request.window, 7))
    assert (profile["dtype"], profile["nodata"]) == (dtype, 7)


@pytest.mark.parametrize("dtype", sorted(RANGES))
def test_one_request_and_many_bring_the_same_bytes(route, ask, dtype):
    """Joined, the pieces of a window are the window: shape, transform and every value."""
    whole = Window(200, 190, 301, 257)
    cuts = [Window(200, 190, 301, 100), Window(200, 290, 151, 157), Window(351, 290, 150, 157)]

    one, profile = opened(route.fetch(ask(whole, dtype), STOP))
    joined = np.zeros_like(one)
    for cut in cuts:
        found, about = opened(route.fetch(ask(cut, dtype), STOP))
        row, col = cut.row - whole.row, cut.col - whole.col
        joined[:, row : row + cut.height, col : col + cut.width] = found
        assert about["transform"][:6] == GRID.window_transform(cut)

    assert joined.tobytes() == one.tobytes()
    assert profile["transform"][:6] == GRID.window_transform(whole)


def test_bands_are_taken_by_name(route, ask):
    """The service may send them in any order; the file has them in the planned one."""
    image = ee.Image.cat(ee.Image(ASSET).select("uint8"), ee.Image(ASSET).select("int16")).toInt16()
    request = ask(image=image, dtype="int16", bands=("int16", "uint8"))

    found, _ = opened(route.fetch(request, STOP))

    np.testing.assert_array_equal(found[0], expected("int16", request.window, 7))
    np.testing.assert_array_equal(found[1], expected("uint8", request.window, 7))


def test_a_piece_is_stored_as_an_output_takes_it(route, ask):
    """Blocks of 256, compressed, pixels together: what the assembler copies without looking inside."""
    image = ee.Image(ASSET).select(["int16", "uint8"]).toInt16()
    request = ask(Window(0, 0, 600, 700), "int16", image=image, bands=("int16", "uint8"))

    _, profile = opened(route.fetch(request, STOP))

    assert (profile["blockxsize"], profile["blockysize"], profile["tiled"]) == (256, 256, True)
    assert (profile["compress"], profile["interleave"]) == ("deflate", "pixel")


def npy(array):
    body = io.BytesIO()
    np.save(body, array)
    return body.getvalue()


def structured(height=120, width=130, name="uint16", kind="<u2"):
    return np.zeros((height, width), [(name, kind)])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        pytest.param(structured(height=119), "119, 130", id="a row less"),
        pytest.param(structured(name="other"), "sent other", id="another band"),
        pytest.param(structured(kind="<f4"), "came as float32", id="another number type"),
        pytest.param(np.zeros((120, 130), "<u2"), "no names", id="an array without bands"),
    ],
)
def test_a_reply_that_is_not_what_was_asked_for_is_refused(route, ask, order, array, words):
    """Its shape, its bands and their types are compared, and the sentence names what was found."""
    order(**answering(npy(array)))

    with pytest.raises(IntegrityError, match=words):
        route.fetch(ask(), STOP)


def answering(body):
    """Return what a fault says that answers with these bytes."""
    return {"status": 200, "body_base64": base64.b64encode(body).decode()}


def test_objects_are_never_unpacked(route, ask, order):
    """A pickle in an answer could run anything here."""
    body = io.BytesIO()
    np.save(body, np.array([[{"a": 1}]], object), allow_pickle=True)
    order(**answering(body.getvalue()))

    with pytest.raises(IntegrityError):
        route.fetch(ask(), STOP)


@pytest.mark.parametrize("left", [6, 60, 5000], ids=["in the first bytes", "in the header", "in the values"])
def test_a_reply_cut_short_passes(route, ask, order, left):
    """Its first bytes prove nothing: it is asked for again, and nothing of it is used."""
    order(**answering(npy(structured())[:left]))

    with pytest.raises((WayError, TransientError)):
        route.fetch(ask(), STOP)


@pytest.mark.parametrize(
    "header",
    [b"(" * 3000, b"'a" * 10, b'"""', b"x\n  y\n z", b"1" * 5000, b"[" * 20000, b"{'descr': [('x', '<f4'), 5]}", b"\0"],
)
def test_a_damaged_header_is_asked_for_again(route, ask, order, header):
    """Whatever numpy makes of it."""
    body = MAGIC + b"\x01\x00" + len(header).to_bytes(2, "little") + header
    order(**answering(body))

    with pytest.raises(WayError):
        route.fetch(ask(), STOP)


def test_any_bit_of_the_header_may_be_wrong(ask):
    """None of them changes a value or ends in a traceback."""
    good = npy(structured(8, 8))
    request = ask(Window(256, 256, 8, 8))
    for place in range(8 * (good.index(b"\n") + 1)):
        body = bytearray(good)
        body[place // 8] ^= 1 << place % 8
        try:
            array = read_array(bytes(body), request, ("uint16",))
        except (IntegrityError, TransientError):
            continue
        assert array.dtype["uint16"].str == "<u2"


def test_values_in_the_other_byte_order_are_asked_for_again(route, ask, order):
    """One wrong bit makes little-endian big-endian, and every value another."""
    order(**answering(npy(structured(kind=">u2"))))

    with pytest.raises(WayError, match="big-endian"):
        route.fetch(ask(), STOP)


def test_a_page_in_the_place_of_pixels_passes(route, ask, order):
    """Somebody in between answers 200 with a page of theirs."""
    order(status=200, html=True)

    with pytest.raises(TransientError, match="no array"):
        route.fetch(ask(), STOP)


def test_the_origin_names_request_and_reply(route, ask, monkeypatch):
    """The checksums are those of what was sent, in canonical JSON, and of what came."""
    sent, came = _spied(monkeypatch)

    piece = route.fetch(ask(), STOP)

    canonical = json.dumps(json.loads(sent[-1][1]), sort_keys=True, separators=(",", ":"))
    assert piece.request_sha256 == hashlib.sha256(canonical.encode()).hexdigest()
    assert piece.reply_sha256 == hashlib.sha256(came[-1]).hexdigest()
    assert piece.reply_bytes == len(came[-1])


def _spied(monkeypatch):
    """Return the addresses and bodies of requests, and the bodies of replies, from here on."""
    sent, came = [], []
    real = requests.Session.request

    def request(session, method, uri, **options):
        sent.append((uri, options.get("data")))
        answer = real(session, method, uri, **options)
        came.append(answer.content)
        return answer

    monkeypatch.setattr(requests.Session, "request", request)
    return sent, came


REFUSALS = [
    pytest.param(
        400,
        "Total request size (60000000 bytes) must be less than or equal to 50331648 bytes.",
        (Failure.SIZE, (60000000, 50331648)),
        id="bytes",
    ),
    pytest.param(
        400, "Pixel grid dimensions (40000x3) must be less than or equal to 32768.", (Failure.SIZE, None), id="side"
    ),
    pytest.param(400, "User memory limit exceeded.", (Failure.MEMORY, None), id="memory"),
    pytest.param(400, "Computation timed out.", (Failure.TIMEOUT, None), id="time"),
    pytest.param(400, "Output: Computation timed out.", (Failure.TIMEOUT, None), id="text before the sentence"),
    pytest.param(
        400,
        "Request payload size exceeds the limit: 10485760 bytes.",
        (Failure.PERMANENT, None),
        id="the request itself",
    ),
]


@pytest.mark.parametrize(("status", "sentence", "found"), REFUSALS)
def test_a_refusal_says_what_it_asks_for(route, ask, order, status, sentence, found):
    """By size, side, memory or time less at once would help; the sizes are read out of the sentence."""
    order(
        status=status, body=json.dumps({"error": {"code": status, "message": sentence, "status": "INVALID_ARGUMENT"}})
    )

    with pytest.raises(RefusedError) as caught:
        route.fetch(ask(), STOP)

    assert (caught.value.diagnosis.failure, caught.value.diagnosis.sizes) == found
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("status", "sentence", "kind"),
    [
        pytest.param(429, "Too many concurrent aggregations.", ThrottleError, id="too many at once"),
        pytest.param(429, "Too Many Requests", ThrottleError, id="too many a second"),
        pytest.param(500, "Internal error", TransientError, id="500"),
        pytest.param(503, "The service is currently unavailable.", TransientError, id="503"),
    ],
)
def test_a_busy_service_is_no_refusal(route, ask, order, status, sentence, kind):
    """It passes; the same window is asked for again."""
    order(status=status, body=json.dumps({"error": {"code": status, "message": sentence, "status": "X"}}))

    with pytest.raises(kind):
        route.fetch(ask(), STOP)


def test_each_request_is_sent_once(route, ask, order, sandbox):
    """The client's own retries are off: one policy of trying again, not two."""
    order(status=503, count=5)

    with pytest.raises(TransientError):
        route.fetch(ask(), STOP)

    assert sandbox.meter.report()["requests"] == 1


# ------------------------------------------------------------- stored images


def test_an_expression_that_is_read_again_is_the_same_request(ask):
    """What a run keeps of its image is what it asks for after a restart."""
    request = ask()

    again = ask(image=deserialise(request.image))

    assert list(itertools.chain([request.image])) == [again.image]


# ------------------------------------------------------------------ the way


def test_many_requests_may_go_to_googles_other_address(connect, ask, sandbox, monkeypatch):
    """Only requests for pixels do; the client, which knows one address for each process, stays where it is."""
    other = sandbox.url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr(interactive, "PUBLIC_URL", sandbox.url)
    monkeypatch.setattr(interactive, "HIGH_VOLUME_URL", other)
    client = connect(high_volume=True)
    sent, _ = _spied(monkeypatch)

    PixelRoute(client).fetch(ask(), STOP)
    client.bands(ASSET)

    assert [uri.startswith(other) for uri, _ in sent] == [True, False]


def test_another_service_has_one_address(connect, ask, monkeypatch):
    """A sandbox is never left for Google."""
    sent, _ = _spied(monkeypatch)

    PixelRoute(connect(high_volume=True)).fetch(ask(), STOP)

    assert all("googleapis" not in uri for uri, _ in sent)


@pytest.mark.parametrize("fault", [{"action": "truncate"}, {"action": "reset"}, {"action": "short", "bytes": 9}])
def test_an_answer_that_breaks_off_passes(route, ask, order, fault):
    """Nothing of it is used."""
    order(**fault)

    with pytest.raises(TransientError):
        route.fetch(ask(), STOP)


class TestRequestsLeftAlone:
    """What nobody waits for is still answered one day, so these have a sandbox of their own."""

    @pytest.fixture
    def shared(self):
        with Sandbox(TypedCatalogue(), Options()) as running:
            yield running

    @pytest.mark.parametrize(
        "fault", [{"action": "stall"}, {"action": "stall", "bytes": 900}], ids=["at once", "midway"]
    )
    def test_a_request_that_stalls_ends(self, connect, ask, order, fault):
        """It has a deadline for the whole of it, whatever the other side does."""
        order(**fault)
        hasty = replace(PIXEL_LIMITS, call_seconds=0.3)

        with pytest.raises(TransientError, match=r"within 0\.3 s"):
            PixelRoute(connect(hasty)).fetch(ask(), STOP)

    def test_a_stop_ends_a_request_under_way(self, connect, ask, order):
        """Five minutes of computing are not waited for."""
        order(action="stall")
        stop = threading.Event()
        stop.set()
        hasty = replace(PIXEL_LIMITS, grace_seconds=0.1)

        with pytest.raises(Stopped):
            PixelRoute(connect(hasty)).fetch(ask(), stop)


def test_only_the_silence_before_an_answer_may_be_long():
    """The service computes in silence; a pause in the middle of its answer is a broken line."""
    watch = Watch("pixels", None, PIXEL_LIMITS)

    watch.ask()
    before = watch.silence(60.0)
    watch.hear()

    assert (before, watch.silence(60.0)) == (330.0, 60.0)

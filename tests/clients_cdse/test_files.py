"""A file arrives whole and verified, or not at all, whatever happens on the way."""

from __future__ import annotations

import hashlib
import http.server
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from cdse_kit import BAND, NAME, YEAR, World, content_of, write_safe

from orchestrator.core.errors import (
    DamagedObjectError,
    IntegrityError,
    NotFoundError,
    PermanentError,
    Stopped,
    ThrottleError,
    TransientError,
)
from orchestrator.model.files import Checksum
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.server import Options, Sandbox

CONTENT = content_of(BAND)
FILE = f"{NAME}/{BAND}"


def counted(world, file: str = FILE) -> dict[str, int]:
    world.sandbox.copernicus.transfers.wait_idle()
    found: dict[str, int] = world.state()["files"][file]
    return found


@pytest.fixture
def ready(world):
    """A route that is logged in and knows its file: faults ordered now meet its bytes."""
    route = world.route()
    return world, route, world.asset(route)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"action": "reset"}, id="a reset"),
        pytest.param({"action": "truncate", "bytes": 300_000}, id="a short body with the right length"),
        pytest.param({"action": "short", "bytes": 5}, id="a body of another length"),
        pytest.param({"action": "flip", "offset": 1234}, id="a wrong byte"),
        pytest.param({"action": "http", "status": 500}, id="500"),
        pytest.param({"action": "http", "status": 502, "html": True}, id="a gateway's page"),
        pytest.param({"action": "http", "status": 404, "html": True}, id="a page that says that it is gone"),
        pytest.param({"action": "http", "status": 200, "body": '{"message": "busy"}'}, id="an error document with 200"),
        pytest.param(
            {"action": "http", "status": 200, "body": "x" * len(CONTENT)}, id="other bytes of the right length"
        ),
        pytest.param(
            {
                "action": "http",
                "status": 429,
                "body": '{"code": "DAT-ZIP-100", "message": "Max session number exceeded"}',
            },
            id="too many sessions",
        ),
    ],
)
def test_what_fails_on_the_way_is_mended(ready, tmp_path, fault):
    world, route, asset = ready
    world.order(api="cdse.nodes.value", **fault)

    world.fetch(route, asset, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


def test_a_cut_is_resumed_where_it_was(ready, tmp_path):
    """No byte of the first 300,000 is asked for again."""
    world, route, asset = ready
    world.order(api="cdse.nodes.value", action="truncate", bytes=300_000)

    world.fetch(route, asset, tmp_path / "file")

    assert world.asked("cdse.nodes.value")[-1]["status"] == 206
    assert counted(world)["bytes"] == len(CONTENT)


def test_the_next_process_resumes_what_one_left(ready, tmp_path):
    """Another process knows nothing but the unfinished file."""
    world, route, asset = ready
    world.order(api="cdse.nodes.value", action="truncate", bytes=300_000)

    def stopping(_count: int) -> None:
        world.stop.set()

    with pytest.raises(Stopped):
        route.fetch(asset, tmp_path / "file", world.stop, stopping)
    world.stop.clear()
    piece = world.fetch(world.route(), asset, tmp_path / "file")

    assert 0 < piece.resumed_at < len(CONTENT)
    assert piece.bytes_read == len(CONTENT) - piece.resumed_at
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_nothing_has_its_name_before_it_is_verified(ready, tmp_path):
    world, route, asset = ready
    world.order(api="cdse.nodes.value", action="flip", offset=3, count=None)

    with pytest.raises(IntegrityError, match="wrong checksum"):
        world.fetch(route, asset, tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_a_file_that_is_there_already_is_not_asked_for(ready, tmp_path):
    world, route, asset = ready
    (tmp_path / "file").write_bytes(CONTENT)

    piece = world.fetch(route, asset, tmp_path / "file")

    assert piece.bytes_read == 0
    assert piece.sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_of_the_right_size_with_other_bytes_is_replaced(ready, tmp_path):
    """That it exists does not make it complete."""
    world, route, asset = ready
    (tmp_path / "file").write_bytes(b"x" * len(CONTENT))

    world.fetch(route, asset, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_file_without_a_byte_is_a_file(world, tmp_path):
    route = world.route()

    piece = world.fetch(route, world.asset(route, "INSPIRE.xml"), tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == b""
    assert piece.size == 0


def test_a_file_of_which_nothing_is_known_is_brought_by_its_size(ready, tmp_path):
    """Whoever wants a file that no manifest lists is told that nothing was compared."""
    world, route, asset = ready

    piece = world.fetch(route, replace(asset, size=None, checksum=None), tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert piece.checksum is None


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        pytest.param("MD5", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(), id="MD5"),
        pytest.param("SHA3-256", lambda data: hashlib.sha3_256(data).hexdigest(), id="SHA3-256"),
        pytest.param("BLAKE3", lambda data: pytest.importorskip("blake3").blake3(data).hexdigest(), id="BLAKE3"),
    ],
)
def test_each_checksum_is_compared(ready, tmp_path, algorithm, make):
    world, route, asset = ready
    good = replace(asset, checksum=Checksum(algorithm, make(CONTENT)))
    bad = replace(asset, checksum=Checksum(algorithm, make(b"else")))

    piece = world.fetch(route, good, tmp_path / "good")

    assert piece.checksum == good.checksum
    with pytest.raises(IntegrityError):
        world.fetch(route, bad, tmp_path / "bad")


def test_a_manifest_of_another_size_than_the_file_is_told_at_once(ready, tmp_path):
    """Asking again would bring the same; both numbers are in the sentence."""
    world, route, asset = ready

    with pytest.raises(DamagedObjectError, match="manifest says 699999 bytes, the service lists 700000"):
        world.fetch(route, replace(asset, size=len(CONTENT) - 1), tmp_path / "file")
    assert list(tmp_path.glob(".*.part")) == []


def test_a_file_that_is_not_there_is_told_by_its_name(ready, tmp_path):
    world, route, asset = ready

    with pytest.raises(NotFoundError, match=r"GRANULE/none.jp2 of S2A_MSIL1C"):
        world.fetch(route, replace(asset, path="GRANULE/none.jp2"), tmp_path / "file")


@pytest.mark.parametrize(
    "after", [pytest.param("120", id="seconds"), pytest.param("{date}", id="a date, by the answer's own clock")]
)
def test_a_long_pause_that_is_asked_for_is_left_to_the_run(ready, tmp_path, after):
    """Nobody waits for two minutes with a session in hand: the engine does, and says so."""
    world, route, asset = ready
    headers = {
        "Retry-After": after.format(date="Thu, 01 Jan 2026 00:02:00 GMT"),
        "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
    }
    world.order(api="cdse.nodes.value", action="http", status=429, headers=headers)

    with pytest.raises(ThrottleError) as caught:
        world.fetch(route, asset, tmp_path / "file")
    assert 100 < caught.value.wait_seconds <= 120


# Where the token goes.


@contextmanager
def stranger():
    """A host that is nobody's, which notes the headers it is sent."""
    seen: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()


def redirected(world, location: str) -> None:
    world.order(api="cdse.value.redirect", action="http", status=302, headers={"Location": location})


def test_a_redirect_within_the_hosts_is_followed_with_the_token(ready, tmp_path):
    """Libraries drop the header where the host changes; the port of a loopback is such a change."""
    world, route, asset = ready

    with stranger() as (port, seen):
        redirected(world, f"http://127.0.0.1:{port}/file")
        world.fetch(route, asset, tmp_path / "file")

    assert [one["Authorization"].split()[0] for one in seen] == ["Bearer"]


def test_a_redirect_elsewhere_is_not_followed(ready, tmp_path):
    """The token would be theirs; `localhost` is another name than the one that is configured."""
    world, route, asset = ready

    with stranger() as (port, seen):
        redirected(world, f"http://localhost:{port}/file")
        with pytest.raises(PermanentError, match="led on to host localhost, which is none of `hosts` under"):
            world.fetch(route, asset, tmp_path / "file")

    assert seen == []


def test_a_redirect_to_a_configured_host_is_followed(world, tmp_path):
    told = world.sandbox.copernicus_urls
    world.settings = {
        "copernicus": {
            "url": "",
            "catalogue_url": told["catalogue"],
            "download_url": told["catalogue"],
            "identity_url": told["identity"],
            "hosts": "elsewhere.example, localhost",
        },
        "credentials": {"cdse": {"user": "user", "password": "password"}},
    }
    route = world.route()
    asset = world.asset(route)

    with stranger() as (port, seen):
        redirected(world, f"http://localhost:{port}/file")
        world.fetch(route, asset, tmp_path / "file")

    assert len(seen) == 1


def test_redirects_in_a_circle_end(ready, tmp_path):
    world, route, asset = ready
    here = world.sandbox.url + "/odata/v1/Products(00000000-0000-0000-0000-000000000000)/Nodes(a)/$value"
    world.order(api="cdse.value.redirect", action="http", status=302, headers={"Location": here}, count=None)

    with pytest.raises(PermanentError, match="led on more than 5 times"):
        world.fetch(route, asset, tmp_path / "file")


# What products say of themselves.


@pytest.mark.parametrize(("algorithm", "upper"), [("MD5", False), ("SHA3-256", True), ("SHA3-256", False)])
def test_manifests_of_every_age_are_read(tmp_path, algorithm, upper):
    write_safe(tmp_path / "served", NAME, {"a.jp2": b"abc"}, algorithm, upper=upper)
    wanted = {"MD5": hashlib.md5(b"abc"), "SHA3-256": hashlib.sha3_256(b"abc")}[algorithm].hexdigest()  # noqa: S324

    with Sandbox(None, Options(copernicus=Copernicus(folder=tmp_path / "served")), evaluator=object()) as running:
        world = World(running, tmp_path / "state")
        route = world.route()
        (found,) = route.files(next(route.search(YEAR, world.stop)), world.stop)

    assert found.checksum == Checksum(algorithm, wanted)


def test_a_page_instead_of_a_manifest_is_asked_for_again_later(ready):
    world, route, _ = ready
    world.order(api="cdse.nodes.value", action="http", status=200, html=True)
    product = next(route.search(YEAR, world.stop))

    with pytest.raises(TransientError, match="may come whole the next time"):
        route.files(product, world.stop)


def test_names_with_signs_of_addresses_are_asked_for_as_they_are(tmp_path):
    """Parentheses and blanks have a meaning in addresses."""
    path = "AUX (1)/50% of it#2.txt"
    write_safe(tmp_path / "served", NAME, {path: b"abc"}, "MD5")

    with Sandbox(None, Options(copernicus=Copernicus(folder=tmp_path / "served")), evaluator=object()) as running:
        world = World(running, tmp_path / "state")
        route = world.route()
        world.fetch(route, world.asset(route, path), tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == b"abc"

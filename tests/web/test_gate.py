"""Who may ask what: the gate alone, before an application that answers everything."""

from __future__ import annotations

import asyncio

import pytest
from asking import BEARER, COOKIE, TOKEN, Behind, ask, asked, gate, options, turns

from orchestrator.core.errors import ConfigError
from orchestrator.faces.web.gate import MOST_AREA_BYTES, MOST_AT_ONCE, MOST_BODY_BYTES, MOST_STREAMS, MOST_WAITING

OURS = {"origin": "http://127.0.0.1:8765"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_a_method_that_the_page_does_not_have_is_refused(method):
    """Before anything else is looked at, whoever asks."""
    assert ask(gate(Behind()), method, headers=BEARER)[0] == 405


def test_a_program_that_brings_the_token_needs_no_origin():
    """No browser sends that header unasked, so no other site can have it sent."""
    assert ask(gate(Behind()), "POST", headers=BEARER)[0] == 200


def test_a_cookie_alone_takes_no_action():
    """A post without an Origin may come from anywhere."""
    assert ask(gate(Behind()), "POST", headers=COOKIE)[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_loads_is_refused_though_the_cookie_comes_along(site):
    """A script or a picture that points here from another port of this machine, as browsers say in Sec-Fetch-Site."""
    assert ask(gate(Behind()), headers={**COOKIE, "sec-fetch-site": site, "sec-fetch-mode": "no-cors"})[0] == 403


def test_a_link_from_another_site_is_followed():
    """Who clicks on one sees the page, where the browser sends the cookie."""
    told = {**COOKIE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}

    assert ask(gate(Behind()), headers=told)[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("maps.example.org", 200, id="its name"),
        pytest.param("MAPS.example.org:8443", 200, id="in another spelling, at another port"),
        pytest.param("127.0.0.1:9000", 200, id="a tunnel's port"),
        pytest.param("[::1]:8765", 200, id="loopback of the other kind"),
        pytest.param("evil.example.org", 421, id="another name"),
        pytest.param("maps.example.org.evil.example", 421, id="a longer name"),
        pytest.param("maps.example.org@evil.example", 421, id="no name"),
        pytest.param("", 421, id="none"),
    ],
)
def test_the_page_answers_to_its_own_names(host, status):
    """Those of loopback, and what people call it by."""
    app = gate(Behind(), options=options("127.0.0.1", "maps.example.org", behind_proxy=True))

    assert ask(app, headers={**BEARER, "host": host})[0] == status


@pytest.mark.parametrize(
    ("where", "protocol", "is_secure"),
    [
        pytest.param({}, "https", False, id="a header of anybody's, on loopback"),
        pytest.param({"behind_proxy": True}, "https", True, id="behind a proxy that has TLS"),
        pytest.param({"certificate": "its.pem"}, "http", True, id="with TLS of its own"),
    ],
)
def test_the_cookie_is_sent_by_tls_alone_where_there_is_any(where, protocol, is_secure):
    """Nor is it shown to scripts, or sent along by other sites."""
    app = gate(Behind(), options=options(**where))

    status, headers = ask(app, query=f"token={TOKEN}&at=3".encode(), headers={"x-forwarded-proto": protocol})

    assert (status, headers["location"]) == (303, "/?at=3")
    assert ("secure" in headers["set-cookie"].lower()) == is_secure


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "maps.example.org"])  # noqa: S104
def test_elsewhere_than_on_loopback_it_wants_tls_or_a_proxy(host):
    """The same rule as for the page of numbers, in the same words."""
    with pytest.raises(ConfigError, match=r"under \[web\]"):
        options(host)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        pytest.param("/runs/x/retry", MOST_BODY_BYTES, 200, id="as much as is taken"),
        pytest.param("/runs/x/retry", MOST_BODY_BYTES + 1, 413, id="a byte more"),
        pytest.param("/new/area", MOST_BODY_BYTES + 1, 200, id="an area"),
    ],
)
def test_a_body_has_a_size(path, size, status):
    """Counted as it comes, whatever its length was said to be."""
    assert ask(gate(Behind()), "POST", path, headers=BEARER, body=b"x" * size)[0] == status


def test_a_body_that_says_that_it_is_too_large_is_not_read():
    """Nothing of it is waited for."""
    told = {**BEARER, "content-length": str(MOST_AREA_BYTES + 1)}

    assert ask(gate(Behind()), "POST", "/new/area", headers=told)[0] == 413


def test_what_is_sent_reaches_the_view_whole():
    """The gate reads it, and gives it on."""
    behind, body = Behind(), bytes(range(256)) * 1000

    ask(gate(behind), "POST", headers={**COOKIE, **OURS}, body=body)

    assert behind.bodies == [body]


def test_so_many_requests_are_answered_at_a_time_and_the_others_after_them():
    """A crowd of readers takes turns at the state, and nobody is sent away."""
    behind = Behind()

    async def crowd():
        behind.hold = asyncio.Event()
        app = gate(behind)
        readers = [asyncio.create_task(asked(app, headers=BEARER)) for _ in range(3 * MOST_AT_ONCE)]
        await turns(lambda: behind.now >= MOST_AT_ONCE)
        for _ in range(100):
            await asyncio.sleep(0)
        behind.hold.set()
        return [status for status, _ in await asyncio.gather(*readers)]

    assert (asyncio.run(crowd()), behind.most) == ([200] * 3 * MOST_AT_ONCE, MOST_AT_ONCE)


def test_whoever_comes_when_too_many_wait_is_told_to_come_again():
    """At once, with the time after which; those who wait keep their turn."""

    async def flood():
        behind = Behind(asyncio.Event())
        app = gate(behind)
        clients = [f"10.0.0.{n % 8}" for n in range(MOST_WAITING)]
        waiting = [asyncio.create_task(asked(app, headers=BEARER, client=client)) for client in clients]
        await turns(lambda: behind.now >= MOST_AT_ONCE)
        late = await asked(app, headers=BEARER)
        behind.hold.set()
        return late, {status for status, _ in await asyncio.gather(*waiting)}

    (status, headers), others = asyncio.run(flood())

    assert (status, others) == (503, {200})
    assert headers["retry-after"]


def test_streams_do_not_take_the_turns_of_requests():
    """Open pages ask seldom and listen always."""

    async def pages():
        behind = Behind(asyncio.Event())
        app = gate(behind)
        streams = [asyncio.create_task(asked(app, path="/live", headers=BEARER)) for _ in range(MOST_STREAMS)]
        await turns(lambda: behind.now >= MOST_STREAMS)
        refused = await asked(app, path="/live", headers=BEARER)
        shown = asyncio.create_task(asked(app, headers=BEARER))
        await turns(lambda: behind.now > MOST_STREAMS)
        behind.hold.set()
        await asyncio.gather(*streams)
        return refused[0], (await shown)[0]

    assert asyncio.run(pages()) == (503, 200)

"""Whatever is asked, and however it is spelled, there is an answer in words: never an error of ours."""

from __future__ import annotations

import json
import re
import shutil
import socket
from unittest.mock import Mock
from urllib.parse import quote, urlsplit

import journey_kit as kit
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_kit import serving

from orchestrator.faces.web import views
from orchestrator.faces.web.api.document import document
from orchestrator.faces.web.api.endpoints import BASE

RUNS = ("done", "held", "cube", "chips", "table", "going", "failed")
WORDS = (
    "part",
    "events",
    "map.json",
    "files",
    "tiles",
    "result",
    "compare",
    "retry",
    "cancel",
    "clean",
    "split",
    "plan",
)
WORDS += ("submit", "schedule", "nightly", "pause", "resume", "run", "runs", "api", "v1", "doctor", "usage", "limits")
WORDS += ("static", "live", "new", "why", "area", "0", "1", "-1", "0.png", "99.png", "value", "chip", "series")
KEYS = ("after", "state", "job", "q", "text", "sort", "page", "bands", "stretch", "min", "max", "lon", "lat", "with")
KEYS += ("time", "index", "from", "limit", "before", "since", "split", "class", "token", "row", "col", "x", "y", "rgb")
KEYS += ("base_name", "classes", "colours", "date", "identifier", "key", "kind", "layer", "name", "output", "place")
KEYS += (
    "plan",
    "product",
    "ranges",
    "reason",
    "recipe",
    "run",
    "shape",
    "since",
    "source",
    "stage",
    "version",
    "which",
)
KEYS += ("area.source", "grid.scale", "grid.crs", "start_date", "end_date", "grid", "act", "where", "skip", "crs")
# Numbers at the edges of what can be held, and texts that are taken for something else somewhere.
NASTY = ("", "-1", "0", "1e309", "nan", "inf", "9" * 40, "None", "null", "true", "[]", "{}", "'", '"', "\\", "%", "%00")
NASTY += (
    "\x00",
    "é",
    "\U0001f5fa",
    "../..",
    "<b>",
    "{{7*7}}",
    "'; DROP TABLE runs; --",
    "a" * 3000,
    "1,2,3",
    "1,2,3,4",
)
ERRORS = ("Traceback", "jinja2.exceptions", 'File "/', "sqlalchemy.exc")

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))
segments = st.one_of(st.sampled_from(WORDS), st.sampled_from([f"{{{name}}}" for name in RUNS]), texts)
queries = st.dictionaries(st.sampled_from(KEYS), st.one_of(texts, st.integers().map(str)), max_size=4)
starts = st.sampled_from(["", "runs/{done}", "runs/{chips}", "runs/{cube}", "runs/{held}", "api/v1", "new", "schedule"])
starts_and = st.tuples(starts, st.lists(segments, max_size=4))
METHODS = ("GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO")
BODIES = st.one_of(
    st.just(b""),
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(KEYS), texts, max_size=3).map(lambda found: json.dumps(found).encode()),
    st.dictionaries(st.sampled_from((*KEYS, "reason", "name", "product")), texts, max_size=3).map(
        lambda found: "&".join(f"{key}={quote(value)}" for key, value in found.items()).encode()
    ),
)
KINDS = (
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
)
KINDS += ("text/plain; charset=nonsense", "")


@pytest.fixture(scope="module")
def copied(stage, tmp_path_factory):
    """A page over a copy of the state, since some of what is asked is done."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("state", "out", "later"):
        shutil.copytree(stage.folder / name, folder / name)
    shutil.copy(stage.folder / "config.toml", folder)
    with serving(kit.Home(folder, stage.home.program, None)) as page:
        yield page


def known_routes():
    """Return every path of the views and of the interface for programs, with its methods, as they are written."""
    found = [
        (route.path, route.methods) for view in views.ALL for route in view.routes(Mock()) if route.path != "/live"
    ]
    return found + [(BASE + path, {name.upper() for name in told}) for path, told in document()["paths"].items()]


ROUTES = sorted((path, tuple(sorted(methods))) for path, methods in known_routes())


def is_said_well(answer):
    """Tell whether an answer is one of ours: no error of the program, nothing of its insides."""
    return answer.status_code < 500 and not any(word in answer.text for word in ERRORS)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=starts_and, query=queries, method=st.sampled_from(METHODS), body=BODIES, kind=st.sampled_from(KINDS))
def test_no_request_makes_an_error_of_ours(copied, stage, where, query, method, body, kind):
    """Any path of known and unknown words, any query, method and body, by who is logged in."""
    start, rest = where
    path = "/".join(
        [
            start.format(**stage.runs),
            *(each.format(**stage.runs) if each[:1] == "{" and each[1:-1] in RUNS else each for each in rest),
        ]
    )
    address = copied.url + "/" + quote(path, safe="/")
    headers = {"Origin": copied.url, "Content-Type": kind}
    if path.strip("/") == "live":
        return  # it never ends

    answer = copied.session.request(
        method, address, params=query, data=body, headers=headers, timeout=60, allow_redirects=False
    )

    assert is_said_well(answer), (method, answer.url, answer.status_code, answer.text[-2000:])


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    run=st.sampled_from(RUNS),
    values=st.lists(st.one_of(texts, st.integers(-2, 40).map(str)), min_size=8, max_size=8),
    query=queries,
    body=BODIES,
    kind=st.sampled_from(KINDS),
)
def test_no_route_that_there_is_makes_an_error_of_ours(copied, stage, route, run, values, query, body, kind):
    """Each of them, with runs that there are, any other value in its path, any query and body, by its own method."""
    path, methods = route
    given_values = iter(values)
    filled = re.sub(
        r"{(\w+)(:\w+)?}",
        lambda found: stage.runs[run] if found[1] == "run" else quote(next(given_values), safe=""),
        path,
    )

    answer = copied.session.request(
        methods[0],
        copied.url + filled,
        params=query,
        data=body if methods[0] == "POST" else None,
        headers={"Origin": copied.url, "Content-Type": kind},
        timeout=60,
        allow_redirects=False,
    )

    assert is_said_well(answer), (methods[0], answer.url, answer.status_code, answer.text[-2000:])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        ["/", "/runs", "/runs/{done}", "/runs/{done}/result", "/runs/{cube}/result", "/new", "/schedule"]
    ),
    query=queries,
)
def test_no_query_of_a_view_makes_an_error_of_ours(copied, stage, path, query):
    """Filters, pages and numbers at the edges of what can be held."""
    answer = copied.get(path.format(**stage.runs), params=query, allow_redirects=False)

    assert is_said_well(answer), (answer.url, answer.status_code, answer.text[-2000:])


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\r\n\r\n", id="nothing"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="a handshake of TLS"),
        pytest.param(b"GET\r\n\r\n", id="no path"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="a version that is none"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", id="a long header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n a b\r\n\r\n", id="a folded header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \xff\xfe=\x01\r\n\r\n", id="a cookie of bytes"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", id="less than nothing"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999\r\n\r\n", id="too much"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="two lengths",
        ),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", id="a proxy's request"),
        pytest.param(b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n", id="a tunnel"),
        pytest.param(b"GET /\x00/../\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", id="bytes in the path"),
    ],
)
def test_what_is_hardly_a_request_is_refused(copied, sent):
    """By a client that speaks to the socket: it gets an answer of 4xx, or none, and the next one is served."""
    where = urlsplit(copied.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as channel:
        channel.sendall(sent)
        channel.shutdown(socket.SHUT_WR)
        answer = b""
        while more := channel.recv(65536):
            answer += more

    assert answer == b"" or answer.split(b" ")[1][:1] == b"4", answer[:500]
    assert b"Traceback" not in answer
    assert copied.get("/").status_code == 200

"""Who may not, may not: strangers without the token, other sites, other names, paths that lead elsewhere."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import browsing
import pytest
import requests
from views import VIEWS

ELSEWHERE = "http://elsewhere.example"
# What a path can be spelled as that shall lead out of a folder; sent as it stands, as no library would.
OUTWARD = (
    "/static/../../../../../../../../etc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static//etc/passwd",
    "/static/%00style.css",
    "/runs/{done}/files/../../../state/state.db",
    "/runs/{done}/files/..%2f..%2fstate%2fstate.db",
    "/runs/{done}/files/%2e%2e%2fconfig.toml",
    "/runs/{done}/files//etc/passwd",
    "/runs/{done}/files/%2fetc%2fpasswd",
    "/runs/..%2f..%2fstate/files/state.db",
    "/runs/%2e%2e/result",
)


def asked(served, method, path, headers=None, body=None):
    """Send a request as it stands; return status, headers and text of the answer."""
    where = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    try:
        cookies = "; ".join(f"{name}={value}" for name, value in served.session.cookies.items())
        where.request(method, path, body, {"Cookie": cookies} | (headers or {}))
        answer = where.getresponse()
        return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
    finally:
        where.close()


@pytest.mark.parametrize("name", [*VIEWS, "live", "api", "part"])
def test_without_the_token_nothing_is_shown(served, stage, name):
    """No view, no stream, no interface for programs, no part of a view."""
    others = {"live": "/live", "api": "/api/v1/runs", "part": "/now/part/runs"}
    path = others[name] if name in others else VIEWS[name].path.format(**stage.runs)

    answer = requests.get(served.url + path, timeout=30)

    assert answer.status_code == 401
    assert not any(run in answer.text for run in stage.runs.values())


@pytest.mark.parametrize("token", ["", "x", "../", "a" * 64, "é", "%00"])
def test_a_wrong_token_gives_no_cookie(served, token):
    """Nor does it say anything that the right one is near."""
    answer = requests.get(f"{served.url}/?token={token}", timeout=30, allow_redirects=False)

    assert (answer.status_code, answer.cookies.get_dict()) == (401, {})


def test_the_token_does_not_stay_in_the_address(served):
    """It is swapped for a cookie that no script and no other site has, and is in no page."""
    answer = requests.get(served.login, timeout=30, allow_redirects=False)

    token = served.login.partition("token=")[2]
    cookie = answer.headers["Set-Cookie"]
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert token not in cookie
    assert token not in served.get("/").text


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "elsewhere.example:80", "127.0.0.1.elsewhere.example", "0x7f.1", ""]
)
def test_another_name_for_this_machine_is_refused(served, host):
    """DNS rebinding: a stranger's name that leads here brings the cookie, but is not ours."""
    status, _, text = asked(served, "GET", "/", {"Host": host})

    assert status in (400, 421)
    assert "Now" not in text


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": ELSEWHERE}, id="another site"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, id="another port"),
        pytest.param({"Origin": "null"}, id="a sandboxed frame"),
        pytest.param({}, id="nobody says"),
        pytest.param({"Referer": ELSEWHERE + "/"}, id="a referrer alone"),
        pytest.param({"Origin": "{ours}", "Sec-Fetch-Site": "cross-site"}, id="the browser says another site"),
        pytest.param({"Origin": "{ours}", "Sec-Fetch-Site": "same-site"}, id="the browser says another port"),
    ],
)
def test_an_action_from_another_site_is_refused(served, stage, headers):
    """With the reader's own cookie, which browsers send along to another port of the same machine."""
    sent = {name: value.format(ours=served.url) for name, value in headers.items()}

    status, _, _ = asked(served, "POST", f"/runs/{stage.runs['going']}/cancel", sent, "")

    assert status == 403


@pytest.mark.parametrize("path", OUTWARD)
def test_no_path_leads_out_of_its_folder(served, stage, path):
    """However it is spelled."""
    status, _, text = asked(served, "GET", path.format(**stage.runs))

    assert status in (400, 404, 405)
    assert "root:" not in text
    assert "SQLite" not in text
    assert "[jobs." not in text


@pytest.mark.parametrize("name", VIEWS)
def test_every_answer_says_what_a_browser_must_not_do(served, stage, name):
    """No script, style, frame or form but our own; nothing is kept."""
    answer = served.get(VIEWS[name].path.format(**stage.runs))

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# ---------------------------------------------------------------- in a browser


@contextmanager
def hostile(body):
    """Serve a page of a stranger's at another port of this machine, which for cookies is the same site."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def events_of(stage, name):
    with stage.store() as store:
        return [(event.name, event.facts) for event in store.events.latest(stage.runs[name])], store.runs.head(
            stage.runs[name]
        ).request


def test_a_strangers_form_does_nothing(chromium, served, stage):
    """In a real browser that is logged in: the post is answered with 403, and the run is not cancelled."""
    before = events_of(stage, "going")
    form = f'<form method=post action="{served.url}/runs/{stage.runs["going"]}/cancel"><button>x</button></form>'
    with hostile(form) as there, browsing.visit(chromium, served.login) as (page, _):
        page.goto(there)
        with page.expect_response(lambda answer: "/cancel" in answer.url) as answered:
            page.click("button")

    assert answered.value.status == 403
    assert events_of(stage, "going") == before


def test_a_strangers_frame_stays_empty_and_its_script_reads_nothing(chromium, served):
    """Neither is what we show framed, nor may a script of another port read it."""
    script = f"""<iframe src="{served.url}/"></iframe><script>
      window.read = fetch("{served.url}/", {{credentials: "include"}}).then((a) => a.text()).catch((e) => "refused");
    </script>"""
    with hostile(script) as there, browsing.visit(chromium, served.login) as (page, _):
        page.goto(there)

        assert page.evaluate("window.read") == "refused"
        assert [frame.url for frame in page.frames[1:]] in ([], ["chrome-error://chromewebdata/"])

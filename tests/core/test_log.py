"""Secrets never reach a log line, and no text paints a terminal or forges a line."""

from __future__ import annotations

import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import log

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"

CANARIES = {
    "authorization": "Bearer abc",
    "nested": {"private_key": KEY},
    "url": "https://x/y?X-Goog-Signature=deadbeef&z=1",
    "text": "the token is ya29.a0AfH6SMBx-_ and a jwt eyJhbGciOi.eyJzdWIiOi.sig",
    "listed": ["AIza" + "x" * 35],
}
SECRETS = ("Bearer abc", "MIIE", "deadbeef", "ya29.a0", "eyJzdWIiOi", "AIzaxxx")


@pytest.mark.parametrize("style", ["json", "console"])
def test_secrets_are_masked_by_name_and_by_form(style):
    """Neither a key called so nor a value that looks so comes through, in any style."""
    stream = io.StringIO()
    log.configure("info", style, stream)

    log.get("test").info("event", **CANARIES)

    written = stream.getvalue()
    assert log.MASK in written
    assert not [secret for secret in SECRETS if secret in written]


def test_an_exception_is_masked_too():
    """A secret in an error's message is no better than one in a field."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    error = ValueError("refused ya29.secretsecret")

    log.get("test").error("failed", exc_info=error)

    assert "ya29.secretsecret" not in stream.getvalue()
    assert json.loads(stream.getvalue())["event"] == "failed"


# What a service, a proxy or an SDK may put into its sentence: the text, the secret in it, and what must stay readable.
SENTENCES = {
    "an access token": ("token ya29.a0AfB_byC-dE expired", "a0AfB_byC", "expired"),
    "a refresh token": ("refresh with 1//0gHunter2-Hunter2_x please", "Hunter2", "please"),
    "a web token": ("got eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl instead", "eyJpc3Mi", "instead"),
    "half a web token": ("got eyJhbGciOiJSUzI1NiJ9.eyJpc3M", "eyJpc3M", "got"),
    "an API key": ("key AIzaSyHunter2Hunter2Hunter2Hunter2Hunt2 bad", "AIzaSyHunter2", "bad"),
    "a client secret": ("GOCSPX-hunter2hunter2 is wrong", "hunter2", "is wrong"),
    "a private key": (f"cannot read {KEY} here", "MIIEvQ", "here"),
    "a private key that is cut": ("cannot read -----BEGIN RSA PRIVATE KEY-----\nMIIEvQ", "MIIEvQ", "cannot read"),
    "a bearer": ("Authorization: Bearer hunter2hunter2 was refused", "hunter2", "was refused"),
    "a basic password": ("sent 'Authorization': 'Basic aHVudGVyMjpodW50ZXIy'", "aHVudGVy", "sent"),
    "a proxy's password": ("Proxy-Authorization: Basic aHVudGVyMjpodW50ZXIy", "aHVudGVy", "Proxy-Authorization"),
    "a query": ("GET /o?access_token=hunter2&alt=media failed", "hunter2", "alt=media failed"),
    "a signed address": (
        "https://storage.googleapis.com/b/o?X-Goog-Credential=me%40x&X-Goog-Signature=hunter2&X-Goog-Date=1",
        "hunter2",
        "X-Goog-Date=1",
    ),
    "a credential in an address": ("?X-Goog-Credential=hunter2%2F2024&x=1", "hunter2", "x=1"),
    "JSON": ('{"client_secret": "hunter 2", "client_id": "me"}', "hunter 2", '"client_id": "me"'),
    "a form": (
        "grant_type=refresh_token&refresh_token=1//hunter2hunter2&client_secret=hunter2",
        "hunter2",
        "grant_type",
    ),
    "a login in an address": ("proxy http://me:hunter2@proxy:3128/ is down", "hunter2", "@proxy:3128/ is down"),
    "a Python dict": ("{'refresh_token': 'hunter2', 'expires_in': 3600}", "hunter2", "'expires_in': 3600"),
    "a password behind a slash": ("db/passwd: hunter2, host=db", "hunter2", "host=db"),
    "a password": ("password=hunter2; host=db", "hunter2", "host=db"),
}


@pytest.mark.parametrize(("text", "secret", "stays"), SENTENCES.values(), ids=SENTENCES)
def test_a_sentence_with_a_secret_is_shown_without_it(text, secret, stays):
    """The secret is gone, and what tells the fault stays."""
    shown = log.one_line(text)

    assert secret not in shown
    assert log.MASK in shown
    assert stays in shown


@pytest.mark.parametrize(
    "text",
    [
        "Token count is 5; the signature of the function differs",
        "Asset 'projects/p/assets/eye' not found (does not exist or caller does not have access).",
        "gs://bucket/run-0001/part-0000000000-0000000256.tif at generation 1700000000000000",
        "http://127.0.0.1:8080/v1/projects/p@x",
        "the OAuth scope is missing",
        "Basic authentication is not supported",
        "Größe: 12 µm, 北京",
        "cannot read /etc/passwd: Permission denied",
    ],
)
def test_an_ordinary_sentence_is_shown_as_it_is(text):
    """What is no secret is not taken from a reader."""
    assert log.one_line(text) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\x1b[31mred\x1b[0m", id="colours"),
        pytest.param("a\x1b]0;title\x07b", id="a window's title"),
        pytest.param("a\x9b31mb", id="C1"),
        pytest.param("a\x85b\x8db", id="C1 lines"),
        pytest.param("a\u202egnp.exe", id="right to left"),
        pytest.param("a\u2066b\u2069", id="isolates"),
        pytest.param("a\u2028b", id="line separator"),
        pytest.param("a\u200bb\ufeffc", id="nothing wide"),
        pytest.param("a\x00b\x08c\x7f", id="ASCII"),
        pytest.param("a\ud800b", id="half a character"),
        pytest.param("a\r\nINFO all is well", id="a forged line"),
    ],
)
def test_nothing_acts_on_the_terminal(text):
    """A service's sentence is one line of characters that show themselves."""
    shown = log.one_line(text)

    assert shown.isprintable()
    shown.encode()


@given(st.text())
def test_whatever_comes_is_one_line_that_can_be_shown_and_stored(text):
    """No text at all breaks a line, a terminal or a database."""
    shown = log.one_line(text, 100)

    assert "\n" not in shown
    assert len(shown) <= 100
    assert "\x1b" not in shown
    shown.encode()


@given(st.text())
def test_what_is_clean_stays_as_it_is(text):
    """Cleaning twice is cleaning once, so that it may be done where text enters and where it leaves."""
    once = log.one_line(text)

    assert log.one_line(once) == once


def test_a_field_cannot_pass_for_a_line_of_its_own():
    """A newline in a value stays inside its line of the log."""
    stream = io.StringIO()
    log.configure("info", "console", stream)

    log.get("test").info("event", error="gone\n2026-01-01 [info] all is well")

    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("key", ["api_key", "refresh_token", "X-Goog-Signature", "Password", "privateKey"])
def test_a_field_called_so_is_masked_whatever_it_holds(key):
    """The name alone is enough."""
    assert log.mask({key: "plain"}) == {key: log.MASK}


def test_bytes_and_errors_are_texts_too():
    """What a log line may be given is masked in every type."""
    assert "hunter2" not in str(log.mask([b"password=hunter2", ValueError("password=hunter2"), {"password=hunter2"}]))


@pytest.mark.parametrize(
    "library",
    ["urllib3.connectionpool", "google.auth.transport", "googleapiclient.http", "apscheduler", "rasterio", "alembic"],
)
def test_what_a_library_logs_is_masked_as_ours_is(library):
    """A warning of whoever it is goes to our lines, with its traceback, and no secret comes through."""
    stream = io.StringIO()
    log.configure("info", "json", stream)

    error = ValueError(SENTENCES["a query"][0])
    logging.getLogger(library).warning("refused: %s\nINFO forged", SENTENCES["a bearer"][0], exc_info=error)

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["room"] == library
    assert "hunter2" not in line


def test_what_libraries_log_at_debug_is_not_written():
    """There they write requests whole, with tokens."""
    stream = io.StringIO()
    log.configure("debug", "json", stream)

    for library in ("urllib3.connectionpool", "google.auth", "googleapiclient.discovery", "httplib2", "requests"):
        logging.getLogger(library).debug("Authorization: %s", "canary")
        logging.getLogger(library).info("Authorization: %s", "canary")

    assert stream.getvalue() == ""


def test_inside_another_program_nothing_is_printed_unasked(capsys, caplog):
    """Where structlog was not set up, a line goes to `logging`, under our name and masked."""
    structlog.reset_defaults()

    with caplog.at_level("INFO", "orchestrator"):
        log.get("test").bind(run="r").info("part.downloaded", token="hunter2")  # noqa: S106

    assert capsys.readouterr().out == ""
    assert caplog.messages == [f"part.downloaded run=r token={log.MASK}"]


def written(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_thread_says_in_each_line_what_it_works_on():
    """Inner facts beside outer ones, and none of them once the block is over."""
    stream = io.StringIO()
    log.configure("info", "json", stream)

    with log.correlated(run="r", job="east"):
        with log.correlated(unit="0007"):
            log.get("a").info("inner")
        log.get("a").info("outer")
    log.get("a").info("after")

    told = [{key: line.get(key) for key in ("run", "job", "unit")} for line in written(stream)]
    assert told == [
        {"run": "r", "job": "east", "unit": "0007"},
        {"run": "r", "job": "east", "unit": None},
        {"run": None, "job": None, "unit": None},
    ]


def test_a_pool_says_whose_work_it_does():
    """Threads are lent to one run after the other; each line names the one that handed the work over."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    with ThreadPoolExecutor(1) as pool:
        for run in ("first", "second"):
            with log.correlated(run=run):
                pool.submit(log.carried(log.get("a").info), "done")

    assert [line["run"] for line in written(stream)] == ["first", "second"]


@pytest.mark.parametrize(
    "name", ["urllib3.connectionpool", "httplib2", "google.auth.transport.requests", "apscheduler"]
)
def test_libraries_say_nothing_of_their_requests(name):
    """Tokens and whole requests are written at DEBUG, which `-v` does not turn on."""
    stream = io.StringIO()
    log.configure("debug", "json", stream)

    logging.getLogger(name).debug("send: b'GET / HTTP/1.1 Authorization: Bearer x'")

    assert stream.getvalue() == ""


def test_what_a_library_warns_of_is_a_line_as_ours():
    """One line of JSON, masked, that says which library and what the thread works on; once, however often set up."""
    stream = io.StringIO()
    for _ in range(2):
        log.configure("info", "json", stream)

    with log.correlated(run="r"):
        logging.getLogger("google.auth").warning("retry of %s\nfailed", "ya29.secretsecret")

    (line,) = written(stream)
    assert (line["room"], line["level"], line["run"]) == ("google.auth", "warning", "r")
    assert line["message"] == f"retry of {log.MASK} failed"


# What begins a secret in one of its forms, in any case; with letters that `re.IGNORECASE` takes for others of ASCII.
_BEGINNINGS = ("-----BEGIN PRIVATE KEY-----", "ya29.", "1//0g", "eyJ", "AIza", "GOCSPX-", "Bearer ", "basic ", "OAuth ")
_NAMES = (
    "access_token",
    "client_secret",
    "private_key_id",
    "assertion",
    "X-Goog-Credential",
    "GoogleAccessId",
    "apikey",
)
_MORE = (
    "password",
    "totp",
    "Proxy-Authorization",
    "https://a:b@",
    "to\u212aen",
    "pa\u017fsword",
    "=",
    ": ",
    '"',
    "'",
    " ",
)


@pytest.mark.parametrize("sign", [*_BEGINNINGS, *_NAMES, *_MORE])
@given(
    before=st.text("aZ09._-/ ", max_size=8),
    more=st.lists(st.sampled_from(_MORE) | st.text("aZ09._-/", max_size=40), max_size=3),
)
@settings(max_examples=20)
def test_what_has_no_sign_of_a_secret_has_none(sign, before, more):
    """The quick look for a sign leaves nothing out that the long one would have masked."""
    for written in (sign, sign.upper(), sign.lower()):
        text = before + written + "".join(more) + "aZ09" * 9

        assert log.mask_text(text) == log._SECRET_VALUES.sub(log._masked, text)

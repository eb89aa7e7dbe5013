"""Logins: who may have a token, and how long it is good."""

from __future__ import annotations

import base64
import json

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from orchestrator.sandbox.cdse.second_factor import code_at

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105  the ASCII digits 12345678901234567890 of RFC 6238's examples


@pytest.fixture
def own(spaces):
    """A space whose clock may be moved."""
    return spaces(token_seconds=600, session_seconds=3600, sessions=3)


def test_a_login_gives_an_access_token_of_ten_minutes_and_a_refresh_token_of_an_hour(own):
    """With the fields that clients read, and a type that is Bearer."""
    told = own.login().json()

    assert (told["expires_in"], told["refresh_expires_in"], told["token_type"]) == (600, 3600, "Bearer")
    assert {"access_token", "refresh_token", "session_state", "scope"} <= set(told)


@pytest.mark.parametrize(
    ("form", "status", "error", "told"),
    [
        pytest.param({"password": "no"}, 401, "invalid_grant", "Invalid user credentials", id="wrong password"),
        pytest.param({"username": "nobody"}, 401, "invalid_grant", "Invalid user credentials", id="unknown user"),
        pytest.param({"username": None}, 401, "invalid_request", "Missing parameter: username", id="no user"),
        pytest.param({"client_id": "mine"}, 401, "invalid_client", "Invalid client", id="unknown client"),
        pytest.param({"grant_type": None}, 400, "invalid_request", "Missing form parameter", id="no grant"),
        pytest.param({"grant_type": "magic"}, 400, "unsupported_grant_type", "Unsupported", id="unknown grant"),
        pytest.param(
            {"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant", "Invalid refresh", id="refresh"
        ),
        pytest.param(
            {"grant_type": "client_credentials"}, 401, "unauthorized_client", "Public client", id="a public client"
        ),
    ],
)
def test_a_refused_login_says_why_in_keycloaks_form(space, form, status, error, told):
    """`error` is a name of RFC 6749's, `error_description` a sentence."""
    answer = space.login(**form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"].startswith(told)


def test_a_refreshed_login_ends_when_it_would_have_ended(own):
    """However often it is refreshed; the reply tells what is left of it."""
    first = own.login().json()
    own.sandbox.clock.advance(3300)
    again = own.login(grant_type="refresh_token", refresh_token=first["refresh_token"])
    own.sandbox.clock.advance(301)
    late = own.login(grant_type="refresh_token", refresh_token=again.json()["refresh_token"])

    assert (again.json()["expires_in"], again.json()["refresh_expires_in"]) == (300, 300)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")


def test_more_logins_at_once_than_allowed_are_refused(own):
    """Until one of them is over."""
    before = own.sandbox.state()["copernicus"]["sessions"]
    statuses = [own.login().status_code for _ in range(4 - before)]
    own.sandbox.clock.advance(3601)

    assert statuses == [200] * (3 - before) + [401]
    assert own.login().status_code == 200


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924")],
)
def test_codes_are_those_of_the_standard(seconds, code):
    """RFC 6238, appendix B, its last six digits."""
    from datetime import UTC, datetime  # noqa: PLC0415

    assert code_at(SECRET, datetime.fromtimestamp(seconds, UTC)) == code[-6:]


def test_a_second_factor_is_good_once_and_for_a_minute(spaces):
    """Without it, with one used before, or with an old one there is no login."""
    own = spaces(totp_secret=SECRET)
    now = own.sandbox.clock.now()
    code, next_code = code_at(SECRET, now), code_at(SECRET, now, 1)
    logins = [own.login(totp=None), own.login(totp=code), own.login(totp=code), own.login(totp=next_code)]
    own.sandbox.clock.advance(120)
    late = own.login(totp=code_at(SECRET, now, -1))

    assert [each.status_code for each in (*logins, late)] == [401, 200, 401, 200, 401]


def test_tokens_are_signed_by_the_key_that_is_published(space):
    """Clients look the key up by the configuration and verify the signature before they use a token."""
    where = space.urls["identity"].partition("/protocol")[0] + "/.well-known/openid-configuration"
    told = requests.get(where, timeout=20).json()
    (key,) = requests.get(told["jwks_uri"], timeout=20).json()["keys"]
    head, body, signature = space.login().json()["access_token"].split(".")
    numbers = [int.from_bytes(decoded(key[name]), "big") for name in ("e", "n")]

    rsa.RSAPublicNumbers(*numbers).public_key().verify(
        decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert told["token_endpoint"] == space.urls["identity"]
    assert json.loads(decoded(body))["iss"] == told["issuer"]


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.real
def test_the_configuration_is_shaped_as_the_recorded_one(space, real_data):
    """Every name of it is one of the service's, and every endpoint has the same path there."""
    where = space.urls["identity"].partition("/protocol")[0]
    told = requests.get(where + "/.well-known/openid-configuration", timeout=20).json()
    recorded = json.loads((real_data / "cdse_responses/cdsetool_openid-configuration.json").read_text())

    paths = {name: value.removeprefix(told["issuer"]) for name, value in told.items() if isinstance(value, str)}
    theirs = {name: value for name, value in recorded.items() if isinstance(value, str)}
    assert paths == {name: theirs[name].removeprefix(recorded["issuer"]) for name in paths}
    assert all(set(value) <= set(recorded[name]) | {"token"} for name, value in told.items() if isinstance(value, list))


@pytest.mark.parametrize(
    ("allowed", "status", "code"),
    [pytest.param(False, 401, "DAT-ZIP-609", id="as the service"), pytest.param(True, 200, None, id="allowed")],
)
def test_a_clients_own_token_opens_no_download_unless_allowed(spaces, safe, allowed, status, code):
    """Client credentials authenticate, and the download host refuses their audience; they have no refresh token."""
    own = spaces(folder=safe, client_downloads=allowed)
    (product,) = own.find().json()["value"]
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
    told = own.login(**form).json()

    answer = own.value(product, "manifest.safe", {"Authorization": f"Bearer {told['access_token']}"})

    assert "refresh_token" not in told
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


def test_no_password_is_kept(space):
    """What a login sends may be meant for the real service: the sandbox's own records do not have it."""
    space.login(password="meant-for-another")  # noqa: S106  nobody's
    told = requests.get(space.sandbox.url + "/sandbox/requests", params={"api": "cdse.token"}, timeout=20)

    assert told.json()["requests"][-1]["status"] == 401
    assert "meant-for-another" not in told.text

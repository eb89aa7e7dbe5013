"""What can be ordered to go wrong, in the forms of the service."""

from __future__ import annotations

import pytest
import requests


def test_a_short_body_looks_whole(space, product, bearer, band):
    """Its length is right for what comes: only the size of the listing tells."""
    space.order("short", api="cdse.nodes.value", bytes=100)

    answer = space.value(product, band[0], bearer)

    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10140")
    assert answer.content == band[1][:-100]


def test_wrong_bytes_have_the_right_length(space, product, bearer, band):
    """One bit: only a checksum tells."""
    space.order("flip", api="cdse.nodes.value", offset=17)

    answer = space.value(product, band[0], bearer)

    assert len(answer.content) == 10240
    assert [at for at in range(10240) if answer.content[at] != band[1][at]] == [17]


def test_a_reset_breaks_the_connection(space, product, bearer, band):
    """Before anything, or within the body."""
    space.order("reset", api="cdse.nodes.value")
    space.order("truncate", api="cdse.nodes.value", bytes=5000)

    with pytest.raises(requests.exceptions.ConnectionError):
        space.value(product, band[0], bearer)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        space.value(product, band[0], bearer)


@pytest.mark.parametrize("when", ["7", "Wed, 21 Oct 2026 07:28:00 GMT"], ids=["in seconds", "at a date"])
def test_too_many_sessions_can_be_told_when_to_come_again(space, product, bearer, when):
    """The published sentence carries its code, and a header what it is told."""
    message = "Max session number exceeded"
    space.order("http", api="cdse.nodes.value", status=429, message=message, headers={"Retry-After": when})

    answer = space.value(product, "manifest.safe", bearer)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, when)
    assert (answer.json()["code"], answer.json()["message"]) == ("DAT-ZIP-100", message)


@pytest.mark.parametrize(
    ("api", "name"),
    [("cdse.token", "error"), ("cdse.products.list", "detail"), ("cdse.nodes.list", "message"),
     ("cdse.nodes.value", "message"), ("cdse.value.redirect", "message")],
)  # fmt: skip
def test_an_ordered_error_has_the_form_of_its_host(space, product, bearer, api, name):
    """500 of Keycloak, of the catalogue and of the downloads."""
    space.order("http", api=api, status=500)
    calls = {
        "cdse.token": space.login,
        "cdse.products.list": space.find,
        "cdse.nodes.list": lambda: requests.get(space.node(product, end="/Nodes"), timeout=20),
        "cdse.nodes.value": lambda: space.value(product, "manifest.safe", bearer),
        "cdse.value.redirect": lambda: requests.get(
            space.node(product, "manifest.safe", "/$value", "catalogue"),
            headers=bearer,
            timeout=20,
            allow_redirects=False,
        ),
    }

    answer = calls[api]()

    assert answer.status_code == 500
    assert name in answer.json()
    assert calls[api]().ok


def test_a_page_may_be_empty_and_lead_to_the_page_that_was_due(space):
    """Who takes an empty page for the end misses the rest."""
    space.order("empty_page", api="cdse.products.list")
    page = space.find(top=2, orderby="ContentDate/Start").json()
    due = requests.get(page["@odata.nextLink"], timeout=20).json()

    assert page["value"] == []
    assert due["value"] == space.find(top=2, orderby="ContentDate/Start").json()["value"] != []


def test_a_list_may_never_end(space):
    """The link of its last page leads to the first one."""
    space.order("endless_pages", api="cdse.products.list")
    last = space.find(top=2, skip=4, orderby="ContentDate/Start").json()
    again = requests.get(last["@odata.nextLink"], timeout=20).json()

    assert again["value"] == space.find(top=2, orderby="ContentDate/Start").json()["value"]


def test_an_ended_login_opens_nothing(spaces, safe):
    """Access token and refresh token are good for nothing, before their time is over."""
    own = spaces(folder=safe)
    (product,) = own.find().json()["value"]
    told = own.login().json()
    own.sandbox.copernicus.identity.end_all()

    used = own.value(product, "manifest.safe", {"Authorization": f"Bearer {told['access_token']}"})

    assert (used.status_code, used.json()["code"]) == (401, "DAT-ZIP-109")
    assert own.login(grant_type="refresh_token", refresh_token=told["refresh_token"]).status_code == 400


def test_calls_of_both_hosts_are_known_by_their_names(space):
    """A fault for a call that does not exist is refused by the sandbox's own method."""
    order = {"action": "reset", "api": "cdse.nodes.value"}
    where = space.sandbox.url + "/sandbox/faults"

    assert requests.post(where, json=order, timeout=20).status_code == 200
    refused = requests.post(where, json={**order, "api": "cdse.nodes.volue"}, timeout=20)
    assert "cdse.nodes.value" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/odata/v1/DeletedProducts"), ("GET", "/odata/v1/Assets(1)/$value"),
        ("POST", "/odata/v1/Products/OData.CSC.FilterList"),
        ("POST", "/auth/realms/CDSE/protocol/openid-connect/logout"),
        ("GET", "/auth/realms/CDSE/protocol/openid-connect/userinfo"),
    ],
)  # fmt: skip
def test_what_is_not_imitated_is_refused_by_its_name(space, method, path):
    """400, and no guess."""
    answer = requests.request(method, space.sandbox.url + path, timeout=20)

    assert answer.status_code == 400
    assert "This sandbox does not imitate" in answer.text

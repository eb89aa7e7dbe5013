"""One login, renewed before it ends, and what is said where there is none."""

from __future__ import annotations

import os
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from cdse_kit import BAND, YEAR, World, content_of

from orchestrator.core.errors import ConfigError, CredentialError, PermanentError, Stopped
from orchestrator.sandbox.cdse.second_factor import code_at
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.server import Options, Sandbox

SECRET = "JBSWY3DPEHPK3PXP"  # noqa: S105  of no account
MARKER = "correct-horse-42"


@pytest.fixture
def world_of(served, tmp_path):
    """Return a function that serves the product under rules of its own."""
    running = []

    def serve(settings=None, **rules):
        options = Options(copernicus=Copernicus(folder=served, **rules))
        sandbox = Sandbox(None, options, evaluator=object())
        running.append(sandbox)
        return World(sandbox.__enter__(), tmp_path / "state", settings={"credentials": {"cdse": settings or {}}})

    yield serve
    for sandbox in running:
        sandbox.__exit__(None, None, None)


def grants(world) -> dict[str, int]:
    return world.state()["grants"]


def test_threads_share_one_login(world_of, tmp_path):
    """Many logins at once are refused by the service as if the password were wrong."""
    world = world_of()
    route = world.route()
    asset = world.asset(route)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: world.fetch(route, asset, tmp_path / str(n)), range(4)))

    assert grants(world) == {"password": 1}


def test_a_token_is_refreshed_before_its_end(world_of, tmp_path):
    """Of ten minutes' life the last half one is not used, so nothing is ever refused."""
    world = world_of()
    route = world.route()
    asset = world.asset(route)
    world.clock.ahead = 571

    world.fetch(route, asset, tmp_path / "file")

    assert grants(world) == {"password": 1, "refresh_token": 1}
    assert not [one for one in world.asked("cdse.nodes.value") if one["status"] == 401]


def test_a_token_that_is_not_taken_any_more_is_renewed_once(world_of, tmp_path):
    world = world_of()
    route = world.route()
    asset = world.asset(route)
    world.call("POST", "/sandbox/clock", {"advanceSeconds": 700})

    world.fetch(route, asset, tmp_path / "file")

    assert grants(world) == {"password": 1, "refresh_token": 1}


def test_a_login_that_is_over_is_begun_anew(world_of, tmp_path):
    """An hour passes, or an operator ends it: the password opens another, and the run goes on."""
    world = world_of()
    route = world.route()
    asset = world.asset(route)
    world.sandbox.copernicus.identity.end_all()

    world.fetch(route, asset, tmp_path / "file")

    assert grants(world) == {"password": 2}


def with_code(world_of):
    world = world_of(totp_secret=SECRET)
    code = code_at(SECRET, world.sandbox.clock.now())
    world.settings["credentials"]["cdse"] = {"user": "user", "password": "password", "totp": code}
    return world


def test_a_code_of_the_second_factor_opens_a_login_that_is_refreshed(world_of, tmp_path):
    world = with_code(world_of)
    route = world.route()
    asset = world.asset(route)
    world.call("POST", "/sandbox/clock", {"advanceSeconds": 700})

    world.fetch(route, asset, tmp_path / "file")

    assert grants(world) == {"password": 1, "refresh_token": 1}


def test_a_code_of_the_second_factor_is_not_sent_twice(world_of, tmp_path):
    """It is good once: who sends it again gets a refusal that says something else."""
    world = with_code(world_of)
    route = world.route()
    asset = world.asset(route)
    world.sandbox.copernicus.identity.end_all()

    with pytest.raises(CredentialError, match=r"good once: set `totp` .*CDSE__TOTP.* the same command continues"):
        world.fetch(route, asset, tmp_path / "file")
    assert grants(world) == {"password": 1}


def test_a_client_gets_files_where_the_service_lets_clients(world_of, tmp_path):
    world = world_of({"client_id": "sandbox", "client_secret": "sandbox"}, client_downloads=True)
    route = world.route()

    world.fetch(route, world.asset(route), tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == content_of(BAND)


def test_a_client_whose_token_opens_no_downloads_is_told_to_be_a_user(world_of):
    world = world_of({"client_id": "sandbox", "client_secret": "sandbox"})

    with pytest.raises(CredentialError, match=r"DAT-ZIP-609.*set `user` and `password` under"):
        world.asset(world.route())


def test_a_wrong_password_is_told_with_the_user_and_what_to_do(world_of):
    world = world_of({"user": "ann@example.org", "password": MARKER})

    with pytest.raises(
        CredentialError, match=r"does not take user ann@example.org: .*Invalid user credentials; .*CDSE"
    ):
        world.asset(world.route())


def test_nobody_is_told_how_to_be_somebody(world_of):
    """Only the real service has no account that everybody knows."""
    world = world_of()
    told = world.sandbox.copernicus_urls
    world.settings["copernicus"] = {
        "url": "",
        "catalogue_url": told["catalogue"],
        "download_url": told["download"],
        "identity_url": told["identity"],
    }

    with pytest.raises(CredentialError, match=r"ORCHESTRATOR_CREDENTIALS__CDSE__USER.*--sandbox"):
        world.asset(world.route())


def test_a_forbidden_file_is_no_login_that_failed(world_of, tmp_path):
    """403 speaks of a right: whoever logs in anew because of it ends with all logins refused."""
    world = world_of()
    route = world.route()
    asset = world.asset(route)
    world.order(api="cdse.nodes.value", action="http", status=403, message="Access denied")

    with pytest.raises(PermanentError, match="HTTP 403: Access denied") as caught:
        world.fetch(route, asset, tmp_path / "file")
    assert not isinstance(caught.value, CredentialError)
    assert grants(world) == {"password": 1}


def test_logging_in_is_tried_again_while_the_service_is_busy(world_of, tmp_path):
    world = world_of()
    world.order(api="cdse.token", action="http", status=503)
    world.order(api="cdse.token", action="reset")
    route = world.route()

    world.fetch(route, world.asset(route), tmp_path / "file")

    assert grants(world) == {"password": 1}


# Secrets are in no sentence.


def test_no_error_and_no_traceback_has_a_secret_in_it(world_of):
    """Not even where the service says back what it was told."""
    world = world_of({"user": "ann", "password": MARKER, "totp": "987654"})
    body = f'{{"error": "invalid_grant", "error_description": "bad {MARKER} with 987654"}}'
    world.order(api="cdse.token", action="http", status=401, body=body)

    with pytest.raises(CredentialError) as caught:
        world.asset(world.route())
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(world.loaded())
    assert MARKER not in told
    assert "987654" not in told


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"password": [MARKER]}, id="a list"),
        pytest.param({"password": {"value": MARKER}}, id="a table"),
        pytest.param({"client_secret": 4242424242}, id="a number"),
    ],
)
def test_a_secret_of_the_wrong_kind_is_refused_without_showing_it(world_of, table):
    world = world_of(table)

    with pytest.raises(ConfigError) as caught:
        world.loaded()
    assert MARKER not in str(caught.value)
    assert "4242424242" not in str(caught.value)


# Key files.


def key_file(tmp_path, text: str, mode: int = 0o400):
    path = tmp_path / "cdse.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return {"key_file": str(path)}


def test_a_key_file_says_who_we_are(world_of, tmp_path):
    world = world_of(key_file(tmp_path, "# mine\nuser = user\npassword = 'password'\n"))

    world.asset(world.route())

    assert grants(world) == {"password": 1}


def test_a_folder_of_secrets_says_who_we_are(world_of, tmp_path):
    """As containers get theirs: a file for each name."""
    for name in ("user", "password"):
        (tmp_path / name).write_text(f"{name}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o400)
    world = world_of({"key_file": str(tmp_path)})

    world.asset(world.route())

    assert grants(world) == {"password": 1}


def test_what_is_set_by_itself_goes_before_the_key_file(world_of, tmp_path):
    world = world_of(key_file(tmp_path, f"user = user\npassword = {MARKER}\n") | {"password": "password"})

    world.asset(world.route())

    assert grants(world) == {"password": 1}


@pytest.mark.skipif(os.name == "nt", reason="rights are lists there")
def test_a_key_file_that_everybody_may_read_is_refused(world_of, tmp_path):
    world = world_of(key_file(tmp_path, "user = a\npassword = b\n", 0o644))

    with pytest.raises(ConfigError, match=r"open to everybody.*chmod 0400"):
        world.asset(world.route())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(f"user = a\n{MARKER}\n", "line 2: write `NAME = ...`", id="a bare line"),
        pytest.param(f"user = a\npasswort = {MARKER}\n", "line 2: write `NAME = ...`", id="a misspelt name"),
        pytest.param(f"password = {MARKER}\n", "has `password` and no `user`", id="half an account"),
    ],
)
def test_a_key_file_that_is_wrong_is_told_by_the_line_and_not_by_its_content(world_of, tmp_path, text, sentence):
    world = world_of(key_file(tmp_path, text))

    with pytest.raises(ConfigError, match=sentence) as caught:
        world.asset(world.route())
    assert MARKER not in str(caught.value)


def test_a_stop_ends_a_login_under_way(world_of):
    """Whoever waits for it hears the stop, not the service's silence."""
    world = world_of()
    route = world.route()
    product = next(route.search(YEAR, world.stop))
    world.order(api="cdse.token", action="stall")
    threading.Timer(0.2, world.stop.set).start()

    with pytest.raises(Stopped):
        route.manifest(product, world.stop)

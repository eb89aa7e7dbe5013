"""Files by keys of S3: the same promises, another way."""

from __future__ import annotations

import hashlib
import hmac
import traceback
from datetime import UTC, datetime

import pytest
from cdse_kit import BAND, content_of

from orchestrator.clients.cdse.s3 import S3Keys, signed
from orchestrator.core.errors import CredentialError

MARKER = "correct-horse-42"


@pytest.fixture
def keyed(world):
    """A world whose program has keys, and no user."""
    world.settings = {
        "copernicus": {"s3_url": world.sandbox.copernicus_urls["s3"]},
        "credentials": {"cdse": {"access_key": "sandbox", "secret_key": "sandbox"}},
    }
    return world


def test_a_signature_is_that_of_the_published_recipe():
    """AWS Signature Version 4, step by step as published: canonical request, text to sign, key of the day."""
    at = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signed("https://host.example/eodata/a%20b", {}, S3Keys("AKIDEXAMPLE", "secret"), at)

    key = b"AWS4secret"
    for word in ("20130524", "default", "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    empty = hashlib.sha256(b"").hexdigest()
    lines = [
        *("GET", "/eodata/a%20b", "", "host:host.example", f"x-amz-content-sha256:{empty}"),
        *("x-amz-date:20130524T000000Z", "", "host;x-amz-content-sha256;x-amz-date", empty),
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/default/s3/aws4_request\n{digest}"
    assert headers["Authorization"].endswith("Signature=" + hmac.digest(key, text.encode(), "sha256").hex())


def test_signing_in_names_the_key(keyed):
    assert keyed.route().sign_in(keyed.stop) == "S3 key sandbox"


def test_files_come_by_keys_without_a_login(keyed, tmp_path):
    route = keyed.route()

    piece = keyed.fetch(route, keyed.asset(route), tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == content_of(BAND)
    assert piece.checksum.algorithm == "MD5"
    assert keyed.state()["grants"] == {}


def test_a_cut_is_resumed(keyed, tmp_path):
    route = keyed.route()
    asset = keyed.asset(route)
    keyed.order(api="cdse.s3.get", action="truncate", bytes=300_000)

    keyed.fetch(route, asset, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == content_of(BAND)
    assert keyed.asked("cdse.s3.get")[-1]["status"] == 206


def test_keys_that_are_not_known_are_told_without_the_secret(keyed):
    keyed.settings["credentials"]["cdse"] = {"access_key": "sandbox", "secret_key": MARKER}

    with pytest.raises(
        CredentialError, match=r"SignatureDoesNotMatch.*correct `access_key` and `secret_key`"
    ) as caught:
        keyed.asset(keyed.route())
    assert MARKER not in "".join(traceback.format_exception(caught.value))


def test_a_busy_service_is_waited_for(keyed, tmp_path):
    route = keyed.route()
    asset = keyed.asset(route)
    keyed.order(api="cdse.s3.get", action="http", status=503)

    keyed.fetch(route, asset, tmp_path / "file")

    assert (tmp_path / "file").read_bytes() == content_of(BAND)

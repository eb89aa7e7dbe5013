"""The bucket `eodata`, read by a client of somebody else's."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import obstore
import pytest
import requests
from obstore.exceptions import PermissionDeniedError
from obstore.store import S3Store

from orchestrator.sandbox.cdse.products import ListedProducts
from orchestrator.sandbox.cdse.records import sentinel2_record
from orchestrator.sandbox.cdse.sigv4 import signature
from orchestrator.sandbox.web import Request

L1C = "S2A_MSIL1C_20240105T101411_N0510_R022_T32TQM_20240105T121000.SAFE"


@pytest.fixture
def clients():
    """`clients(space, **changes)` is a client of a space's bucket."""

    def make(space, **changes):
        keys = {"access_key_id": "sandbox", "secret_access_key": "sandbox", "region": "default", **changes}
        retry = {"max_retries": 0}
        plain = {"allow_http": True}
        return S3Store("eodata", endpoint=space.urls["s3"], client_options=plain, retry_config=retry, **keys)

    return make


@pytest.fixture
def store(space, clients):
    """`store(**changes)` is a client of the session's space."""
    return partial(clients, space)


@pytest.fixture
def root(product):
    return product["S3Path"].removeprefix("/eodata/")


def listed(store, prefix):
    return {each["path"]: each["size"] for batch in store.list(prefix) for each in batch}


def test_objects_are_the_files_of_products(store, root, safe):
    """Under the product's path, with their sizes; the bucket as a whole holds nothing else."""
    files = {f"{root}/{each.relative_to(safe)}": each.stat().st_size for each in safe.rglob("*") if each.is_file()}

    assert listed(store(), root) == files
    assert listed(store(), "Sentinel-2/MSI") == files
    assert listed(store(), root + "x") == {}


def test_a_delimiter_rolls_folders_up(store, root):
    """A level at a time, from the top to a product's files."""
    levels = [store().list_with_delimiter(prefix) for prefix in ("Sentinel-2/MSI/L1C/2024/01", root)]

    assert levels[0]["common_prefixes"] == ["Sentinel-2/MSI/L1C/2024/01/05"]
    assert {each.rpartition("/")[2] for each in levels[1]["common_prefixes"]} == {"AUX_DATA", "GRANULE"}
    assert {each["path"].rpartition("/")[2] for each in levels[1]["objects"]} == {"MTD_MSIL1C.xml", "manifest.safe"}


class Wide(ListedProducts):
    """A product of 2,500 files of a byte."""

    def tree(self, product):  # noqa: ARG002  there is one
        return {f"{number:04}": 1 for number in range(2500)}


def test_long_lists_come_in_pages(spaces, clients):
    """A thousand keys each; each begins behind the last key of the one before."""
    own = spaces(products=Wide([sentinel2_record(L1C)]))

    found = [each["path"] for batch in clients(own).list("Sentinel-2/MSI/L1C/2024/01/05") for each in batch]

    assert sorted(path.rpartition("/")[2] for path in found) == [f"{number:04}" for number in range(2500)]
    assert own.sandbox.journal.summary()["requests"]["cdse.s3.list"] == 3


def test_bytes_and_ranges_are_those_of_the_file(store, root, band):
    """And what is known of an object without reading it."""
    path, data = band

    assert bytes(store().get(f"{root}/{path}").bytes()) == data
    assert bytes(obstore.get_range(store(), f"{root}/{path}", start=5, end=20)) == data[5:20]
    assert store().head(f"{root}/{path}")["size"] == len(data)


def test_no_such_key_is_404(store, root):
    """As an error of S3."""
    with pytest.raises(FileNotFoundError):
        store().get(f"{root}/nothing")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"secret_access_key": "other"}, "SignatureDoesNotMatch", id="a wrong secret"),
        pytest.param({"access_key_id": "nobody"}, "InvalidAccessKeyId", id="an unknown key"),
        pytest.param({"skip_signature": True}, "AccessDenied", id="no signature"),
    ],
)
def test_nobody_reads_without_a_key(store, root, changes, code):
    """403, with a code that tells which of the reasons it was."""
    with pytest.raises(PermissionDeniedError, match=code):
        store(**changes).get(f"{root}/manifest.safe")


def test_a_signature_is_that_of_the_published_example():
    """Amazon's example "GET Object" of Signature Version 4, with its keys and its result."""
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-amz-date": "20130524T000000Z",
    }
    request = Request.of("GET", "/test.txt", headers, b"", "http://examplebucket.s3.amazonaws.com")
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105  published for this example

    found = signature(request, sorted(headers), "20130524/us-east-1/s3/aws4_request", secret)

    assert hmac.compare_digest(found, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


@pytest.mark.parametrize("query", ["list-type=2&X-Amz-Signature=x", ""], ids=["signed beforehand", "not signed"])
def test_what_is_not_imitated_is_refused(space, query):
    """Links that are signed beforehand by their name; whoever signs nothing as S3 does."""
    answer = requests.get(f"{space.urls['s3']}/eodata?{query}", timeout=20)

    assert ("signed beforehand" in answer.text) is bool(query)
    assert answer.status_code == (400 if query else 403)


def test_a_keys_places_are_counted_as_those_of_a_login(spaces, clients, safe, band):
    """429 while all are taken."""
    own = spaces(folder=safe, at_once=1)
    (found,) = own.find().json()["value"]
    key = f"{found['S3Path'].removeprefix('/eodata/')}/{band[0]}"
    own.order("stall", api="cdse.s3.get", bytes=10)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(lambda: bytes(clients(own).get(key).bytes()))
        while not own.sandbox.state()["copernicus"]["underWay"]:
            pass
        with pytest.raises(obstore.exceptions.GenericError, match="429"):
            clients(own).get(key)
        own.sandbox.faults.release()

        assert under_way.result() == band[1]

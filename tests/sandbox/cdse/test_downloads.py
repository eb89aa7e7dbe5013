"""Files from the second host: who gets them, which part, how many at once."""

from __future__ import annotations

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests


def test_the_catalogues_host_sends_a_client_on_without_its_header(space, product, bearer):
    """The usual client drops Authorization where the port changes, and is refused there: to be followed by hand."""
    address = space.node(product, "manifest.safe", "/$value", host="catalogue")
    followed = requests.get(address, headers=bearer, timeout=20)
    told = requests.get(address, headers=bearer, timeout=20, allow_redirects=False)
    by_hand = requests.get(told.headers["Location"], headers=bearer, timeout=20)

    assert (followed.status_code, followed.json()["code"]) == (401, "DAT-ZIP-604")
    assert (told.status_code, told.headers["Location"]) == (301, space.node(product, "manifest.safe", "/$value"))
    assert (by_hand.status_code, by_hand.content) == (200, b"<xfdu/>")


def test_a_token_may_stand_in_the_address(space, product, bearer):
    """As one client sends it: then the redirect keeps it, and nothing is lost on the way."""
    token = bearer["Authorization"].removeprefix("Bearer ")
    address = space.node(product, "manifest.safe", "/$value", host="catalogue")
    answer = requests.get(address, params={"token": token}, timeout=20)

    assert ([each.status_code for each in answer.history], answer.content) == ([301], b"<xfdu/>")
    assert requests.get(address, params={"token": token + "x"}, timeout=20).status_code == 401


@pytest.mark.parametrize("host", ["catalogue", "download"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic dTpw"}])
def test_no_file_without_a_token_on_either_host(space, product, host, header):
    """401 that says the token was not found."""
    address = space.node(product, "manifest.safe", "/$value", host)
    answer = requests.get(address, headers=header, timeout=20, allow_redirects=False)

    assert (answer.status_code, answer.json()["code"]) == (401, "DAT-ZIP-604")
    assert answer.json()["message"] == "Token not found"


def test_a_token_is_good_for_ten_minutes_of_the_sandboxs_time(spaces, safe):
    """Then 401, on both hosts, until it is refreshed."""
    own = spaces(folder=safe)
    (product,) = own.find().json()["value"]
    told = own.login().json()
    header = {"Authorization": f"Bearer {told['access_token']}"}
    own.sandbox.clock.advance(599)
    before = own.value(product, "manifest.safe", header).status_code
    own.sandbox.clock.advance(1)
    after = own.value(product, "manifest.safe", header)
    fresh = own.bearer(grant_type="refresh_token", refresh_token=told["refresh_token"])

    assert (before, after.status_code, after.json()["code"]) == (200, 401, "DAT-ZIP-109")
    assert own.value(product, "manifest.safe", fresh).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "first", "end"),
    [
        pytest.param(None, 200, 0, 10240, id="the whole"),
        pytest.param("bytes=0-0", 206, 0, 1, id="one byte"),
        pytest.param("bytes=10000-", 206, 10000, 10240, id="the rest"),
        pytest.param("bytes=-5", 206, 10235, 10240, id="the last bytes"),
        pytest.param("bytes=10239-99999", 206, 10239, 10240, id="beyond the end"),
    ],
)
def test_a_range_is_that_part_of_the_file(space, product, bearer, band, asked, status, first, end):
    """With its length, and where it lies in the whole."""
    path, data = band
    headers = {**bearer, **({"Range": asked} if asked else {})}

    answer = space.value(product, path, headers)

    assert (answer.status_code, answer.content) == (status, data[first:end])
    assert answer.headers["Content-Length"] == str(end - first)
    assert answer.headers.get("Content-Range") == (f"bytes {first}-{end - 1}/10240" if status == 206 else None)


def test_a_range_beyond_the_end_is_416(space, product, bearer, band):
    """With the size of the file."""
    answer = space.value(product, band[0], {**bearer, "Range": "bytes=10240-"})

    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */10240")


def test_a_range_of_another_version_is_the_whole_file(space, product, bearer, band):
    """`If-Range` with the file's own ETag is a range, with any other the whole (RFC 9110, 13.1.5)."""
    tag = space.value(product, band[0], bearer).headers["ETag"]
    headers = {**bearer, "Range": "bytes=5-"}
    same = space.value(product, band[0], {**headers, "If-Range": tag})
    other = space.value(product, band[0], {**headers, "If-Range": '"x"'})

    assert (same.status_code, same.content) == (206, band[1][5:])
    assert (other.status_code, other.content) == (200, band[1])


def test_the_head_of_a_file_tells_its_size(space, product, bearer, band):
    """Without a body, and without a place among the transfers."""
    before = space.report()["files"].get(f"{product['Name']}/{band[0]}")
    answer = requests.head(space.node(product, band[0], "/$value"), headers=bearer, timeout=20)

    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "10240", b"")
    assert space.report()["files"].get(f"{product['Name']}/{band[0]}") == before


def test_a_whole_product_is_a_zip_of_its_folder(space, product, bearer, safe):
    """The same files under the same names."""
    address = f"{space.urls['download']}/Products({product['Id']})/$value"
    archive = zipfile.ZipFile(io.BytesIO(requests.get(address, headers=bearer, timeout=20).content))

    files = {str(each.relative_to(safe.parent)): each.read_bytes() for each in safe.rglob("*") if each.is_file()}
    assert {name: archive.read(name) for name in archive.namelist()} == files


def test_a_folder_is_no_file(space, product, bearer):
    """Nor is an empty one an empty file."""
    assert space.value(product, "GRANULE/L1C_T32TQM_A044600_null", bearer).status_code == 400
    assert space.value(product, "AUX_DATA/ECMWFT", bearer).content == b""


@pytest.fixture
def own(spaces, safe):
    return spaces(folder=safe)


def test_a_fifth_transfer_at_once_is_refused(own, band):
    """429 in the published form, until one of the four is over; counted."""
    (product,) = own.find().json()["value"]
    bearer = own.bearer()
    held = own.order("stall", api="cdse.nodes.value", bytes=10, count=4)
    with ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(own.value, product, band[0], bearer) for _ in range(4)]
        while own.sandbox.state()["copernicus"]["underWay"] < 4:
            pass
        fifth = own.value(product, band[0], bearer)
        own.sandbox.faults.release(held)
        whole = [each.result().content for each in under_way]

    assert (fifth.status_code, fifth.json()["code"]) == (429, "DAT-ZIP-100")
    assert fifth.json()["message"] == "Max session number exceeded"
    assert whole == [band[1]] * 4
    assert own.value(product, band[0], bearer).content == band[1]
    assert [own.report()[name] for name in ("mostAtOnce", "refused", "underWay")] == [4, 1, 0]


def test_four_at_once_are_never_taken_for_five(own):
    """A place is free before the last byte arrives: who has a file may ask for the next one at once."""
    (product,) = own.find().json()["value"]
    bearer = own.bearer()

    def fetch(_):
        return requests.get(own.node(product, "manifest.safe", "/$value"), headers=bearer, timeout=20).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(fetch, range(120)))

    assert set(statuses) == {200}
    assert own.report()["files"][f"{product['Name']}/manifest.safe"] == {"size": 7, "transfers": 120, "bytes": 840}


def test_a_caller_that_leaves_leaves_its_place(own, band):
    """A transfer that stands still is over when its connection is."""
    (product,) = own.find().json()["value"]
    bearer = own.bearer()
    own.order("stall", api="cdse.nodes.value", bytes=10, count=4)

    for _ in range(4):
        own.value(product, band[0], bearer, stream=True).close()

    assert own.sandbox.copernicus.transfers.wait_idle()
    assert own.value(product, band[0], bearer).content == band[1]


def test_bytes_are_counted_as_they_leave(own, band):
    """Of a broken answer what was sent, of a range the range."""
    (product,) = own.find().json()["value"]
    bearer = own.bearer()
    own.order("truncate", api="cdse.nodes.value", bytes=4000)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        own.value(product, band[0], bearer)
    rest = own.value(product, band[0], {**bearer, "Range": "bytes=4000-"})

    assert rest.content == band[1][4000:]
    assert own.report()["files"][f"{product['Name']}/{band[0]}"] == {"size": 10240, "transfers": 2, "bytes": 10240}


def test_more_requests_in_a_minute_than_allowed_are_refused(spaces, safe):
    """Where it is asked for; a minute of the sandbox's time later they are not."""
    own = spaces(folder=safe, per_minute=2)
    (product,) = own.find().json()["value"]
    bearer = own.bearer()
    statuses = [own.value(product, "manifest.safe", bearer).status_code for _ in range(3)]
    own.sandbox.clock.advance(61)

    assert statuses == [200, 200, 429]
    assert own.value(product, "manifest.safe", bearer).status_code == 200

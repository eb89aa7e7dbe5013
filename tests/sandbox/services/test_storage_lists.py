"""Lists of objects: globs, offsets, delimiters, pages."""

from __future__ import annotations

import pytest

from orchestrator.sandbox.blobs import Blob
from orchestrator.sandbox.storage.listing import Query, page
from orchestrator.sandbox.storage.values import StoredObject
from orchestrator.sandbox.web import ProtocolViolation

NAMES = ("a/", "a/1.tif", "a/2.csv", "a/b/3.tif", "ab.tif", "c{1}.tif", "z.tif")


def shown(size=100, after=None, names=NAMES, **query):
    found = [StoredObject("b", name, 1, 1, "", "", Blob("", 0, "", "")) for name in sorted(names)]
    told = page(found, Query(**query), size, after)
    return [each.name for each in told.items], told.prefixes


@pytest.mark.parametrize(
    ("glob", "items"),
    [
        pytest.param("*.tif", ["ab.tif", "c{1}.tif", "z.tif"], id="a star stays in a folder"),
        pytest.param("**.tif", ["a/1.tif", "a/b/3.tif", "ab.tif", "c{1}.tif", "z.tif"], id="two stars do not"),
        pytest.param("a/**/3.tif", ["a/b/3.tif"], id="two stars for a folder"),
        pytest.param("?.tif", ["z.tif"], id="one character"),
        pytest.param("a/[12].*", ["a/1.tif", "a/2.csv"], id="one of a set"),
        pytest.param("a/[!1].*", ["a/2.csv"], id="none of a set"),
        pytest.param("a/[1-2].tif", ["a/1.tif"], id="a range"),
        pytest.param("a/*.{csv,png}", ["a/2.csv"], id="one of several"),
        pytest.param(r"c\{1\}.tif", ["c{1}.tif"], id="a backslash takes the meaning away"),
        pytest.param("none*", [], id="nothing"),
    ],
)
def test_globs_choose_names(glob, items):
    """Reference of objects.list, matchGlob."""
    assert shown(glob=glob) == (items, [])


@pytest.mark.parametrize("glob", ["{a,b", "[ab", "a}"])
def test_a_glob_that_is_not_closed_is_refused(glob):
    """400 instead of an odd list."""
    with pytest.raises(ProtocolViolation, match="matchGlob"):
        shown(glob=glob)


@pytest.mark.parametrize(
    ("query", "items", "prefixes"),
    [
        pytest.param({"delimiter": "/"}, ["ab.tif", "c{1}.tif", "z.tif"], ["a/"], id="folded"),
        pytest.param({"delimiter": "/", "prefix": "a/"}, ["a/", "a/1.tif", "a/2.csv"], ["a/b/"], id="below"),
        pytest.param({"delimiter": "/", "trailing": True}, ["a/", "ab.tif", "c{1}.tif", "z.tif"], ["a/"], id="both"),
        pytest.param({"delimiter": "/", "glob": "**/"}, [], ["a/"], id="folders by a glob"),
        pytest.param({"start": "a/2.csv", "end": "ab.tif"}, ["a/2.csv", "a/b/3.tif"], [], id="first in, last out"),
        pytest.param({"delimiter": "/", "start": "a/b", "end": "ab"}, [], ["a/"], id="offsets before folding"),
    ],
)
def test_entries_are_folded_and_cut(query, items, prefixes):
    """Offsets are those of names; a prefix comes once."""
    found = [each for each in NAMES if each.startswith(query.get("prefix", ""))]

    assert shown(names=found, **query) == (items, prefixes)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_join_to_the_whole_list(bucket, prefix, size):
    """With prefixes among the items."""
    for name in ("a", "b/1", "b/2", "c", "d/1"):
        bucket.blob(f"{prefix}/{name}").upload_from_string(b"")

    listed = bucket.client.list_blobs(bucket, prefix=f"{prefix}/", delimiter="/", page_size=size)
    names = [each.name.removeprefix(f"{prefix}/") for each in listed]

    assert (names, sorted(listed.prefixes)) == (["a", "c"], [f"{prefix}/b/", f"{prefix}/d/"])


def test_the_client_finds_by_a_glob(bucket, prefix):
    """As it sends it."""
    for name in ("1.tif", "2.csv"):
        bucket.blob(f"{prefix}/{name}").upload_from_string(b"")

    found = bucket.client.list_blobs(bucket, match_glob=f"{prefix}/*.tif")

    assert [each.name for each in found] == [f"{prefix}/1.tif"]


@pytest.mark.parametrize(
    "query", ["maxResults=-1", "pageToken=nonsense!", "versions=true&softDeleted=true", "maxResults=x"]
)
def test_a_list_that_cannot_be_is_refused(web, bucket, query):
    """400, never a list of something else."""
    assert web("GET", f"/storage/v1/b/{bucket.name}/o?{query}").status_code == 400

"""gcsfs, obstore and GDAL, unmodified, on the sandbox; google-cloud-storage is in all other tests of the service."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import rasterio
from affine import Affine
from google.cloud.storage import transfer_manager
from rasterio.io import MemoryFile
from rasterio.windows import Window

from orchestrator.sandbox.server import DEFAULT_BUCKET

DATA = bytes(range(256)) * 25_000  # 6.4 MB: two parts of 5 MiB, several pieces of 512 KiB


@pytest.fixture(autouse=True)
def _no_violations(sandbox):
    before = len(sandbox.state()["violations"])
    yield
    assert sandbox.state()["violations"][before:] == []


@pytest.fixture
def store(sandbox, prefix):
    """obstore's store, below a prefix of its own."""
    obstore_store = pytest.importorskip("obstore.store")
    key = {
        "gcs_base_url": sandbox.url,
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    return obstore_store.GCSStore(
        DEFAULT_BUCKET, prefix=prefix, service_account_key=json.dumps(key), client_options={"allow_http": True}
    )


@pytest.fixture
def files(sandbox, prefix, monkeypatch):
    """gcsfs's file system, and a folder of its own."""
    # Otherwise it asks for the kind of a bucket by gRPC, and waits a minute for what is not there.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gcsfs = pytest.importorskip("gcsfs")
    how = {"token": "anon", "project": "p", "use_listings_cache": False, "skip_instance_cache": True}
    made = gcsfs.GCSFileSystem(endpoint_url=sandbox.url, **how)
    return made, f"{DEFAULT_BUCKET}/{prefix}"


def test_obstore_writes_and_reads(store):
    """Whole, in parts, and several ranges at once."""
    store.put("small ü", b"0123456789")
    store.put("large", DATA, use_multipart=True, chunk_size=5 << 20)

    assert store.get("large").bytes().to_bytes() == DATA
    assert [bytes(each) for each in store.get_ranges("small ü", starts=[0, 7], ends=[3, 9])] == [b"012", b"78"]
    assert store.head("small ü")["size"] == 10


def test_obstore_lists_copies_and_deletes(store):
    """With folders folded, and an offset."""
    for name in ("a/1", "b", "c"):
        store.put(name, b"x")
    store.copy("b", "d")
    store.rename("c", "e")
    store.delete(["b"])

    folded = store.list_with_delimiter()
    assert [each["path"] for each in store.list().collect()] == ["a/1", "d", "e"]
    assert ([each["path"] for each in folded["objects"]], list(folded["common_prefixes"])) == (["d", "e"], ["a"])
    assert [each["path"] for each in store.list(offset="d").collect()] == ["e"]


def test_obstore_writes_on_conditions(store):
    """Only if there is none, only over the version that was seen."""
    obstore = pytest.importorskip("obstore")
    seen = store.put("x", b"1", mode="create")
    store.put("x", b"2", mode=seen)

    with pytest.raises(obstore.exceptions.AlreadyExistsError):
        store.put("x", b"3", mode="create")
    with pytest.raises(obstore.exceptions.PreconditionError):
        store.put("x", b"3", mode=seen)
    with pytest.raises(FileNotFoundError):
        store.head("absent")


def test_gcsfs_writes_and_reads(files):
    """In one go and piece by piece, whole and in part."""
    system, folder = files
    system.pipe(f"{folder}/small", b"0123456789")
    with system.open(f"{folder}/large", "wb", block_size=512 << 10) as target:
        for start in range(0, len(DATA), 1_000_000):
            target.write(DATA[start : start + 1_000_000])

    assert system.cat_file(f"{folder}/small", 2, 5) == b"234"
    assert system.cat(f"{folder}/large") == DATA


def test_gcsfs_lists_copies_moves_joins_and_removes(files):
    """As a file system does; removal is a batch."""
    system, folder = files
    system.pipe({f"{folder}/a/1": b"1", f"{folder}/b": b"2"})
    system.cp_file(f"{folder}/b", f"{folder}/c")
    system.mv(f"{folder}/c", f"{folder}/d")
    system.merge(f"{folder}/e", [f"{folder}/b", f"{folder}/d"])
    system.setxattrs(f"{folder}/e", k="v")
    found = [each.removeprefix(folder) for each in system.find(folder)]

    assert (found, system.cat(f"{folder}/e"), system.getxattr(f"{folder}/e", "k")) == (
        ["/a/1", "/b", "/d", "/e"],
        b"22",
        "v",
    )
    system.rm(folder, recursive=True)
    assert system.find(folder) == []


def test_gcsfs_makes_and_removes_buckets(files, prefix):
    """With the access list that it asks for by default."""
    system, _ = files
    name = f"fs-{prefix.partition('/')[0]}"
    system.mkdir(name)
    made = system.exists(name)
    system.rmdir(name)

    assert (made, system.exists(name)) == (True, False)


def test_the_clients_own_parallel_transfers_work(bucket, prefix, tmp_path):
    """Parts of the XML API up, ranges down, in threads."""
    source, target = tmp_path / "up", tmp_path / "down"
    source.write_bytes(DATA)
    blob = bucket.blob(f"{prefix}/parallel")
    how = {"chunk_size": 5 << 20, "worker_type": transfer_manager.THREAD, "max_workers": 2}

    transfer_manager.upload_chunks_concurrently(str(source), blob, **how)
    transfer_manager.download_chunks_concurrently(blob, str(target), **how)

    assert target.read_bytes() == DATA


def test_gdal_reads_a_raster_where_it_lies(sandbox, bucket, prefix):
    """`/vsigs/` is the XML API, in ranges."""
    values = np.arange(600 * 700, dtype=np.uint16).reshape(1, 600, 700)
    shape = {"width": 700, "height": 600, "count": 1, "dtype": "uint16", "transform": Affine.translation(5, 5)}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", tiled=True, blockxsize=256, blockysize=256, **shape) as target:
            target.write(values)
        bucket.blob(f"{prefix}/a b.tif").upload_from_string(memory.read())

    with (
        rasterio.Env(CPL_GS_ENDPOINT=f"{sandbox.url}/", GS_NO_SIGN_REQUEST="YES", GDAL_HTTP_TIMEOUT="20"),
        rasterio.open(f"/vsigs/{DEFAULT_BUCKET}/{prefix}/a b.tif") as found,
    ):
        window = found.read(1, window=Window(390, 290, 100, 200))

    assert (window == values[0, 290:490, 390:490]).all()

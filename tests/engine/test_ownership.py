"""Whose a file is that lies where a result goes: told by what the job's own runs have listed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from model_world import FakeClock

from orchestrator.core.errors import UserError
from orchestrator.core.files import sha256_of
from orchestrator.engine.ownership import Claimant, check_owner
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.result import Result, ResultFile

ME = Claimant("d", ("f",), "night")
SUFFIXES = (".png", ".json", ".stac.json", ".tif")


@pytest.fixture
def store(store_url):
    opened = SqlStore(store_url, FakeClock())
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path):
    """Return the paths of a result, the raster last."""
    return tuple(tmp_path / f"night{suffix}" for suffix in SUFFIXES)


def make(store, files, turn, *, whole=True, picture=True):
    """Publish a result as the next turn of the job; the first version listed its raster alone."""
    admission = Admission("night", str(turn), ("f",), "{}", declaration="d")
    run = store.runs.admit(admission)
    image, proof, item, raster = files
    raster.write_bytes(b"raster of turn %d" % turn)
    sha256 = sha256_of(raster)
    proof.write_text(json.dumps({"run": run.id, "output": {"sha256": sha256}}))
    item.write_text(json.dumps({"turn": turn, "checksum": f"1220{sha256}"}))
    if picture:
        image.write_bytes(b"picture of turn %d" % turn)
    made = [path for path in (proof, image, item, raster) if path != image or picture]
    listed = tuple(ResultFile(path, path.stat().st_size, sha256_of(path)) for path in made)
    told = Result(listed).to_json()
    if not whole:
        told = json.dumps({name: value for name, value in json.loads(told).items() if name not in ("version", "files")})
    store.runs.save_result(run.id, told)
    store.outputs.claim(str(raster), run.id, "d")
    store.outputs.publish(str(raster), run.id, sha256, raster.stat().st_size)


@pytest.mark.parametrize("whole", [True, False], ids=["listed", "of the first version"])
def test_a_result_is_replaced_by_its_job(store, files, whole):
    """Every file of it."""
    make(store, files, 1, whole=whole)

    check_owner(files, ME, store)


@pytest.mark.parametrize("number", range(4), ids=SUFFIXES)
def test_a_file_that_is_not_as_listed_is_not_replaced(store, files, number):
    """Not even one that speaks of the raster, as an edited proof still does."""
    make(store, files, 1)
    with files[number].open("ab") as file:
        file.write(b" ")

    with pytest.raises(UserError, match=files[number].name):
        check_owner(files, ME, store)


@pytest.mark.parametrize("gone", [1, 3], ids=["the proof", "the raster"])
def test_a_picture_beside_a_first_result_is_nobodys_without_the_others(store, files, gone):
    """It was listed nowhere: only raster and proof tell whose it is."""
    make(store, files, 1, whole=False)
    files[gone].unlink()

    with pytest.raises(UserError, match=r"night\.png"):
        check_owner(files, ME, store)


def test_a_picture_that_a_later_result_has_left_is_ours(store, files):
    """The later one was published without a picture; the earlier one listed it."""
    make(store, files, 1)
    make(store, files, 2, picture=False)

    check_owner(files, ME, store)


def test_a_picture_alone_is_nobodys(store, files):
    """Before the first result there is nothing that could be ours."""
    files[0].write_bytes(b"precious")
    run = store.runs.admit(Admission("night", "1", ("f",), "{}", declaration="d"))
    store.outputs.claim(str(files[-1]), run.id, "d")

    with pytest.raises(UserError, match=r"night\.png"):
        check_owner(files, ME, store)


def test_a_file_beside_our_proof_is_not_said_to_be_another_jobs(store, files):
    """The proof that lies there is the job's own."""
    make(store, files, 1)
    files[2].write_text("mine")

    with pytest.raises(UserError, match="changed by somebody else"):
        check_owner(files, ME, store)


def test_no_consent_replaces_a_folder(store, files):
    """A file cannot."""
    files[1].mkdir()

    with pytest.raises(UserError, match="is a folder"):
        check_owner(files, Claimant("d", ("f",), "night", overwrite=True), store)


@pytest.mark.parametrize("name", ["chips", "cube.zarr"])
def test_no_consent_replaces_a_folder_that_was_not_made_here(store, tmp_path, name):
    """Consent is about results: a folder of something else is not one, unless it is empty or a proof tells of it."""
    proof, final = tmp_path / f"{name}.proof.json", tmp_path / name
    consenting = Claimant("d", ("f",), "night", overwrite=True)
    final.mkdir()
    check_owner((proof, final), consenting, store)
    (final / "mine").write_text("mine")
    line = f"{hashlib.sha256(b'mine').hexdigest()}  mine\n"
    output = {"sha256": hashlib.sha256(line.encode()).hexdigest(), "bytes": 4}

    with pytest.raises(UserError, match=f"{name} is a folder that was not made here"):
        check_owner((proof, final), consenting, store)
    proof.write_text(json.dumps({"run": "r", "job": {}, "output": output}))
    check_owner((proof, final), consenting, store)
    (final / "more").write_text("mine, too")
    with pytest.raises(UserError, match=f"{name} is a folder that was not made here"):
        check_owner((proof, final), consenting, store)


@pytest.mark.parametrize("name", ["chips", "cube.zarr"])
def test_a_folder_that_took_the_place_of_our_result_is_not_replaced(store, tmp_path, name):
    """Our store and our proof know of a result there; what lies there now is somebody's."""
    proof, final = tmp_path / f"{name}.proof.json", tmp_path / name
    make(store, (tmp_path / "x.png", proof, tmp_path / "x.stac.json", tmp_path / "x.tif"), 1)
    final.mkdir()
    (final / "mine").write_text("mine")
    run = store.runs.admit(Admission("night", "2", ("f",), "{}", declaration="d"))
    store.outputs.claim(str(final), run.id, "d")

    with pytest.raises(UserError, match=f"{name} is a folder that was not made here"):
        check_owner((proof, final), Claimant("d", ("f",), "night", overwrite=True), store)


@pytest.mark.parametrize(("product", "option"), [("patches", "--out"), ("chips", "--name")])
def test_the_option_that_is_hinted_at_is_the_commands_own(store, tmp_path, product, option):
    """Folders of patches and of chips are named by different options."""
    (tmp_path / "mine").mkdir()

    with pytest.raises(UserError, match=f"choose another {option}, or"):
        check_owner((tmp_path / "mine.proof.json", tmp_path / "mine"), replace(ME, product=product), store)


def test_only_results_at_the_path_are_asked(store, files, tmp_path):
    """Another place has other manifests, whatever its name contains."""
    make(store, files, 1)

    assert len(store.outputs.results(str(files[-1]))) == 1
    assert store.outputs.results(str(tmp_path / "light.tif")) == []
    assert store.outputs.results(str(files[0])) == []
    assert hashlib.sha256(files[-1].read_bytes()).hexdigest() in store.outputs.results(str(files[-1]))[0]

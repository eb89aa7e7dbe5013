"""What is told of a result: proof in words, files that are there or not, others to compare with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from previews_kit import publish, write_raster

from orchestrator.app.verbs.shown_results import compare_checksum, listed_file, shown_result
from orchestrator.core.errors import RunFailed, UserError
from orchestrator.engine.stores.records import Admission
from orchestrator.model.job import AreaSource, Job

PROOF = {
    "attribution": "Contains data of somebody",
    "licence": "https://example.org/terms",
    "cover": {"each_planned_pixel_once": True},
    "parts": [{}, {}, {}],
    "notes": ["the grid is in EPSG:32632."],
}


def result(records, folder, *, name="east", proof=None, **facts):
    raster = write_raster(folder / f"{name}.tif", np.ones((1, 64, 64), "uint8"))
    path = folder / f"{name}.json"
    path.write_text(json.dumps(PROOF | (proof or {})))
    return publish(records, [("proof", path), ("data", raster)], name=name, result_facts=facts)


def test_the_proof_is_told_in_sentences(records, tmp_path):
    """Cover, pieces, share, what is missing, audit, notes."""
    run = result(records, tmp_path, valid={"B4": 0.5, "B8": 1.0}, missing=2, chips=9, reasons=["no"])

    told = shown_result(records, run.id)

    assert told.proof == (
        "Every pixel of the plan came exactly once, in 3 verified pieces.",
        "Between 50 % (band B4) and 100 % (band B8) of the area's pixels hold data.",
        "Not whole: 2 of 9 chips are missing: no.",
        "It was not audited: no window was asked for once more.",
        "Note: the grid is in EPSG:32632.",
    )
    assert (told.attribution, told.licence) == ("Contains data of somebody", "https://example.org/terms")
    assert told.valid == (("B4", 0.5, "50 %"), ("B8", 1.0, "100 %"))


def test_an_audit_is_told_by_its_own_words(records, tmp_path):
    """The last one."""
    audit = {"at": "2024-01-01T00:00:00Z", "seed": 1, "windows": 2, "whole": False, "pixels": 10, "values": 20}
    audit |= {"pieces": {}, "tolerance": "equal", "differences": 0, "largest": 0.0, "first": None, "asked_again": 0}
    run = result(records, tmp_path, proof={"audit": [{}, audit]})

    assert any(
        "every one of 20 values is what the service answers" in line for line in shown_result(records, run.id).proof
    )


def test_a_proof_that_cannot_be_read_is_said_and_the_rest_is_shown(records, tmp_path):
    """No other page follows from a file that somebody damaged."""
    run = result(records, tmp_path)
    (tmp_path / "east.json").write_text("{")

    told = shown_result(records, run.id)

    assert told.proof[0].startswith("The proof east.json cannot be read")
    assert [file.name for file in told.files] == ["east.tif", "east.json"]


def test_a_file_that_is_gone_or_has_another_size_is_marked(records, tmp_path):
    """The others are not."""
    run = result(records, tmp_path)
    (tmp_path / "east.tif").write_bytes(b"other")

    assert {file.name: file.there for file in shown_result(records, run.id).files} == {
        "east.tif": False,
        "east.json": True,
    }


@pytest.mark.parametrize("name", ["../state.db", "/etc/passwd", "east.png", "", "east.tif/"])
def test_only_files_that_the_result_lists_are_handed_out(records, tmp_path, name):
    """Whatever lies beside them, and however it is spelt."""
    run = result(records, tmp_path)
    (tmp_path / "east.png").touch()

    with pytest.raises(UserError, match="has no file"):
        listed_file(records, run.id, name)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(lambda content: content[:-1], "was replaced or damaged", id="shorter"),
        pytest.param(lambda content: bytes(len(content)), "its sha256 is another", id="other bytes"),
    ],
)
def test_a_file_that_is_not_the_published_one_is_not_handed_out(records, tmp_path, damage, says):
    """The result says which bytes it is of; the others of it are."""
    run = result(records, tmp_path)
    path = tmp_path / "east.tif"
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(UserError, match=says):
        listed_file(records, run.id, "east.tif")
    assert listed_file(records, run.id, "east.json").path == tmp_path / "east.json"


def test_a_checksum_that_differs_is_said_by_name(records, tmp_path):
    """Also where the size is the same."""
    run = result(records, tmp_path)
    assert compare_checksum(records, run.id) == "every file is what was published: 2 checksums compared"
    path = tmp_path / "east.tif"
    path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(UserError, match=r"^east\.tif: gone, or not what was published"):
        compare_checksum(records, run.id)


def test_results_of_the_same_area_can_be_compared(records, tmp_path):
    """Those whose raster is there; not the run itself, nor another product's."""
    first, second, gone = (result(records, tmp_path, name=name) for name in ("one", "two", "gone"))
    (tmp_path / "gone.tif").unlink()
    publish(records, [("data", tmp_path / "two.tif")], name="cube", product="cube")

    assert [other.run for other in shown_result(records, first.id).others] == [second.id]
    assert gone.id


def test_a_run_without_a_result_says_what_it_is(records):
    """For the page that then leads to the run."""
    job = Job("east", "/results", AreaSource("east.gpkg"), "2024-05-01", "2024-06-01", service="sandbox")
    run = records.store.runs.admit(Admission("east", "", job.fingerprints(), job.to_json()))

    with pytest.raises(RunFailed, match="ADMITTED and has no result yet"):
        shown_result(records, run.id)

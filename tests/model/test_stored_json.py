"""Jobs and plans that the second version wrote, as literal texts: they are read, and keep their names."""

from __future__ import annotations

import math

import pytest

from orchestrator.model.grid import Grid, Window
from orchestrator.model.job import AreaSource, GridRequest, Job, OutputOptions
from orchestrator.model.plan import TaskPlan
from orchestrator.model.plan_json import plan_from_json
from orchestrator.model.spec import PixelSpec

PLAIN = (
    '{"area":{"crs":"","each":"","layer":"","piece":"","source":"6.1,49.6,6.2,49.7","where":""},"bands":[],'
    '"base_name":"mosaic","end_date":"2024-06-01","grid":{"crs":"","crs_transform":null,"scale":null},'
    '"max_part_bytes":50331648,"min_valid":0.0,"options":{"all_touched":false,"block":0,"compress":"same",'
    '"overviews":"auto","predictor":"same"},"output":"/data/out","params":{},"pins":{},"recipe":"sentinel2-cloudless",'
    '"route":"gcs","service":"google","split":"blocks","start_date":"2024-05-01","version":2}'
)
FULL = (
    '{"area":{"crs":"","each":"","layer":"parks","piece":"","source":"/data/area.gpkg","where":"name = \'A\'"},'
    '"bands":["a","b"],"base_name":"mosaic","end_date":"2024-06-01","grid":{"crs":"EPSG:32633",'
    '"crs_transform":[20.0,0.0,500000.0,0.0,-20.0,5100000.0],"scale":20.0},"max_part_bytes":1048576,"min_valid":0.9,'
    '"options":{"all_touched":true,"block":512,"compress":"zstd","overviews":"nearest","predictor":"horizontal"},'
    '"output":"/data/out","params":{"file":"/data/image.py","year":2024},'
    '"pins":{"area":"abababababababababababababababababababababababababababababababab"},"recipe":"image-code",'
    '"route":"drive","service":"sandbox","split":"square","start_date":"2024-05-01","version":2}'
)
NIGHTLY = (
    '{"area":{"crs":"","each":"name","layer":"","piece":"Kras","source":"/data/area.gpkg","where":""},"bands":[],'
    '"base_name":"night-{date}","end_date":"today","grid":{"crs":"","crs_transform":null,"scale":null},'
    '"max_part_bytes":50331648,"min_valid":0.0,"options":{"all_touched":false,"block":0,"compress":"deflate",'
    '"overviews":"auto","predictor":"same"},"output":"/data/out","params":{},"pins":{},"recipe":"sentinel2-cloudless",'
    '"route":"gcs","service":"google","split":"blocks","start_date":"today-30d","version":2}'
)
# The fingerprint, what the first version called the same job, and the declaration.
NAMES = {
    PLAIN: (
        "3270acb5fd740f3627e23ab154fb6398634265cdfaf6360b62d937f5024f343f",
        "f1808f5affcbc5ac489cd6c2da97f69421acd4e01ffde86c8bd5eff670d670c8",
        "3270acb5fd740f3627e23ab154fb6398634265cdfaf6360b62d937f5024f343f",
    ),
    FULL: (
        "ee48c876b416e1a4fbe30a613ab6d578f5d96ae06511b092acca4a9c96d9213f",
        "22a5fc38ac60b1adf38f07cf5d1d58f181a01e5e9512ad35eab82c89383b750f",
        "f578d137cfc92c7bbc8c5a4d05500e798fad89cd10470797ae7b75646bf5a67c",
    ),
    NIGHTLY: (
        "49df996fbd6af8a381797316094c3ef62d2964e65aac3f8df34ebe1cde01483d",
        "bdb37fdb93e40398004a75897f30b6e324bc17de8864e44c0abb44017c993bd6",
        "49df996fbd6af8a381797316094c3ef62d2964e65aac3f8df34ebe1cde01483d",
    ),
}
WORDS = ["plain", "full", "nightly"]
PLAN = (
    '{"version":2,"grid":{"crs":"EPSG:32633","transform":[10.0,0.0,500040.0,0.0,-10.0,5105080.0],"height":503,'
    '"width":501},"pixels":{"bands":["a","b"],"dtype":"float32","nodata":"nan","scale":0.5,"offset":1.0},'
    '"tasks":[[0,0,0,256,501,256,256],[1,256,0,247,501,256,128]],'
    '"area_wkb":"0101000000000000000000f03f0000000000000040","area_pixels":200000,"max_part_bytes":50331648,'
    '"bucket_bytes":2015000,"disk_bytes":4030000,"memory_bytes":9000000,"notes":["a note"]}'
)


@pytest.mark.parametrize("text", NAMES, ids=WORDS)
def test_a_stored_job_keeps_its_names(text):
    """A field that is added with a default changes neither, or every job would be exported again after the upgrade."""
    job = Job.from_json(text)

    assert (*job.fingerprints(), job.declaration()) == NAMES[text]


@pytest.mark.parametrize("text", NAMES, ids=WORDS)
def test_a_stored_job_written_anew_is_the_same(text):
    """What this version writes of it reads as the job it was."""
    job = Job.from_json(text)

    assert Job.from_json(job.to_json()) == job


def test_each_field_of_a_stored_job_is_read():
    """Every value is where it was."""
    assert Job.from_json(FULL) == Job(
        "mosaic",
        "/data/out",
        AreaSource("/data/area.gpkg", layer="parks", where="name = 'A'"),
        "2024-05-01",
        "2024-06-01",
        recipe="image-code",
        params={"file": "/data/image.py", "year": 2024},
        bands=("a", "b"),
        grid=GridRequest(20.0, "EPSG:32633", (20.0, 0.0, 500000.0, 0.0, -20.0, 5100000.0)),
        route="drive",
        max_part_bytes=2**20,
        split="square",
        options=OutputOptions("zstd", "horizontal", 512, "nearest", all_touched=True),
        service="sandbox",
        pins={"area": "ab" * 32},
        min_valid=0.9,
    )


def test_a_stored_plan_is_read():
    """Its grid, its pixels with a word for NaN, its tasks with the sides of their parts, its area."""
    plan = plan_from_json(PLAN)

    assert plan.grid == Grid("EPSG:32633", (10.0, 0.0, 500040.0, 0.0, -10.0, 5105080.0), 503, 501)
    assert math.isnan(plan.pixels.nodata)
    assert repr(plan.pixels) == repr(PixelSpec(("a", "b"), "float32", math.nan, 0.5, 1.0))
    assert plan.tasks == (
        TaskPlan(0, Window(0, 0, 256, 501), 256, 256),
        TaskPlan(1, Window(256, 0, 247, 501), 256, 128),
    )
    assert plan.area_wkb == bytes.fromhex("0101000000000000000000f03f0000000000000040")
    assert (plan.area_pixels, plan.max_part_bytes, plan.notes) == (200000, 50331648, ("a note",))
    assert (plan.bucket_bytes, plan.disk_bytes, plan.memory_bytes) == (2015000, 4030000, 9000000)

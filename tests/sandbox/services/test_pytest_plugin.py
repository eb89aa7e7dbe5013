"""The fixtures for other people's tests, as a stranger uses them."""

from __future__ import annotations

from pathlib import Path

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]

CONFTEST = """
import pytest

pytest_plugins = ["orchestrator.sandbox.pytest_plugin"]


@pytest.fixture(scope="session")
def earthengine_options():
    from orchestrator.sandbox.server import Options

    return Options(buckets=("my-bucket",))
"""

PROGRAM = """
import ee
from google.cloud import storage


def export(project, bucket, prefix):
    ee.Authenticate()
    ee.Initialize(project=project)
    at = {"crs": "EPSG:32632", "crsTransform": [10, 0, 500000, 0, -10, 5200000], "dimensions": "4x3"}
    task = ee.batch.Export.image.toCloudStorage(ee.Image(7), "seven", bucket, prefix, **at)
    task.start()
    return task


def names(bucket, prefix):
    return [each.name for each in storage.Client().list_blobs(bucket, prefix=prefix)]
"""

TESTS = """
import ee
import program
import pytest

from orchestrator.sandbox.faults import Rule


def test_an_export_arrives(ee_initialized):
    task = program.export("anybody", "my-bucket", "a/seven")
    ee_initialized.tasks.wait(task.id)

    assert program.names("my-bucket", "a/") == ["a/seven.tif"]
    assert task.name.startswith("projects/anybody/")


def test_a_fault_reaches_the_program(ee_initialized):
    ee.data.setMaxRetries(0)
    ee_initialized.faults.order(Rule.of({"action": "http", "api": "value.compute", "status": 503, "count": None}))

    with pytest.raises(ee.EEException, match="503"):
        ee.Number(1).getInfo()


def test_and_is_gone_with_the_test(ee_initialized):
    assert ee.Number(1).add(1).getInfo() == 2


def test_that_asks_for_nothing_meets_nothing():
    with pytest.raises(ee.EEException, match="not initialized"):
        ee.data.getAlgorithms()
"""


def test_a_strangers_tests_run_against_the_sandbox(pytester, monkeypatch):
    """Exports, faults that end with their test, its own bucket, any project; without the fixture nothing is touched."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(program=PROGRAM, test_program=TESTS)

    found = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")

    found.assert_outcomes(passed=4)


def test_the_plugin_is_read_without_the_sandbox(pytester, monkeypatch):
    """Whoever names it and asks for no fixture pays for no import."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = "import sys; from orchestrator.sandbox import pytest_plugin; print(sys.modules.keys() & {'ee', 'numpy'})"

    found = pytester.runpython_c(code)

    assert found.outlines == ["set()"]

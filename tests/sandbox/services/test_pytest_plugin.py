"""The fixtures for other people's tests, as a stranger uses them: in a folder of theirs, with a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "howto" / "test-your-program.md"


def install(folder):
    """Write what `pip install` of this package leaves of its entry points."""
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    about = folder / "sandbox_of_the_test-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sandbox-of-the-test\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pytest11]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()))
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


@pytest.fixture
def stranger(pytester, monkeypatch):
    """Another project's folder, where this package is installed; `stranger(**files)` writes files and runs tests."""
    for name, value in install(pytester.path / "installed").items():
        monkeypatch.setenv(name, value)

    def run(*options, **files):
        pytester.makepyfile(**files)
        return pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", *options)

    return run


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """
    Several projects of strangers in one run, since what each imports takes seconds: a folder each.

    Returns for a folder how each of its tests ended, `passed` or the lines that are said instead.
    """
    root = tmp_path_factory.mktemp("projects")
    files = {
        "page/conftest": STRICT,
        **{f"page/{name}": text for name, text in BLOCKS},
        "fresh/test_fresh": FRESH,
        "wrong/test_wrong": WRONG,
        "former/conftest": OPTIONS,
        "former/test_former": FORMER,
    }
    for name, text in files.items():
        path = root / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    environment = os.environ | install(root / "installed")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    folders = list(dict.fromkeys(name.partition("/")[0] for name in files))
    subprocess.run([*command, *folders], cwd=root, env=environment, capture_output=True, check=False)
    found = {folder: {} for folder in folders}
    for case in ET.parse(root / "report.xml").iter("testcase"):  # noqa: S314  our own
        said = ["passed"] if not len(case) else (case[0].text or "").strip().splitlines()
        found[case.get("classname").partition(".")[0]][case.get("name")] = said
    return found


# Of the first folder alone: nobody else's garbage is found in its tests.
STRICT = """
import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "page":
            item.add_marker(pytest.mark.filterwarnings("error"))
"""
BLOCKS = re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_pass(projects):
    """A script that exports and downloads, its tests, options by a marker, and faults."""
    exports = {"export_red", "test_export_red", "test_options", "test_faults"}

    assert exports | {"fetch_metadata", "test_fetch_metadata"} == {name for name, _ in BLOCKS}
    assert list(projects["page"].values()) == [["passed"]] * 9


FRESH = """
import sys

import ee
import pytest
from ee import Authenticate, Initialize

WENT = set()
sys.addaudithook(lambda event, told: WENT.add(told[0]) if event == "socket.getaddrinfo" else None)


@pytest.mark.earth_engine_sandbox(buckets=["b"])
@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_one(earth_engine_sandbox, turn):
    assert list(earth_engine_sandbox.buckets["b"].list_blobs()) == []
    assert earth_engine_sandbox.requests("objects.insert") == 0
    earth_engine_sandbox.buckets["b"].blob("x").upload_from_string("1")
    earth_engine_sandbox.fail("value.compute", times=None)


def test_what_ee_has_learnt_is_not_asked_for_again(earth_engine_sandbox):
    assert ee.Number(1).add(1).getInfo() == 2
    assert earth_engine_sandbox.requests("algorithms.list") == 0


def test_a_function_that_was_imported_by_its_name_leads_here(earth_engine_sandbox):
    Authenticate()
    Initialize(project="theirs", url="https://earthengine.googleapis.com")
    ee.Number(1).getInfo()
    assert earth_engine_sandbox.requests("value.compute") == 1
    assert ee.data._get_state().cloud_api_user_project == "theirs"


def test_nobody_outside_was_asked():
    assert WENT <= {"127.0.0.1", "localhost"}


def test_without_the_fixture_nobody_is_signed_in():
    with pytest.raises(ee.EEException, match="not initialized"):
        ee.Number(1).getInfo()


def test_other_scenes_are_served_from_here_on(earth_engine_sandbox):
    from orchestrator.sandbox.scenes.catalogue import Catalogue

    class Empty(Catalogue):
        collections = lambda self: {"MINE": {"title": "none"}}
        scenes = lambda self, *_: iter(())
        scene = lambda self, _: None

    earth_engine_sandbox.scenes(Empty())

    assert ee.ImageCollection("MINE").size().getInfo() == 0

    earth_engine_sandbox.scenes()

    assert ee.Image("USGS/SRTMGL1_003").bandNames().getInfo() == ["elevation"]


def test_a_bucket_that_is_not_there_is_told_with_those_that_are(earth_engine_sandbox):
    with pytest.raises(KeyError, match="'none'.*ee-sandbox-bucket"):
        earth_engine_sandbox.buckets["none"]


@pytest.mark.earth_engine_sandbox(drive_folders=["mine"])
def test_drive_is_here_too(earth_engine_sandbox):
    found = earth_engine_sandbox.drive().files().list().execute()["files"]
    assert [each["name"] for each in found] == ["mine"]


@pytest.mark.parametrize(
    ("call", "order", "sentence"),
    [
        ("computePixel", {}, "nearest are .*image.computePixels"),
        ("getPixels", {}, "say which of assets.getPixels, .*thumbnails.getPixels"),
        ("objects.get", {"actoin": "reset"}, "actoin"),
        ("objects.get", {"sentence": "none"}, "unknown sentence 'none'"),
    ],
)
def test_a_fault_that_is_none_is_refused(earth_engine_sandbox, call, order, sentence):
    with pytest.raises(ValueError, match=sentence):
        earth_engine_sandbox.fail(call, **order)
"""


def test_each_test_has_a_sandbox_of_its_own(projects):
    """Empty, quick to be had again, with every way to sign in leading to it, and nothing asked of anybody else."""
    assert list(projects["fresh"].values()) == [["passed"]] * 13


SHARED = """
import ee
import pytest


@pytest.fixture(scope="session")
def asset(earth_engine_sandbox):
    return earth_engine_sandbox.buckets["ee-sandbox-bucket"].blob("once")


def test_one(earth_engine_sandbox, asset):
    asset.upload_from_string("1")
    earth_engine_sandbox.fail("value.compute", times=None)


def test_two(earth_engine_sandbox, asset):
    assert asset.download_as_bytes() == b"1"
    assert ee.Number(2).getInfo() == 2
"""


def test_a_session_may_share_one_whose_faults_end_with_their_test(stranger):
    """Fixtures of that scope can use it; what was stored stays."""
    stranger("-o", "earth_engine_sandbox_scope=session", test_shared=SHARED).assert_outcomes(passed=2)


ALONE = """
import sys

PLUGIN = "orchestrator.sandbox.pytest_plugin"


def test_nothing():
    assert {name for name in sys.modules if PLUGIN.startswith(name.partition(".")[0] + ".")} == {
        "orchestrator", "orchestrator.sandbox", PLUGIN
    }
"""


@pytest.mark.parametrize("conftest", ["", 'pytest_plugins = ["orchestrator.sandbox.pytest_plugin"]'], ids=["", "named"])
def test_who_asks_for_nothing_pays_nothing(stranger, conftest):
    """Whether pytest finds the plug-in by itself or it is named as well: it is there once, and imports nothing."""
    stranger("--strict-markers", "-W", "error", conftest=conftest, test_alone=ALONE).assert_outcomes(passed=1)


def test_reading_the_plugin_imports_nothing_heavy(pytester, monkeypatch):
    """Neither the client nor numpy, by whatever way."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    code = "import sys; from orchestrator.sandbox import pytest_plugin; print(sys.modules.keys() & {'ee', 'numpy'})"

    assert pytester.runpython_c(code).outlines == ["set()"]


WRONG = """
import pytest


@pytest.mark.earth_engine_sandbox(bucket=["x"])
def test_1(earth_engine_sandbox):
    pass


@pytest.mark.earth_engine_sandbox(buckets="x")
def test_2(earth_engine_sandbox):
    pass


@pytest.mark.earth_engine_sandbox("x")
def test_3(earth_engine_sandbox):
    pass


@pytest.mark.earth_engine_sandbox(quotas={"at_onec": 1})
def test_4(earth_engine_sandbox):
    pass


@pytest.mark.earth_engine_sandbox(scenes="nowhere")
def test_5(earth_engine_sandbox):
    pass
"""
WORDS = [
    "no option 'bucket'; it has host, port",
    "buckets is a list of names, got 'x'",
    "takes options by their names, got 'x'",
    "unknown quota 'at_onec'; known are ['at_once'",
    "nowhere",
]


def test_options_that_cannot_be_had_are_said_in_a_line(projects):
    """Each names what was asked for, and what there is; there is no traceback."""
    assert len(projects["wrong"]) == len(WORDS)
    for said, words in zip(projects["wrong"].values(), WORDS, strict=True):
        assert len(said) == 1
        assert words in said[0]


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        pytest.param(
            "forever", "*earth_engine_sandbox_scope is 'forever'; choose one of function, class*", id="unknown"
        ),
        pytest.param("session", "*::test_1 has a marker earth_engine_sandbox, but *it shares*", id="options of one"),
    ],
)
def test_a_scope_that_cannot_be_is_said_in_a_line(stranger, scope, words):
    """Nothing has been started by then."""
    found = stranger("-o", f"earth_engine_sandbox_scope={scope}", test_wrong=WRONG)

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([words])


FORMER = """
import ee
import pytest

from orchestrator.sandbox.faults import Rule


def test_a_fault_reaches_the_program(earthengine_sandbox, ee_initialized):
    assert earthengine_sandbox is ee_initialized
    ee.data.setMaxRetries(0)
    ee_initialized.faults.order(Rule.of({"action": "http", "api": "value.compute", "status": 503, "count": None}))

    with pytest.raises(ee.EEException, match="503"):
        ee.Number(1).getInfo()


def test_and_is_gone_with_the_test(ee_initialized):
    assert ee_initialized.options.buckets == ("my-bucket",)
    assert ee.Number(1).add(1).getInfo() == 2
"""
OPTIONS = """
import pytest


@pytest.fixture(scope="session")
def earthengine_options():
    from orchestrator.sandbox.server import Options

    return Options(buckets=("my-bucket",))
"""


def test_fixtures_of_earlier_versions_work_as_they_did(projects):
    """One sandbox for the session, started as an overridden fixture says; faults end with their test."""
    assert list(projects["former"].values()) == [["passed"]] * 2

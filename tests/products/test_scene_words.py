"""The commands of scenes: what they tell, what they write, how they end."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import journey_kit as kit
import pytest

from orchestrator.faces.cli.main import run_cli
from orchestrator.sandbox.cdse.settings import Copernicus
from orchestrator.sandbox.server import Options, Sandbox

sys.path.insert(0, str(Path(__file__).parent / "scenes"))
from scenes_kit import DATES, product_name, write_product

SELECTED = ["--tile", "33UWQ", "--start", DATES[0], "--end", DATES[1]]
JOB = """
product = "scenes"
output = "out"
start_date = "{}"
end_date = "{}"
[scenes]
tiles = ["T33UWQ"]
l1c_bands = ["B02"]
"""


@pytest.fixture(scope="module")
def copernicus(tmp_path_factory):
    """A sandbox that serves a pair, and a Level-1C product alone."""
    served = tmp_path_factory.mktemp("served")
    for name in (product_name("L1C", 10), product_name("L2A", 10), product_name("L1C", 13)):
        write_product(served, name)
    with Sandbox(None, Options(copernicus=Copernicus(folder=served)), evaluator=object()) as sandbox:
        yield sandbox


@dataclass(frozen=True)
class Home:
    """A folder in which commands are given; how one ends is what a process would."""

    folder: Path
    service: Sandbox
    captured: pytest.CaptureFixture[str]
    patched: pytest.MonkeyPatch

    def command(self, *words, **environment):
        with self.patched.context() as patched:
            for name, value in (kit.IMPATIENT | environment).items():
                patched.setenv(name, value)
            code = run_cli([*words, "--state-dir", "state", "--json"])
        return kit.Outcome(code, *self.captured.readouterr())


@pytest.fixture
def home(tmp_path, copernicus, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Home(tmp_path, copernicus, capsys, monkeypatch)
    for number, handler in before.items():
        signal.signal(number, handler)


def asked(home, *words):
    return home.command("copernicus", *words, "--sandbox-url", home.service.url)


def test_a_search_tells_of_every_scene(home):
    """Time, tile, baseline, orbit, cloud, coverage, and which levels there are."""
    scenes = [m for m in asked(home, "search", *SELECTED).expect(0).messages if m["message_type"] == "scene"]

    assert [(one["sensing_start_utc"], one["baseline"], one["rel_orbit"]) for one in scenes] == [
        ("2025-12-10T10:03:19Z", "N0511", "R122"),
        ("2025-12-13T10:03:19Z", "N0511", "R122"),
    ]
    assert [(one["cloud_cover"], one["coverage_ratio"], bool(one["l2a"])) for one in scenes] == [
        (20.0, 1.0, True),
        (20.0, 1.0, False),
    ]


def test_a_dry_run_tells_files_and_bytes_and_writes_nothing(home):
    """Four files of each Level-1C product, two of Level-2A; the manifest of what would come only where it is named."""
    words = ["download", *SELECTED, "--bands", "B02,B03", "--output", "out", "--dry-run"]

    told = next(m for m in asked(home, *words).expect(3).messages if m["message_type"] == "dry_run")

    assert (told["scenes"], told["files"], told["bytes"], told["here"]) == (2, 10, 10 * 3000, 0)
    assert told["seconds"] == round(30_000 / (4 * 20e6), 1)
    assert "the catalogue has no L2A of T33UWQ 2025-12-13T10:03:19Z" in told["notes"]
    assert not (home.folder / "out").exists()

    asked(home, *words, "--plan", "plan.json").expect(3)
    assert '"planned": true' in (home.folder / "plan.json").read_text()


def test_something_missing_is_said_and_ends_with_three(home):
    """The files that are there came; a second look at the same folder finds nothing wrong with them."""
    done = asked(home, "download", *SELECTED, "--bands", "B02", "--output", "out").expect(3)

    assert done.summary["missing"] == 2
    assert done.summary["reasons"] == ["T33UWQ 2025-12-13T10:03:19Z, 2 files: the catalogue has no L2A of this sensing"]
    home.command("copernicus", "verify", "out").expect(0)


def test_a_job_file_says_the_same(home):
    """With the table `[scenes]`; options go before it."""
    (home.folder / "job.toml").write_text(JOB.format(*DATES))

    asked(home, "download", "job.toml", "--levels", "L1C", "--max-scenes", "1").expect(0)

    files = sorted(path.name for path in (home.folder / "out" / "raw").rglob("*") if path.is_file())
    assert files == ["MTD_MSIL1C.xml", "MTD_TL.xml", "T33UWQ_20251210T100319_B02.jp2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tile", "33XXI"], "is '33XXI': that is no MGRS tile; write it as T33UWQ or 33UWQ"),
        (["--tile", "33UWQ", "--bands", "B8a"], "is 'B8a': there is no such band of Level-1C; did you mean 'B8A'?"),
        (["--tile", "33UWQ", "--cloud-max", "20", "--cloud-min", "50"], "cloud_min 50 is greater than cloud_max 20"),
        (["--tile", "33UWQ", "--orbit", "122", "--baseline", "newst"], "is 'newst': that is no baseline"),
        (["--tile", "33UXQ"], "the catalogue has no scene of T33UXQ"),
        ([], "which scenes? Give --tile T33UWQ or --area FILE"),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_is_refused_in_a_line(home, words, said):
    """It names the value and what was expected; nothing is written."""
    dates = SELECTED[2:]

    done = asked(home, "download", *words, *dates, "--output", "out").expect(2)

    assert said in done.messages[-1]["sentence"]
    assert "\n" not in done.messages[-1]["sentence"]
    assert not list(home.folder.glob("out/**/*.json"))


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["download", "dry run"])
def test_a_wrong_password_is_told_of_before_anything_is_written(home, more):
    """In a line, without the password; a search needs none."""
    who = {"ORCHESTRATOR_CREDENTIALS__CDSE__USER": "user", "ORCHESTRATOR_CREDENTIALS__CDSE__PASSWORD": "mistaken"}
    there = ["--sandbox-url", home.service.url]

    done = home.command("copernicus", "download", *SELECTED, "--output", "out", *more, *there, **who).expect(4)

    assert "Invalid user credentials" in done.messages[-1]["sentence"]
    assert "mistaken" not in done.out + done.err
    assert not (home.folder / "out" / "raw").exists()
    home.command("copernicus", "search", *SELECTED, *there, **who).expect(0)


def test_a_verify_names_what_is_wrong_and_ends_with_three(home):
    """A file that is gone, one of another size, one of other bytes, one of a broken transfer, and a stranger."""
    asked(home, "download", *SELECTED, "--levels", "L1C", "--max-scenes", "1", "--output", "out", "--bands",
          "B02,B03,B04").expect(0)  # fmt: skip
    folder = home.folder / "out" / "raw" / "L1C" / "tile=T33UWQ" / "sensing=20251210T100319Z" / "files"
    (folder / "T33UWQ_20251210T100319_B02.jp2").unlink()
    (folder / "T33UWQ_20251210T100319_B03.jp2").write_bytes(b"short")
    (folder / "T33UWQ_20251210T100319_B04.jp2").write_bytes(bytes(3000))
    (folder / ".MTD_TL.xml.0123.part").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"mine")

    told = home.command("copernicus", "verify", "out").expect(3).messages

    faults = {m["path"].rpartition("/")[2]: m["kind"] for m in told if m["message_type"] == "fault"}
    assert faults == {
        "T33UWQ_20251210T100319_B02.jp2": "missing",
        "T33UWQ_20251210T100319_B03.jp2": "size",
        "T33UWQ_20251210T100319_B04.jp2": "checksum",
        ".MTD_TL.xml.0123.part": "unfinished",
        "notes.txt": "stranger",
    }


def test_a_verify_of_a_folder_without_an_index_says_so(home):
    """In a line."""
    done = home.command("copernicus", "verify", "nowhere").expect(2)

    assert "there is no index nowhere/meta/step1/index.json" in done.messages[-1]["sentence"]

"""Results in a bucket: delivered whole, in order, replacing nobody's objects, whatever is killed or lost on the way."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import journey_kit as kit
import pytest
import requests

sys.path += [str(Path(__file__).parents[1] / room) for room in ("places", "products")]

import s3_server
from cube_kit import CubeHome

from orchestrator.core.trees import digest_of

NAMES = ["small_clipped.json", "small_clipped.png", "small_clipped.stac.json", "small_clipped.tif"]
# In the order a delivered run passes them; `:N` is the Nth pass of the process. What comes before is tests/soak's.
POINTS = (
    "output.published",
    "delivery.intended",
    "delivery.sent",
    "delivery.sent:4",
    "delivery.done",
    "folder.removed",
    "delivery.cleared:2",
    "run.output_ended",
)
_numbers = itertools.count()


@dataclass
class Results:
    """A bucket for results of its own, looked at as somebody else would."""

    service: kit.Service
    permissions: list[str] | None = None
    name: str = field(default_factory=lambda: f"results-{next(_numbers)}")

    def __post_init__(self) -> None:
        granted = {} if self.permissions is None else {"permissions": self.permissions}
        self.service.post("/sandbox/buckets", {"name": self.name, **granted})

    @property
    def output(self) -> str:
        return f"gs://{self.name}/maps"

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return what the bucket says of each object below the prefix, by its name there."""
        items = self.service.get(f"/storage/v1/b/{self.name}/o").get("items", [])
        return {item["name"].removeprefix("maps/"): item for item in items}

    def content(self, name: str) -> bytes:
        url = f"{self.service.url}/storage/v1/b/{self.name}/o/{quote('maps/' + name, safe='')}?alt=media"
        answer = requests.get(url, timeout=30)
        answer.raise_for_status()
        return answer.content

    def put(self, name: str, content: bytes) -> None:
        url = f"{self.service.url}/upload/storage/v1/b/{self.name}/o?uploadType=media"
        requests.post(f"{url}&name={quote('maps/' + name, safe='')}", data=content, timeout=30).raise_for_status()

    def sha256(self, name: str = "small_clipped.tif") -> str:
        return hashlib.sha256(self.content(name)).hexdigest()


@pytest.fixture
def results(service):
    return Results(service)


@dataclass(frozen=True)
class Delivered:
    """A result that was delivered when nothing went wrong, for those who only look at it."""

    home: kit.Home
    results: Results
    outcome: kit.Outcome


@pytest.fixture(scope="module")
def delivered(tmp_path_factory, program, service):
    home, results = kit.Home(tmp_path_factory.mktemp("delivered"), program, service), Results(service)
    return Delivered(home, results, home.run("--output", results.output).expect(0))


def made_here(home) -> list[str]:
    """Return what lies in the folders in which delivered results are made."""
    return sorted(str(path) for path in (home.folder / "state" / "delivered").rglob("*"))


def test_a_result_is_delivered_whole_and_nothing_stays_here(delivered, undisturbed):
    """Four objects, the bytes of a result in a folder; addresses are what is told of them."""
    results, summary = delivered.results, delivered.outcome.summary

    assert sorted(results.listed()) == NAMES
    assert results.sha256() == summary["sha256"] == undisturbed.sha256
    assert summary["path"] == f"{results.output}/small_clipped.tif"
    assert summary["proof"] == f"{results.output}/small_clipped.json"
    assert json.loads(results.content("small_clipped.json"))["job"]["deliver"] == results.output
    assert made_here(delivered.home) == []
    assert delivered.home.service.objects() == []


def test_a_run_that_is_killed_at_every_step_delivers_the_same_once(home, results, undisturbed):
    """One life, killed at each: the same bytes, each task exported once, every object written once."""
    before = home.service.exports

    ends, written = {}, {}
    for at in POINTS:
        ends[at] = home.run("--output", results.output, **{kit.CRASH_AT: at}).code
        there = {name: item["generation"] for name, item in results.listed().items()}
        assert written.items() <= there.items(), f"written again after a kill before {at}"
        written = there
    outcome = home.run("--output", results.output).expect(0)

    assert ends == dict.fromkeys(POINTS, kit.KILLED)
    assert home.service.exports - before == len(home.tasks(outcome.summary["run"]))
    assert sorted(results.listed()) == NAMES
    assert {name: item["generation"] for name, item in results.listed().items()} == written
    assert {item["metageneration"] for item in results.listed().values()} == {"1"}
    assert results.sha256() == undisturbed.sha256
    assert made_here(home) == []
    assert home.service.objects() == []


def test_a_machine_that_loses_its_scratch_goes_on_from_the_buckets(home, results, undisturbed):
    """What was made is made again of the parts, which are not exported again; what arrived is known as ours."""
    before = home.service.exports
    assert home.run("--output", results.output, **{kit.CRASH_AT: "delivery.sent:2"}).code == kit.KILLED

    shutil.rmtree(home.folder / "state" / "delivered")
    outcome = home.run("--output", results.output).expect(0)

    assert home.service.exports - before == len(home.tasks(outcome.summary["run"]))
    assert sorted(results.listed()) == NAMES
    proof = json.loads(results.content("small_clipped.json"))
    assert proof["output"]["sha256"] == results.sha256() == undisturbed.sha256
    assert made_here(home) == []


def test_nobodys_object_is_replaced_and_that_is_said_before_anything_is_exported(home, results):
    """By its address, with what to do."""
    results.put("small_clipped.tif", b"somebody's")
    before = home.service.exports

    outcome = home.run("--output", results.output)

    assert outcome.code == 2
    assert f"{results.output}/small_clipped.tif exists already and is not this job's" in outcome.err
    assert home.service.exports == before
    assert results.content("small_clipped.tif") == b"somebody's"


def test_an_object_that_appears_while_the_run_works_is_kept_and_the_run_held(home, results, undisturbed):
    """With all its work; once it is consented to, the same run goes on."""
    assert home.run("--output", results.output, **{kit.CRASH_AT: "output.finished"}).code == kit.KILLED
    results.put("small_clipped.stac.json", b"somebody's")

    held = home.run("--output", results.output)
    kept = results.content("small_clipped.stac.json")
    done = home.run("--output", results.output, "--overwrite").expect(0)

    assert held.code == 3
    assert "small_clipped.stac.json exists already and is not this job's" in held.summary["reason"]
    assert kept == b"somebody's"
    assert done.summary["run"] == held.summary["run"]
    assert results.sha256() == undisturbed.sha256
    assert results.content("small_clipped.stac.json") != b"somebody's"


def test_the_same_job_is_done_and_no_other_job_replaces_its_result(delivered):
    """As in a folder: what lies there answers the same command, and belongs to its job."""
    home, results = delivered.home, delivered.results

    same = home.run("--output", results.output).expect(0)
    other = home.run("--output", results.output, "--bands", "x,y")

    assert same.summary["run"] == delivered.outcome.summary["run"]
    assert other.code == 2
    assert "is not this job's" in other.err


def test_the_same_job_again_replaces_its_own_result(home, results):
    """What somebody deleted is made again without being asked for; what is there is replaced as ours."""
    first = home.run("--output", results.output).expect(0).summary["run"]
    results.service.delete(f"/storage/v1/b/{results.name}/o/{quote('maps/small_clipped.tif', safe='')}")

    again = home.run("--output", results.output).expect(0).summary["run"]

    assert again != first
    assert sorted(results.listed()) == NAMES
    assert json.loads(results.content("small_clipped.json"))["run"] == again


def test_intermediates_stay_where_the_delivered_file_is_not_what_was_sent(home, results):
    """Somebody replaced it before the clean-up: what it was made from is kept, and a person is asked."""
    assert home.run("--output", results.output, **{kit.CRASH_AT: "run.published"}).code == kit.KILLED
    results.put("small_clipped.tif", b"somebody's")

    held = home.run("--output", results.output)

    assert held.code == 3
    assert f"{results.output}/small_clipped.tif is not the file that was delivered" in held.summary["reason"]
    assert home.service.objects() != []


@pytest.mark.parametrize("command", ["plan", "run"])
def test_what_may_not_be_written_is_said_before_anything_is_asked_for(home, service, command):
    """Each permission that is missing by its name, and the role that has them all."""
    results = Results(service, ["storage.objects.get", "storage.objects.list"])
    before = service.exports

    where = ["--sandbox-url", service.url] if command == "plan" else []
    outcome = home.start(command, "--output", results.output, *where).wait()

    assert outcome.code == 4
    assert "storage.objects.create, storage.objects.delete" in outcome.err
    assert "roles/storage.objectUser" in outcome.err
    assert service.exports == before


def test_a_delivered_result_is_fetched_whole_and_over_nothing_else(delivered):
    """Verified by its SHA-256; a file of the same name that is another is not replaced."""
    home, run = delivered.home, delivered.outcome.summary["run"]
    target = home.folder / "here"
    target.mkdir()
    (target / "small_clipped.png").write_bytes(b"mine")

    refused = home.command("fetch", run, "--to", "here", "--sandbox-url", home.service.url)
    (target / "small_clipped.png").unlink()
    home.command("fetch", run, "--to", "here", "--sandbox-url", home.service.url).expect(0)

    assert refused.code == 2
    assert "small_clipped.png exists already" in refused.err
    assert sorted(path.name for path in target.iterdir()) == NAMES
    assert hashlib.sha256((target / "small_clipped.tif").read_bytes()).hexdigest() == delivered.outcome.sha256


def test_a_folder_where_a_file_goes_is_said_before_anything_is_brought(delivered):
    """Also with --overwrite, which replaces files."""
    home, run = delivered.home, delivered.outcome.summary["run"]
    target = home.folder / "blocked"
    (target / "small_clipped.tif").mkdir(parents=True)

    refused = home.command("fetch", run, "--to", "blocked", "--overwrite", "--sandbox-url", home.service.url)

    assert refused.code == 2
    assert "small_clipped.tif is a folder, and a file goes there; move it away, or choose another --to" in refused.err
    assert [path.name for path in target.iterdir()] == ["small_clipped.tif"]


def test_a_result_of_which_an_object_was_replaced_is_not_fetched_in_part(delivered):
    """The last of them is another by now: that is said with what to do, and nothing was brought."""
    home, results, run = delivered.home, delivered.results, delivered.outcome.summary["run"]
    meant = results.content("small_clipped.tif")
    results.put("small_clipped.tif", b"another")

    refused = home.command("fetch", run, "--to", "partly", "--sandbox-url", home.service.url)
    results.put("small_clipped.tif", meant)

    assert refused.code == 1
    assert "somebody has replaced it. Nothing was brought; put back the version that was delivered" in refused.err
    assert list((home.folder / "partly").rglob("*")) == []


def test_a_cube_is_delivered_object_by_object_and_what_tells_of_it_last(tmp_path, program, service, results):
    """Killed between two of its objects, the same command goes on; brought here, it is the store that was made."""
    home = CubeHome(tmp_path, program, service)
    home.write(output=results.output)

    killed = home.run(**{kit.CRASH_AT: "delivery.sent:6"}).code
    before = {name: item["generation"] for name, item in results.listed().items()}
    outcome = home.run().expect(0)
    there = results.listed()
    home.command("fetch", outcome.summary["run"], "--to", "here", "--sandbox-url", service.url).expect(0)

    store = {name: item["timeCreated"] for name, item in there.items() if name.startswith("small_cube.zarr/")}
    assert killed == kit.KILLED
    assert len(before) >= 6
    assert before.items() <= {name: item["generation"] for name, item in there.items()}.items()
    assert store["small_cube.zarr/zarr.json"] == max(store.values())
    assert digest_of(tmp_path / "here" / "small_cube.zarr") == outcome.sha256
    assert made_here(home) == []


def test_a_result_is_delivered_to_a_bucket_that_speaks_s3(home, undisturbed):
    """By the keys and the address that the environment names; killed on the way, the same command goes on."""
    with s3_server.S3Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        home.environment |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        home.environment |= {"AWS_ENDPOINT_URL": server.url, "AWS_ALLOW_HTTP": "true"}

        killed = home.run("--output", "s3://results/maps", **{kit.CRASH_AT: "delivery.sent:2"}).code
        outcome = home.run("--output", "s3://results/maps").expect(0)
        server.shutdown()

    kept = {name.removeprefix("maps/"): one.content for name, one in server.bucket.objects.items()}
    assert killed == kit.KILLED
    assert sorted(kept) == NAMES
    assert hashlib.sha256(kept["small_clipped.tif"]).hexdigest() == undisturbed.sha256
    assert outcome.summary["path"] == "s3://results/maps/small_clipped.tif"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        pytest.param("gs://", "names the bucket ''", id="no bucket"),
        pytest.param("gs://Upper/x", "names the bucket 'Upper'", id="no name of a bucket"),
        pytest.param("http://host/x", "is no address of a bucket", id="another scheme"),
        pytest.param("gs://bucket/a/../b", "a prefix has no ..", id="a way up"),
    ],
)
def test_a_wrong_address_is_said_at_once(home, output, said):
    """With how one is written."""
    outcome = home.run("--output", output)

    assert outcome.code in (2, 4)
    assert said in outcome.err

"""The table keeps the contract of products."""

from __future__ import annotations

import journey_kit as kit
import pytest
from contract import Ended, ProductContract, parts_of

# In the order a run passes them; between an answer and its place a request is sent again: see below.
POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting", "unit.claimed", "unit.placed", "unit.done"),
    *("run.exported", "run.assembling", "output.finished", "output.named", "output.published", "run.published"),
    *("run.cloud_cleaned", "folder.removed"),
)
# In three zones, so that three requests bring them; two of the first lie in one pixel.
WELLS = "name,lon,lat\na,5.9,49.5\nb,5.90001,49.50001\nc,6.1,49.5\nd,12.1,49.5\n"


class TableStage:
    """`Stage`: four points of some scenes, as processes, in a sandbox."""

    points = POINTS
    killed = kit.KILLED

    def __init__(self, folder, program, service):
        self._folder, self._program, self._service = folder, program, service
        (folder / "wells.csv").write_text(WELLS)
        self._begun = self._count()

    def _count(self):
        return sum("ImageCollection.getRegion" in each["body"] for each in self._service.requests())

    def _command(self, *words, **environment):
        told = [*words, "--sandbox-url", self._service.url, "--state-dir", "state", "--json"]
        return self._program.start(told, self._folder, ORCHESTRATOR_PIXELS__AT_ONCE="1", **environment).wait()

    def run(self, *, kill_at="", again=False, wrong=False):
        words = ["--points", "wells.csv", "--id", "name", "--collection", "s2-l2a", "-o", "out/wells.csv"]
        words += ["--start-date", "2024-06-01", "--end-date", "2024-06-09", "--bands", "nothing" if wrong else "B4,SCL"]
        words += ["--again"] if again else []
        done = self._command("table", *words, **({kit.CRASH_AT: kill_at} if kill_at else {}))
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        shown = self._program.start(["status", "--state-dir", "state", "--json"], self._folder).wait()
        (run,) = [m for m in shown.expect(0).messages if m["message_type"] == "run"]
        self._command("cancel", run["run"], "--bucket", kit.BUCKET).expect(0)
        self._command("clean", run["run"], "--bucket", kit.BUCKET).expect(0)

    def files(self):
        return (self._folder / "out" / "wells.csv.proof.json", self._folder / "out" / "wells.csv")

    def effects(self):
        return self._count() - self._begun

    def remains(self):
        return [path.name for path in (self._folder / "out").rglob("*") if path not in self.files()]

    def planned(self):
        query = "SELECT row, col, height, width FROM units WHERE state <> 'SPLIT'"
        return kit.state_rows(self._program, self._folder, query)

    def brought(self):
        return parts_of(self.files()[0])


class TestTable(ProductContract):
    @pytest.fixture
    def stage(self, tmp_path, program, service):
        return TableStage(tmp_path, program, service)


@pytest.mark.parametrize(
    ("point", "twice"),
    [("unit.claimed", 0), ("unit.fetched", 1), ("unit.noted", 1), ("unit.placed", 0), ("unit.done", 0),
     ("output.finished", 0)],
)  # fmt: skip
def test_killed_at_any_state_of_a_unit_no_request_is_repeated_that_has_its_place(
    tmp_path, program, service, point, twice
):
    """Counted by the service: only what had no place yet is asked for again."""
    stage = TableStage(tmp_path, program, service)

    assert stage.run(kill_at=point).code == kit.KILLED
    assert stage.run().code == 0

    assert stage.effects() == len(stage.planned()) + twice

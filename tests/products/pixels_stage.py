"""What products by requests for pixels have in common on the stage of their contract."""

from __future__ import annotations

import journey_kit as kit
from contract import Ended

# Between an answer and its place a request is sent again: these points are in tests/journey/test_pixels.py.
POINTS = (
    *("run.admitted", "run.prepared", "run.planned", "run.exporting", "unit.claimed", "unit.placed", "unit.done"),
    *("run.exported", "run.assembling", "output.finished", "output.named", "output.published", "run.published"),
    *("run.cloud_cleaned", "folder.removed"),
)
# One request at a time: of two under way, the one that is not placed yet when its process dies is sent again.
ONE_AT_A_TIME = {"ORCHESTRATOR_PIXELS__AT_ONCE": "1"}


class PixelsStage:
    """`Stage`, as processes, in a sandbox: what is left of it is how the job is run, and where its result lies."""

    points = POINTS
    killed = kit.KILLED
    apart = 10_000  # rows between what is of one moment, or chip, and of the next

    def __init__(self, home):
        self.home = home
        self._begun = self._count()

    def _count(self):
        return self.home.service.state()["pixels"]["requests"]

    def start(self, words, environment):
        """Run the job with more words; return what ended."""
        raise NotImplementedError

    def wrong_words(self):
        """Return what makes a job that cannot be done."""
        raise NotImplementedError

    def run(self, *, kill_at="", again=False, wrong=False):
        words = [*(["--again"] if again else []), *(self.wrong_words() if wrong else [])]
        done = self.start(words, {kit.CRASH_AT: kill_at} if kill_at else {})
        return Ended(done.code, done.out + done.err, tuple(done.summary["files"]) if done.code == 0 else ())

    def cancel(self):
        there = ["--sandbox-url", self.home.service.url, "--bucket", kit.BUCKET]
        self.home.command("cancel", self.home.runs()[0]["run"], *there).expect(0)
        self.home.command("clean", self.home.runs()[0]["run"], *there).expect(0)

    def effects(self):
        return self._count() - self._begun

    def remains(self):
        return [*self.home.service.objects(), *self.home.leftovers()]

    def planned(self):
        query = "SELECT time, row, col, height, width FROM units WHERE state <> 'SPLIT'"
        units = kit.state_rows(self.home.program, self.home.folder, query)
        return [(row + time * self.apart, col, height, width) for time, row, col, height, width in units]

    def time_of(self, part):
        """Return the place of what a part is of, among the moments or chips."""
        return part["time"]

    def brought(self):
        parts = self.home.proof()["parts"]
        return [(part["window"][0] + self.time_of(part) * self.apart, *part["window"][1:]) for part in parts]

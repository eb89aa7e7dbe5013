"""Years of schedules in virtual time: machines that are off, clocks that are wrong, runs that last too long."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from timetable_house import House
from wall_clock import FIRST, ZONES, named, walls_of

from orchestrator.model.states import RunState

# The long form is ten years of each policy in each of the eight zones: one year, in one zone each, otherwise.
YEARS = int(os.environ.get("ORCHESTRATOR_TEST_SCHEDULE_YEARS", "1"))
POLICIES = [(overlap, catch_up) for overlap in ("skip", "queue", "replace") for catch_up in ("latest", "all", "none")]
# Of fixed times, due once where an hour comes twice or not at all; and of those that go by the wall.
EXPRESSIONS = ("15 2 1,15 * 5", "*/30 1-2 * * sat,sun")
EXPRESSIONS += ("30 1 * * *", "0,30 0-3 * * 1", "45 */2 * 3,10,11 *") if YEARS > 1 else ()
STEPS_DAYS = (0.005, 0.02, 0.02, 0.3, 0.3, 1, 2, 9, 40)
JUMP_DAYS = (-3, -0.05, 0.05, 2)
ON_TIME = timedelta(minutes=10)
MOST = 100


class Truth:
    """
    What must become of the dates of a job, by its policy: dates due since the last look, runs that have not ended.

    Attributes:
        rows: Each date by name: whether it was fired.
        running: The dates whose runs have not ended, oldest first.
        ending: Those of them that are asked to end.
    """

    def __init__(self, due, overlap, catch_up):
        self.due, self.overlap, self.catch_up = due, overlap, catch_up
        self.rows: dict[str, bool] = {}
        self.running: list[str] = []
        self.ending: set[str] = set()
        self.most = 0

    def look(self, now):
        """Decide about every date that is due at `now` and was not yet."""
        fresh = []
        while self.most < len(self.due) and self.due[self.most][0] <= now:
            fresh.append(self.due[self.most])
            self.most += 1
        for place, (at, name) in enumerate(fresh):
            newer = len(fresh) - place - 1
            late = {"latest": newer >= 1, "all": newer >= MOST, "none": now - at > ON_TIME}[self.catch_up]
            crowded = (self.running and self.overlap == "skip") or len(self.running) >= MOST
            self.rows[name] = not (late or crowded)
            if self.rows[name]:
                if self.overlap == "replace":
                    self.ending |= {*self.running}
                self.running.append(name)

    def end(self, name):
        self.running.remove(name)
        self.ending.discard(name)


def live(house, truth, chance, last):
    """Let time pass until `last`, at random: looks, restarts, wrong clocks, runs that end."""
    now, wrong = FIRST, timedelta()
    while now < last:
        now += timedelta(days=chance.choice(STEPS_DAYS) * chance.random())
        if chance.random() < 0.5:  # it is up when the next one is due, and looks a little later
            now = max(now, truth.due[truth.most][0] + timedelta(minutes=chance.choice((0, 0, 3, 30))))
        if chance.random() < 0.05:
            wrong = timedelta(days=chance.choice(JUMP_DAYS)) if not wrong else timedelta()
        if chance.random() < 0.3:
            house.restart()
        house.look(now + wrong)
        truth.look(now + wrong)
        for run in house.store.dates.unfinished("nightly"):
            if chance.random() < (0.9 if run.logical_date in truth.ending else 0.5):
                house.store.runs.set_state(run.id, RunState.CANCELLED)
                truth.end(run.logical_date)


def years(folder, overlap, catch_up, zone, expression):
    """Live through the years; return what the state says of each date, and what must be."""
    seed = f"{overlap}{catch_up}{zone}{expression}"
    due = [one for one in named(expression, walls_of(zone, (366 * YEARS + 60) * 1440)) if one[0] > FIRST]
    house, truth = House(folder), Truth(due, overlap, catch_up)
    house.job(cron=expression, zone=zone, overlap=overlap, catch_up=catch_up)
    house.clock.time = FIRST
    house.look()
    began = {*house.names(skipped=False), *house.names(skipped=True)}
    house.end_runs()
    live(house, truth, random.Random(seed), FIRST + timedelta(days=366 * YEARS))  # noqa: S311
    rows = [row for row in house.store.dates.latest(1_000_000) if row.logical_date not in began]
    runs = [head for head in house.store.runs.latest(None, 1_000_000) if head.logical_date not in began]
    house.store.close()
    return rows, runs, truth


def cases():
    """Return (overlap, catch_up, zone, expression): every policy in a zone of its own, or in all."""
    for number, (overlap, catch_up) in enumerate(POLICIES):
        for shift, zone in enumerate(ZONES if YEARS > 1 else (ZONES[number % len(ZONES)],)):
            expression = EXPRESSIONS[(number + shift) % len(EXPRESSIONS) if YEARS > 1 else catch_up == "latest"]
            yield pytest.param(overlap, catch_up, zone, expression)


@pytest.mark.parametrize(("overlap", "catch_up", "zone", "expression"), [*cases()])
def test_no_date_is_doubled_and_none_goes_by_in_silence(tmp_path, overlap, catch_up, zone, expression):
    """Whatever happens, each date is what its policy says: fired once, or skipped with a reason."""
    rows, runs, truth = years(tmp_path, overlap, catch_up, zone, expression)

    said = {row.logical_date: bool(row.run_id) for row in rows if row.run_id or row.skipped}
    assert said == truth.rows
    assert len(truth.rows) > 40 * YEARS
    fates = {*truth.rows.values()}
    # Of all that are caught up with, some are skipped where more than MOST were due at once.
    assert fates == {True, False} or (fates == {True} and catch_up == "all" and overlap != "skip")
    assert max(Counter(head.logical_date for head in runs).values()) == 1
    assert {head.logical_date for head in runs} == {name for name, fired in truth.rows.items() if fired}
    open_ = {head.logical_date: head.request for head in runs if head.state is RunState.ADMITTED}
    assert open_ == {name: "cancel" if name in truth.ending else "" for name in truth.running}

"""What may happen to a run, as rules for Hypothesis, and what must be true whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import recovery_kit
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model_world import NAMING, TASKS, FakeClock, World
from run_process import MEMORY, AtOnce, Killed, Process
from run_state import StateFile, StateOfRun

from orchestrator.core import crash
from orchestrator.engine import cleanup
from orchestrator.engine.execution import retry_run
from orchestrator.engine.stores.records import Admission
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.grid import Window
from orchestrator.model.job import AreaSource, Job
from orchestrator.model.objects import StoredObject
from orchestrator.model.plan import TaskPlan
from orchestrator.model.states import PART_TRANSITIONS, RUN_FINAL, RUN_TRANSITIONS, TASK_TRANSITIONS, Failure, RunState

QUICK = MEMORY if os.access(MEMORY, os.W_OK) else None
TABLES = {"run": RUN_TRANSITIONS, "task": TASK_TRANSITIONS, "part": PART_TRANSITIONS}


class Machine(RuleBasedStateMachine):
    """One run in a world where anything may happen between any two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-", dir=QUICK))
        self.world, self.clock = World(), FakeClock()
        self.world.known = self._is_committed
        self.world.in_ledger = self._is_owned
        self.countdown, self.inside = -1, False
        self.seen_clean = self.was_lost = False
        self.foreign: set[str] = set()
        self.ledger: list[tuple[str, str]] = []
        self.run_id = ""
        self.state = self.new_state()
        self.point, crash.point = crash.point, self._point
        self.threads, cleanup.ThreadPoolExecutor = cleanup.ThreadPoolExecutor, AtOnce

    def new_state(self) -> StateOfRun:
        return StateFile(self.folder)

    @initialize(heavy=st.booleans(), keep_parts=st.booleans(), split=st.sampled_from(["blocks", "square"]))
    def begin(self, heavy: bool, keep_parts: bool, split: str) -> None:
        self.admit(heavy=heavy, keep_parts=keep_parts, split=split)
        self.step(4, 2)

    def admit(self, *, heavy: bool, keep_parts: bool, split: str) -> None:
        self.world.bytes_per_pixel = 3.0 if heavy else 0.5
        self.keep_parts = keep_parts
        job = Job("out", str(self.folder), AreaSource("0,0,1,1"), "2024-01-01", "2024-02-01", split=split)
        store = SqlStore(self.state.url, self.clock)
        self.run_id = store.runs.admit(Admission("night", "", job.fingerprints(), job.to_json())).id
        store.close()
        self._start()

    def _start(self) -> None:
        self.process = Process(self.run_id, self.state.url, self.world, self.clock, keep_parts=self.keep_parts)
        self.store = self.process.store

    def _point(self, _name: str) -> None:
        self.countdown -= self.inside  # people and services die elsewhere
        if self.countdown == 0 and self.inside:
            raise Killed

    def _alive(self, act: Callable[[], Any]) -> None:
        """Do something in the process; when it dies of it, begin a new one."""
        self.inside = True
        try:
            act()
        except Killed:
            self._crash()
        finally:
            self.inside = False

    def _crash(self) -> None:
        self.countdown = -1
        self.process.execution.close()  # the kernel does it for a process that is gone
        self.store.close()
        self._start()

    def _step(self) -> None:
        run = self.store.runs.get(self.run_id)
        if run.state not in RUN_FINAL and not run.needs_person and self.process.execution.is_due(run):
            self._alive(lambda: self.process.execution.step(run))

    def _wait_out_a_hold(self) -> None:
        """Let the time pass for which a run is held."""
        left = self.store.runs.get(self.run_id).next_at - self.clock.now().timestamp()
        self.clock.seconds += max(0.0, left) if self._state() is RunState.HELD else 0.0

    def _state(self) -> RunState:
        return RunState(self._ask("SELECT state FROM runs")[0][0])

    def _ask(self, query: str, *values: Any) -> list[Any]:
        return self.state.ask(query, *values)

    def _is_committed(self, description: str) -> bool:
        return bool(self._ask("SELECT 1 FROM attempts WHERE description = ?", description))

    def _is_owned(self, source: StoredObject) -> bool:
        return bool(self._ask("SELECT 1 FROM ledger WHERE name = ? AND generation = ?", source.name, source.generation))

    # ------------------------------------------------------------ the process

    @rule(count=st.integers(1, 4), seconds=st.sampled_from([0, 1, 3, 10]))
    def step(self, count: int, seconds: int) -> None:
        for _ in range(count):
            self._step()
            self.clock.seconds += seconds

    @rule()
    def go_on_after_a_halt(self) -> None:
        self.retry()
        self.step(3, 1)

    @rule(brought=st.integers(0, 2))
    def carry_on(self, brought: int) -> None:
        """Three rounds at the usual pace, in which downloads come slowly."""
        for _ in range(3):
            self._step()
            self.transfer(brought)
            self.clock.seconds += 2

    @rule(count=st.integers(1, 6))
    def transfer(self, count: int) -> None:
        self._alive(lambda: self.process.downloads.run(count))

    @rule()
    def crash_now(self) -> None:
        self._crash()

    @rule(points=st.integers(1, 40))
    def crash_soon(self, points: int) -> None:
        self.countdown = points
        self.carry_on(1)

    @rule(seconds=st.sampled_from([5, 40, 100]))
    def pass_time(self, seconds: int) -> None:
        self.clock.seconds += seconds

    # ------------------------------------------------------------ the service

    @precondition(lambda self: self.world.live())
    @rule(pick=st.integers(0), late=st.sampled_from([0, 0, 0, 1, 9]))
    def advance(self, pick: int, late: int) -> None:
        live = self.world.live()
        self.world.advance(live[pick % len(live)], late=late)

    @rule(late=st.sampled_from([0, 0, 1]))
    def work_off(self, late: int) -> None:
        """The service ends what it has, and the process hears of it."""
        for _ in range(2):
            for name in self.world.live():
                self.world.advance(name, late=late)
        self.step(2, 3)

    @precondition(lambda self: self.world.live())
    @rule(pick=st.integers(0), failure=st.sampled_from(Failure), leaving=st.integers(0, 2))
    def fail(self, pick: int, failure: Failure, leaving: int) -> None:
        live = self.world.live()
        self.world.fail(live[pick % len(live)], failure, leaving=0 if failure is Failure.EMPTY else leaving)
        self.step(2, 3)

    @precondition(lambda self: self.world.started)
    @rule(pick=st.integers(0), lists=st.integers(1, 40))
    def hide_from_lists(self, pick: int, lists: int) -> None:
        """Lists may lag behind; the operation itself is known by its name."""
        started = list(self.world.started.values())
        picked = started[pick % len(started)]
        known = self._ask("SELECT 1 FROM tasks WHERE operation = ?", picked.operation.name)
        # Lists lag less than the time after which a request id counts as burnt: by name only known ones are found.
        picked.unlisted = lists if known else min(lists, recovery_kit.MOST_LAG)
        self.step(4, 3)

    @precondition(lambda self: self.world.started)
    @rule(pick=st.integers(0))
    def forget_an_ended_operation(self, pick: int) -> None:
        """The service keeps operations for a while only."""
        ended = [s for s in self.world.started.values() if not s.operation.is_live]
        for started in ended[pick % len(ended) :][:1] if ended else ():
            started.unlisted, started.unknown = 10**6, True
        self.step(4, 20)

    @precondition(lambda self: self.world.prefixes)
    @rule(pick=st.integers(0))
    def put_a_lookalike(self, pick: int) -> None:
        """Somebody writes an object under our prefix, at a place where no part begins."""
        prefix = sorted(self.world.prefixes)[pick % len(self.world.prefixes)]
        name = f"{prefix}0000009984-0000000000.tif"
        self.world.write(name, b"beach", foreign=True)
        self.foreign.add(name)

    @rule()
    def show_late_files(self) -> None:
        self.world.show_late_files()

    @rule(how=st.sampled_from(["throttled", "unreachable", "answer lost", "answer lost", "burnt"]))
    def spoil_a_submission(self, how: str) -> None:
        self.world.next_submission = how
        self.step(2, 3)

    @rule(refuses=st.booleans())
    def answer_known_ids(self, refuses: bool) -> None:
        self.world.refuses_known_ids = refuses

    @rule()
    def spoil_a_list(self) -> None:
        self.world.list_fails = True

    # ----------------------------------------------------------------- people

    @precondition(lambda self: self.world.blobs)
    @rule(pick=st.integers(0), overwrite=st.booleans())
    def meddle(self, pick: int, overwrite: bool) -> None:
        name = sorted(self.world.blobs)[pick % len(self.world.blobs)]
        # What is replaced before anybody has listed it cannot be told from what was exported.
        if overwrite and self._ask("SELECT 1 FROM ledger WHERE name = ?", name):
            self.world.write(name, b"mine now", foreign=True)
            self.foreign.add(name)
        elif not overwrite and name not in self.foreign:
            del self.world.blobs[name]
        self.carry_on(2)

    @rule()
    def put_a_foreign_object(self) -> None:
        name = f"p/me/{self.run_id}/holiday-{len(self.foreign)}.tif"
        self.world.write(name, b"beach", foreign=True)
        self.foreign.add(name)

    @rule()
    def ask_to_cancel(self) -> None:
        self.store.runs.request(self.run_id, "cancel")
        self.step(1, 0)

    @rule()
    def retry(self) -> None:
        """Usual after every halt; there is little to be seen in a run that stands still."""
        run = self.store.runs.get(self.run_id)
        if run.state in (RunState.FAILED, RunState.CANCELLED) or run.needs_person:
            retry_run(run, self.store)

    # --------------------------------------------------------------- the disk

    @precondition(recovery_kit.is_recoverable)
    @rule()
    def lose_the_state(self) -> None:
        """The database is gone; what can be rebuilt is, and the same command goes on."""
        recovery_kit.put_back(self)
        self.ledger = []

    @rule()
    def copy_the_state(self) -> None:
        self.state.copy()

    @precondition(lambda self: self.state.is_copied and recovery_kit.is_recoverable(self))
    @rule()
    def put_the_copy_back(self) -> None:
        recovery_kit.put_back(self, copy=True)
        self.ledger = []

    # ------------------------------------------------------------- invariants

    @invariant()
    def the_ledger_only_grows_and_holds_what_the_service_wrote(self) -> None:
        held = self._ask("SELECT name, generation FROM ledger ORDER BY id")
        assert held[: len(self.ledger)] == self.ledger
        for name, generation in held[len(self.ledger) :]:
            assert (name, generation) in self.world.written or name in self.foreign
            asked_for = any(name.startswith(prefix) for prefix in self.world.prefixes)
            assert asked_for or name == NAMING.manifest(self.run_id)
        self.ledger = held

    @invariant()
    def states_move_only_as_the_tables_say(self) -> None:
        for what, old, new in self._ask("SELECT what, old, new FROM moves"):
            assert new in TABLES[what][old], f"a {what} went from {old} to {new}"
        self._ask("DELETE FROM moves")

    @invariant()
    def parts_tile_the_planned_rectangles_once(self) -> None:
        if not self.run_id or self._state() is RunState.ADMITTED or not self._ask("SELECT 1 FROM tasks"):
            return
        parts = [Window(*row) for row in self._ask("SELECT row, col, height, width FROM parts")]
        assert sum(part.pixels for part in parts) == sum(task.window.pixels for task in TASKS)
        assert not any(a.intersection(b) for i, a in enumerate(parts) for b in parts[:i])
        unsplit = self._ask("SELECT row, col, height, width, part_height, part_width FROM tasks WHERE state <> 'SPLIT'")
        tiles = [w for r, c, h, w, ph, pw in unsplit for w in TaskPlan(0, Window(r, c, h, w), ph, pw).parts()]
        assert sorted(tiles) == sorted(parts)

    @invariant()
    def parts_are_counted_as_they_are(self) -> None:
        sums = f"count(*), count(nullif(object, '')), coalesce(sum({self.state.size}), 0)"
        there = self._ask(f"SELECT state, {sums} FROM parts GROUP BY state ORDER BY state")  # noqa: S608
        assert self._ask("SELECT state, parts, listed, bytes FROM part_counts WHERE parts <> 0 ORDER BY state") == there

    @invariant()
    def nothing_that_was_seen_runs_for_a_run_that_has_ended(self) -> None:
        if self.run_id and self._state() in RUN_FINAL:
            assert self.world.shown.isdisjoint(self.world.live())

    @invariant()
    def a_cleaned_run_is_whole_and_leaves_nothing(self) -> None:
        if self.seen_clean or not self.run_id or self._state() is not RunState.CLEANED:
            return
        self.seen_clean = True  # what the service writes after the end cannot be known
        entries = json.loads((self.folder / "out_clipped.tif").read_bytes())
        placed = [Window(*window) for _, *window in entries]
        empty = self._empty_windows()
        assert all(any(masked.contains(window) for masked in self.world.masked) for window in empty)
        brought = placed + empty
        assert sum(window.pixels for window in brought) == sum(task.window.pixels for task in TASKS)
        assert not any(a.intersection(b) for i, a in enumerate(brought) for b in brought[:i])
        assert {name for name, blob in self.world.blobs.items() if not blob.foreign} == set()
        assert self.foreign <= set(self.world.blobs)
        self._the_proof_tells_the_truth(entries)

    def _empty_windows(self) -> list[Window]:
        proof = json.loads((self.folder / "out_clipped.json").read_bytes())
        return [Window(*part["window"]) for part in proof["parts"] if part["object"] is None]

    def _the_proof_tells_the_truth(self, entries: list[Any]) -> None:
        proof = json.loads((self.folder / "out_clipped.json").read_bytes())
        told = {tuple(part["window"]): part for part in proof["parts"]}
        for prefix, *window in entries:
            part = told[tuple(window)]
            assert part["object"]["name"].startswith(prefix)
            # Files alone were found again where the service had forgotten their operation before the state was lost.
            named = self.world.started[part["operation"]] if part["operation"] or not self.was_lost else None
            assert named is None or named.order.names.prefix == prefix

    # -------------------------------------------------------------------- end

    def teardown(self) -> None:
        try:
            if self.run_id:
                self._the_run_ends_when_all_is_well()
        finally:
            crash.point = self.point
            cleanup.ThreadPoolExecutor = self.threads
            if self.run_id:
                self.store.close()
            self.state.close()
            shutil.rmtree(self.folder)

    def _the_run_ends_when_all_is_well(self) -> None:
        self.countdown = -1
        self.world.next_submission, self.world.list_fails = "", False
        for _ in range(0 if self.seen_clean else 400):
            self.world.show_late_files()
            self.store.runs.request(self.run_id, "")
            self.retry()
            self._wait_out_a_hold()
            self._step()
            self.transfer(99)
            self.work_off(0)
            self.clock.seconds += 5
            if self._state() is RunState.CLEANED:
                break
        assert self._state() is RunState.CLEANED, self._why()
        self.states_move_only_as_the_tables_say()
        self.the_ledger_only_grows_and_holds_what_the_service_wrote()
        self.a_cleaned_run_is_whole_and_leaves_nothing()

    def _why(self) -> str:
        run = self.store.runs.get(self.run_id)
        tasks = [(t.key, t.state, t.attempt, t.tries, t.collected, t.error) for t in self.store.tasks.of(self.run_id)]
        parts = Counter(p.state for p in self.store.parts.of(self.run_id))
        return f"{run.state} {run.reason} {tasks} {parts} {self.store.events.latest(self.run_id, 12)}"

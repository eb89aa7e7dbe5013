"""Makes the model of the world what a stored run has left of it: its operations and its objects."""

from __future__ import annotations

import sqlite3
import tarfile
from pathlib import Path

from model_world import Blob, Started
from run_machine import Machine
from run_state import NOTE

from orchestrator.model.batch import AttemptNames, ExportOrder, Operation, OperationState
from orchestrator.model.grid import Window
from orchestrator.model.states import PartState, RunState, TaskState

STATES = Path(__file__).parent / "states"
LIVE = {TaskState.QUEUED: OperationState.QUEUED, TaskState.RUNNING: OperationState.RUNNING}
GONE = (PartState.CLEANED,)


def restore(dump: Path, root: Path, database: Path) -> None:
    """Write the database of `dump` as if it had been left in the folder `root`."""
    with sqlite3.connect(database) as opened:
        opened.executescript(dump.read_text(encoding="utf-8").replace("@ROOT@", str(root)))
    opened.close()


def unpack(dump: Path, root: Path, *, under: str = "") -> None:
    """Write the files that lay beside the database of `dump`: results, unfinished outputs, the service's own."""
    with tarfile.open(dump.with_suffix(".tar.xz")) as packed:
        packed.extractall(root, [m for m in packed if m.name.startswith(under)], filter="data")


class Continued(Machine):
    """A stored run, taken up by the present program in a world that is as the run left it."""

    def take_up(self, dump: Path, name: str, *, posted: bool) -> None:
        """Continue the run called `name`; `posted` tells whether the service got an order that nobody heard about."""
        self.state.looking.close()
        (self.folder / "state.db").unlink()
        restore(dump, self.folder, self.folder / "state.db")
        unpack(dump, self.folder, under="out/cleaned_")
        unpack(dump, self.folder, under="out/published_")
        unpack(dump, self.folder, under="out/renamed_")
        (self.folder / "out").mkdir(exist_ok=True)
        self.keep_parts = name != "unkept"
        self._open(name)
        self._remember_exports(posted=posted)
        self.before = len(self.world.started)

    def _open(self, name: str) -> None:
        with sqlite3.connect(self.folder / "state.db") as opened:
            [(self.run_id,)] = opened.execute("SELECT id FROM runs WHERE job_name = ?", (name,)).fetchall()
            for table in ("attempts", "events", "ledger", "outputs", "parts", "tasks"):
                opened.execute(f"DELETE FROM {table} WHERE run_id <> ?", (self.run_id,))  # noqa: S608  names of ours
            opened.execute("DELETE FROM runs WHERE id <> ?", (self.run_id,))  # a machine has one
        opened.close()
        self._start()  # which brings the database up to date
        self.state.looking = sqlite3.connect(self.folder / "state.db", isolation_level=None)
        self.state.looking.executescript(NOTE)

    def _remember_exports(self, *, posted: bool) -> None:
        """Give the world the operations and objects that the store speaks of."""
        tasks = {task.key: task for task in self.store.tasks.of(self.run_id)}
        parts = self.store.parts.of(self.run_id)
        for attempt in self.store.tasks.attempts(self.run_id):
            task = tasks[attempt.task]
            if task.state is TaskState.SUBMITTING and not posted:
                continue
            plan = task.plan
            names = AttemptNames(attempt.request_id, attempt.description, attempt.prefix)
            order = ExportOrder(names, plan.window, plan.part_height, plan.part_width, task.rung, ("B2",))
            state = LIVE.get(task.state, OperationState.SUCCEEDED)
            if task.state in (TaskState.FAILED, TaskState.CANCELLED, TaskState.SPLIT):
                state = OperationState.FAILED
            name = attempt.operation or f"projects/p/operations/{attempt.request_id}"
            self.world.started[name] = Started(order, Operation(name, state, attempt.description))
            self.world.by_request[attempt.request_id] = name
            self.world.prefixes[attempt.prefix] = attempt.request_id
            if state is OperationState.SUCCEEDED and not task.collected:
                for file in self.world._files(order):
                    self.world.write(*file)
            for part in parts:
                if part.source and part.source.name.startswith(attempt.prefix) and part.state not in GONE:
                    content = self.world._content(order, part.window)
                    self.world.blobs[part.source.name] = Blob(content, part.source.generation)
                    self.world.written.add((part.source.name, part.source.generation))
                    self._place(part.window, content, placed=part.state is PartState.MERGED)
        self.ledger = self._ask("SELECT name, generation FROM ledger ORDER BY id")
        self.world.listed |= set(self.ledger)

    def _place(self, window: Window, content: bytes, *, placed: bool) -> None:
        if placed:
            folder = self.process.execution._output.sink_folder(self.store.runs.get(self.run_id)) / "placed"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{window.row}-{window.col}-{window.height}-{window.width}").write_bytes(content)

    def go_on(self) -> RunState:
        """Let the program and the service work until nothing moves by itself; return the run's state."""
        for _ in range(100):
            self.world.show_late_files()
            self._wait_out_a_hold()
            self._step()
            self.transfer(99)
            for name in self.world.live():
                self.world.advance(name)
            self.clock.seconds += 5
            run = self.store.runs.get(self.run_id)
            if run.state in (RunState.CLEANED, RunState.FAILED, RunState.CANCELLED) or run.needs_person:
                break
        self.states_move_only_as_the_tables_say()
        return self._state()

    @property
    def exported(self) -> int:
        """How many exports the service was asked for since the run was taken up."""
        return len(self.world.started) - self.before

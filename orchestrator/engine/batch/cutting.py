"""Tasks that a person wants cut in two: asked for by one process, done by the one that works on the run."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.engine.stores.contract import Store
from orchestrator.engine.stores.work_records import Task
from orchestrator.model.states import TaskState

# A lesson about a task says that it was asked for; one about its run, how often that was done.
CUT = "cut"


def ask_to_cut(store: Store, run_id: str, task: str) -> None:
    """Ask for a task to be cut before it is handed over again; asked twice, it is asked once."""
    if store.lessons.get(_of(run_id, task), CUT) is None:
        store.lessons.learn(_of(run_id, task), CUT, 1.0)
        store.lessons.learn(run_id, CUT, (store.lessons.get(run_id, CUT) or 0.0) + 1.0)


class AskedCuts:
    """What was asked for of one run; a look costs one row while nothing is."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._asked = 0.0
        self._left: frozenset[str] = frozenset()

    def new(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the planned tasks that are to be cut, each once; one that is with the service now, later."""
        asked = self._store.lessons.get(self._run_id, CUT) or 0.0
        if asked != self._asked:
            known = self._store.lessons.values(CUT, [_of(self._run_id, task.key) for task in tasks])
            self._left |= {task.key for task in tasks if known.get(_of(self._run_id, task.key))}
            self._asked = asked
        due = [task for task in tasks if task.key in self._left and task.state is TaskState.PLANNED]
        self._left -= {task.key for task in due}
        return due


def _of(run_id: str, task: str) -> str:
    return f"{run_id}/{task}"

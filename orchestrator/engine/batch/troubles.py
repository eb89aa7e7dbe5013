"""What is done about a part that could not be brought or placed."""

from __future__ import annotations

from collections import Counter

from orchestrator.core.errors import GenerationError, IntegrityError, NotFoundError, WayError
from orchestrator.engine.batch.collecting import Collecting
from orchestrator.engine.batch.transfers import ON_THE_WAY, FailedPart, StaleError
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.work_records import Part
from orchestrator.engine.work import HoldError
from orchestrator.model.grid import Window
from orchestrator.model.states import PartState, TaskState

# Bytes of one part arrived wrong so often, each time by a new connection: the way there is waited for.
_WRONG_BYTES = 3


class Troubles:
    """Judges the troubles of one run's transfers. Used by the run's own thread."""

    def __init__(self, context: RunContext, collecting: Collecting) -> None:
        self._context = context
        self._run_id = context.run_id
        self._parts = context.store.parts
        self._collecting = collecting
        self._wrong: Counter[Window] = Counter()
        self._again_at: dict[Window, float] = {}  # when a part is brought again, seconds since 1970

    def is_due(self, part: Part) -> bool:
        """Tell whether a part may be brought now."""
        again_at = self._again_at.get(part.window)
        return again_at is None or self._context.waits.due(f"part {part.window}", again_at)

    def face(self, trouble: FailedPart) -> None:
        """
        Do about a trouble what can be done.

        Raises:
            HoldError: The way to the part's bytes spoils them.
            Exception: That of the trouble: it is not the part that is at fault.
        """
        part, error = trouble.part, trouble.error
        if isinstance(error, StaleError) or not self._is_current(part):
            return
        facts = {"row": part.window.row, "col": part.window.col, "error": str(error)}
        self._context.record("part.trouble", facts)
        task = next(task for task in self._context.store.tasks.of(self._run_id) if task.key == part.task)
        if trouble.placing and (not isinstance(error, IntegrityError) or task.counted > 1):
            raise error  # the output is at fault, or what Earth Engine writes is another thing than was planned
        if isinstance(error, WayError):
            self._suspect_the_way(part, error)
            return
        if not isinstance(error, (GenerationError, NotFoundError, IntegrityError)):
            raise error
        # The object is gone, was replaced, is damaged by its own checksum, or is whole and no part: only a new export
        # helps. Where one is under way already, it brings this part too.
        if task.state is TaskState.SUCCEEDED and task.collected:
            self._collecting.again(task, f"an object cannot be used: {error}")
        self._lose(part)

    def _suspect_the_way(self, part: Part, error: Exception) -> None:
        """Bring a part whose bytes arrived wrong once more, later; what keeps arriving wrong holds the run."""
        self._wrong[part.window] += 1
        self._parts.move(self._run_id, part.window, PartState.EXPORTED)
        self._again_at[part.window] = self._context.now() + self._context.backoff.collect_seconds
        if self._wrong[part.window] >= _WRONG_BYTES:
            raise HoldError(f"{error}; the object itself is sound, so nothing is exported again", alone=True)

    def _is_current(self, part: Part) -> bool:
        """Tell whether a part is still the one that was offered: the same window with the same object, on its way."""
        now = {p.window: p for p in self._parts.of(self._run_id, ON_THE_WAY, part.task)}.get(part.window)
        return now is not None and now.source == part.source

    def _lose(self, part: Part) -> None:
        """Let a part wait for the next export, unless it does already; one on disk stands until it proves useless."""
        if self._is_current(part):
            self._parts.lose(self._run_id, part.window)

"""The parts of a run whose output is made in strips: each strip is a unit, ordered once all of its parts are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from orchestrator.core import crash
from orchestrator.core.errors import GenerationError, IntegrityError
from orchestrator.engine.batch.transfers import ON_THE_WAY, FailedPart
from orchestrator.engine.batch.troubles import Troubles
from orchestrator.engine.context import RunContext
from orchestrator.engine.stores.work_records import Part, Task
from orchestrator.model.grid import Window
from orchestrator.model.states import PART_WAY, PartState, TaskState, UnitState
from orchestrator.model.strip import STRIP, OutputStrip, StripOrder
from orchestrator.model.unit import Unit

_HERE = ON_THE_WAY | {PartState.MERGED, PartState.EMPTY}


@dataclass(slots=True)
class StripOrders:
    """
    Orders the strips of one run, and marks what they have. Used by the run's own thread.

    Nothing is downloaded here: whoever does a strip's unit brings its parts. A part that cannot be used is exported
    anew, as one that is brought alone; a strip that was made of other parts than there are is ordered once more.

    Attributes:
        context: Of the run.
        strips: From the top to the bottom.
        troubles: Judges parts that cannot be used.
        done: Whether the last look found nothing left to do.
    """

    context: RunContext
    strips: Sequence[OutputStrip]
    troubles: Troubles
    done: bool = False
    _seen: object = None
    _faced: set[str] = field(default_factory=set)

    def look(self, tasks: Sequence[Task], *, fresh: bool) -> None:
        """
        Do what can be done; without `fresh` only where a unit has changed since the last look.

        Raises:
            HoldError, Exception: As `Troubles.face`.
        """
        store, run_id = self.context.store, self.context.run_id
        tally = store.units.tally(run_id).get(STRIP)
        if not fresh and tally == self._seen:
            return
        self._seen, self.done = tally, True
        latest = _latest(store.units.of(run_id, [STRIP]))
        parts = store.parts.of(run_id)
        for number, strip in enumerate(self.strips):
            order = _Ordered(strip, latest.get(number), parts, tasks)
            if not order.is_done:
                self.done = False
                self._judge(order)

    def _judge(self, order: _Ordered) -> None:
        unit = order.unit
        if unit is not None and unit.state is UnitState.SPLIT and unit.key not in self._faced:
            self._face(order, unit)
        elif order.is_ready:
            self._go_on(order)

    def _face(self, order: _Ordered, unit: Unit) -> None:
        """Do, once, about the part for which a strip was given up what can be done; the next look goes on."""
        self._faced.add(unit.key)
        self._seen = None
        lost = unit.result.get("lost")
        part = order.part_at(Window(**lost["window"])) if lost else None
        if lost and part is not None and part.source == dict(StripOrder.of(unit).parts).get(part.window):
            error = IntegrityError(unit.error) if lost["placing"] else GenerationError(unit.error)
            self.troubles.face(FailedPart(part, error, bool(lost["placing"])))

    def _go_on(self, order: _Ordered) -> None:
        unit, wanted = order.unit, order.wanted
        if unit is None:
            self._order(wanted)
        elif unit.state is UnitState.DONE and wanted.parts == StripOrder.of(unit).parts:
            self._merge(order)
        elif unit.state in (UnitState.DONE, UnitState.EMPTY, UnitState.SPLIT):
            self._order(wanted)

    def _order(self, order: StripOrder) -> None:
        self._seen = None
        self.context.store.units.add(self.context.run_id, [order.unit()])
        crash.point("strip.ordered")
        facts = {"strip": order.strip.index, "turn": order.turn, "parts": len(order.parts)}
        self.context.record("strip.ordered", facts)

    def _merge(self, order: _Ordered) -> None:
        """Mark the parts that a strip has: they go the way that each would have gone alone."""
        self._seen = None
        states: dict[Window, PartState] = {
            part.window: part.state for part in order.own if part.state is not PartState.EMPTY
        }
        for before, after in pairwise(PART_WAY):
            moved = [window for window, state in states.items() if state is before]
            self.context.store.parts.move_all(self.context.run_id, moved, after)
            states |= dict.fromkeys(moved, after)
            crash.point("strip.merging")
        self.context.record("strip.merged", {"strip": order.strip.index, "parts": len(states)})


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A strip, the last unit that was ordered for it, and all parts and tasks of the run."""

    strip: OutputStrip
    unit: Unit | None
    parts: Sequence[Part]
    tasks: Sequence[Task]

    @property
    def own(self) -> list[Part]:
        return [part for part in self.parts if self.strip.has(part.window)]

    def part_at(self, window: Window) -> Part | None:
        return next((part for part in self.own if part.window == window), None)

    @property
    def is_ready(self) -> bool:
        """Tell whether every part is there of every task with pixels in these rows: none of them is cut anew."""
        touching = {
            task.key
            for task in self.tasks
            if task.state is not TaskState.SPLIT
            and task.plan.window.row < self.strip.bottom
            and self.strip.row < task.plan.window.bottom
        }
        return all(part.state in _HERE for part in self.parts if part.task in touching)

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do: its parts are marked, if it has any, and it was made."""
        made = self.unit is not None and self.unit.state is UnitState.DONE
        return made and all(part.state in (PartState.MERGED, PartState.EMPTY) for part in self.own)

    @property
    def wanted(self) -> StripOrder:
        """What it is to be made of now."""
        parts = [(part.window, part.source) for part in self.own if part.state is not PartState.EMPTY and part.source]
        reach = [part.window.bottom for part in self.parts if part.window.row < self.strip.row]
        turn = 0 if self.unit is None else StripOrder.of(self.unit).turn + 1
        return StripOrder(self.strip, turn, max([self.strip.row, *reach]), tuple(sorted(parts, key=_window)))


def _window(part: tuple[Window, object]) -> Window:
    return part[0]


def _latest(units: Sequence[Unit]) -> Mapping[int, Unit]:
    """Return the last unit of each strip."""
    found: dict[int, Unit] = {}
    for unit in sorted(units, key=lambda unit: StripOrder.of(unit).turn):
        found[StripOrder.of(unit).strip.index] = unit
    return found

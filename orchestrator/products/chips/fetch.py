"""The steps of chips: a request for each that is wanted, or what an earlier run brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.core.errors import FencedError, IntegrityError
from orchestrator.model.hooks import Hooks
from orchestrator.model.product import Step, StepContext
from orchestrator.model.states import Failure
from orchestrator.model.unit import Done, Empty, Outcome, Split, Unit, UnitPlan
from orchestrator.products.chips.document import ChipPlan
from orchestrator.products.chips.hooks import is_wanted
from orchestrator.products.enduring import WHY

CARRY = "carry"
UNWANTED = "unwanted"  # of a unit's result: nobody wants its chip


def if_wanted(step: Step, path_of: Callable[[int], Path], hooks: Hooks) -> Step:
    """Return a step that asks the user's code first whether a chip is wanted."""
    if hooks.must_get is None:
        return step

    def wanted(context: StepContext, unit: Unit) -> Outcome:
        if unit.plan.cell is not None and not is_wanted(hooks, path_of(unit.plan.cell.time)):
            return Empty({WHY: "must_get_gee_image said no", UNWANTED: True})
        return step(context, unit)

    return wanted


class Carry:
    """The step of the kind `carry`: a chip of the published folder, as its table says; else it is asked for."""

    def __init__(
        self, plan: ChipPlan, folder: Path, origins: Mapping[str, Any], instead: Callable[[Unit], UnitPlan]
    ) -> None:
        """Take where the chips lie, what the proof beside them says of each, and what asks for one instead."""
        self._plan, self._folder, self._origins, self._instead = plan, folder, origins, instead

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        cell = unit.plan.cell
        assert cell is not None  # noqa: S101  every unit of a chip has pixels
        identifier = self._plan.chips[cell.time].identifier
        if context.is_placed(cell):
            return Done(unit.result)
        origin = {"carried": True, **self._origins.get(identifier, {})}
        context.note(origin)
        path = self._folder / f"{identifier}.tif"
        try:
            context.place(cell, path if self._plan.carried[cell.time].sha256 else b"")
        except (IntegrityError, OSError) as error:
            if isinstance(error, FencedError):
                raise
            return Split((self._instead(unit),), str(error), Failure.EMPTY)
        return Done(origin)

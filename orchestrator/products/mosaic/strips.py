"""The mosaic in strips: how its output is cut, where strips are kept, and how one is made."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import (
    DamagedObjectError,
    GenerationError,
    IntegrityError,
    NotFoundError,
    OrchestratorError,
    Stopped,
    WayError,
)
from orchestrator.core.files import remove_tree
from orchestrator.core.flow import in_order
from orchestrator.model.address import BucketAddress
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.plan import Plan
from orchestrator.model.ports import ObjectStore
from orchestrator.model.product import RunSnapshot, StepContext
from orchestrator.model.states import Failure
from orchestrator.model.strip import OutputStrip, StripOrder
from orchestrator.model.unit import Done, Outcome, Split, Unit
from orchestrator.plan.strips import cut_strips

if TYPE_CHECKING:
    from orchestrator.assemble.strip import StripMosaic

# In the run's own folder: what strips have made, and where they are being made.
STRIPS, WORK = "strips", "strips.work"
_FACT, _KEPT = "strips", "kept_at"
# Of a place at which objects are joined without their bytes coming here.
_JOINING = "gs"


def strip_facts(plan: Plan, count: int, job: Job, token: Callable[[], str]) -> dict[str, Any]:
    """
    Return what a run keeps of how its output is cut, and of where; nothing where it is made whole.

    `token` gives what no other run has in its names at the place.
    """
    parts = [part for task in plan.tasks for part in task.parts()]
    strips = cut_strips(plan.grid, parts, count) if count > 1 else ()
    if len(strips) < 2:
        return {}
    facts: dict[str, Any] = {_FACT: [[strip.row, strip.bottom] for strip in strips]}
    if joins_at_its_place(job):
        facts[_KEPT] = f".orchestrator/{token()}"
    return facts


def joins_at_its_place(job: Job) -> bool:
    """Tell whether strips of a job's output lie where its result goes, and are put together there."""
    return bool(job.deliver) and BucketAddress.parse(job.deliver).scheme == _JOINING


def strips_of(run: RunSnapshot) -> tuple[OutputStrip, ...]:
    """Return how the output of a run is cut; empty where it is made whole."""
    return tuple(OutputStrip(index, row, bottom) for index, (row, bottom) in enumerate(run.facts.get(_FACT, ())))


def kept_at(run: RunSnapshot) -> str:
    """Return what names of a run's strips begin with at the place of its job; empty where they lie in its folder."""
    return str(run.facts.get(_KEPT, ""))


def without_strips(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a run that say something of its pixels: by how many they were joined does not."""
    return {name: value for name, value in facts.items() if name not in (_FACT, _KEPT)}


class _UselessPartError(Exception):
    """A part that cannot be used; `placing` tells that it arrived whole and is not what was planned."""

    def __init__(self, window: Window, error: Exception, *, placing: bool) -> None:
        super().__init__(str(error))
        self.window, self.placing = window, placing


@dataclass(frozen=True, slots=True)
class MakeStrip:
    """
    The step of the kind `strip`: brings the parts of a strip and assembles them. See `model.product.Step`.

    What it makes has the number of the claim in its names, so that who lost the unit replaces nothing; all of it goes
    with the run's folder.

    Attributes:
        spec: Of the whole output.
        objects: Connects to where parts lie.
        place: Returns where strips are kept, and what their names begin with there, for a run with this folder.
        downloads: Parts that are brought at once.
    """

    spec: MosaicSpec
    objects: Callable[[], ObjectStore]
    place: Callable[[Path], tuple[ObjectPlace, str]]
    downloads: int

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        from orchestrator.assemble.strip import StripMosaic  # noqa: PLC0415  GDAL is heavy

        order = StripOrder.of(unit)
        if context.is_placed(order.cell):  # before a crash, which came before this was written down
            return Done(unit.result)
        name = f"{unit.key}.f{unit.fence}"
        folder = context.folder / WORK / name
        strip = StripMosaic.open(self.spec, order.strip, folder, clear=order.clear)
        try:
            self._place(strip, order, context)
            done = self._published(strip, name, order, context)
        except _UselessPartError as error:
            context.note({"lost": {"window": _window_json(error.window), "placing": error.placing}})
            return Split((), str(error), Failure.TRANSIENT)
        finally:
            strip.close()
            remove_tree(folder)
        return done

    def _published(self, strip: StripMosaic, name: str, order: StripOrder, context: StepContext) -> Done:
        """
        Write the strip's objects and hand over what says where they are.

        Where another has the unit by now, or the run is over and was cleaned before this was written, nothing stays.
        """
        place, prefix = self.place(context.folder)
        mine = f"{prefix}{name}/"
        try:
            index = strip.publish(place, mine, context.stop, context.check)
            context.check()  # this process may have stood still before it wrote the last
            context.place(order.cell, index.to_json())
        except Stopped:
            raise
        except OrchestratorError:
            with suppress(OrchestratorError):  # what stays is found by whoever cleans
                for stored in place.find(mine):
                    place.delete(stored)
            raise
        return Done({"objects": len(index.objects), "size": sum(stored.size for stored in index.objects)})

    def _place(self, strip: StripMosaic, order: StripOrder, context: StepContext) -> None:
        """
        Bring the parts and put them into the strip.

        Raises:
            _UselessPartError: One cannot be used, whoever brings it.
        """
        left = {window for window, _ in order.parts} - strip.placed()
        parts = [part for part in order.parts if part[0] in left]
        with ThreadPoolExecutor(self.downloads, "download") as pool:
            bring = partial(_bring, self.objects(), context)
            try:
                strip.place(in_order(pool, bring, parts, ahead=self.downloads), left.remove, context.stop)
            except (WayError, _UselessPartError):
                raise
            except IntegrityError as error:  # the first that was not placed is at fault
                at_fault = next((window for window, _ in parts if window in left), None)
                if at_fault is None:
                    raise
                raise _UselessPartError(at_fault, error, placing=True) from error


def _bring(objects: ObjectStore, context: StepContext, part: tuple[Window, StoredObject]) -> tuple[Window, bytes]:
    window, source = part
    try:
        return window, objects.read(source, context.received, context.stop)
    except WayError:
        raise
    except (GenerationError, NotFoundError, DamagedObjectError) as error:
        raise _UselessPartError(window, error, placing=False) from error


def _window_json(window: Window) -> dict[str, int]:
    return {"row": window.row, "col": window.col, "height": window.height, "width": window.width}

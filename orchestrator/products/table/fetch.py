"""The step of a table: one request, and the rows of its answer as one piece."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from orchestrator.core.errors import PermanentError
from orchestrator.model.grid import Window
from orchestrator.model.ports import RefusedError
from orchestrator.model.product import RunSnapshot, StepContext
from orchestrator.model.states import Failure
from orchestrator.model.table import Images, ReduceRequest, SampleRequest, TableReply, TableRoute
from orchestrator.model.unit import Again, Cell, Done, Outcome, Split, Unit
from orchestrator.products.table.batches import room_of, smaller, unit_of
from orchestrator.products.table.document import TablePlan
from orchestrator.products.table.pieces import PairValues, inside_of, piece_of, values_of
from orchestrator.raster.arrays import Ints

_TOO_MUCH = frozenset({Failure.SIZE, Failure.MEMORY, Failure.TIMEOUT})
# Repeated once as it is; what comes again counts as the class behind it.
_ONCE_MORE = {Failure.OUT_OF_MEMORY: Failure.MEMORY, Failure.UNKNOWN: Failure.PERMANENT}
_MOST_PIECES = 64  # that one sentence makes of a request


class FetchRows:
    """The step of the kind `rows`; see `model.product.Step`."""

    def __init__(self, route: TableRoute, plan: TablePlan, run: RunSnapshot, *, keep_empty: bool) -> None:
        self._route, self._plan, self._run, self._keep_empty = route, plan, run, keep_empty
        self._width = room_of(plan, route.limits).width
        self._inside = inside_of(plan)

    def __call__(self, context: StepContext, unit: Unit) -> Outcome:
        cell = unit.plan.cell
        if cell is None:
            raise PermanentError(f"unit {unit.key} names no rows")
        if context.is_placed(cell):  # before a crash, which came before this was written down
            return Done(unit.result)
        try:
            reply, owner = self._ask(cell, context)
        except RefusedError as error:
            return self._refused(error, unit, cell)
        context.received(reply.reply_bytes)
        values = values_of(reply, self._plan.columns, pixels=int(owner.max()) + 1, images=cell.window.width)
        content, counts = piece_of(self._within(values, owner, cell.window), cell.window, keep_empty=self._keep_empty)
        origin = {
            "request_sha256": reply.request_sha256,
            "reply_sha256": reply.reply_sha256,
            "bytes": reply.reply_bytes,
            "at": reply.at,
            "piece_sha256": hashlib.sha256(content).hexdigest(),
            **counts,
        }
        context.note(origin)
        context.place(cell, content)
        return Done(origin)

    def _ask(self, cell: Cell, context: StepContext) -> tuple[TableReply, Ints]:
        """Return the answer, and for each place of the cell which of the request's pixels or shapes it is."""
        plan, window, grid = self._plan, cell.window, self._plan.grids[cell.grid]
        images, chosen = self._images(window), slice(window.row, window.row + window.height)
        each = np.arange(window.height, dtype=np.int64)
        if plan.at == "pixels":
            area = rectangle_of(window, grid.width)
            return self._route.sample(SampleRequest(images, plan.bands, grid, window=area), context.stop), each
        if plan.at == "polygons":
            crs = plan.crs_of_shapes(cell.grid % plan.zones)
            reduced = ReduceRequest(images, plan.bands, grid, plan.shapes[chosen], plan.reducers, crs)
            return self._route.reduce(reduced, context.stop), each
        row, col = plan.pixels_of(cell.grid // plan.zones)
        where = np.column_stack((row[chosen], col[chosen]))
        pixels, owner = np.unique(where, axis=0, return_inverse=True)
        named = tuple((int(row), int(col)) for row, col in pixels)
        return self._route.sample(SampleRequest(images, plan.bands, grid, named), context.stop), owner.ravel()

    def _images(self, window: Window) -> Images:
        if not self._plan.dated:
            return Images(expression=self._run.image)
        return Images(tuple(image.asset for image in self._plan.images[window.col : window.right]))

    def _within(self, values: PairValues, owner: Ints, window: Window) -> PairValues:
        """Return the values of the places of a window that are in the table."""
        chosen = values.of(owner)
        return chosen if self._inside is None else chosen.only(self._inside[window.row : window.row + window.height])

    def _refused(self, error: RefusedError, unit: Unit, cell: Cell) -> Outcome:
        """Cut this request only, where less at once helps; say no where it does not."""
        told = error.diagnosis
        if told.failure in _ONCE_MORE and unit.failure is not told.failure:
            return Again(str(error), told.failure, told.wait_seconds)
        failure = _ONCE_MORE.get(told.failure, told.failure)
        if failure not in _TOO_MUCH or cell.window.pixels == 1:
            raise error
        pieces = _pieces(told.sizes if failure is Failure.SIZE else None)
        windows = smaller(cell.window, pieces, self._width)
        cells = [Cell(window, grid=cell.grid) for window in windows]
        return Split(tuple(unit_of(self._plan, each) for each in cells), str(error), failure)


def _pieces(sizes: Sequence[int] | None) -> int:
    """Return into how many pieces a request is cut: by what the service counted and allows, where it says both."""
    if sizes is None:
        return 2
    found, allowed = sizes
    return min(_MOST_PIECES, max(2, math.ceil(found / allowed)))


def rectangle_of(window: Window, width: int) -> Window:
    """Return the pixels that a range of places is, counted row by row of a grid of `width` columns."""
    row, col = divmod(window.row, width)
    rows = -(-(col + window.height) // width)
    return Window(row, col, rows, width if rows > 1 or window.height == width else window.height)

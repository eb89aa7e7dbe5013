"""The table as the engine knows it: a row for each place and image, in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from orchestrator.core.errors import IntegrityError
from orchestrator.model.grid import Window
from orchestrator.model.job import Job
from orchestrator.model.product import Evidence, Finishing, Made, RunSnapshot, Settled, Sink, Step
from orchestrator.model.table import TableRoute
from orchestrator.model.unit import UnitPlan
from orchestrator.products.context import ProductContext
from orchestrator.products.table.batches import KIND
from orchestrator.products.table.document import table_from_json
from orchestrator.products.table.files import table_files
from orchestrator.products.table.sink import TableSink


def make_table(context: ProductContext) -> TableProduct:
    """Return the product for one run."""
    return TableProduct(context)


class TableProduct:
    """See `model.product.Product`."""

    name = "table"
    shared = frozenset({KIND})

    def __init__(self, context: ProductContext) -> None:
        self._context = context
        self._route: TableRoute | None = None

    def files(self, job: Job) -> tuple[Path, ...]:
        return table_files(job)

    def check(self, job: Job) -> tuple[str, ...]:
        from orchestrator.products.table.settle import local_table  # noqa: PLC0415  geopandas is heavy

        return local_table(job, self._context).notes

    def prepare(self, job: Job) -> Settled:
        from orchestrator.products.table.settle import settle_table  # noqa: PLC0415

        return settle_table(job, self._context)

    def exports(self, run: RunSnapshot) -> None:  # noqa: ARG002  nothing is exported
        return None

    def instead(self, run: RunSnapshot, window: Window) -> Sequence[UnitPlan]:  # noqa: ARG002
        return ()

    def steps(self, run: RunSnapshot) -> Mapping[str, Step]:
        from orchestrator.products.table.fetch import FetchRows  # noqa: PLC0415

        if self._context.tables is None:
            return MappingProxyType({})
        self._route = self._route or self._context.tables()
        plan = table_from_json(run.document)
        keep = bool(run.job.keys.get("keep_empty")) or not plan.dated
        return MappingProxyType({KIND: FetchRows(self._route, plan, run, keep_empty=keep)})

    def open(self, run: RunSnapshot, folder: Path) -> TableSink:  # noqa: ARG002  a piece says what it is
        return TableSink(folder)

    def finish(self, about: Finishing, sink: Sink | None, evidence: Evidence) -> Made:
        from orchestrator.products.table.finish import finish_table  # noqa: PLC0415

        if not isinstance(sink, TableSink):
            raise IntegrityError(f"run {about.run.id} has no pieces to put together")
        plan = table_from_json(about.run.document)
        return finish_table(about, plan, sink, evidence, self._context.version)

    def close(self) -> None:
        if self._route is not None:
            self._route.close()

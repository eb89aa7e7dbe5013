"""The plan of a job, in Python: what it would do, and how that looks."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.api.arguments import path_of, writing
from orchestrator.api.connection import Connection, current
from orchestrator.api.drawing import plan_svg
from orchestrator.api.job import Job, checked
from orchestrator.api.results import table_html
from orchestrator.app.display import format_eecu
from orchestrator.core.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from orchestrator.app.verbs.plans import Earlier, PlanReport


@dataclass(frozen=True)
class Plan:
    """
    What a job would do; nothing was asked of anybody for it, but what a function needs that makes the image.

    Attributes:
        job: The job, with the image that its function made.
        report: Grid, tasks, parts and what they need, in full.
        earlier: What the newest finished run of the same name took; None where there is none.
    """

    job: Job
    report: PlanReport
    earlier: Earlier | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """Grid, tasks, parts and what they need, as the command `plan --json` writes them."""
        return self.report.facts()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, a sentence each."""
        return self.report.notes

    @property
    def tasks(self) -> int:
        """How many exports."""
        return len(self.report.plan.tasks)

    @property
    def parts(self) -> int:
        """How many files they write."""
        return self.report.plan.part_count

    @property
    def requests(self) -> int:
        """How many requests bring their pixels in the answer."""
        return len(self.report.plan.direct)

    @property
    def crs(self) -> str:
        return self.report.plan.grid.crs

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the result: (bands, rows, columns)."""
        plan = self.report.plan
        return len(plan.pixels.bands), plan.grid.height, plan.grid.width

    @property
    def max_bytes(self) -> int:
        """What all parts together weigh at most."""
        return self.report.plan.bucket_bytes

    def save(self, picture: str | os.PathLike[str]) -> Path:
        """Write a picture of the plan (PNG); return its path. UserError where it cannot be written."""
        from orchestrator.plan.picture import draw_plan  # noqa: PLC0415  matplotlib is heavy

        path = path_of(picture, "the path of the picture")
        with writing(path):
            draw_plan(self.report.plan, path, self.report.base_name)
        return path

    def _ways(self) -> list[tuple[str, str]]:
        """Return what is exported, and what is asked for directly; what there is none of is left out."""
        plan, rows = self.report.plan, []
        if plan.tasks:
            rows.append(
                ("tasks", f"{self.tasks}, in {self.parts} parts, each under {format_bytes(plan.max_part_bytes)}")
            )
            rows.append(("bucket", f"at most {format_bytes(plan.bucket_bytes)}"))
        if plan.direct:
            rows.append(("requests", f"{self.requests}, without an export"))
        return rows

    def __repr__(self) -> str:
        return "\n".join([f"Plan of {self.report.base_name}", *(f"  {name:<9}{text}" for name, text in self._rows())])

    def _repr_html_(self) -> str:
        title = f"<h4>{html.escape(self.report.base_name)}</h4>"
        return f"<div>{title}{plan_svg(self.report.plan)}{table_html(self._rows())}</div>"

    def _rows(self) -> list[tuple[str, str]]:
        plan, (bands, height, width) = self.report.plan, self.shape
        side, area = plan.grid.transform[0], plan.area_pixels / plan.grid.pixels
        raw = format_bytes(self.report.raw_bytes)
        rows = [
            ("grid", f"{width} × {height} pixels of {side:g} in {plan.grid.crs[:60]}; {area:.0%} of them in the area"),
            ("pixels", f"{bands} bands of {plan.pixels.dtype}, {raw} uncompressed"),
            *self._ways(),
            ("disk", f"at most {format_bytes(plan.disk_bytes)} at the fullest moment"),
            ("memory", f"about {format_bytes(plan.memory_bytes)}"),
        ]
        if self.earlier is not None:
            cost = f"{format_seconds(self.earlier.seconds)}, {format_eecu(self.earlier.eecu_seconds)}"
            rows.append(("last time", f"{cost} for {self.earlier.parts} parts"))
        return [*rows, *(("note", note) for note in self.notes)]


def plan(job: Job, *, connection: Connection | None = None) -> Plan:
    """
    Plan a job: where its pixels lie and what they need. Nothing is exported, and nothing is remembered.

    Args:
        job: What to plan.
        connection: For where; by default the one that this thread opened last.

    Raises:
        UserError: The job cannot be done as declared.
    """
    from orchestrator.app.verbs.plans import find_earlier, plan_job  # noqa: PLC0415  geopandas is heavy

    checked(job)
    with (connection or current()).lent() as app:
        settled = job.settled(app)
        report = plan_job(app, settled.declared(app))
        return Plan(settled, report, find_earlier(app, report.base_name))

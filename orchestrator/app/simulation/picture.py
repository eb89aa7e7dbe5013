"""A simulation to look at: how busy everything was over time, and what lies in the bucket."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from orchestrator.app.simulation.report import SimulationReport
from orchestrator.core.files import write_whole
from orchestrator.core.units import format_bytes, format_seconds
from orchestrator.plan.picture import DOTS_PER_INCH, INK, PAPER, TASK_COLOURS, WIDTH_INCHES

_ROW_INCHES = 0.62


def draw_simulation(report: SimulationReport, path: Path) -> None:
    """Write a PNG to `path`: a row for each thing that was busy, time to the right. It appears whole or not at all."""
    # matplotlib loads in a second that commands without pictures need not wait; see `plan.picture`.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    height = _ROW_INCHES * max(1, len(report.strips)) + 1.6
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.16, 0.75 / height, 0.81, 1 - 1.5 / height))
    _draw_strips(axes, report)
    axes.set_title(f"{report.base_name}, simulated", loc="left", color=INK)
    figure.text(0.16, 0.2 / height, _caption(report), fontsize=9, color=INK)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    write_whole(path, file.getvalue())


def _draw_strips(axes: Any, report: SimulationReport) -> None:
    hours = report.run.makespan / 3600
    for row, strip in enumerate(report.strips):
        bottom = len(report.strips) - 1 - row
        width = hours / max(1, len(strip.shares))
        lefts = [slot * width for slot in range(len(strip.shares))]
        axes.bar(lefts, [0.0] * len(lefts), width, bottom=bottom)
        axes.bar(lefts, [0.85 * share for share in strip.shares], width, bottom, align="edge", color=_colour(row))
        axes.axhline(bottom, color=PAPER, linewidth=0.8, zorder=0)
    axes.set_xlim(0, hours or 1)
    axes.set_ylim(-0.05, max(1, len(report.strips)))
    axes.set_yticks([len(report.strips) - 0.6 - row for row in range(len(report.strips))])
    axes.set_yticklabels([strip.name for strip in report.strips])
    axes.set_xlabel("hours")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _colour(row: int) -> str:
    return TASK_COLOURS[row % len(TASK_COLOURS)]


def _caption(report: SimulationReport) -> str:
    run = report.run
    return (
        f"{format_seconds(run.makespan)}; {report.workers} machines, {report.slots} exports at once; "
        f"{format_bytes(run.bytes)} received, bucket at most {format_bytes(run.bucket_bytes)}"
    )

"""`dataset list`: which datasets can be downloaded by name, and everything about one of them."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Any

import rich_click as click

from orchestrator.app.verbs.datasets import RECIPE, DatasetRow, Preset, PresetSource, is_name, listed, shown
from orchestrator.core.units import format_count
from orchestrator.faces.cli.output import Output
from orchestrator.faces.cli.session import Context

EXAMPLES = """
`orchestrator dataset list sentinel-1` lists those that say so; `orchestrator dataset list s2-2020` tells how its pixels
are computed, its bands, terms and classes. YYYY is a year and MM a month.

A name goes to `tiles download FILE --dataset NAME`, or to `run --recipe dataset --param name=NAME`. A dataset of your
own is a Python file: `--dataset FILE.py`.
"""
_WIDTH = 100


@click.command(epilog=EXAMPLES)
@click.argument("text", required=False, default="")
@click.pass_obj
def list_datasets(context: Context, /, text: str) -> int:
    """
    List the datasets that can be downloaded by name, all or those that TEXT names.

    TEXT that is the name of one tells everything about it.
    """
    output = context.output()
    if text and is_name(text):
        _tell(shown(text), output)
        return 0
    rows = listed(text)
    if not rows:
        shown(text)  # which says what there is
    _list(rows, output)
    return 0


def _list(rows: tuple[DatasetRow, ...], output: Output) -> None:
    width = max(len(row.name) for row in rows)
    for row in rows:
        if output.quiet:
            output.say(row.name)
            continue
        about = ", ".join(filter(None, (row.years, f"{row.scale:g} m", _bands(row.bands), row.dtype)))
        output.say(f"{row.name:<{width}}  {row.summary}")
        output.say(f"{'':<{width}}  {about}; {row.licence}")
    for row in rows:
        output.message(
            "dataset", asdict(row) | {"bands": list(row.bands), "recipe": RECIPE, "params": {"name": row.example}}
        )


def _bands(bands: tuple[str, ...]) -> str:
    return ", ".join(bands) if len(bands) <= 3 else format_count(len(bands), "band")


def _tell(preset: Preset, output: Output) -> None:
    output.message("dataset", _facts(preset))
    if output.quiet:
        output.say(preset.name)
        return
    output.say(f"{preset.name}: {preset.alias.summary}")
    output.say("pixels:")
    for number, step in enumerate(preset.steps, 1):
        _say(output, f"  {number}. ", step)
    for name, told in _lines(preset):
        _say(output, f"{name}: ", told)
    if preset.classes:
        output.say("classes:")
        for each in preset.classes:
            label = f" -> {preset.value_map[each.value]}" if each.value in preset.value_map else ""
            output.say(f"  {each.value:>3}{label}  #{each.colour}  {each.name}")


def _say(output: Output, head: str, text: str) -> None:
    for line in textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=" " * min(len(head), 4)):
        output.say(line)


def _lines(preset: Preset) -> list[tuple[str, str]]:
    low, high = preset.valid
    factor, offset = preset.physical
    physical = "" if (factor, offset) == (1.0, 0.0) else f"; physical value = value x {factor:.6g}"
    physical += f" {'+' if offset > 0 else '-'} {abs(offset):g}" if offset else ""
    found = [
        ("sources", "; ".join(map(_source, preset.sources))),
        ("bands", ", ".join(preset.bands)),
        ("values", f"{preset.dtype}, {low:g} to {high:g}, no data {preset.nodata:g}{physical}"),
        ("pixel size of the source", f"{preset.scale:g} m"),
        ("labels", _labels(preset)),
        ("attribution", preset.attribution),
        ("licence", preset.licence),
        ("other than published", preset.mended),
    ]
    return [(name, told) for name, told in found if told]


def _labels(preset: Preset) -> str:
    if preset.breaks:
        return f"classes 0 to {len(preset.breaks)} by thresholds {', '.join(f'{one:g}' for one in preset.breaks)}"
    return "classes by the table below, others 0" if preset.value_map else ""


def _source(source: PresetSource) -> str:
    period = source.period
    return f"{source.asset} from {period.start} to before {period.end}" if period else source.asset


def _facts(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.alias.form,
        "example": preset.name,
        "summary": preset.alias.summary,
        "steps": list(preset.steps),
        "sources": [_source(one) for one in preset.sources],
        "bands": list(preset.bands),
        "dtype": preset.dtype,
        "nodata": preset.nodata,
        "scale": preset.scale,
        "valid": list(preset.valid),
        "physical": list(preset.physical),
        "classes": [asdict(one) for one in preset.classes],
        "value_map": {str(value): number for value, number in preset.value_map.items()},
        "breaks": list(preset.breaks),
        "attribution": preset.attribution,
        "licence": preset.licence,
        "mended": preset.mended,
        "recipe": RECIPE,
        "params": {"name": preset.name},
    }

"""The options that describe a job, shared by `run`, `plan` and `submit`; and a job made out of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import rich_click as click
from pydantic import ValidationError
from rich_click import option

from orchestrator.config import JobTable, explain, read_table, recipe_names
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.option_sets import all_of
from orchestrator.model.address import is_address
from orchestrator.model.job import Job

_LARGEST_MB = 2**40  # a file system holds less


ENVIRONMENT = """
Each option may come from the environment: ORCHESTRATOR_CLI_ + command + option, as in
ORCHESTRATOR_CLI_RUN_BASE_NAME for `run --base-name` (--shapefile is _AREA).
"""


_JOB_OPTIONS = (
    click.argument("job_file", metavar="[JOB.toml]", required=False, nargs=-1, type=str.strip),
    option(
        "--shapefile",
        "--area",
        "area",
        metavar="FILE",
        help="Area: shp, gpkg, geojson, kml, fgb, parquet, wkt, one of them zipped, a box `left,bottom,right,top`, or "
        "the name of a country, continent or region (see `aoi list`).",
    ),
    option(
        "--area-layer",
        "--layer",
        "area_layer",
        metavar="NAME",
        help="Layer of an area file, or file of an archive, that has several.",
    ),
    option("--area-crs", metavar="CRS", help="CRS of an area file that does not say, as EPSG:n."),
    option("--where", metavar="SQL", help="Which features of the file, e.g. \"name = 'Cambodia'\"."),
    option(
        "--each",
        "--split-by",
        "each",
        metavar="COLUMN",
        help="One output for each value of this column, instead of one for all.",
    ),
    option(
        "--output",
        metavar="DIR",
        help="Folder of the result, or a place in a bucket: gs://BUCKET/PREFIX, s3://BUCKET/PREFIX.",
    ),
    option("--base-name", "--base_name", metavar="NAME", help="The result is NAME_clipped.tif."),
    option("--start-date", "--start_date", metavar="DATE", help="First day, e.g. 2024-05-01."),
    option("--end-date", "--end_date", metavar="DATE", help="The day after the last one."),
    option(
        "--max-size-mb",
        "--max_size_mb",
        metavar="MB",
        type=float,
        help="No part file is larger, in MiB.  [default: 48]",
    ),
    option("--scale", type=float, metavar="UNITS", help="Pixel size in units of the CRS.  [default: 10 m]"),
    option("--crs", metavar="EPSG:n", help="CRS of the result.  [default: UTM zone of the area]"),
    option("--crs-transform", metavar="A,B,C,D,E,F", help="Lattice to stay on, in affine order."),
    option("--bands", metavar="B2,B3,..", help="Bands, in order.  [default: all of the recipe]"),
    option(
        "--recipe",
        metavar="NAME",
        help=f"What the pixels are: {', '.join(recipe_names())}.  [default: sentinel2-cloudless]",
    ),
    option("--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter of the recipe; repeatable."),
    option(
        "--route",
        type=click.Choice(["gcs", "drive", "pixels", "region", "auto"]),
        help="How pixels come: by export, in answers to requests (region: as tables), or chosen.  [default: gcs]",
    ),
    option(
        "--split",
        type=click.Choice(["blocks", "square"]),
        help="Parts of 256 × 2^k pixels, or the smallest n × n tiles.  [default: blocks]",
    ),
    option(
        "--compress",
        type=click.Choice(["same", "zstd", "deflate", "lzw", "none"]),
        help="Codec of the result.  [default: same as the parts]",
    ),
    option(
        "--predictor",
        type=click.Choice(["same", "none", "horizontal", "float"]),
        help="Predictor of the result.  [default: same]",
    ),
    option("--block", type=int, metavar="PIXELS", help="Block side of the result.  [default: same]"),
    option(
        "--overviews",
        type=click.Choice(["auto", "parts", "average", "nearest", "none"]),
        help="Overviews of the result.  [default: auto]",
    ),
    option(
        "--all-touched",
        is_flag=True,
        default=None,
        help="Keep every pixel the area touches, not only those whose centre is inside.",
    ),
    option(
        "--min-valid",
        type=float,
        metavar="SHARE",
        help="Hold the run for a person when fewer of the area's pixels hold data, e.g. 0.9.  [default: 0]",
    ),
    option(
        "--audit",
        type=int,
        metavar="N",
        help="Ask for N windows of the result once more and compare, before it is published.  [default: 0]",
    ),
    option(
        "--max-eecu-hours",
        type=float,
        metavar="HOURS",
        help="Hold the run before its exports cost more compute time.  [default: as \\[budget] says]",
    ),
)

BUCKET_OPTION = option("--bucket", metavar="NAME", help="Bucket for the part files.")
SANDBOX_URL_OPTION = option("--sandbox-url", metavar="URL", help="Use a sandbox that runs already.")
_SANDBOX_OPTIONS = (
    option("--sandbox", is_flag=True, help="Use a private sandbox instead of Google, for this command."),
    SANDBOX_URL_OPTION,
)

_REAL_SCENES: dict[str, Any] = {
    "type": click.Path(path_type=Path),
    "metavar": "DIR",
    "help": "Real scenes for the private sandbox (STAC items or Sentinel-2 products); synthetic ones otherwise.",
}
_SERVICE_OPTIONS = (
    BUCKET_OPTION,
    *_SANDBOX_OPTIONS,
    option("--scenes", "--sandbox-scenes", **_REAL_SCENES),
)


job_options = all_of(_JOB_OPTIONS)
service_options = all_of(_SERVICE_OPTIONS)
# For what needs no bucket.
sandbox_options = all_of(_SANDBOX_OPTIONS)
real_scenes = all_of([option("--sandbox-scenes", **_REAL_SCENES)])
again_option = all_of([option("--again", is_flag=True, help="Do it once more although it is done.")])


def build_table(given: dict[str, Any], more: Mapping[str, Any] = MappingProxyType({})) -> tuple[JobTable, Path]:
    """
    Return the job that a file and options describe, and the folder its relative paths count from.

    Options go before the file; `more` are keys and tables of a product, of options of its own.

    Raises:
        UserError: Something needed is missing or cannot be read.
    """
    job_file = _job_file(given)
    base = job_file.resolve().parent if job_file else Path.cwd()
    written = read_table(job_file) if job_file else {}
    content = _with_area_as_table(written)
    _lay_over(content, given, absolute=job_file is not None)
    for name, value in more.items():
        content[name] = _laid_over(_table_of(content, name), value) if isinstance(value, Mapping) else value
    try:
        table = JobTable.model_validate(content)
    except ValidationError as error:
        raise UserError(_refusal(error, written, content, job_file)) from None
    if table.area.source.lower().endswith(".toml"):
        raise UserError(
            f"the area {table.area.source} is a job file; a job file is given without an option before it: "
            f"`orchestrator run {table.area.source}`"
        )
    return table, base


def _laid_over(table: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with another laid over it, and so each table within it."""
    inner = {
        name: _laid_over(_table_of(table, name), value) for name, value in over.items() if isinstance(value, Mapping)
    }
    return {**table, **over, **inner}


def _with_area_as_table(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's table in which options can be laid over `area`, which may be written as one text."""
    area = written.get("area")
    return dict(written) | ({"area": {"source": area}} if isinstance(area, str) else {})


def _refusal(
    error: ValidationError, written: Mapping[str, Any], content: Mapping[str, Any], job_file: Path | None
) -> str:
    """Return what is wrong with a job, and whether its file or the options are."""
    kinds = {one["type"] for one in error.errors()}
    if kinds == {"missing"}:
        lacking = [str(one["loc"][0]) for one in error.errors() if one["type"] == "missing"]
        names = ", ".join(f"--{name.replace('_', '-')}" if name != "area" else "--shapefile" for name in lacking)
        return f"missing: {names}; give them as options or in {job_file or 'a job file'} (see --help)"
    wrong = next(one for one in error.errors() if one["type"] != "missing")
    # What the options did not change is the file's.
    theirs = _value_at(_with_area_as_table(written), wrong["loc"]) == _value_at(content, wrong["loc"])
    if job_file is None:
        origin = "options"
    elif "extra_forbidden" in kinds or theirs:
        origin = str(job_file)
    else:
        origin = "options" if wrong["loc"] else f"{job_file} with the options"
    return explain(error, origin, JobTable)


def _value_at(content: Mapping[str, Any], loc: Sequence[int | str]) -> Any:
    value: Any = content
    for word in loc:
        value = value.get(str(word)) if isinstance(value, Mapping) else value
    return value


def _job_file(given: dict[str, Any]) -> Path | None:
    """
    Return the one job file among the words that stand without an option.

    Raises:
        UserError: They are several, or something else.
    """
    words: tuple[str, ...] = given["job_file"]
    bands: str | None = given["bands"]
    if words and bands and (bands.endswith(",") or all(_BAND.fullmatch(w) and not Path(w).exists() for w in words)):
        whole = ",".join(part for word in (bands, *words) for part in split_list(word))
        raise UserError(
            f"--bands took only {bands!r}; {' '.join(words)!r} stands apart from it. "
            f"Write the list without blanks: --bands {whole}"
        )
    if words and _BOX.fullmatch(words[0]):
        raise UserError(f"{words[0]} is a box, not a job file; write --area {words[0]}")
    if len(words) > 1:
        raise UserError(f"one job file at a time, and these are {len(words)}: {' '.join(words)}")
    return Path(words[0]) if words else None


_BAND = re.compile(r",?[A-Za-z_][A-Za-z0-9_]*,?")
_BOX = re.compile(r"[-+0-9.eE]+(\s*,\s*[-+0-9.eE]+){3}.*")


def split_list(text: str) -> list[str]:
    """Return the names of a list that is separated by commas, blanks or both."""
    return [name for name in re.split(r"[,\s]+", text) if name]


def build_job(given: dict[str, Any], services: Mapping[str, str]) -> Job:
    """Return the job that a file and options describe."""
    table, base = build_table(given)
    return table.job(base, services)


def _lay_over(content: dict[str, Any], given: dict[str, Any], *, absolute: bool) -> None:
    plain = {"base_name", "start_date", "end_date", "recipe", "route", "split", "min_valid", "audit", "max_eecu_hours"}
    content.update({name: given[name] for name in plain if given[name] is not None})
    if given["output"] is not None:
        folder = absolute and not is_address(given["output"])
        content["output"] = str(Path(given["output"]).expanduser().resolve()) if folder else given["output"]
    _lay_area(content, given, absolute=absolute)
    grid = {"scale": given["scale"], "crs": given["crs"], "crs_transform": _numbers(given["crs_transform"])}
    write = {name: given[name] for name in ("compress", "predictor", "block", "overviews", "all_touched")}
    table = "write" if "write" in content else "mosaic"  # where the file says it, so that the option replaces it
    for section, values in (("grid", grid), (table, write)):
        kept = {name: value for name, value in values.items() if value is not None}
        if kept:
            content[section] = {**_table_of(content, section), **kept}
    if given["max_size_mb"] is not None:
        content["max_part_size"] = _mebibytes(given["max_size_mb"])
    if given["bands"]:
        content["bands"] = tuple(split_list(given["bands"]))
    if given["params"]:
        content["params"] = {**_table_of(content, "params"), **dict(key_and_value(text) for text in given["params"])}


def _mebibytes(number: float) -> int:
    if not math.isfinite(number) or not 0 < number < _LARGEST_MB:
        raise UserError(f"--max-size-mb {number:g} is no size of a file in MiB; give more than 0, for example 48")
    return int(number * 2**20)


def _table_of(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the table of that name, to lay options over it."""
    table = content.get(name, {})
    if not isinstance(table, Mapping):
        raise UserError(f"{name!r} is {table!r} in the job file; write a table there, [{name}]")
    return dict(table)


def _lay_area(content: dict[str, Any], given: dict[str, Any], *, absolute: bool) -> None:
    names = {"source": "area", "layer": "area_layer", "crs": "area_crs", "where": "where", "each": "each"}
    laid = {key: given[name] for key, name in names.items() if given[name] is not None}
    if absolute and "source" in laid and Path(laid["source"]).is_file():
        laid["source"] = str(Path(laid["source"]).resolve())  # typed here, not in the folder of the job file
    if laid:
        content["area"] = _table_of(content, "area") | laid


def key_and_value(text: str) -> tuple[str, str]:
    """Return the two of `KEY=VALUE`; UserError where it is something else."""
    key, found, value = text.partition("=")
    if not found or not key:
        raise UserError(f"--param {text!r} is no KEY=VALUE")
    return key.strip(), value.strip()


def _numbers(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 6:
        raise UserError(f"--crs-transform {text!r} is not six numbers; write for example 10,0,499980,0,-10,5200020")
    return numbers

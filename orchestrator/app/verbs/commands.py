"""The command line and the job file that say the same as a filled-in form."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from orchestrator.app.sandbox_process import DEFAULT_BUCKET
from orchestrator.config import Settings
from orchestrator.core.errors import UserError
from orchestrator.core.toml import to_toml
from orchestrator.core.units import parse_bytes
from orchestrator.model.job import check_base_name
from orchestrator.products.registry import DEFAULT

_AREA = {
    "area.source": "--area", "area.layer": "--area-layer", "area.crs": "--area-crs", "area.where": "--where",
}  # fmt: skip
_DATES = {"start_date": "--start-date", "end_date": "--end-date"}
_PLACE = {"output": "--output", "base_name": "--base-name"}
_GRID = {"bands": "--bands", "grid.scale": "--scale", "grid.crs": "--crs", "grid.crs_transform": "--crs-transform"}
_RECIPE = {"recipe": "--recipe", "params": "--param"}


@dataclass(frozen=True, slots=True)
class _Form:
    """
    The command of a product.

    Attributes:
        words: It begins with.
        options: By the key that they say; a list is repeated where the option may be, else joined by commas.
        flags: Options that a value of a key is, by the key and the value; where one is empty, that is the default.
        repeated: Options that are given once for each of several values.
        first: A key whose value stands without an option.
        pair: Two keys that one option says, and the option.
    """

    words: tuple[str, ...]
    options: Mapping[str, str]
    flags: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    first: str = ""
    pair: tuple[str, str, str] = ("", "", "")


def _yes(word: str, no: str = "") -> Mapping[Any, str]:
    return {True: word, False: no}


_FORMS: Mapping[str, _Form] = MappingProxyType(
    {
        "mosaic": _Form(
            ("run",),
            _AREA
            | {"area.each": "--each"}
            | _DATES
            | _RECIPE
            | _GRID
            | _PLACE
            | {"max_part_size": "--max-size-mb", "route": "--route", "split": "--split", "priority": "--priority"}
            | {"min_valid": "--min-valid", "audit": "--audit", "max_eecu_hours": "--max-eecu-hours"}
            | {f"mosaic.{key}": f"--{key}" for key in ("compress", "predictor", "block", "overviews")},
            flags={"mosaic.all_touched": _yes("--all-touched")},
        ),
        "cube": _Form(
            ("cube",),
            {"cube.collection": "--collection", "cube.scenes": "--scenes", "cube.max_cloud": "--max-cloud"}
            | {"cube.filter": "--filter"}
            | _AREA
            | _DATES
            | _GRID
            | _PLACE
            | {"cube.format": "--format", "cube.order": "--order", "cube.nodata": "--nodata", "cube.reduce": "--reduce"}
            | {"min_valid": "--min-valid"},
            flags={
                "cube.clip": _yes("--clip", "--no-clip"),
                "cube.same_day": {"apart": "--apart", "mosaic": ""},
                "cube.smooth_20m": _yes("--smooth-20m"),
                "cube.smooth_60m": _yes("--smooth-60m"),
            },
            repeated=frozenset({"--filter"}),
        ),
        "table": _Form(
            ("table",),
            {"table.points": "--points", "table.polygons": "--polygons", "table.layer": "--layer"}
            | {"table.crs": "--area-crs", "table.where": "--where", "table.id": "--id"}
            | {"table.collection": "--collection", "table.max_cloud": "--max-cloud", "table.filter": "--filter"}
            | (_AREA | {"area.layer": "--layer"})
            | _DATES
            | _RECIPE
            | _GRID
            | {"table.reducer": "--reducer", "table.format": "--format"}
            | _PLACE,
            flags={"table.keep_empty": _yes("--keep-empty"), "table.pixel_centres": _yes("--pixel-centres")},
            repeated=frozenset({"--filter"}),
        ),
        "chips": _Form(
            ("tiles", "download"),
            _RECIPE
            | {"base_name": "--name"}
            | _GRID
            | _DATES
            | {"chips.where": "--where", "chips.first": "--first", "chips.outside": "--outside"}
            | {"chips.attempts": "--attempts", "min_valid": "--min-valid", "route": "--route"},
            first="chips.tiles",
            pair=("chips.width", "chips.height", "--pixels"),
        ),
        "scenes": _Form(
            ("copernicus", "download"),
            {"scenes.tiles": "--tile"}
            | _AREA
            | _DATES
            | {f"scenes.{key}": f"--{key.replace('_', '-')}" for key in ("levels", "cloud_min", "cloud_max")}
            | {"scenes.min_coverage": "--min-coverage", "scenes.baseline": "--baseline", "scenes.orbit": "--orbit"}
            | {"scenes.missions": "--mission", "scenes.max_scenes": "--max-scenes", "scenes.l1c_bands": "--bands"}
            | {"scenes.l2a_bands": "--l2a-bands", "scenes.table": "--table", "scenes.attempts": "--attempts"}
            | _PLACE,
            flags={
                f"scenes.{key}": _yes(f"--{option}", f"--no-{option}")
                for key, option in (
                    ("l1c_tile_metadata", "l1c-tile-metadata"),
                    ("l1c_product_metadata", "l1c-product-metadata"),
                    ("l2a_scl_20m", "scl"),
                    ("l2a_aot_20m", "aot"),
                    ("l2a_wvp_20m", "wvp"),
                    ("l2a_tile_metadata", "l2a-tile-metadata"),
                    ("l2a_product_metadata", "l2a-product-metadata"),
                )
            },
            repeated=frozenset({"--tile", "--mission", "--table"}),
        ),
    }
)


def command_of(content: Mapping[str, Any], before: Sequence[str] = (), after: Sequence[str] = ()) -> list[str]:
    """
    Return the command line that does what a form says, word by word; none where only a job file can say it.

    `before` are options before the command (`--state-dir`), `after` those of the service (`--sandbox-url`).
    """
    form = _FORMS.get(str(content.get("product", DEFAULT)))
    said = dict(_flat(content))
    said.pop("product", None)
    if form is None or not _can_say(form, said):
        return []
    words = ["orchestrator", *before, *form.words]
    words += [str(said.pop(form.first))] if form.first else []
    words += _pair(form, said)
    for name, value in said.items():
        words += _option(form, name, value)
    return [*words, *after]


def _can_say(form: _Form, said: Mapping[str, Any]) -> bool:
    known = {*form.options, *form.flags, *form.pair[:2], form.first}
    return {name.partition(".")[0] if name.startswith("params.") else name for name in said} <= known


def _flat(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", one) for key, one in value.items())
        else:
            yield ("area.source" if name == "area" else name), value


def _pair(form: _Form, said: dict[str, Any]) -> list[str]:
    first, second, option = form.pair
    return [option, str(said.pop(first)), str(said.pop(second))] if first in said and second in said else []


def _option(form: _Form, name: str, value: Any) -> list[str]:
    if name in form.flags:
        return [word for word in [form.flags[name].get(value, "")] if word]
    if name.startswith("params."):
        return ["--param", f"{name.partition('.')[2]}={value}"]
    option = form.options[name]
    if name == "max_part_size":
        return [option, _number(parse_bytes(value) / 2**20)]
    if isinstance(value, (list, tuple)):
        texts = [_number(one) for one in value]
        return [word for text in (texts if option in form.repeated else [",".join(texts)]) for word in (option, text)]
    text = _number(value)
    # What begins with a dash would be taken for an option.
    return [f"{option}={text}"] if text.startswith("-") else [option, text]


def _number(value: Any) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def shell_line(words: Sequence[str]) -> str:
    """Return words as a line for a shell as POSIX has it, each quoted where it needs to be."""
    return shlex.join(words)


def service_words(settings: Settings) -> list[str]:
    """Return the options with which a command asks the service that settings name."""
    words = ["--sandbox-url", settings.ee.url] if settings.ee.url else []
    own = settings.gcs.bucket not in ("", DEFAULT_BUCKET)
    return words + (["--bucket", settings.gcs.bucket] if settings.ee.url and own else [])


def job_file(content: Mapping[str, Any]) -> str:
    """Return a job file that `orchestrator run FILE.toml` takes, and `plan` and `submit` too."""
    return to_toml(content)


def job_table(content: Mapping[str, Any], name: str = "") -> str:
    """
    Return the same as a table `[jobs.NAME]` for config.toml, where a schedule may be added.

    Raises:
        UserError: The name is none.
    """
    name = name or str(content.get("base_name", ""))
    try:
        check_base_name(name.replace("{date}", "2000-01-01"))
    except UserError:
        name = "new"
    return to_toml({"jobs": {name: content}}).removeprefix("\n[jobs]\n").lstrip("\n")

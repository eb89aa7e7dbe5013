"""What a user declares: an area, a recipe, dates, where the result goes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.stored import read_stored
from orchestrator.model.address import is_address, making_folder
from orchestrator.model.eecu import check_hours
from orchestrator.model.mosaic import OutputOptions

DEFAULT_MAX_PART_BYTES = 48 * 2**20  # users know the number: Earth Engine's interactive downloads stop there
MAX_BASE_NAME = 80
SCENES_PIN = "scenes served"  # among the pins: what a sandbox has, where that is not the usual Earth
_BASE_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_BASE_NAME - 1}}}")
_RELATIVE = re.compile(r"today(?:([+-])([0-9]{1,5})d)?")
# Of the JSON snapshot: grows when a field changes its meaning, never because one was added.
VERSION = 2
SPLITS = ("blocks", "square")
MOST_WINDOWS = 10_000  # of an audit


@dataclass(frozen=True, slots=True)
class AreaSource:
    """
    Where the area comes from.

    Attributes:
        source: Path of a vector file, or `left,bottom,right,top` in degrees, with `;EPSG:n` in another CRS.
        layer: Layer of a file that has several.
        crs: The CRS of a file that does not say.
        where: Which features, as an OGR SQL condition.
        each: Column whose values name one output per feature; empty dissolves all features into one.
        piece: Which of the outputs of `each` this job makes; empty before it is expanded.
    """

    source: str
    layer: str = ""
    crs: str = ""
    where: str = ""
    each: str = ""
    piece: str = ""


@dataclass(frozen=True, slots=True)
class GridRequest:
    """
    How the grid is fixed.

    Attributes:
        scale: Pixel size in units of the CRS; None is 10 m, or the transform's.
        crs: `EPSG:n`; empty is the UTM zone of the area.
        crs_transform: A lattice to stay on, in affine order; None snaps to multiples of the scale.
    """

    scale: float | None = None
    crs: str = ""
    crs_transform: tuple[float, float, float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """
    One declaration. Two equal jobs give the same pixels.

    Attributes:
        base_name: The final file is `{base_name}_clipped.tif`.
        output: Folder of the final file; where it is delivered to a bucket, the folder in which it is made.
        area: Where.
        start_date: First day, ISO 8601, or `today-30d` counted from the logical date; empty, like `end_date`, where
            the recipe's pixels do not depend on dates.
        end_date: The day after the last, likewise.
        recipe: Name of what the pixels are.
        params: The recipe's parameters that differ from their defaults.
        bands: Which bands, in order; empty is the recipe's default.
        grid: How the grid is fixed.
        route: A name of the routes' registry: `gcs`, `drive`, ...
        max_part_bytes: No part may be larger, as a file.
        split: `blocks`: sides of 256 × 2^k, many parts a task; `square`: the smallest n × n tiles that fit,
            one task each.
        options: How the final file is written.
        service: Which Earth Engine is meant: `google` or `sandbox`. A run is never continued on another.
        pins: Checksums of the files the job speaks of, so that a changed file makes another job; and, where a sandbox
            has other scenes than the usual ones, which those are.
        product: What is delivered: a name of the products' registry.
        keys: The product's own keys that differ from their defaults, as JSON can hold them; those of a mosaic are
            `options`.
        min_valid: The least share of the area's pixels, 0 to 1, that must hold data in every band; with less the run
            is held for a person before it is published. What is made does not depend on it, nor does the fingerprint.
        audit: How many windows of the finished result are asked for once more and compared before it is published,
            and what it was made from is deleted; 0 is none. Nor does what is made depend on this.
        max_eecu_hours: What its exports may cost, in EECU-hours; 0 is what the settings say. Nor on this.
        deliver: The place in a bucket that its files are brought to when they are made: `gs://bucket/prefix`; empty is
            nowhere. The folder in which they are made is then no part of what the job is.
    """

    base_name: str
    output: str
    area: AreaSource
    start_date: str
    end_date: str
    recipe: str = "sentinel2-cloudless"
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    bands: tuple[str, ...] = ()
    grid: GridRequest = field(default_factory=GridRequest)
    route: str = "gcs"
    max_part_bytes: int = DEFAULT_MAX_PART_BYTES
    split: str = "blocks"
    options: OutputOptions = field(default_factory=OutputOptions)
    service: str = "google"
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    min_valid: float = 0.0
    product: str = "mosaic"
    keys: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    audit: int = 0
    max_eecu_hours: float = 0.0
    deliver: str = ""

    def __post_init__(self) -> None:
        # `{date}` stands for the logical date of a scheduled run.
        check_base_name(self.base_name.replace("{date}", "2000-01-01"))
        if self.split not in SPLITS:
            raise UserError(f"split {self.split!r} is unknown; choose one of {', '.join(SPLITS)}")
        if self.max_part_bytes < 1:
            raise UserError(f"a part of {self.max_part_bytes} bytes holds nothing; give --max-size-mb more than 0")

        check_share(self.min_valid)
        check_windows(self.audit)
        check_hours(self.max_eecu_hours)

    @property
    def destination(self) -> str:
        """Where a person looks for the result: a folder, or a place in a bucket."""
        return self.deliver or self.output

    def made_below(self, root: Path) -> Job:
        """Return the job with a folder below `root` to be made in, where its output is a place in a bucket."""
        if not is_address(self.destination):
            return self
        return replace(self, output=str(making_folder(root, self.destination)), deliver=self.destination)

    @property
    def undated(self) -> bool:
        """Whether the job names no dates."""
        return not self.start_date and not self.end_date

    def dates(self, today: date) -> tuple[date, date]:
        """
        Return (first day, day after the last) for the logical date `today`; of an undated job, all there are.

        Raises:
            UserError: A date is none, or they are reversed.
        """
        if self.undated:
            return date.min, date.max
        start = read_date(self.start_date, "start", today)
        end = read_date(self.end_date, "end", today)
        if start >= end:
            raise UserError(
                f"the start date {start} is not before the end date {end}; "
                "the end date is the day after the last one used"
            )
        return start, end

    def dated(self, today: date) -> Job:
        """Return the job with `today` put into its dates and into `{date}` of its base name."""
        named = replace(self, base_name=self.base_name.replace("{date}", today.isoformat()))
        if self.undated:
            return named
        start, end = self.dates(today)
        return replace(named, start_date=start.isoformat(), end_date=end.isoformat())

    def to_json(self) -> str:
        """Return the frozen snapshot a run keeps: every value, so that a default that changes later changes no run."""
        return _compact({"version": VERSION} | _plain(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        content = read_stored(text, "job", VERSION)
        transform = content["grid"]["crs_transform"]
        content["grid"] = GridRequest(**content["grid"] | {"crs_transform": tuple(transform) if transform else None})
        content["area"] = AreaSource(**content["area"])
        content["options"] = OutputOptions(**content["options"])
        content["bands"] = tuple(content["bands"])
        content["params"] = MappingProxyType(content["params"])
        content["pins"] = MappingProxyType(content["pins"])
        content["keys"] = MappingProxyType(content.get("keys", {}))
        return cls(**content)

    def fingerprint(self) -> str:
        """
        Return what tells two jobs apart: equal jobs share it.

        Only what differs from the defaults counts, so that a field a later version adds leaves every job that does
        not use it the job it was. What is accepted (`min_valid`, `audit`, `max_eecu_hours`) is no part of what is made.
        """
        return hashlib.sha256(_compact(_spare(self._made())).encode()).hexdigest()

    def _made(self) -> Job:
        """Return the job without what its result does not depend on."""
        keys = {name: value for name, value in self.keys.items() if (self.product, name) not in _TRIES}
        plain = replace(self, min_valid=0.0, audit=0, max_eecu_hours=0.0, keys=MappingProxyType(keys))
        return replace(plain, output="", deliver=self.destination) if is_address(self.destination) else plain

    def fingerprints(self) -> tuple[str, ...]:
        """Return `fingerprint`, and what the first version gave the same job, which hashed the whole snapshot."""
        content, asked = _plain(self), _spare(self._made())
        if asked.keys() - _FIRST_FIELDS or any(
            asked.get(name, {}).keys() - first for name, first in _FIRST_NESTED.items()
        ):
            return (self.fingerprint(),)  # it asks for something the first version did not know
        known = {key: content[key] for key in _FIRST_FIELDS}
        for name, first in _FIRST_NESTED.items():
            known[name] = {key: content[name][key] for key in first}
        return (self.fingerprint(), hashlib.sha256(_compact(known).encode()).hexdigest())

    def with_attempts_of(self, other: Job) -> Job:
        """Return the job with as many tries as another says; what it is stays the same."""
        tries = {key for product, key in _TRIES if product == self.product}
        kept = {name: value for name, value in self.keys.items() if name not in tries}
        said = {name: value for name, value in other.keys.items() if name in tries}
        return replace(self, keys=MappingProxyType(kept | said))

    def declaration(self) -> str:
        """
        Return what stays the same of a job from date to date, as long as its dates are not settled.

        It is what the result is, not the way it comes: other parts or another route make the same file.
        """
        way: dict[str, Any] = {"route": "gcs", "max_part_bytes": DEFAULT_MAX_PART_BYTES, "split": "blocks"}
        served = {name: said for name, said in self.pins.items() if name == SCENES_PIN}
        keys = {name: value for name, value in self.keys.items() if name not in _ASKED.get(self.product, ())}
        way |= {"keys": MappingProxyType(keys)}
        plain: Job = replace(self, pins=MappingProxyType(served), **way)
        return plain.fingerprint()


# Which of a product's keys say which part of its result is wanted this time, and how patiently: not whose it is.
_ASKED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "chips": frozenset({"where", "first", "attempts"}),
        # A manifest is of its tiles and dates, whichever of their files are brought this time.
        "scenes": frozenset(
            {
                *("levels", "l1c_bands", "l1c_tile_metadata", "l1c_product_metadata", "l2a_scl_20m", "l2a_aot_20m"),
                *("l2a_wvp_20m", "l2a_tile_metadata", "l2a_product_metadata", "l2a_bands", "cloud_min", "cloud_max"),
                *("min_coverage", "baseline", "orbit", "missions", "not_before", "before", "max_scenes", "table"),
                *("footprints", "attempts"),
            }
        ),
    }
)
_TRIES = frozenset({("chips", "attempts"), ("scenes", "attempts")})

# What the first version knew, and hashed whole.
_FIRST_FIELDS = frozenset(
    {
        *("base_name", "output", "area", "start_date", "end_date", "recipe", "params", "bands", "grid", "route"),
        *("max_part_bytes", "split", "options", "service", "pins"),
    }
)
_FIRST_NESTED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "area": frozenset({"source", "layer", "crs", "where", "each", "piece"}),
        "grid": frozenset({"scale", "crs", "crs_transform"}),
        "options": frozenset({"compress", "predictor", "block", "overviews", "all_touched"}),
    }
)


# What snapshots of earlier versions do not have, and what it is where it is missing.
_LATER: Mapping[str, Any] = MappingProxyType(
    {"product": "mosaic", "keys": {}, "audit": 0, "max_eecu_hours": 0.0, "deliver": ""}
)


def _compact(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _plain(job: Job) -> dict[str, Any]:
    content = asdict(replace(job, params=dict(job.params), pins=dict(job.pins), keys=dict(job.keys)))
    # Left out where they say nothing: the snapshot, and the proof that holds it, are then those of earlier versions.
    return {name: value for name, value in content.items() if name not in _LATER or value != _LATER[name]}


def _spare(value: Any) -> Any:
    """Return the fields of a declaration that differ from their defaults, nested ones too."""
    if not is_dataclass(value):
        return dict(value) if isinstance(value, Mapping) else value
    kept = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != _default(f)}
    return {name: _spare(content) for name, content in kept.items()}


def _default(field_: Field[Any]) -> Any:
    return field_.default if field_.default_factory is MISSING else field_.default_factory()


def job_fields() -> frozenset[str]:
    """Return the names of a job's own fields."""
    return frozenset(f.name for f in fields(Job))


def check_base_name(name: str) -> None:
    """
    Refuse names that are not one plain file name everywhere.

    Raises:
        UserError: The name is hostile, empty or too long.
    """
    if not _BASE_NAME.fullmatch(name):
        raise UserError(
            f"base name {name[:100]!r} cannot be a file name everywhere; use 1 to 80 of A-Z a-z 0-9 . _ - "
            "and begin with a letter or digit"
        )


def check_share(share: float) -> None:
    """
    Refuse what is no share of valid pixels.

    Raises:
        UserError: It is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        hint = f"; write {share / 100:g} for {share:g} %" if 1 < share <= 100 else ""
        raise UserError(f"min_valid is {share:g}; it is a share of the area's pixels, from 0 to 1{hint}")


def check_windows(windows: int) -> None:
    """
    Refuse what is no number of windows to audit.

    Raises:
        UserError: It is negative, or more than anybody waits for.
    """
    if not 0 <= windows <= MOST_WINDOWS:
        raise UserError(f"audit is {windows}; it is a number of windows, from 0 for none to {MOST_WINDOWS:,}")


def read_date(text: str, what: str, today: date) -> date:
    """Return the date that `text` means, also as `today-30d`; errors name `what` of the two it is."""
    if match := _RELATIVE.fullmatch(text):
        days = int(match[2] or 0)
        return today + timedelta(days=-days if match[1] == "-" else days)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"the {what} date {text!r} is no date; write it as 2024-05-31, or today-30d in a scheduled job"
        ) from None

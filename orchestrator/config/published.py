"""The published configuration of a download, `download:` in a file of s2pipe, and the job that it asks for here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePath
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from orchestrator.config.jobs import Section
from orchestrator.products.scenes.keys import SceneKeys

# Who has no use for a key says why here; by the key's group and name.
OF_NO_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "nodes_index": "files are found in manifest.safe, one request a product, instead of a walk through its folders",
        "query.top": "every page of candidates is read",
        "query.orderby": "scenes come in the order of time",
        "query.include_attributes_in_hits": "attributes always come",
        "query.tile_area_m2": "coverage is the share of the tile's own area",
        "download.chunk_size_bytes": "what a connection brings is written as it comes",
        "download.tmp_dirname": "a file that is under way lies beside its place",
        "manifest.write_json": "a download ends with its manifest",
    }
)

# What s2pipe leaves out of its walk through a product.
SKIPPED_FOLDERS = frozenset({"HTML", "rep_info", "DATASTRIP", "AUX_DATA", "QI_DATA"})


def _as_text(value: Any) -> Any:
    """YAML reads times and dates that are not quoted."""
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _moment(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("it is no time; write it as 2025-12-01T00:00:00.000Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


UtcTime = Annotated[str, BeforeValidator(_as_text), AfterValidator(_moment)]


class QueryTable(Section):
    tile_id: str
    date_from_utc: UtcTime
    date_to_utc: UtcTime
    product_type_l1c: Literal["S2MSI1C"] = "S2MSI1C"
    product_type_l2a: Literal["S2MSI2A"] = "S2MSI2A"
    cloud_min: float | None = None
    cloud_max: float | None = None
    min_coverage_ratio: float = 0.0
    top: int = Field(default=1000, ge=1, le=1000)
    orderby: str = "ContentDate/Start asc"
    include_attributes_in_hits: bool = True
    tile_area_m2: float = Field(default=1.21e10, gt=0)

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.date_from_utc >= self.date_to_utc:
            raise ValueError(f"date_to_utc {self.date_to_utc} is not after date_from_utc {self.date_from_utc}")
        return self

    def dates(self) -> dict[str, str]:
        """Return first day and the day after the last, as a job has them."""
        start, end = self._ends()
        last = end.date() if end == _midnight(end) else end.date() + timedelta(days=1)
        return {"start_date": start.date().isoformat(), "end_date": last.isoformat()}

    def within(self) -> dict[str, str]:
        """Return which times of these days are meant, where it is not all of them."""
        ends = zip(("not_before", "before"), self._ends(), strict=True)
        return {name: end.isoformat().replace("+00:00", "Z") for name, end in ends if end != _midnight(end)}

    def _ends(self) -> tuple[datetime, datetime]:
        return datetime.fromisoformat(self.date_from_utc), datetime.fromisoformat(self.date_to_utc)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


class SelectionTable(Section):
    """Which files. Keys that are not given are those of `[scenes]`, with the same names and defaults."""

    l1c_bands: tuple[str, ...] = ()
    l1c_tile_metadata: bool = True
    l1c_product_metadata: bool = True
    l2a_scl_20m: bool = True
    l2a_aot_20m: bool = False
    l2a_wvp_20m: bool = False
    l2a_tile_metadata: bool = True


class NodesIndexTable(Section):
    skip_dir_names: frozenset[str] = SKIPPED_FOLDERS
    skip_prefixes: tuple[tuple[str, ...], ...] = ()
    max_dirs_to_visit: int = Field(default=50_000, ge=1)
    enable_cache: bool = True


class DownloadTable(Section):
    out_dir: Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, PurePath) else value)]
    overwrite: bool = False
    dry_run: bool = True
    raw_dirname: Literal["raw"] = "raw"
    meta_dirname: Literal["meta"] = "meta"
    tmp_dirname: str = "tmp"
    chunk_size_bytes: int = Field(default=8 << 20, ge=1)


class ControlTable(Section):
    """How much: `max_pairs` is what an example of s2pipe calls `max_scenes`."""

    max_scenes: int | None = Field(default=None, ge=1)
    max_pairs: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if None not in (self.max_scenes, self.max_pairs) and self.max_scenes != self.max_pairs:
            raise ValueError(
                f"max_scenes is {self.max_scenes} and max_pairs is {self.max_pairs}; they mean the same, give one"
            )
        return self


class ManifestTable(Section):
    write_json: bool = True
    runs_dir: Literal["runs"] = "runs"
    json_name: Literal["manifest.json"] = "manifest.json"
    index_name: Literal["index.json"] = "index.json"
    export_table: bool = False
    table_csv_name: Literal["manifest_table.csv"] = "manifest_table.csv"
    table_xlsx_name: Literal["manifest_table.xlsx"] = "manifest_table.xlsx"
    store_geofootprint: bool = True


def _empty_if_null(value: Any) -> Any:
    return {} if value is None else value


Group = BeforeValidator(_empty_if_null)


# Keys of `[scenes]` that are called otherwise here; others have their names in `selection`.
_CALLED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "tiles": ("query", "tile_id"),
        "cloud_min": ("query", "cloud_min"),
        "cloud_max": ("query", "cloud_max"),
        "min_coverage": ("query", "min_coverage_ratio"),
    }
)


class DownloadKeys(Section):
    """The group `download` of a file; a path in it counts from the folder where the command is given."""

    query: Annotated[QueryTable, Group]
    selection: Annotated[SelectionTable, Group] = SelectionTable()
    nodes_index: Annotated[NodesIndexTable, Group] = NodesIndexTable()
    download: Annotated[DownloadTable, Group]
    control: Annotated[ControlTable, Group] = ControlTable()
    manifest: Annotated[ManifestTable, Group] = ManifestTable()

    @model_validator(mode="after")
    def _makes_a_job(self) -> Self:
        """Refuse what `[scenes]` refuses, under the names that are used here."""
        try:
            SceneKeys.model_validate(self.scenes())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            told = first["msg"].removeprefix("Value error, ")
            if not first["loc"]:
                raise ValueError(told) from None
            name = str(first["loc"][0])
            where = ".".join(_CALLED.get(name, ("selection", name)))
            raise ValueError(f"{where} is {first['input']!r}: {told}") from None
        return self

    def scenes(self) -> dict[str, Any]:
        """Return what is asked for as the keys of `[scenes]`."""
        query, selection = self.query, self.selection.model_dump(exclude_unset=True)
        scenes: dict[str, Any] = {"tiles": [query.tile_id], **selection, "min_coverage": query.min_coverage_ratio}
        scenes |= {name: value for name in ("cloud_min", "cloud_max") if (value := getattr(query, name)) is not None}
        if most := self.control.max_scenes or self.control.max_pairs:
            scenes["max_scenes"] = most
        if self.manifest.export_table:
            scenes["table"] = ["csv", "xlsx"]
        return scenes | {"footprints": self.manifest.store_geofootprint} | query.within()


@dataclass(frozen=True, slots=True)
class DownloadOrder:
    """
    What a configuration asks for.

    Attributes:
        content: Of a job, as a file of it has it.
        dry_run: Whether it only shows what would come.
        overwrite: Whether files that the job did not make may be replaced.
        notes: What of it is of no effect here, a sentence each.
    """

    content: Mapping[str, Any]
    dry_run: bool
    overwrite: bool
    notes: tuple[str, ...]


def ordered(keys: DownloadKeys) -> DownloadOrder:
    """Return the job that a configuration asks for."""
    place = {"product": "scenes", "output": keys.download.out_dir}
    content = place | keys.query.dates() | {"scenes": keys.scenes()}
    return DownloadOrder(content, keys.download.dry_run, keys.download.overwrite, tuple(_notes(keys)))


def _notes(keys: DownloadKeys) -> Iterator[str]:
    for name, why in OF_NO_EFFECT.items():
        group, _, key = name.partition(".")
        table = getattr(keys, group)
        defaults = {one: field.default for one, field in type(table).model_fields.items()}
        if any(getattr(table, one) != defaults[one] for one in ([key] if key else defaults)):
            yield f"{name} is of no effect: {why}"

"""What a job may say of scenes: the table `[scenes]` of its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from orchestrator.core.nearest import hint
from orchestrator.products.enduring import DEFAULT_ATTEMPTS
from orchestrator.safe.bands import BANDS, RESOLUTIONS

Level = Literal["L1C", "L2A"]
LEVELS: tuple[Level, ...] = ("L1C", "L2A")
NEWEST = "newest"
T = TypeVar("T", bound=str)
_TILE = re.compile(r"T?(\d{1,2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])")
_BASELINE = re.compile(r"N?(\d\d)\.?(\d\d)")
# Which images a Level-2A product has in which folder (Sentinel-2 Products Specification Document; B01 in 20 m since
# baseline 04.00).
_OF_L2A: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        10: ("B02", "B03", "B04", "B08", "AOT", "WVP"),
        20: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12", "SCL", "AOT", "WVP"),
        60: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12", "SCL", "AOT", "WVP"),
    }
)
_L2A_IMAGES = frozenset(f"{name}_{metres}m" for metres, names in _OF_L2A.items() for name in names)
_OWN_METRES = {**RESOLUTIONS, "SCL": 20, "AOT": 20, "WVP": 20}


def _tile(text: str) -> str:
    found = _TILE.fullmatch(text.strip().upper())
    if found is None:
        raise ValueError("that is no MGRS tile; write it as T33UWQ or 33UWQ")
    return found[1].zfill(5)


def _listed(value: object) -> object:
    return [one for one in re.split(r"[,\s]+", value) if one] if isinstance(value, str) else value


def _once(names: tuple[T, ...]) -> tuple[T, ...]:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]} comes twice; name each once")
    return names


def _band(name: str) -> str:
    """Return a band by the name that files have, also where it is written as Earth Engine does: B2."""
    full = _padded(name)
    if full not in BANDS:
        raise ValueError(f"there is no such band of Level-1C; {hint(full, BANDS)}")
    return full


def _padded(name: str) -> str:
    return re.sub(r"^B(\d)(?=$|_)", r"B0\1", name)


def _image(name: str) -> str:
    """Return an image of Level-2A with its resolution: the band's own where none is given."""
    name = _padded(name)
    full = f"{name}_{_OWN_METRES[name]}m" if name in _OWN_METRES else name
    if full not in _L2A_IMAGES:
        raise ValueError(f"there is no such image of Level-2A; {hint(name, sorted(_L2A_IMAGES))}")
    return full


def _baseline(text: str) -> str:
    if text == NEWEST:
        return text
    found = _BASELINE.fullmatch(text)
    if found is None:
        raise ValueError("that is no baseline; write 05.11 or N0511, or newest")
    return f"{found[1]}.{found[2]}"


def _moment(text: str) -> str:
    if not text:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("that is no time; write it as 2025-12-01T10:00:00Z") from None
    if moment.tzinfo is None or moment.utcoffset():
        raise ValueError("it is not in UTC; write it with a Z at its end, as 2025-12-01T10:00:00Z")
    return moment.isoformat().replace("+00:00", "Z")


_Tile, _Band = Annotated[str, AfterValidator(_tile)], Annotated[str, AfterValidator(_band)]
_Image = Annotated[str, AfterValidator(_image)]
_LISTED, _ONCE = BeforeValidator(_listed), AfterValidator(_once)
_Percent = Annotated[float | None, Field(ge=0, le=100, allow_inf_nan=False)]


class SceneKeys(BaseModel):
    """
    Which products, and which of their files.

    Attributes:
        tiles: MGRS tiles; without any, those that the job's area meets.
        levels: Which of Level-1C and Level-2A are brought.
        l1c_bands: Bands of Level-1C.
        l1c_tile_metadata: Whether MTD_TL.xml of Level-1C comes: angles.
        l1c_product_metadata: Whether MTD_MSIL1C.xml comes: what turns numbers into reflectance.
        l2a_scl_20m: Whether the scene classification comes.
        l2a_aot_20m: Whether the aerosol optical thickness comes.
        l2a_wvp_20m: Whether the water vapour comes.
        l2a_tile_metadata: Whether MTD_TL.xml of Level-2A comes.
        l2a_product_metadata: Whether MTD_MSIL2A.xml comes; with `l2a_bands` it always does.
        l2a_bands: Images of Level-2A, in their own resolution or a named one: B02, B11_20m, AOT_10m, SCL_60m.
        cloud_min: Least cloud cover of the Level-1C product (of Level-2A where no Level-1C is brought), percent.
        cloud_max: Greatest, likewise.
        min_coverage: Least share of the tile's area that the product's footprint covers, 0 to 1.
        baseline: "newest", or the only processing baseline that is taken.
        orbit: Relative orbit; 0 is any.
        missions: Satellites; none named are all four.
        not_before: Time of day and date, UTC, before which nothing is taken, within the dates of the job.
        before: ... and from which on.
        max_scenes: At most so many scenes, the earliest; 0 is all.
        table: Which tables of the files are written beside the manifest: csv, xlsx, parquet (GeoParquet).
        footprints: Whether index and manifest hold footprints.
        attempts: How often what may pass is tried for one file before the others go on without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiles: Annotated[
        tuple[Annotated[str, AfterValidator(_tile)], ...], BeforeValidator(_listed), AfterValidator(_once)
    ] = ()
    levels: Annotated[tuple[Literal["L1C", "L2A"], ...], BeforeValidator(_listed), Field(min_length=1)] = LEVELS
    l1c_bands: Annotated[
        tuple[Annotated[str, AfterValidator(_band)], ...], BeforeValidator(_listed), AfterValidator(_once)
    ] = BANDS
    l1c_tile_metadata: StrictBool = True
    l1c_product_metadata: StrictBool = True
    l2a_scl_20m: StrictBool = True
    l2a_aot_20m: StrictBool = False
    l2a_wvp_20m: StrictBool = False
    l2a_tile_metadata: StrictBool = True
    l2a_product_metadata: StrictBool = False
    l2a_bands: Annotated[tuple[_Image, ...], _LISTED, _ONCE] = ()
    cloud_min: _Percent = None
    cloud_max: _Percent = None
    min_coverage: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    baseline: Annotated[str, AfterValidator(_baseline)] = NEWEST
    orbit: StrictInt = Field(default=0, ge=0, le=143)
    missions: Annotated[tuple[Literal["S2A", "S2B", "S2C", "S2D"], ...], _LISTED, _ONCE] = ()
    not_before: Annotated[str, AfterValidator(_moment)] = ""
    before: Annotated[str, AfterValidator(_moment)] = ""
    max_scenes: StrictInt = Field(default=0, ge=0)
    table: Annotated[tuple[Literal["csv", "xlsx", "parquet"], ...], _LISTED, _ONCE] = ()
    footprints: StrictBool = True
    attempts: StrictInt = Field(default=DEFAULT_ATTEMPTS, ge=1, le=100)

    @model_validator(mode="after")
    def _makes_sense(self) -> SceneKeys:
        if self.cloud_min is not None and self.cloud_max is not None and self.cloud_min > self.cloud_max:
            raise ValueError(f"cloud_min {self.cloud_min:g} is greater than cloud_max {self.cloud_max:g}")
        for level in self.levels:
            if not self.roles(level):
                raise ValueError(f"no file of {level} is asked for; name some, or leave {level} out of levels")
        return self

    def roles(self, level: str) -> tuple[str, ...]:
        """Return the roles of the files of a level that are brought, sorted."""
        if level not in self.levels:
            return ()
        wanted = self._l1c_roles() if level == "L1C" else self._l2a_roles()
        return tuple(sorted(wanted))

    def _l1c_roles(self) -> set[str]:
        flags = {"l1c.tile_metadata": self.l1c_tile_metadata, "l1c.product_metadata": self.l1c_product_metadata}
        return {f"l1c.band.{band}" for band in self.l1c_bands} | {role for role, wanted in flags.items() if wanted}

    def _l2a_roles(self) -> set[str]:
        flags = {
            "l2a.scl_20m": self.l2a_scl_20m,
            "l2a.aot_20m": self.l2a_aot_20m,
            "l2a.wvp_20m": self.l2a_wvp_20m,
            "l2a.tile_metadata": self.l2a_tile_metadata,
            "l2a.product_metadata": self.l2a_product_metadata or bool(self.l2a_bands),
        }
        named = {f"l2a.band.{n}" if n.startswith("B") else f"l2a.{n.lower()}" for n in self.l2a_bands}
        return named | {role for role, wanted in flags.items() if wanted}


def placed_by_tile(keys: BaseModel, content: Mapping[str, Any]) -> dict[str, str]:
    """Return the name of a job that does not say it: `T33UWQ_2025-12-01_2025-12-15`."""
    tiles: tuple[str, ...] = getattr(keys, "tiles", ())
    where = "area" if not tiles else f"T{tiles[0]}" if len(tiles) == 1 else f"T{tiles[0]}-and-{len(tiles) - 1}-more"
    return {
        "base_name": "_".join(str(part) for part in (where, content.get("start_date"), content.get("end_date")) if part)
    }

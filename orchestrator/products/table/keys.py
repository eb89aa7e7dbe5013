"""What a job may say of a table: the table `[table]` of its file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

PLAIN = ("mean", "median", "min", "max", "count", "sum", "stdDev", "mode")
PERCENTILES = tuple(f"p{number}" for number in range(101))
DEFAULT_REDUCER = "mean"
_OF_FILES = ("layer", "crs", "where", "id")


def _reducers(text: str) -> str:
    names = [name.strip() for name in text.split(",")] if text else []
    for name in names:
        if name not in PLAIN and name not in PERCENTILES:
            raise ValueError(f"{name!r} is no reducer; choose of {', '.join(PLAIN)}, and p0 to p100 for percentiles")
    if len(set(names)) != len(names):
        raise ValueError("a reducer comes twice; name each once")
    return ",".join(names)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class TableKeys(BaseModel):
    """Which places, of which images, and how it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: str = ""
    polygons: str = ""
    layer: str = ""
    crs: str = ""
    where: str = ""
    id: str = ""
    collection: str = ""
    max_cloud: float = Field(default=100.0, ge=0, le=100)
    filter: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    reducer: Annotated[str, AfterValidator(_reducers)] = ""
    format: Literal["csv", "parquet", "geoparquet"] = "csv"
    keep_empty: StrictBool = False
    pixel_centres: StrictBool = False

    @model_validator(mode="after")
    def _one_kind(self) -> TableKeys:
        if self.points and self.polygons:
            raise ValueError("a table is of points or of polygons; give one of them")
        if self.reducer and not self.polygons:
            raise ValueError("a reducer is for polygons; points and pixels have values of their own")
        if not self.points and not self.polygons and (lost := [n for n in _OF_FILES if getattr(self, n)]):
            raise ValueError(f"{lost[0]} is of a file of points or polygons, and none is given")
        return self

    @property
    def at(self) -> Literal["points", "pixels", "polygons"]:
        """What its places are; without a file of them, the pixels of the area."""
        return "points" if self.points else "polygons" if self.polygons else "pixels"

    @property
    def source(self) -> str:
        """The file of points or polygons."""
        return self.points or self.polygons

    @property
    def reducers(self) -> tuple[str, ...]:
        """The reducers of polygons, in order."""
        return tuple((self.reducer or DEFAULT_REDUCER).split(","))

"""What a job may say of a cube: the table `[cube]` of its file."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator

# Asset, time in milliseconds, satellite, solar day, per cent of the area covered, per cent of cloud; and, where it is
# known, the footprint as WKT in degrees.
_Row = tuple[str, int, str, str, float | None, float | None]
ImageRow = _Row | tuple[str, int, str, str, float | None, float | None, str]
_SOURCES = ("collection", "scenes", "images")


class CubeKeys(BaseModel):
    """Which scenes, in which order, and how the cube is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: str = ""
    max_cloud: float = Field(default=100.0, ge=0, le=100)
    filter: tuple[str, ...] = ()
    scenes: str = ""
    images: tuple[ImageRow, ...] = ()
    same_day: Literal["mosaic", "apart"] = "mosaic"
    order: Literal["most-overlap", "clearest", "first"] = "most-overlap"
    format: Literal["zarr", "cog"] = "zarr"
    clip: StrictBool = True
    nodata: float | None = Field(default=None, allow_inf_nan=False)
    smooth_20m: StrictBool = False
    smooth_60m: StrictBool = False
    reduce: tuple[str, ...] = ()

    @field_validator("images", mode="before")
    @classmethod
    def _filled(cls, value: Any) -> Any:
        """Take images of which only the first four things are known."""
        if not isinstance(value, (list, tuple)):
            return value
        return [[*one, *[None] * (6 - len(one))] if isinstance(one, (list, tuple)) else one for one in value]

    @field_validator("filter", "reduce", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("reduce")
    @classmethod
    def _once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a reducer that is named twice; whether there is such a one is looked at when a cube is planned."""
        if len(set(names)) < len(names):
            raise ValueError(f"reduce names one reducer twice: {', '.join(names)}; name each once")
        return names

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} each say which scenes; give one of them")
        if given and not self.collection and self.filter:
            raise ValueError(
                "a filter is applied by Earth Engine to a collection; choose rows of the table, or give --collection "
                "(in a job file: collection) instead of it"
            )
        return self


def has_scenes_listed(keys: BaseModel) -> bool:
    """Tell whether scenes are listed, so that no dates are needed."""
    return bool(getattr(keys, "scenes", "") or getattr(keys, "images", ()))

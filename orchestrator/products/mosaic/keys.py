"""What a job may say of a mosaic: the table `[mosaic]` of its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from orchestrator.model.mosaic import OutputOptions


class MosaicKeys(BaseModel):
    """How the raster is written; see `OutputOptions`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    compress: Literal["same", "zstd", "deflate", "lzw", "none"] = "same"
    predictor: Literal["same", "none", "horizontal", "float"] = "same"
    block: int = Field(default=0, ge=0, multiple_of=16)
    overviews: Literal["auto", "parts", "average", "nearest", "none"] = "auto"
    all_touched: StrictBool = False


def declared(keys: BaseModel) -> Mapping[str, Any]:
    """Return what the table says, as fields of a `Job`."""
    return {"options": OutputOptions(**keys.model_dump())}

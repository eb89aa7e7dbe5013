"""What a job may say of chips: the table `[chips]` of its file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from orchestrator.products.enduring import DEFAULT_ATTEMPTS


class ChipKeys(BaseModel):
    """Which tiles, and how a chip of each is cut."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiles: str = ""
    width: StrictInt = Field(default=0, ge=0, le=1 << 15)
    height: StrictInt = Field(default=0, ge=0, le=1 << 15)
    outside: Literal["keep", "nodata"] = "keep"
    where: str = ""
    first: StrictInt = Field(default=0, ge=0)
    attempts: StrictInt = Field(default=DEFAULT_ATTEMPTS, ge=1, le=100)

    @model_validator(mode="after")
    def _both_sides(self) -> Self:
        if bool(self.width) != bool(self.height):
            raise ValueError("a chip of so many pixels has a width and a height; give both")
        return self

"""What a job may say of patches: the table `[patches]` of its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, model_validator

from orchestrator.core.errors import UserError
from orchestrator.packing.formats import SHARD, ShardSize

SPLITS = ("train", "val", "test")
DEFAULT_SHARES = (0.7, 0.15, 0.15)
SHARD_FORMATS = ("webdataset", "npz")
ALL = "all"
# numpy.isclose(sum, 1) with what three shares written with two digits may be off.
_OFF = 1e-3 + 1e-5
_LARGEST = 1 << 15


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no number")  # noqa: TRY004  what pydantic makes a sentence of
    return value


def _times(value: Any) -> Any:
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    if isinstance(value, str) and value.strip().lower() != ALL:
        raise ValueError(f"{value!r} is no number of times; give 2 or more, or {ALL!r}")
    return ALL if isinstance(value, str) else value


def _three(value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or len(value) != len(SPLITS):
        raise ValueError("three shares are wanted, of train, val and test; write for example 0.7,0.15,0.15")
    return value


Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]
Metres = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]


class PatchKeys(BaseModel):
    """
    Which scenes, how patches are cut, which are kept, how they are split, and how they are written.

    `stride` None is `size`; `max_ignore` None is 0.5 where there are labels; `max_cloud` None looks at no cloud;
    `block` 0 is two sides of a patch; `times` 1 is a patch of each scene.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: str = ""
    size: StrictInt = Field(default=256, ge=1, le=_LARGEST)
    stride: Annotated[StrictInt, Field(ge=1, le=_LARGEST)] | None = None
    edge: Literal["drop", "pad", "shift"] = "drop"
    min_valid: Share = 0.8
    max_ignore: Share | None = None
    max_cloud: Share | None = None
    shadow: StrictBool = False
    labels: StrictBool = True
    angles: StrictBool = False
    times: Annotated[Annotated[StrictInt, Field(ge=1)] | Literal["all"], BeforeValidator(_times)] = 1
    split_by: Literal["area", "tile", "scene"] = "area"
    shares: Annotated[tuple[Share, Share, Share], BeforeValidator(_three)] = DEFAULT_SHARES
    block: Metres = 0.0
    gap: Metres = 0.0
    seed: StrictInt = Field(default=0, ge=0)
    shuffle: StrictBool = False
    format: Literal["webdataset", "npz"] = "webdataset"
    shard_size: str = SHARD

    @model_validator(mode="after")
    def _together(self) -> Self:
        check_shares(self.shares)
        try:
            ShardSize.parse(self.shard_size)
        except UserError as error:
            raise ValueError(str(error)) from None
        if self.block and self.split_by != "area":
            raise ValueError(f"block is the side of the squares of split_by 'area', and it is {self.split_by!r}")
        if self.shadow and self.max_cloud is None:
            raise ValueError("shadow counts shadows as clouds; give max_cloud, the share of them that is kept")
        if not self.labels and self.max_ignore is not None:
            raise ValueError("max_ignore is about labels, and labels is false; leave one of them out")
        return self

    @property
    def step(self) -> int:
        """Rows, or columns, from one patch to the next."""
        return self.stride or self.size

    @property
    def shard(self) -> ShardSize:
        """The most samples or bytes of a shard."""
        return ShardSize.parse(self.shard_size)


def check_shares(shares: tuple[float, ...]) -> None:
    """
    Refuse shares of splits that do not add up to 1, to a thousandth.

    Raises:
        ValueError: They do not.
    """
    if abs(math.fsum(shares) - 1) > _OFF:
        said = ", ".join(f"{name} {share:g}" for name, share in zip(SPLITS, shares, strict=False))
        raise ValueError(
            f"the shares {said} add up to {math.fsum(shares):g}, not to 1; write for example 0.7,0.15,0.15"
        )


def placed_with_scenes(keys: BaseModel, _content: Mapping[str, Any]) -> dict[str, str]:
    """Return folder and name of a job that does not say them: `patches` in the folder of the scenes."""
    index = Path(str(getattr(keys, "index", "")) or ".")
    folder = index if index.suffix != ".json" else index.parent
    if index.suffix == ".json" and index.parts[-3:-1] == ("meta", "step2"):
        folder = index.parents[2]
    return {"output": str(folder), "base_name": "patches"}

"""
What a job may say of scenes that are made ready for training: the table `[preprocess]` of its file.

The names are those of the published configuration, so that its YAML files, our TOML and a job file are one model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

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

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.products.preprocess.normalisation.settings import NormalisationSettings
from orchestrator.safe.bands import BANDS as BANDS  # noqa: PLC0414  others take it from here

SCL_GRID = "scl_20m"
# Names of rasterio.enums.Resampling; those of them that the published configuration has.
Method = Literal["nearest", "bilinear", "cubic", "average", "mode", "max", "min", "med", "q1", "q3", "sum"]
METHODS: tuple[str, ...] = get_args(Method)
NormalizeMode = Literal["none", "compute_only", "apply_with_stats"]


def _band(name: str) -> str:
    if name not in BANDS:
        raise ValueError(f"{name!r} is no band of Level-1C; {hint(name, BANDS)}")
    return name


def _grid_ref(name: str) -> str:
    if name and name not in (SCL_GRID, *BANDS):
        raise ValueError(f"{name!r} is no grid; {hint(name, (SCL_GRID, *BANDS))}")
    return name


def _each_once(bands: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for number, name in enumerate(bands) if name in bands[:number]]:
        raise ValueError(f"{twice[0]!r} stands twice in it")
    return bands


def _or_none(value: Any) -> Any:
    """TOML has no null: an empty text or list is none."""
    return None if value in ("", []) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("true and false are no number")  # noqa: TRY004  pydantic takes no TypeError
    return value


Bands = Annotated[tuple[Annotated[str, AfterValidator(_band)], ...], AfterValidator(_each_once)]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Count = Annotated[Annotated[StrictInt, Field(ge=1)] | None, BeforeValidator(_or_none)]
# A YAML or TOML value of a path, or a `Path` from Python.
FilePath = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]


class KeyTable(BaseModel):
    """A table: a key that is not in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AngleKeys(KeyTable):
    """Which directions `angles.tif` holds, and how. `grid` is ours: pixels of the target, or the nodes themselves."""

    enabled: StrictBool = False
    include_sun: StrictBool = True
    include_view: StrictBool = True
    encode: Literal["sin_cos", "deg"] = "sin_cos"
    view_mode: Literal["per_band", "single"] = "per_band"
    view_bands: Bands = ()
    detector_aggregate: Literal["nanmean"] = "nanmean"
    output_name: str = Field(default="angles.tif", pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*\.tif$")
    grid: Literal["target", "nodes"] = "target"

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.enabled and not (self.include_sun or self.include_view):
            raise ValueError("angles of neither sun nor satellite are no angles; set include_sun or include_view")
        if self.output_name in ("x.tif", "y.tif"):
            raise ValueError(f"output_name {self.output_name!r} is another file's; the usual one is angles.tif")
        return self


class LabelKeys(KeyTable):
    """What `y.tif` holds. `path` is ours: the raster of the backend `raster`, with `{tile}` and `{sensing}` in it."""

    enabled: StrictBool = True
    backend: str = "scl"
    ignore_index: StrictInt = Field(default=255, ge=0, le=255)
    resample: Literal["nearest"] = "nearest"
    mapping: Annotated[dict[int, Annotated[StrictInt, Field(ge=0, le=255)]] | None, BeforeValidator(_or_none)] = None
    src_value_range: StrictInt = Field(default=256, ge=1, le=65536)
    path: FilePath = ""

    @model_validator(mode="after")
    def _known_classes(self) -> Self:
        if wrong := [key for key in self.mapping or {} if not 0 <= key < self.src_value_range]:
            raise ValueError(
                f"mapping names {wrong[0]}, but src_value_range is {self.src_value_range}: classes go from 0 to "
                f"{self.src_value_range - 1}"
            )
        return self


class NormalizeKeys(KeyTable):
    """How values are normalised over all scenes: a pass that counts, and one that applies."""

    mode: NormalizeMode = "none"
    stats_path: FilePath = ""
    clip_percentiles: Annotated[tuple[Number, Number] | None, BeforeValidator(_or_none)] = (1.0, 99.0)
    hist_range: tuple[Number, Number] = (-0.2, 2.0)
    hist_bin_width: Annotated[Number, Field(gt=0)] = 1e-4
    max_pixels_per_scene: Count = None
    seed: StrictInt = Field(default=0, ge=0)
    save_histograms: StrictBool = False

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        try:
            NormalisationSettings(("B02",), self.hist_range, self.hist_bin_width, self.clip_percentiles)
        except UserError as error:
            raise ValueError(str(error)) from None
        return self


class PreprocessKeys(KeyTable):
    """
    The whole configuration. `index_json`, `out_dir`, `target_grid_ref` and `l1c_bands` must be said.

    Their defaults are empty, for a job may say two of them elsewhere: `output` and `base_name`.
    """

    index_json: FilePath = ""
    out_dir: FilePath = ""
    max_scenes: Count = None
    run_id: Annotated[str, BeforeValidator(lambda value: value or "")] = ""
    target_grid_ref: Annotated[str, AfterValidator(_grid_ref)] = ""
    l1c_bands: Bands = ()
    to_toa_reflectance: StrictBool = True
    upsample_method: Method = "bilinear"
    downsample_method: Method = "average"
    valid_pixel_mask: Literal["single", "per_band"] = "single"
    angles: AngleKeys = AngleKeys()
    labels: LabelKeys = LabelKeys()
    normalize: NormalizeKeys = NormalizeKeys()
    num_workers: StrictInt = Field(default=0, ge=0, le=256)

    @property
    def writes_samples(self) -> bool:
        """Whether scenes are written; the counting pass writes none."""
        return self.normalize.mode != "compute_only"

    @property
    def has_labels(self) -> bool:
        return self.labels.enabled and self.writes_samples

    @property
    def has_angles(self) -> bool:
        return self.angles.enabled and self.writes_samples


def placed_in_folder(keys: BaseModel, content: Mapping[str, Any]) -> dict[str, str]:
    """
    Return `output` and `base_name` of a job that does not say them: the keys `out_dir` and `run_id`.

    Raises:
        ValueError: It is not said what is read, where it goes, or on which grid.
    """
    assert isinstance(keys, PreprocessKeys)  # noqa: S101  the registry's own
    for name, what in (
        ("index_json", "the index of the downloaded scenes, OUT/meta/step1/index.json (--index)"),
        ("target_grid_ref", f"whose pixels the samples have: {SCL_GRID} or a band such as B02 (--target-grid)"),
        ("l1c_bands", "which bands go into x.tif, in order, such as B02,B03,B04 (--bands)"),
    ):
        if not getattr(keys, name):
            raise ValueError(f"preprocess.{name} is missing: name {what}")
    if not (keys.out_dir or content.get("output")):
        raise ValueError("preprocess.out_dir is missing: name the folder of the samples (--out)")
    name = keys.run_id or ("preprocess" if keys.normalize.mode == "none" else f"preprocess-{keys.normalize.mode}")
    return {"base_name": name} | ({"output": keys.out_dir} if keys.out_dir else {})


def located(keys: BaseModel, base: Path) -> BaseModel:
    """
    Return the keys with the paths of their inner tables absolute, counted from `base`.

    Raises:
        UserError: A path begins with the home of nobody here.
    """
    assert isinstance(keys, PreprocessKeys)  # noqa: S101  the registry's own
    labels = keys.labels.model_copy(update={"path": _absolute(base, keys.labels.path)})
    normalize = keys.normalize.model_copy(update={"stats_path": _absolute(base, keys.normalize.stats_path)})
    return keys.model_copy(update={"labels": labels, "normalize": normalize})


def _absolute(base: Path, text: str) -> str:
    try:
        return str((base / Path(text).expanduser()).resolve()) if text else ""
    except (OSError, RuntimeError, ValueError):
        raise UserError(f"{text!r} is no path; write it from the root") from None


def declared_keys(keys: BaseModel) -> Mapping[str, Any]:
    """Return the keys as a field of a `Job`; where the result lies is said by the job's own fields."""
    return {"keys": keys.model_dump(mode="json", exclude_defaults=True, exclude={"out_dir", "run_id"})}


def preprocess_keys(content: Mapping[str, Any]) -> PreprocessKeys:
    """Return the keys that a job keeps."""
    return PreprocessKeys.model_validate(dict(content))

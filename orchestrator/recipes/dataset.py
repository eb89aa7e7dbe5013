"""`dataset`: pixels by the name of a dataset, whose dates are in the name; or of a user's own file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ee

from orchestrator.core.errors import RecipeError
from orchestrator.model.hooks import Hooks
from orchestrator.model.spec import PixelSpec
from orchestrator.model.tile_expression import PLACEHOLDER, Ring, bounds_of, folded, for_tile
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.definitions import Definition, hooks_of, load_definition
from orchestrator.recipes.file_modes import check_modes
from orchestrator.recipes.parameters import choose_bands, provenance, read_parameters
from orchestrator.recipes.pixel_types import cast, pixel_spec, spare_notes, with_spare
from orchestrator.recipes.presets.catalogue import find
from orchestrator.recipes.presets.expressions import scenes
from orchestrator.recipes.presets.preset import Preset
from orchestrator.recipes.python_file import read_python

NAME = "dataset"
_TRIED = 64  # of very many tiles
_HALF = 0.005  # degrees: half a side of a tile that is tried


@dataclass(frozen=True, slots=True)
class DatasetParameters:
    """
    Which dataset.

    Attributes:
        name: Of one that `orchestrator dataset list` tells, with its year, e.g. `s2-2020`; with `file`, what the
            dataset of the file shall be called.
        file: Path of a Python file of your own, with a class `DatasetDefinition` or a function `get_ee_image`; the
            bands of its image are named with `--bands`.
        dtype: Number type of a file's image; empty for what its `get_dtype` says, else float32. Without `nodata`, bytes
            and uint16 are stored in the next wider type: they leave no number for masked pixels.
        image_dtype: Type of the numbers of a file's image, where `dtype` is that wider one.
        nodata: Value of masked pixels of a file's image; the default is outside what the type usually holds.
        attribution: What must be said of a file's sources; written into the result and its proof.
        licence: Under which terms they may be used: a name or an address; written into the proof.
    """

    name: str = ""
    file: str = ""
    dtype: str = ""
    image_dtype: str = ""
    nodata: str = ""
    attribution: str = ""
    licence: str = ""


class Dataset:
    """See the module."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        params = self._parameters(request)
        if not params.file:
            preset = _preset(params)
            return preset.spec(choose_bands(f"{NAME} {preset.name}", request.bands, preset.bands, preset.bands))
        if not request.bands:
            raise RecipeError(f"recipe {NAME} needs the names of the bands of {params.file}, in order: --bands NAME,..")
        dtype, image_dtype = _types(params)
        return pixel_spec(request.bands, dtype, params.nodata, image_dtype)

    def image(self, request: ImageRequest) -> Any:
        """Return the image; that of a file for several tiles has a place for the polygon of each, if it needs it."""
        params = self._parameters(request)
        if not params.file:
            preset = _preset(params)
            return ee.Image(preset.build(request.region, request.bands or preset.bands))
        definition = _definition(params)
        if request.tiles:
            image = _for_any_tile(definition, request.tiles, request.region)
        else:
            image = definition.image(_outline(request.region))
        return cast(image, request.bands, *_types(params, definition))

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        params = self._parameters(request)
        counted = [] if params.file else [one for one in _preset(params).sources if one.counted and one.period]
        return [
            (
                f"{one.asset} over the area from {one.period.start} to {one.period.end}",
                scenes(one.asset, request.region, one.period).size(),
            )
            for one in counted
            if one.period
        ]

    def pins(self, request: ImageRequest) -> dict[str, str]:
        file = self._parameters(request).file
        return {"code": read_python(file, NAME).sha256} if file else {}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        params = self._parameters(request)
        told = provenance(NAME, params, params.attribution, params.licence)
        if not params.file:
            return told | facts_of(_preset(params))
        definition = _definition(params)
        dtype, image_dtype = _types(params, definition)
        of_image = {"image_dtype": image_dtype} if image_dtype != dtype else {}
        return told | of_image | {"dataset": definition.name, "code_sha256": self.pins(request)["code"]}

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  years are in the name
        return None

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        params = self._parameters(request)
        if not params.file:
            return _preset(params).notes()
        notes = check_modes(Path(params.file))
        dtype, image_dtype = _types(params)
        return (*notes, *spare_notes(dtype, params.nodata, image_dtype))

    def hooks(self, request: ImageRequest) -> Hooks:
        """Return the functions of the dataset that are called beside its pixels."""
        params = self._parameters(request)
        return hooks_of(params.name, params.file)

    def _parameters(self, request: ImageRequest) -> DatasetParameters:
        return read_parameters(DatasetParameters, request.params, NAME)


def facts_of(preset: Preset) -> dict[str, Any]:
    """Return what a result should say of a dataset by name: sources, terms, classes, size of their pixels."""
    return {
        "dataset": preset.name,
        "sources": [
            {"asset": one.asset}
            | ({"start": one.period.start.isoformat(), "end": one.period.end.isoformat()} if one.period else {})
            for one in preset.sources
        ],
        "attribution": preset.attribution,
        "licence": preset.licence,
        "scale": preset.scale,
        "classes": [asdict(one) for one in preset.classes],
        "value_map": {str(value): number for value, number in preset.value_map.items()},
        "breaks": list(preset.breaks),
    }


def _preset(params: DatasetParameters) -> Preset:
    if not params.name:
        raise RecipeError(
            f"recipe {NAME} needs a name: --param name=s2-2020 (`orchestrator dataset list` tells which there are), or "
            "a Python file of your own: --param file=PATH"
        )
    return find(params.name)


def _definition(params: DatasetParameters) -> Definition:
    return load_definition(params.file, params.name)


def _types(params: DatasetParameters, definition: Definition | None = None) -> tuple[str, str]:
    """Return the number type in which a file's image is stored, and that of its numbers."""
    if params.dtype:
        return params.dtype, params.image_dtype or params.dtype
    image = (definition or _definition(params)).dtype or "float32"
    return (image if params.nodata else with_spare(image)), image


def _for_any_tile(definition: Definition, tiles: Sequence[Ring], region: Mapping[str, Any]) -> Any:
    """
    Return the image of a file, with a place for the polygon of a tile where it depends on that.

    Raises:
        RecipeError: It depends on the tile in another way: the file decides in Python, or computes with its corners.
    """
    if not definition.takes_tile:
        return definition.image(tiles[0])
    try:
        image = definition.image(PLACEHOLDER)
    except RecipeError as error:
        definition.image(tiles[0])  # what fails for a true tile, too, is told as it is
        raise RecipeError(f"{error} (of the polygon that stands for every tile). {_how(definition)}") from None
    expression = _expression(image)
    for ring in (_amid(region), *_tried(tiles)):
        if for_tile(expression, ring) != folded(_expression(definition.image(ring))):
            raise RecipeError(_how(definition))
    return image


def _how(definition: Definition) -> str:
    return (
        f"The image of {definition.file.path} depends on the tile by more than its polygon, and it is made once for "
        "all tiles: use tile_geometry only as a geometry of Earth Engine (its coordinates or bounds), and decide and "
        "compute with functions of ee, such as ee.Algorithms.If(geometry.intersects(...), image, other)"
    )


def _tried(tiles: Sequence[Ring]) -> list[Ring]:
    """Return all tiles where they are few; else some from first to last, and the outermost of all four sides."""
    if len(tiles) <= _TRIED:
        return list(tiles)
    some = {number * (len(tiles) - 1) // (_TRIED - 1) for number in range(_TRIED)}
    bounds = [bounds_of(ring) for ring in tiles]
    for side, farthest in enumerate((min, min, max, max)):
        some.add(farthest(range(len(tiles)), key=lambda number: bounds[number][side]))
    return [tiles[number] for number in sorted(some)]


def _outline(region: Mapping[str, Any]) -> Ring:
    """Return the corners of an area that is one polygon, else those of its envelope."""
    import shapely  # noqa: PLC0415

    shape = shapely.geometry.shape(dict(region))
    outer = shape.exterior if isinstance(shape, shapely.Polygon) else shapely.box(*shape.bounds).exterior
    return tuple((lon, lat) for lon, lat, *_ in outer.coords)


def _amid(region: Mapping[str, Any]) -> Ring:
    """Return a small kite in the middle of an area."""
    import shapely  # noqa: PLC0415

    middle = shapely.geometry.shape(dict(region)).centroid
    lon, lat = middle.x, middle.y
    west, south = (lon - _HALF, lat - _HALF * 0.11), (lon + _HALF * 0.07, lat - _HALF * 0.9)
    return (west, south, (lon + _HALF * 0.8, lat + _HALF * 0.13), (lon - _HALF * 0.03, lat + _HALF * 0.95), west)


def _expression(image: Any) -> str:
    return json.dumps(ee.serializer.encode(image, for_cloud_api=True))

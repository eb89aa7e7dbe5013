"""Makes an argument into what its declared type asks for, as Earth Engine promotes numbers to images and so on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from orchestrator.sandbox.earthengine.evaluate.arrays import Array, made
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.images import constant_image
from orchestrator.sandbox.earthengine.evaluate.kernels import Kernel
from orchestrator.sandbox.earthengine.evaluate.learning import Classifier, Clusterer
from orchestrator.sandbox.earthengine.evaluate.limits import whole
from orchestrator.sandbox.earthengine.evaluate.moments import moment
from orchestrator.sandbox.earthengine.evaluate.projection import Projection, checked_transform
from orchestrator.sandbox.earthengine.evaluate.registry import Parameter
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import (
    Algorithm,
    Collection,
    Date,
    DateRange,
    ErrorMargin,
    Feature,
    Image,
    geometry_of,
)
from orchestrator.sandbox.scenes.catalogue import PixelType


def coerced(function: str, parameter: Parameter, value: Any) -> Any:
    """
    Promote a value to the declared type of its parameter; null stays null.

    Raises:
        EvaluationError: With the service's sentence if it cannot be promoted.
    """
    if value is None:
        return None
    kind = parameter.type.partition("<")[0]
    if kind == "List" and isinstance(value, Array) and function != "Image.remap":
        raise not_imitated(f"{function}: an array in place of a list")
    promote = _PROMOTIONS.get(kind)
    promoted = told(value) if promote is None else promote(told(value))
    if promoted is None:
        raise EvaluationError(
            f"{function}, argument '{parameter.name}': Invalid type.\n"
            f"Expected type: {parameter.type}.\nActual type: {type_name(value)}."
        )
    return promoted


def type_name(value: Any) -> str:
    """Name the type of a value as the service does."""
    if isinstance(value, Image):
        return f"Image<[{', '.join(value.names)}]>" if value.bands else "Image (no bands)"
    if isinstance(value, Collection):
        return value.kind
    names = ((bool, "Boolean"), (int, "Integer"), (float, "Float"), (str, "String"), (list, "List<Object>"))
    return next((name for kind, name in names if isinstance(value, kind)), type(value).__name__)


def _image(value: Any) -> Image | None:
    if isinstance(value, Image):
        return value
    return constant_image(value) if isinstance(value, (int, float, Array)) else None


def _number(value: Any) -> Any:
    if isinstance(value, int):
        whole("A number", value)
    return value if isinstance(value, (int, float)) else None


def _integer(value: Any) -> int | None:
    return whole("An integer", value) if isinstance(value, (int, float)) else None


def _geometry(value: Any) -> Geometry | None:
    if isinstance(value, Geometry):
        return value
    if isinstance(value, (Image, Feature)):
        return geometry_of(value)
    return None


def _element(value: Any) -> Any:
    if isinstance(value, (Image, Feature, Collection)):
        return value
    return Feature(value) if isinstance(value, Geometry) else None


def _collection(value: Any) -> Collection | None:
    if isinstance(value, Collection):
        return value
    if isinstance(value, (Feature, Image, Geometry)):
        return Collection(lambda: [_element(value)], kind="FeatureCollection")
    return None


def _projection(value: Any) -> Projection | None:
    if isinstance(value, Projection):
        return value
    if isinstance(value, dict) and "crs" in value:
        return Projection(value["crs"], checked_transform(value.get("transform", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))))
    return Projection(value) if isinstance(value, str) else None


def _date(value: Any) -> Date | None:
    return moment(value) if isinstance(value, (Date, str, int, float)) else None


def _margin(value: Any) -> ErrorMargin | None:
    if isinstance(value, ErrorMargin):
        return value
    if isinstance(value, dict):
        return ErrorMargin(value.get("value"), value.get("unit", "meters"))
    return ErrorMargin(value) if isinstance(value, (int, float)) and not math.isnan(value) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _array(value: Any) -> Array | None:
    return made(value) if isinstance(value, (Array, int, float, list)) else None


def _instance(*kinds: type) -> Callable[[Any], Any]:
    return lambda value: value if isinstance(value, kinds) else None


_PROMOTIONS: dict[str, Callable[[Any], Any]] = {
    "Image": _image,
    "Float": _number,
    "Number": _number,
    "Integer": _integer,
    "Long": _integer,
    "String": _instance(str),
    "Geometry": _geometry,
    "Element": _element,
    "Feature": _element,
    "FeatureCollection": _collection,
    "ImageCollection": _collection,
    "Projection": _projection,
    "Date": _date,
    "DateRange": _instance(DateRange),
    "ErrorMargin": _margin,
    "List": _list,
    "Dictionary": _instance(dict),
    "Algorithm": _instance(Algorithm),
    "Kernel": _instance(Kernel),
    "Classifier": _instance(Classifier),
    "Clusterer": _instance(Clusterer),
    "Array": _array,
    "PixelType": _instance(PixelType),
}

"""Writes values as the JSON that `value:compute` answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from orchestrator.sandbox.earthengine.evaluate import pixel_types
from orchestrator.sandbox.earthengine.evaluate.arrays import Array
from orchestrator.sandbox.earthengine.evaluate.confusion import ConfusionMatrix
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.extent import bounded
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.projection import Projection
from orchestrator.sandbox.earthengine.evaluate.untold import told
from orchestrator.sandbox.earthengine.evaluate.values import (
    ID,
    INDEX,
    MAX_ELEMENTS,
    Collection,
    Date,
    DateRange,
    ErrorMargin,
    Feature,
    Image,
    ImageBand,
    too_many,
)
from orchestrator.sandbox.scenes.catalogue import PixelType


def encoded(value: Any) -> Any:
    """
    Write a value as JSON.

    Raises:
        EvaluationError: If it has no JSON form (functions, filters, joins, reducers), or is too large or too deep.
    """
    return _written(bounded(value))


def _written(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, (float, np.floating)):
        return _number(float(value))
    if isinstance(value, (np.integer, np.bool_)):
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in value.items()}
    told(value)
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    raise EvaluationError(f"Unable to encode a value of type {type(value).__name__} as JSON.")


def _number(value: float) -> Any:
    # JSON knows no infinity; the service writes such numbers as text.
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _image(image: Image) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": "Image", "bands": [_band(band) for band in image.bands]}
    if (own := image.properties.get(ID, image.asset_id)) is not None:
        answer["id"] = _written(own)
    properties = {key: _written(value) for key, value in image.properties.items() if key != ID}
    if image.footprint is not None and "system:footprint" not in properties:
        properties["system:footprint"] = image.footprint.geojson()
    if properties:
        answer["properties"] = properties
    return answer


def _band(band: ImageBand) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": band.name, "data_type": pixel_type(band.type)}
    if band.shape is not None:
        answer["dimensions"] = [band.shape[1], band.shape[0]]
    answer["crs"] = band.projection.crs
    answer["crs_transform"] = [_written(float(value)) for value in band.projection.transform]
    return answer


def pixel_type(kind: PixelType) -> dict[str, Any]:
    """Write a pixel type."""
    answer: dict[str, Any] = {"type": "PixelType", "precision": kind.precision}
    if kind.precision == "int":
        low, high = pixel_types.bounds(kind)
        answer.update(min=_written(float(low)), max=_written(float(high)))
    elif kind.minimum is not None and kind.maximum is not None:
        answer.update(min=_written(float(kind.minimum)), max=_written(float(kind.maximum)))
    if kind.dimensions:
        answer["dimensions"] = kind.dimensions
    return answer


def _feature(feature: Feature) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "type": "Feature",
        "geometry": None if feature.geometry is None else feature.geometry.geojson(),
        "properties": {key: _written(value) for key, value in feature.properties.items() if key != INDEX},
    }
    if feature.properties.get(INDEX) is not None:
        answer["id"] = _written(feature.properties[INDEX])
    return answer


def _collection(collection: Collection) -> dict[str, Any]:
    if len(elements := collection.elements()) > MAX_ELEMENTS:
        raise too_many()
    features = [_written(element) for element in elements]
    answer: dict[str, Any] = {"type": collection.kind}
    if collection.kind == "ImageCollection":
        answer["bands"] = []  # as the reference shows an empty one, which has no list of features
    if features or collection.kind != "ImageCollection":
        answer["features"] = features
    if (own := collection.properties.get(ID)) is not None:
        answer["id"] = _written(own)
    if properties := {key: value for key, value in collection.properties.items() if key != ID}:
        answer["properties"] = _written(properties)
    return answer


def _projection(projection: Projection) -> dict[str, Any]:
    transform = [_written(float(value)) for value in projection.transform]
    return {"type": "Projection", "crs": projection.crs, "transform": transform}


def _date_range(span: DateRange) -> dict[str, Any]:
    if span.start_ms is None or span.end_ms is None:
        raise not_imitated("The JSON of a range of dates without bounds")
    return {"type": "DateRange", "dates": [span.start_ms, span.end_ms]}


def _margin(margin: ErrorMargin) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": "ErrorMargin", "unit": margin.unit}
    return answer if margin.value is None else {**answer, "value": _written(margin.value)}


_WRITERS: dict[type, Callable[[Any], Any]] = {
    Image: _image,
    Feature: _feature,
    Collection: _collection,
    Geometry: Geometry.geojson,
    Projection: _projection,
    PixelType: pixel_type,
    Array: lambda array: _written(array.values.tolist()),
    ConfusionMatrix: lambda matrix: _written(matrix.counts.values.tolist()),
    Date: lambda date: {"type": "Date", "value": date.ms},
    DateRange: _date_range,
    ErrorMargin: _margin,
}

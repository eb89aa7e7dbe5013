"""A request for pixels as a value: what was asked, checked, with everything but the grid folded into the expression."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine import schema
from orchestrator.sandbox.earthengine.evaluate import RequestedGrid
from orchestrator.sandbox.earthengine.evaluate.projection import parse_crs
from orchestrator.sandbox.earthengine.exports import call, wrapped
from orchestrator.sandbox.web import ApiError, ProtocolViolation, not_imitated

AFFINE_NAMES = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
# A request that names no format gets a picture.
PICTURES = frozenset({"AUTO_JPEG_PNG", "PNG", "JPEG"})
FORMATS = PICTURES | {"GEO_TIFF", "NPY"}


@dataclass(frozen=True, slots=True)
class PixelOrder:
    """
    What pixels are wanted.

    Attributes:
        expression: Evaluates to an image of the wanted bands, stretched to colours where that was asked.
        grid: Where; None is the image's own grid.
        format: One of `FORMATS`.
    """

    expression: Mapping[str, Any]
    grid: RequestedGrid | None
    format: str


def computed(body: Mapping[str, Any]) -> PixelOrder:
    """
    Check and read the body of `image:computePixels`.

    Raises:
        ProtocolViolation: What Earth Engine would refuse.
        ApiError: 400 for what is not imitated.
    """
    schema.check(body, schema.COMPUTE_PIXELS)
    if "expression" not in body:
        raise ProtocolViolation("Expression required.")
    return _order(body["expression"], body, read_grid(body.get("grid") or {}))


def stored(asset_id: str, body: Mapping[str, Any]) -> PixelOrder:
    """
    Check and read the body of an asset's `getPixels`.

    Raises:
        ProtocolViolation: What Earth Engine would refuse.
        ApiError: 400 for what is not imitated.
    """
    schema.check(body, schema.GET_PIXELS)
    image = {"result": "image", "values": {"image": call("Image.load", id={"constantValue": asset_id})}}
    grid, region = body.get("grid") or {}, body.get("region")
    if not region:
        return _order(image, body, read_grid(grid))
    return _order(_cut(image, region, grid), body, None)


def _order(expression: Mapping[str, Any], body: Mapping[str, Any], grid: RequestedGrid | None) -> PixelOrder:
    kind = body.get("fileFormat") or "AUTO_JPEG_PNG"
    if kind not in FORMATS:
        raise not_imitated(f"pixels in the format {kind}")
    expression = with_bands(expression, body.get("bandIds"))
    look = body.get("visualizationOptions")
    if look or kind in PICTURES:
        expression = wrapped(expression, visualized(expression, look or {}))
    return PixelOrder(expression, grid, kind)


def with_bands(expression: Mapping[str, Any], bands: Any) -> Mapping[str, Any]:
    """Fold the choice of bands; nothing is all of them."""
    if not bands:
        return expression
    selectors = {"constantValue": bands}
    return wrapped(expression, call("Image.select", input=_result(expression), bandSelectors=selectors))


def _result(expression: Mapping[str, Any]) -> dict[str, Any]:
    return {"valueReference": expression["result"]}


def visualized(expression: Mapping[str, Any], look: Mapping[str, Any]) -> dict[str, Any]:
    """Fold the options of a picture as the client folds the parameters of a thumbnail."""
    ranges = look.get("ranges") or []
    options = {
        "min": [each.get("min", 0) for each in ranges] or None,
        "max": [each.get("max", 0) for each in ranges] or None,
        "gamma": look.get("gamma"),
        "opacity": look.get("opacity"),
        "palette": look.get("paletteColors") or None,
    }
    given = {name: {"constantValue": value} for name, value in options.items() if value is not None}
    return call("Image.visualize", image=_result(expression), **given)


def read_grid(grid: Mapping[str, Any]) -> RequestedGrid | None:
    """
    Read a grid; an empty one is none.

    Raises:
        ProtocolViolation: If there is no such grid.
        ApiError: 400 for a grid that is given in part.
    """
    size, transform, crs = _dimensions(grid), _transform(grid), _crs(grid)
    if size is None and transform is None and crs is None:
        return None
    if size is None or transform is None or crs is None:
        raise not_imitated("a grid that lacks one of 'dimensions', 'affineTransform' and 'crsCode'")
    return RequestedGrid(crs, transform, *size)


def _dimensions(grid: Mapping[str, Any]) -> tuple[int, int] | None:
    """Read (height, width)."""
    if not (size := grid.get("dimensions")):
        return None
    height, width = int(size.get("height", 0)), int(size.get("width", 0))
    if height < 1 or width < 1:
        raise ProtocolViolation(f"Pixel grid dimensions ({width}x{height}) must be positive.")
    return height, width


def _transform(grid: Mapping[str, Any]) -> tuple[float, float, float, float, float, float] | None:
    if not (affine := grid.get("affineTransform")):
        return None
    a, b, c, d, e, f = (float(affine.get(name) or 0) for name in AFFINE_NAMES)
    if not all(map(math.isfinite, (a, b, c, d, e, f))) or a * e - b * d == 0:
        numbers = ", ".join(f"{value:g}" for value in (a, b, c, d, e, f))
        raise ProtocolViolation(f"Invalid affine transform: [{numbers}] cannot be inverted.")
    return a, b, c, d, e, f


def _crs(grid: Mapping[str, Any]) -> str | None:
    """
    Read the CRS, a code or well-known text.

    Raises:
        EvaluationError: With the service's sentence if it is none.
    """
    code, text = grid.get("crsCode"), grid.get("crsWkt")
    if code and text:
        raise ProtocolViolation("Invalid value at 'grid' (oneof), oneof field 'crs' is already set.")
    if code or text:
        parse_crs(code or text or "")
    return code or text or None


def _cut(image: Mapping[str, Any], region: Any, grid: Mapping[str, Any]) -> dict[str, Any]:
    """
    Fold a region: its bounding box in the grid's CRS, or in the image's own, stretched over the dimensions if given.

    Source: the description of `region` in the REST reference of `assets.getPixels`.
    """
    size, transform, crs = _dimensions(grid), _transform(grid), _crs(grid)
    if crs is None and transform is not None:
        raise not_imitated("a region with a grid that has no 'crsCode'")
    if crs is not None and transform is None and size is None:
        raise not_imitated("a region with a grid that is only a 'crsCode'")
    if crs is not None:
        lattice = call("Projection", crs={"constantValue": crs})
        numbers = {"crsTransform": {"constantValue": list(transform)}} if transform else {}
        node = call("Image.setDefaultProjection", image=_result(image), crs=lattice, **numbers)
        image = wrapped(image, node)
    sides = {"height": {"constantValue": size[0]}, "width": {"constantValue": size[1]}} if size else {}
    box = call("Image.clipToBoundsAndScale", input=_result(image), geometry=_geometry(region), **sides)
    return wrapped(image, box)


def _geometry(region: Any) -> dict[str, Any]:
    """Read a GeoJSON geometry."""
    kind = region.get("type") if isinstance(region, dict) else None
    if kind is None or not isinstance(region.get("coordinates"), list):
        raise ProtocolViolation("Invalid value at 'region': not a GeoJSON geometry.")
    if kind not in ("Polygon", "MultiPolygon"):
        raise not_imitated(f"a region that is a {kind}")
    return call(
        f"GeometryConstructors.{kind}",
        coordinates={"constantValue": region["coordinates"]},
        geodesic={"constantValue": False},
        evenOdd={"constantValue": True},
    )


def refusal_of_unbounded() -> ApiError:
    """Refuse an image without a grid of its own: the pixels that the service would send are not documented."""
    return not_imitated("pixels of an unbounded image without a 'grid'")

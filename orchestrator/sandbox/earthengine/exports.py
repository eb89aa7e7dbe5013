"""An image export as a value: what was asked, checked with Earth Engine's own sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.earthengine import order, schema
from orchestrator.sandbox.earthengine.order import Destination
from orchestrator.sandbox.web import ProtocolViolation, not_imitated

DEFAULT_MAX_PIXELS = 100_000_000
DEFAULT_SHARD_SIZE = 256
MAX_FILE_SIDE = 131_072
MAX_FILE_BYTES = 17_179_869_184  # before compression
DEFAULT_FILE_BYTES = 2**32  # the side of a file that nobody chose holds about this many bytes
PLAIN = "{row:010d}-{col:010d}.tif"
DASHED = "-" + PLAIN


@dataclass(frozen=True, slots=True)
class ImageExport:
    """
    Attributes:
        file_size: (height, width) in pixels asked for each file, or None.
        shard_size: Side of the tiles that are computed one by one, and of the TIFF's blocks.
        no_data: Value of masked pixels, or None.
    """

    expression: Mapping[str, Any]
    description: str
    destination: Destination
    cloud_optimized: bool
    file_size: tuple[int, int] | None
    shard_size: int
    skip_empty: bool
    no_data: float | None
    max_pixels: int
    priority: int
    request_id: str


def read(body: Mapping[str, Any]) -> ImageExport:
    """
    Check and read the body of `image:export`.

    Raises:
        ProtocolViolation: What Earth Engine would refuse.
        ApiError: 400 for a destination or format that is not imitated.
    """
    schema.check(body, schema.IMAGE_EXPORT)
    asset, options = order.whereto(body)
    if not asset and (kind := options.get("fileFormat")) != "GEO_TIFF":
        raise not_imitated(f"image exports in the format {kind}")
    tiff = options.get("geoTiffOptions") or {}
    expression = body["expression"]
    return ImageExport(
        expression=in_grid(expression, body["grid"]) if body.get("grid") else expression,
        description=order.description(body.get("description", "")),
        destination=order.asset(asset) if asset else order.destination(options),
        cloud_optimized=bool(tiff.get("cloudOptimized")),
        file_size=_file_size(tiff),
        shard_size=_shard_size(tiff),
        skip_empty=bool(tiff.get("skipEmptyFiles")),
        no_data=None if not tiff.get("noData") else float(tiff["noData"]["floatValue"]),
        max_pixels=order.wrapped(body, "maxPixels", DEFAULT_MAX_PIXELS),
        priority=order.priority(body),
        request_id=order.request_id(body.get("requestId", "")),
    )


def _shard_size(tiff: Mapping[str, Any]) -> int:
    size = order.wrapped(tiff, "tileSize", DEFAULT_SHARD_SIZE)
    if size <= 0:
        raise ProtocolViolation(f"Shard size must be positive, got {size}.")
    return size


def _file_size(tiff: Mapping[str, Any]) -> tuple[int, int] | None:
    asked = tiff.get("tileDimensions")
    if not asked:
        return None
    size, shard = (int(asked.get("height", 0)), int(asked.get("width", 0))), _shard_size(tiff)
    for side in size:
        if side <= 0 or side % shard:
            raise ProtocolViolation(f"File dimensions must be a positive multiple of shardSize ({shard}), got {side}.")
        if side > MAX_FILE_SIDE:
            raise ProtocolViolation(f"File dimensions must be at most {MAX_FILE_SIDE}, got {side}.")
    return size


def file_side(bytes_per_pixel: int, shard_size: int) -> int:
    """
    Choose the side of a file when the export names none: the least multiple of `shard_size` that holds 2^32 bytes.

    The rule reproduces the sides seen in public file names (32768 for 4 bytes a pixel, 23296 for 8, 6912 for 96).
    """
    return shard_size * math.ceil(math.sqrt(DEFAULT_FILE_BYTES / bytes_per_pixel) / shard_size)


@dataclass(frozen=True, slots=True)
class FileWindow:
    """A file of an export: its name and its pixels in the whole image."""

    name: str
    row: int
    col: int
    height: int
    width: int


def files(
    prefix: str, height: int, width: int, file_height: int, file_width: int, *, form: str
) -> Iterator[FileWindow]:
    """
    Yield the files of an image, row by row; a single file has no offsets in its name.

    `form` is what follows the prefix, with `row` and `col` to be filled in; a folder is followed by no dash.
    """
    form = form.removeprefix("-") if prefix.endswith("/") else form
    single = file_height >= height and file_width >= width
    for row in range(0, height, file_height):
        for col in range(0, width, file_width):
            name = f"{prefix}.tif" if single else prefix + form.format(row=row, col=col)
            yield FileWindow(name, row, col, min(file_height, height - row), min(file_width, width - col))


def in_grid(expression: Mapping[str, Any], grid: Mapping[str, Any]) -> dict[str, Any]:
    """
    Fold a request's `grid` into its expression as the client folds `crs`, `crsTransform` and `dimensions`.

    Raises:
        ProtocolViolation: If the grid is not complete.
    """
    affine, size, crs = grid.get("affineTransform"), grid.get("dimensions"), grid.get("crsCode")
    if not affine or not size or not crs:
        raise ProtocolViolation("A grid needs 'dimensions', 'affineTransform' and 'crsCode' in this sandbox.")
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    on_grid = call(
        "Image.reproject",
        image={"valueReference": expression["result"]},
        crs=call("Projection", crs={"constantValue": crs}),
        crsTransform={"constantValue": [affine.get(name, 0) for name in names]},
    )
    box = call(
        "GeometryConstructors.Rectangle",
        coordinates={"constantValue": [0, 0, int(size["width"]), int(size["height"])]},
        crs=call("Image.projection", image=on_grid),
        geodesic={"constantValue": False},
        evenOdd={"constantValue": True},
    )
    return wrapped(expression, call("Image.clipToBoundsAndScale", input=on_grid, geometry=box))


def wrapped(expression: Mapping[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """Give the expression whose result is `node`, which refers to the result of `expression`."""
    result = "grid"
    while result in expression["values"]:
        result += "_"
    return {"result": result, "values": {**expression["values"], result: node}}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """Write the call of an algorithm as a node of an expression graph."""
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}

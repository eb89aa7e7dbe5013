"""Grids of images: default projections, reprojection, resampling, and what an export asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import shapely

from orchestrator.sandbox.earthengine.evaluate import sphere
from orchestrator.sandbox.earthengine.evaluate.errors import EvaluationError, not_imitated
from orchestrator.sandbox.earthengine.evaluate.geometry import Geometry
from orchestrator.sandbox.earthengine.evaluate.interpolation import InterpolatedNode
from orchestrator.sandbox.earthengine.evaluate.nodes import ReprojectedNode
from orchestrator.sandbox.earthengine.evaluate.projection import (
    DEFAULT_PROJECTION,
    Grid,
    Projection,
    checked_transform,
)
from orchestrator.sandbox.earthengine.evaluate.registry import function
from orchestrator.sandbox.earthengine.evaluate.values import ErrorMargin, Image


def chosen_projection(
    name: str, projection: Projection, transform: list[Any] | None, scale: float | None
) -> Projection:
    """
    Give the lattice that (crs, crsTransform, scale) ask for.

    Raises:
        EvaluationError: If transform and scale are both given, or the transform is not six numbers.
    """
    if transform is not None and scale is not None:
        raise EvaluationError(f"{name}: Cannot specify both 'crsTransform' and 'scale'.")
    if transform is not None:
        if len(transform) != 6:
            raise EvaluationError(f"{name}: crsTransform must have 6 elements, found {len(transform)}.")
        return Projection(projection.crs, checked_transform(transform))
    return projection if scale is None else projection.at_scale(scale)


@function("Image.reproject")
def reproject(image: Image, crs: Projection, transform: list[Any] | None, scale: float | None) -> Image:
    lattice = chosen_projection("Image.reproject", crs, transform, scale)
    return image.with_bands(
        replace(band, node=ReprojectedNode(band.node, lattice), projection=lattice, shape=None) for band in image.bands
    )


@function("Image.setDefaultProjection")
def set_default_projection(image: Image, crs: Projection, transform: list[Any] | None, scale: float | None) -> Image:
    lattice = chosen_projection("Image.setDefaultProjection", crs, transform, scale)
    return replace(
        image.with_bands(replace(band, projection=lattice, shape=None) for band in image.bands), asset_id=None
    )


@function("Image.resample")
def resample(image: Image, mode: str) -> Image:
    if mode not in {"bilinear", "bicubic"}:
        raise EvaluationError(f"Image.resample: Invalid resampling mode: '{mode}'.")
    bands = []
    for band in image.bands:
        # A composite keeps one degree of WGS 84 as its projection, where there is nothing to interpolate.
        plain = band.projection == DEFAULT_PROJECTION
        node = band.node if plain else InterpolatedNode(band.node, band.projection, mode)
        bands.append(replace(band, node=node))
    return image.with_bands(bands)


@function("Image.projection")
def projection(image: Image) -> Projection:
    if not image.bands:
        raise EvaluationError("Image.projection: The image has no bands.")
    if len({band.projection for band in image.bands}) > 1:
        raise EvaluationError(
            "Image.projection: The bands of the specified image contain different projections. "
            "Use Image.select to pick a single band."
        )
    return image.bands[0].projection


@function("Image.clipToBoundsAndScale")
def clip_to_bounds_and_scale(
    image: Image,
    geometry: Geometry | None,
    width: int | None,
    height: int | None,
    max_dimension: int | None,
    scale: float | None,
) -> Image:
    region = geometry if geometry is not None else image.footprint
    if not image.bands:
        raise EvaluationError("Image.clipToBoundsAndScale: The image has no bands.")
    if region is None:
        raise EvaluationError("Unable to export unbounded image.")
    base = image.bands[0].projection
    if scale is not None:
        grid = region.grid_on(base.at_scale(scale).north_up())
    elif width is not None or height is not None or max_dimension is not None:
        grid = _fitted(region, base, width, height, max_dimension)
    else:
        grid = region.grid_on(base)
    bands = [
        replace(
            band,
            node=ReprojectedNode(band.node, grid.projection, grid),
            projection=Projection(grid.crs, grid.transform),
            shape=grid.shape,
        )
        for band in image.bands
    ]
    # The answer covers the rectangle of the grid, not the geometry.
    outline = Geometry(grid.outline(), Projection(grid.crs))
    return replace(image.with_bands(bands), grid=grid, footprint=outline, asset_id=None)


def _fitted(region: Geometry, base: Projection, width: int | None, height: int | None, longest: int | None) -> Grid:
    """Stretch `width` x `height` pixels over the bounding box of the region; what is not given keeps pixels square."""
    x0, y0, x1, y1 = region.in_crs(base.crs).bounds
    across, down = x1 - x0, y1 - y0
    if across <= 0 or down <= 0:
        raise EvaluationError("Image.clipToBoundsAndScale: The geometry has no area.")
    if longest is not None:
        size = max(across, down) / longest
        width, height = max(1, round(across / size)), max(1, round(down / size))
    elif width is None and height is not None:
        width = max(1, round(across * height / down))
    elif height is None and width is not None:
        height = max(1, round(down * width / across))
    assert width is not None  # noqa: S101 - one of the branches above gave it
    assert height is not None  # noqa: S101 - one of the branches above gave it
    lattice = Projection(base.crs, (across / width, 0.0, x0, 0.0, -down / height, y1))
    return Grid(lattice, 0, 0, height, width)


@function("Image.geometry", "Element.geometry", "Feature.geometry")
def footprint(
    element: Any, margin: ErrorMargin | None, projection: Projection | None, geodesics: bool | None
) -> Geometry:
    found = element.footprint if isinstance(element, Image) else getattr(element, "geometry", None)
    if found is None and not isinstance(element, Image):
        raise not_imitated("The geometry of an element that has none")
    if found is None:
        return Geometry(shapely.box(-180, -90, 180, 90))
    if projection is None:
        return found
    if geodesics is None:
        geodesics = found.geodesic
    if geodesics and projection != found.projection:
        raise not_imitated("Feature.geometry: shortest ways as edges in another projection")
    if geodesics:
        return found
    shape = sphere.in_projection("Feature.geometry", found, projection, sphere.tolerance(margin))
    return Geometry(shape, projection, geodesic=False)

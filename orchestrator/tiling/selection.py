"""Tiles that somebody drew: the features of a vector file that lie in an area."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import shapely

from orchestrator.core.errors import AreaError, UserError
from orchestrator.plan.aoi import find_crs, one_line, read_features
from orchestrator.plan.repair import mend, without_null
from orchestrator.plan.reproject import LONLAT, parse_crs, polygons_only, reproject, within_180
from orchestrator.tiling.degrees import Geometries
from orchestrator.tiling.file import AREA, IDENTIFIER, Tiles, name_tiles
from orchestrator.tiling.plane import lay_out, plane_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from orchestrator.plan.area import Area

# geetiles 0.1.7, partitions.py: what shares less of the area, square degrees, is left out.
_LEGACY_DEGREES = 1e-5
_NOISE = 1e-9  # of a tile: neighbours of the area whose border was written with other digits


@dataclass(frozen=True, slots=True)
class TileSource:
    """
    Where tiles are taken from.

    Attributes:
        path: A vector file, WKT or a box.
        layer: Needed where the file has several.
        crs: States the CRS of a file that does not, or corrects it.
        where: OGR SQL condition on the attributes.
    """

    path: str
    layer: str = ""
    crs: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    Which features become tiles, and what of them.

    Attributes:
        overlap: All that share area with the AOI, or those that geetiles 0.1.7 takes: more than 1e-5 square degrees.
        min_overlap: The least share of a feature's own area that lies in the AOI, 0 to 1.
        clip: `aoi` cuts features at its border; otherwise they stay whole.
        attributes: Whether the columns of the file are kept.
    """

    overlap: Literal["area", "legacy"] = "area"
    min_overlap: float = 0.0
    clip: Literal["none", "aoi"] = "none"
    attributes: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.min_overlap <= 1:
            raise UserError(f"--min-overlap {self.min_overlap:g} is no share; give a number from 0 to 1")
        if self.overlap == "legacy" and (self.min_overlap or self.clip != "none"):
            raise UserError(
                "--overlap legacy has its own threshold and clips nothing; leave --min-overlap and --clip out"
            )


def select_tiles(
    source: TileSource, area: Area, names: tuple[str, str], rule: Rule = Rule()
) -> tuple[Tiles, tuple[str, ...]]:
    """
    Return the features of a vector file that lie in an area as tiles, and what was mended or assumed.

    They stand in the order of the file and in its CRS, with its attributes. An attribute that is called like a column
    of ours is kept as source_{name}.

    Args:
        source: Where they are.
        area: The AOI.
        names: Of the area and of the tiles.
        rule: Which are taken.

    Raises:
        AreaError: The file cannot be read, or one of its features is no polygon.
        UserError: Nothing of it lies in the area, or two features have one envelope.
    """
    frame, notes = read_polygons(source)
    chosen = _legacy(frame, area) if rule.overlap == "legacy" else _sharing(frame, area, rule)
    if not rule.attributes:
        chosen = chosen[[chosen.geometry.name]]
    if not len(chosen):
        raise UserError(
            f"no feature of {Path(source.path).name} shares area with {Path(area.source).name[:80]} by this rule; look "
            "whether both lie where they should (--source-crs, --area-crs)"
        )
    return name_tiles(chosen, *names, {"kind": "select", "source": Path(source.path).name}), notes


def read_polygons(source: TileSource) -> tuple[GeoDataFrame, tuple[str, ...]]:
    """Return the polygons of a vector file in its CRS, longitudes within 180, and what was mended, a sentence each."""
    import geopandas  # noqa: PLC0415  heavy

    try:
        with np.errstate(invalid="ignore", over="ignore"):
            features = without_null(read_features(source.path, layer=source.layer or None, where=source.where or None))
            crs, assumed = find_crs(features, source.crs or None)
            polygons, repairs = mend(features, crs)
    except AreaError as error:
        raise AreaError(one_line(str(error)).replace("--area-crs", "--source-crs")) from None
    except OSError as error:
        raise AreaError(one_line(f"{source.path}: cannot be read ({error.strerror}); check its permissions")) from None
    if parse_crs(crs).is_geographic:
        polygons = [within_180(polygon) for polygon in polygons]
    columns = {_free(name): _column(values) for name, values in features.fields.items()}
    frame = geopandas.GeoDataFrame(columns, geometry=polygons, crs=crs)
    return frame, (*features.notes, *assumed, *repairs)


def _free(name: str) -> str:
    return f"source_{name}" if name in (IDENTIFIER, AREA, "geometry", "bbox") else name


def _column(values: tuple[object, ...]) -> list[object]:
    """Return values of an attribute as JSON and Parquet hold them: what has no plain form is text."""
    plain = (bool, int, float, str)
    return [value if value is None or isinstance(value, plain) else str(value) for value in values]


def _sharing(frame: GeoDataFrame, area: Area, rule: Rule) -> GeoDataFrame:
    """Return the features that share area; whether they do is looked at in their own CRS, how much in a true plane."""
    shape = reproject(area.geometry, area.crs, frame.crs.to_wkt())
    shapely.prepare(shape)
    near = frame[shapely.intersects(shape, frame.geometry.to_numpy())]
    if not len(near):
        return near
    whole = near.geometry.to_numpy()
    inside = shapely.contains_properly(shape, whole)
    cut = whole.copy()
    cut[~inside] = [polygons_only(piece) for piece in shapely.intersection(whole[~inside], shape)]
    shares = _areas(cut, near) / _areas(whole, near)
    taken = (shares > _NOISE) & (shares >= rule.min_overlap)
    chosen = near[taken]
    return chosen.set_geometry(list(cut[taken]), crs=frame.crs) if rule.clip == "aoi" else chosen


def _areas(geometries: Geometries, frame: GeoDataFrame) -> Any:
    plane = plane_of(frame).crs
    return shapely.area(lay_out(geometries, frame.crs.to_wkt(), plane))


def _legacy(frame: GeoDataFrame, area: Area) -> GeoDataFrame:
    """Return what geetiles 0.1.7 takes, whole, in degrees."""
    lonlat = frame.to_crs(LONLAT)
    shape = reproject(area.geometry, area.crs, LONLAT)
    shapely.prepare(shape)
    near = lonlat[shapely.intersects(shape, lonlat.geometry.to_numpy())]
    return near[shapely.area(shapely.intersection(near.geometry.to_numpy(), shape)) > _LEGACY_DEGREES]

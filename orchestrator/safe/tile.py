"""`MTD_TL.xml`: where a tile lies, how the sun stood, how each detector looked, what was classified."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import UserError
from orchestrator.safe.bands import BANDS, band_of_id
from orchestrator.safe.xml import Element, parse

# Class of the scene classification: the words its share has. Class 2 was renamed between baselines 05.09 and 05.11.
CLASS_WORDS: Mapping[int, tuple[str, ...]] = {
    0: ("NODATA_PIXEL",),
    1: ("SATURATED_DEFECTIVE_PIXEL",),
    2: ("CAST_SHADOW", "DARK_FEATURES"),
    3: ("CLOUD_SHADOW",),
    4: ("VEGETATION",),
    5: ("NOT_VEGETATED",),
    6: ("WATER",),
    7: ("UNCLASSIFIED",),
    8: ("MEDIUM_PROBA_CLOUDS",),
    9: ("HIGH_PROBA_CLOUDS",),
    10: ("THIN_CIRRUS",),
    11: ("SNOW_ICE",),
}


@dataclass(frozen=True, slots=True)
class TileGrid:
    """
    The pixels of one resolution.

    Attributes:
        ulx, uly: The outer corner of the first pixel, in metres of the tile's CRS.
        step: Metres of a pixel.
    """

    height: int
    width: int
    ulx: float
    uly: float
    step: float


@dataclass(frozen=True, slots=True, eq=False)
class AngleGrid:
    """
    Directions at the nodes of a coarse grid.

    Attributes:
        zenith: Degrees from the vertical, (row, col); NaN where there is none.
        azimuth: Degrees from north by east, (row, col); NaN where `zenith` is.
        step: Metres from node to node.
    """

    zenith: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    step: float


@dataclass(frozen=True, slots=True)
class MeanAngle:
    """A direction in degrees; NaN where the file has none."""

    zenith: float
    azimuth: float


@dataclass(frozen=True, slots=True, eq=False)
class TileMetadata:
    """
    What holds for one tile of a product.

    Attributes:
        tile: Without the letter T, "31TDH".
        sensing_time: UTC, "2018-01-01T10:54:35.457Z"; before baseline 03.01 minutes away from when this tile was seen.
        crs: "EPSG:32631".
        grids: By resolution in metres: 10, 20 and 60.
        sun: To the sun.
        view: To the satellite, by band in the order of `BANDS` and by detector in rising order.
        mean_sun: As the file says it.
        mean_view: By band, as the file says it.
        scl_percentages: Shares of the scene classification (and its like) by the file's own words; empty for L1C.
        cloud: Percent of the tile, or None where the file does not say.
    """

    tile: str
    sensing_time: str
    crs: str
    grids: Mapping[int, TileGrid]
    sun: AngleGrid
    view: Mapping[str, Mapping[int, AngleGrid]]
    mean_sun: MeanAngle
    mean_view: Mapping[str, MeanAngle]
    scl_percentages: Mapping[str, float]
    cloud: float | None

    def class_percentages(self) -> dict[int, float]:
        """Return the percentages by class of the scene classification, 0 to 11, as far as the file has them."""
        return {
            number: self.scl_percentages[f"{word}_PERCENTAGE"]
            for number, words in CLASS_WORDS.items()
            for word in words
            if f"{word}_PERCENTAGE" in self.scl_percentages
        }


def read_tile(content: bytes, where: str = "MTD_TL.xml") -> TileMetadata:
    """
    Read the metadata of a tile, of L1C or L2A.

    Raises:
        UserError: It is damaged or another file, lacks an element, or a grid of angles is not rectangular.
    """
    root = parse(content, where, "Tile_ID")
    quality = root.find("Image_Content_QI")
    shares = (
        {child.name: child.number() for child in quality.children if child.name.endswith("_PERCENTAGE")}
        if quality
        else {}
    )
    view = _view(root)
    means = {_band(entry): _mean(entry) for entry in root.all("Mean_Viewing_Incidence_Angle")}
    return TileMetadata(
        tile=_tile(root),
        sensing_time=root.one("SENSING_TIME").text,
        crs=_crs(root),
        grids=_grids(root),
        sun=_angles(root.one("Sun_Angles_Grid")),
        view={band: dict(sorted(view[band].items())) for band in BANDS if band in view},
        mean_sun=_mean(root.one("Mean_Sun_Angle")),
        mean_view={band: means[band] for band in BANDS if band in means},
        scl_percentages=shares if "VEGETATION_PERCENTAGE" in shares else {},
        cloud=shares.get("CLOUDY_PIXEL_PERCENTAGE"),
    )


def _tile(root: Element) -> str:
    text = root.one("TILE_ID", "TILE_ID_2A").text
    found = re.search(r"_T(\d{2}[A-Z]{3})_N", text)
    if found is None:
        raise UserError(f"{root.where}: TILE_ID is {text[:80]!r}, expected a tile such as _T31TDH_ in it")
    return found[1]


def _crs(root: Element) -> str:
    code = root.one("HORIZONTAL_CS_CODE").text
    if not re.fullmatch(r"EPSG:\d{4,5}", code):
        raise UserError(f"{root.where}: HORIZONTAL_CS_CODE is {code[:40]!r}, expected something like EPSG:32631")
    return code


def _grids(root: Element) -> dict[int, TileGrid]:
    coding = root.one("Tile_Geocoding")
    places = {place.whole("resolution"): place for place in coding.all("Geoposition")}
    sizes = {size.whole("resolution"): size for size in coding.all("Size")}
    if not sizes or sizes.keys() != places.keys():
        have = f"Size for {sorted(sizes)} and Geoposition for {sorted(places)}"
        raise UserError(f"{root.where}: has {have} metres, expected both for each resolution")
    return {resolution: _grid(sizes[resolution], places[resolution]) for resolution in sorted(sizes)}


def _grid(size: Element, place: Element) -> TileGrid:
    step, down = place.one("XDIM").number(), place.one("YDIM").number()
    height, width = size.one("NROWS").whole(), size.one("NCOLS").whole()
    if not step == -down > 0 or min(height, width) < 1:
        found = f"{height} x {width} pixels of {step:g} x {down:g} metres"
        raise UserError(f"{place.where}: has a grid of {found}, expected square pixels from the north-west")
    return TileGrid(height, width, place.one("ULX").number(), place.one("ULY").number(), step)


def _band(element: Element) -> str:
    return band_of_id(element.whole("bandId", "band_id"), element.where)


def _mean(element: Element) -> MeanAngle:
    return MeanAngle(element.one("ZENITH_ANGLE").number(), element.one("AZIMUTH_ANGLE").number())


def _view(root: Element) -> dict[str, dict[int, AngleGrid]]:
    view: dict[str, dict[int, AngleGrid]] = {}
    for element in root.all("Viewing_Incidence_Angles_Grids"):
        band, detector = _band(element), element.whole("detectorId")
        if detector in view.setdefault(band, {}):
            raise UserError(f"{root.where}: has the angles of detector {detector} of {band} twice")
        view[band][detector] = _angles(element)
    return view


def _angles(element: Element) -> AngleGrid:
    (zenith, step), (azimuth, other) = _values(element.one("Zenith")), _values(element.one("Azimuth"))
    if zenith.shape != azimuth.shape or step != other:
        raise UserError(f"{element.where}: {element.name} has other nodes for Zenith than for Azimuth")
    # A direction is both or none.
    absent = np.isnan(zenith) | np.isnan(azimuth)
    zenith[absent] = azimuth[absent] = np.nan
    return AngleGrid(zenith, azimuth, step)


def _values(element: Element) -> tuple[NDArray[np.float64], float]:
    step, down = element.one("COL_STEP").number(), element.one("ROW_STEP").number()
    rows = [_row(row) for row in element.all("VALUES")]
    if step != down or not step > 0:
        raise UserError(
            f"{element.where}: {element.name} has steps of {step:g} by {down:g} metres, expected equal ones"
        )
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1 or not lengths[0]:
        raise UserError(f"{element.where}: {element.name} has rows of {lengths} values, expected equal ones")
    values = np.array(rows, np.float64)
    if np.isinf(values).any():
        raise UserError(f"{element.where}: {element.name} holds an infinite angle, expected degrees or NaN")
    return values, step


def _row(element: Element) -> list[float]:
    try:
        return [float(value) for value in element.text.split()]
    except ValueError:
        raise UserError(f"{element.where}: VALUES holds what is no number ({element.text[:40]!r})") from None

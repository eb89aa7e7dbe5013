"""The metadata of a tile, `MTD_TL.xml`: its grids, angles and classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from orchestrator.sandbox.safe import angles
from orchestrator.sandbox.safe.angles import STEP_METRES, AngleGrid
from orchestrator.sandbox.safe.bands import ANGLE_ORDER, CLOUD, L1C
from orchestrator.sandbox.safe.product import Product, moment
from orchestrator.sandbox.safe.xml_text import root, tag

_SPACE = "https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{}_Tile_Metadata.xsd"
_SIZES = (10, 20, 60)
_CAST_SHADOW_SINCE = "05.11"
# Names of the classes 1 to 11 in percentages; class 2 changed its name.
_SHARES = (
    *("SATURATED_DEFECTIVE_PIXEL", "DARK_FEATURES", "CLOUD_SHADOW", "VEGETATION", "NOT_VEGETATED", "WATER"),
    *("UNCLASSIFIED", "MEDIUM_PROBA_CLOUDS", "HIGH_PROBA_CLOUDS", "THIN_CIRRUS", "SNOW_ICE"),
)
_CLOUDY = (8, 9, 10)


def shares_of(product: Product, counts: NDArray[np.int64]) -> Mapping[str, str]:
    """
    Return percentages by name from the numbers of pixels of the classes 0 to 11.

    No data is a share of all pixels; each other class is one of those with data.
    """
    seen = max(int(counts[1:].sum()), 1)
    names = list(_SHARES)
    if product.baseline >= _CAST_SHADOW_SINCE:
        names[1] = "CAST_SHADOW"
    cloudy = 100.0 * float(sum(counts[each] for each in _CLOUDY)) / seen
    empty = 100.0 * float(counts[0]) / max(int(counts.sum()), 1)
    each = {f"{name}_PERCENTAGE": 100.0 * float(count) / seen for name, count in zip(names, counts[1:], strict=True)}
    shares = {"CLOUDY_PIXEL_PERCENTAGE": cloudy, "DEGRADED_MSI_DATA_PERCENTAGE": 0.0, "NODATA_PIXEL_PERCENTAGE": empty}
    return {name: f"{share:.6f}" for name, share in (shares | each).items()}


def tile_xml(product: Product, shares: Mapping[str, str]) -> str:
    """Return the document; `shares` are percentages of classes by name, of Level-2A alone."""
    level = product.level[1:]
    return root(
        f"n1:Level-{level}_Tile_ID",
        {"n1": _SPACE.format(level)},
        _general(product),
        tag("n1:Geometric_Info", _geocoding(product), _tile_angles(product)),
        tag("n1:Quality_Indicators_Info", _content(product, shares), _masks(product), metadataLevel="Standard"),
    )


def _general(product: Product) -> str:
    before: tuple[str, ...] = ()
    if product.level != L1C:
        before = (tag("L1C_TILE_ID", product.granule_id.replace("_L2A_", "_L1C_"), metadataLevel="Brief"),)
    return tag(
        "n1:General_Info",
        *before,
        tag("TILE_ID", product.granule_id, metadataLevel="Brief"),
        tag("DATASTRIP_ID", product.datastrip_id, metadataLevel="Standard"),
        tag("DOWNLINK_PRIORITY", "NOMINAL", metadataLevel="Standard"),
        tag("SENSING_TIME", moment(product.sensed, 6), metadataLevel="Standard"),
        tag(
            "Archiving_Info",
            tag("ARCHIVING_CENTRE", "2BPS"),
            tag("ARCHIVING_TIME", moment(product.made, 6)),
            metadataLevel="Expertise",
        ),
    )


def _geocoding(product: Product) -> str:
    grids = [product.grid(metres) for metres in _SIZES]
    zone, half = product.tile.epsg % 100, "N" if product.tile.epsg < 32700 else "S"
    return tag(
        "Tile_Geocoding",
        tag("HORIZONTAL_CS_NAME", f"WGS84 / UTM zone {zone:02d}{half}"),
        tag("HORIZONTAL_CS_CODE", f"EPSG:{product.tile.epsg}"),
        *(tag("Size", tag("NROWS", at.height), tag("NCOLS", at.width), resolution=at.metres) for at in grids),
        *(
            tag(
                "Geoposition",
                tag("ULX", at.west),
                tag("ULY", at.north),
                tag("XDIM", at.metres),
                tag("YDIM", -at.metres),
                resolution=at.metres,
            )
            for at in grids
        ),
        metadataLevel="Brief",
    )


def _tile_angles(product: Product) -> str:
    sun, views = angles.sun(product), angles.views(product)
    seen = (
        tag("Viewing_Incidence_Angles_Grids", *_grids(grid), bandId=number, detectorId=detector)
        for number in ANGLE_ORDER
        for detector, grid in views[number].items()
    )
    means = (_mean("Mean_Viewing_Incidence_Angle", list(views[each].values()), bandId=each) for each in ANGLE_ORDER)
    return tag(
        "Tile_Angles",
        tag("Sun_Angles_Grid", *_grids(sun)),
        _mean("Mean_Sun_Angle", [sun]),
        *seen,
        tag("Mean_Viewing_Incidence_Angle_List", *means),
        metadataLevel="Standard",
    )


def _grids(grid: AngleGrid) -> tuple[str, str]:
    return _values("Zenith", grid.zenith), _values("Azimuth", grid.azimuth)


def _values(name: str, values: NDArray[np.float64]) -> str:
    """Six digits, as real files have."""
    rows = (" ".join("NaN" if np.isnan(each) else f"{each:.6g}" for each in row) for row in values)
    steps = (tag(f"{way}_STEP", STEP_METRES, unit="m") for way in ("COL", "ROW"))
    return tag(name, *steps, tag("Values_List", *(tag("VALUES", row) for row in rows)))


def _mean(name: str, grids: list[AngleGrid], **attributes: object) -> str:
    told = ("NaN" if np.isnan(angle) else repr(angle) for angle in angles.mean(grids))
    both = zip(("ZENITH_ANGLE", "AZIMUTH_ANGLE"), told, strict=True)
    return tag(name, *(tag(each, value, unit="deg") for each, value in both), **attributes)


def _content(product: Product, shares: Mapping[str, str]) -> str:
    estimated = {
        "CLOUDY_PIXEL_PERCENTAGE": product.properties["CLOUDY_PIXEL_PERCENTAGE"],
        "DEGRADED_MSI_DATA_PERCENTAGE": 0,
    }
    return tag("Image_Content_QI", *(tag(name, share) for name, share in (shares or estimated).items()))


def _masks(product: Product) -> str:
    masks = (product.path(image) for image in product.images if image.name == CLOUD)
    return tag(
        "Pixel_Level_QI",
        *(tag("MASK_FILENAME", path, type=f"MSK_{CLOUD}") for path in masks),
        geometry="FULL_RESOLUTION",
    )

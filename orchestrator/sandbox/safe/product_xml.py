"""The metadata of a product: `MTD_MSIL1C.xml`, `MTD_MSIL2A.xml`."""

from __future__ import annotations

from collections.abc import Mapping

import shapely
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from orchestrator.sandbox.safe.bands import BANDS, CLOUD, L1C, Band
from orchestrator.sandbox.safe.product import Product, moment
from orchestrator.sandbox.safe.xml_text import root, tag

_SPACE = "https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{}.xsd"
_CHECKS = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY")
_CLASSES = (
    *("NODATA", "SATURATED_DEFECTIVE", "DARK_FEATURE_SHADOW", "CLOUD_SHADOW", "VEGETATION", "NOT_VEGETATED", "WATER"),
    *("UNCLASSIFIED", "CLOUD_MEDIUM_PROBA", "CLOUD_HIGH_PROBA", "THIN_CIRRUS", "SNOW_ICE"),
)


def product_xml(product: Product, shares: Mapping[str, str]) -> str:
    """Return the document; `shares` are percentages of classes by name, of Level-2A alone."""
    level = product.level[1:]
    general = tag("n1:General_Info", _product_info(product), _image_characteristics(product))
    return root(
        f"n1:Level-{level}_User_Product",
        {"n1": _SPACE.format(level)},
        general,
        tag("n1:Geometric_Info", _footprint(product.footprint), _reference_system()),
        tag("n1:Auxiliary_Data_Info", tag("GIPP_List")),
        _quality(product, shares),
    )


def _product_info(product: Product) -> str:
    start = moment(product.start)
    return tag(
        "Product_Info",
        tag("PRODUCT_START_TIME", start),
        tag("PRODUCT_STOP_TIME", start),
        tag("PRODUCT_URI", product.name),
        tag("PROCESSING_LEVEL", f"Level-{product.level[1:]}"),
        tag("PRODUCT_TYPE", f"S2MSI{product.level[1:]}"),
        tag("PROCESSING_BASELINE", product.baseline),
        tag("GENERATION_TIME", moment(product.made, 6)),
        tag("PREVIEW_IMAGE_URL", "Not applicable"),
        tag("PREVIEW_GEO_INFO", "Not applicable"),
        _datatake(product, start),
        tag("Query_Options", tag("PRODUCT_FORMAT", "SAFE_COMPACT"), completeSingleTile="true"),
        tag("Product_Organisation", tag("Granule_List", _granule(product))),
    )


def _datatake(product: Product, start: str) -> str:
    return tag(
        "Datatake",
        tag("SPACECRAFT_NAME", f"Sentinel-{product.spacecraft[1:]}"),
        tag("DATATAKE_TYPE", "INS-NOBS"),
        tag("DATATAKE_SENSING_START", start),
        tag("SENSING_ORBIT_NUMBER", product.track),
        tag("SENSING_ORBIT_DIRECTION", "DESCENDING"),
        datatakeIdentifier=product.datatake_id,
    )


def _granule(product: Product) -> str:
    """List the images, without their suffix; masks are listed with the tile."""
    listed = (product.path(image) for image in product.images if image.name != CLOUD)
    return tag(
        "Granule",
        *(tag("IMAGE_FILE", path.removesuffix(".jp2")) for path in listed),
        datastripIdentifier=product.datastrip_id,
        granuleIdentifier=product.granule_id,
        imageFormat="JPEG2000",
    )


def _image_characteristics(product: Product) -> str:
    colours = (("RED", 3), ("GREEN", 2), ("BLUE", 1))
    return tag(
        "Product_Image_Characteristics",
        _special("NODATA", 0),
        _special("SATURATED", 65535),
        tag("Image_Display_Order", *(tag(f"{name}_CHANNEL", number) for name, number in colours)),
        *_radiometry(product),
        tag("Reflectance_Conversion", tag("U", product.properties["REFLECTANCE_CONVERSION_CORRECTION"]), _irradiance()),
        tag("Spectral_Information_List", *(_spectral(band) for band in BANDS)),
        *(tag("PHYSICAL_GAINS", "1.0", bandId=band.number) for band in BANDS),
        tag("REFERENCE_BAND", 3),
        *_class_list(product),
    )


def _special(text: str, index: int) -> str:
    return tag("Special_Values", tag("SPECIAL_VALUE_TEXT", text), tag("SPECIAL_VALUE_INDEX", index))


def _radiometry(product: Product) -> tuple[str, ...]:
    """How digital numbers become reflectance; offsets are told by the baselines that have them."""
    first = product.level == L1C
    name, listed = ("RADIO_ADD_OFFSET", "Radiometric_Offset_List") if first else ("BOA_ADD_OFFSET", "")
    offsets = [tag(name, -product.offset, band_id=band.number) for band in BANDS] if product.offset else []
    told = (tag(listed or "BOA_ADD_OFFSET_VALUES_LIST", *offsets),) if offsets else ()
    if first:
        return (tag("QUANTIFICATION_VALUE", 10000, unit="none"), *told)
    values = tag(
        "QUANTIFICATION_VALUES_LIST",
        tag("BOA_QUANTIFICATION_VALUE", 10000, unit="none"),
        tag("AOT_QUANTIFICATION_VALUE", 1000.0, unit="none"),
        tag("WVP_QUANTIFICATION_VALUE", 1000.0, unit="cm"),
    )
    return (values, *told)


def _irradiance() -> str:
    each = (tag("SOLAR_IRRADIANCE", band.irradiance, bandId=band.number, unit="W/m²/µm") for band in BANDS)
    return tag("Solar_Irradiance_List", *each)


def _spectral(band: Band) -> str:
    least, most, central = band.wavelength
    return tag(
        "Spectral_Information",
        tag("RESOLUTION", band.metres),
        tag(
            "Wavelength",
            tag("MIN", least, unit="nm"),
            tag("MAX", most, unit="nm"),
            tag("CENTRAL", central, unit="nm"),
        ),
        tag("Spectral_Response", tag("STEP", 1, unit="nm"), tag("VALUES", "1")),
        bandId=band.number,
        physicalBand=band.short,
    )


def _class_list(product: Product) -> tuple[str, ...]:
    if product.level == L1C:
        return ()
    listed = (
        tag(
            "Scene_Classification_ID",
            tag("SCENE_CLASSIFICATION_TEXT", f"SC_{name}"),
            tag("SCENE_CLASSIFICATION_INDEX", index),
        )
        for index, name in enumerate(_CLASSES)
    )
    return (tag("Scene_Classification_List", *listed),)


def _footprint(footprint: BaseGeometry) -> str:
    return tag(
        "Product_Footprint",
        tag("Product_Footprint", tag("Global_Footprint", tag("EXT_POS_LIST", positions(footprint)))),
        tag("RASTER_CS_TYPE", "POINT"),
        tag("PIXEL_ORIGIN", 1),
    )


def positions(footprint: BaseGeometry) -> str:
    """Latitude and longitude of the corners of a footprint, closed; longitudes jump where it crosses 180 degrees."""
    if footprint.is_empty:
        return ""
    parts = [footprint]
    if isinstance(footprint, MultiPolygon):
        parts = [translate(part, 360.0) if part.bounds[0] < 0 else part for part in footprint.geoms]
    joined = shapely.union_all(parts)
    ring = shapely.get_coordinates(joined if isinstance(joined, Polygon) else joined.convex_hull)
    lon = (ring[:, 0] + 180.0) % 360.0 - 180.0
    return " ".join(f"{y:.10g} {x:.10g}" for x, y in zip(lon, ring[:, 1], strict=True)) + " "


def _reference_system() -> str:
    return tag(
        "Coordinate_Reference_System",
        tag("GEO_TABLES", "EPSG", version="1"),
        tag("HORIZONTAL_CS_TYPE", "GEOGRAPHIC"),
    )


def _quality(product: Product, shares: Mapping[str, str]) -> str:
    checks = (tag("quality_check", "PASSED", checkType=name) for name in _CHECKS)
    more = (tag("Image_Content_QI", *(tag(name, share) for name, share in shares.items())),) if shares else ()
    return tag(
        "n1:Quality_Indicators_Info",
        tag("Cloud_Coverage_Assessment", product.properties["CLOUD_COVERAGE_ASSESSMENT"]),
        tag(
            "Technical_Quality_Assessment",
            tag("DEGRADED_ANC_DATA_PERCENTAGE", 0.0),
            tag("DEGRADED_MSI_DATA_PERCENTAGE", 0),
        ),
        tag("Quality_Control_Checks", tag("Quality_Inspections", *checks), tag("Failed_Inspections")),
        *more,
    )

"""The least metadata that is whole, for tests that spoil it; and where real products are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from orchestrator.safe.tile import AngleGrid

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
L1C = "cdse_scene_T31TDH_20180101/S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911.SAFE"
needs_real = pytest.mark.skipif(
    not (DATA / L1C).is_dir(), reason="the folder of real products is not here (ORCHESTRATOR_TEST_DATA)"
)


def real(path):
    """Return the bytes of a real file and how messages call it."""
    return (DATA / path).read_bytes(), path


def product(level="1C", baseline="05.11", offsets="all", attribute="band_id", extra=""):
    """Return MTD_MSIL1C.xml or MTD_MSIL2A.xml with offsets of -1000 - band number, for "all" bands, or those listed."""
    numbers = range(13) if offsets == "all" else offsets
    name = "RADIO_ADD_OFFSET" if level == "1C" else "BOA_ADD_OFFSET"
    listed = "".join(f'<{name} {attribute}="{n}">{-1000 - n}</{name}>' for n in numbers)
    quantification = "QUANTIFICATION_VALUE" if level == "1C" else "BOA_QUANTIFICATION_VALUE"
    return f"""<?xml version="1.0"?>
<n1:Level-{level}_User_Product xmlns:n1="urn:x"><n1:General_Info><Product_Info>
<PRODUCT_START_TIME>2025-12-10T10:03:19.024Z</PRODUCT_START_TIME>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE></Product_Info><Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
</Special_Values><{quantification} unit="none">10000</{quantification}>{listed}{extra}
</Product_Image_Characteristics></n1:General_Info></n1:Level-{level}_User_Product>""".encode()


def _values(name, rows, step):
    listed = "".join(f"<VALUES>{' '.join(str(value) for value in row)}</VALUES>" for row in rows)
    steps = f'<COL_STEP unit="m">{step}</COL_STEP><ROW_STEP unit="m">{step}</ROW_STEP>'
    return f"<{name}>{steps}<Values_List>{listed}</Values_List></{name}>"


def angles(zenith, azimuth, step=5000):
    return _values("Zenith", zenith, step) + _values("Azimuth", azimuth, step)


def tile(sun=None, view="", quality="", level="1C"):
    """Return MTD_TL.xml of a tile of 12 x 12 pixels of 10 m."""
    sun = sun or angles([[60.0, 61.0], [62.0, 63.0]], [[170.0, 171.0], [172.0, 173.0]])
    sizes = "".join(
        f'<Size resolution="{r}"><NROWS>{120 // r}</NROWS><NCOLS>{120 // r}</NCOLS></Size>'
        f'<Geoposition resolution="{r}"><ULX>399960</ULX><ULY>4800000</ULY>'
        f"<XDIM>{r}</XDIM><YDIM>-{r}</YDIM></Geoposition>"
        for r in (10, 20, 60)
    )
    mean = "<ZENITH_ANGLE>NaN</ZENITH_ANGLE><AZIMUTH_ANGLE>NaN</AZIMUTH_ANGLE>"
    return f"""<?xml version="1.0"?>
<n1:Level-{level}_Tile_ID xmlns:n1="urn:x"><n1:General_Info>
<TILE_ID>S2A_OPER_MSI_L1C_TL_SGS__20180101T124911_A013204_T31TDH_N02.06</TILE_ID>
<SENSING_TIME>2018-01-01T10:54:35.457Z</SENSING_TIME></n1:General_Info><n1:Geometric_Info><Tile_Geocoding>
<HORIZONTAL_CS_CODE>EPSG:32631</HORIZONTAL_CS_CODE>{sizes}</Tile_Geocoding><Tile_Angles>
<Sun_Angles_Grid>{sun}</Sun_Angles_Grid><Mean_Sun_Angle>{mean}</Mean_Sun_Angle>{view}</Tile_Angles></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Image_Content_QI>{quality}</Image_Content_QI></n1:Quality_Indicators_Info>
</n1:Level-{level}_Tile_ID>""".encode()


def grid(zenith, azimuth, step=5000.0):
    """Return a grid of angles; NaN in one is NaN in both."""
    zenith, azimuth = np.array(zenith, float), np.array(azimuth, float)
    absent = np.isnan(zenith) | np.isnan(azimuth)
    return AngleGrid(np.where(absent, np.nan, zenith), np.where(absent, np.nan, azimuth), step)

"""Roles of files: the published names; a file that is not known has none."""

import pytest

from orchestrator.core.errors import IntegrityError
from orchestrator.products.scenes.roles import by_role, role_of

L1C = "GRANULE/L1C_T31TDH_A013204_20180101T105435/"
L2A = "GRANULE/L2A_T33UWQ_A045000_20251210T100321/"


@pytest.mark.parametrize(
    ("level", "path", "role"),
    [
        ("L1C", f"{L1C}IMG_DATA/T31TDH_20180101T105441_B8A.jp2", "l1c.band.B8A"),
        ("L1C", "T31TDH_20180101T105441_B12.jp2", "l1c.band.B12"),
        ("L1C", f"{L1C}MTD_TL.xml", "l1c.tile_metadata"),
        ("L1C", "MTD_MSIL1C.xml", "l1c.product_metadata"),
        ("L2A", f"{L2A}IMG_DATA/R20m/T33UWQ_20251210T100319_SCL_20m.jp2", "l2a.scl_20m"),
        ("L2A", f"{L2A}IMG_DATA/R60m/T33UWQ_20251210T100319_SCL_60m.jp2", "l2a.scl_60m"),
        ("L2A", f"{L2A}IMG_DATA/R20m/T33UWQ_20251210T100319_AOT_20m.jp2", "l2a.aot_20m"),
        ("L2A", f"{L2A}IMG_DATA/R20m/L2A_T33UWQ_20180101T100319_WVP_20m.jp2", "l2a.wvp_20m"),
        ("L2A", f"{L2A}IMG_DATA/R10m/T33UWQ_20251210T100319_B08_10m.jp2", "l2a.band.B08_10m"),
        ("L2A", f"{L2A}MTD_TL.xml", "l2a.tile_metadata"),
        ("L2A", "MTD_MSIL2A.xml", "l2a.product_metadata"),
        ("L1C", f"{L1C}IMG_DATA/T31TDH_20180101T105441_TCI.jp2", ""),
        ("L1C", f"{L1C}QI_DATA/T31TDH_20180101T105441_B02.jp2", ""),
        ("L1C", f"{L1C}IMG_DATA/T31TDH_20180101T105441_B13.jp2", ""),
        ("L1C", "DATASTRIP/DS_MPS__20180101T124911/QI_DATA/MTD_TL.xml", ""),
        ("L1C", "manifest.safe", ""),
        ("L1C", "MTD_MSIL2A.xml", ""),
        ("L2A", f"{L2A}IMG_DATA/T33UWQ_20251210T100319_B08.jp2", ""),
    ],
)
def test_a_file_plays_the_role_that_is_published(level: str, path: str, role: str) -> None:
    """By its place in the product and its name."""
    assert role_of(level, path) == role


def test_files_that_are_not_known_do_not_collide() -> None:
    """They have no role, however many there are."""
    assert by_role("L1C", ["INSPIRE.xml", "manifest.safe", "MTD_MSIL1C.xml"]) == {
        "l1c.product_metadata": "MTD_MSIL1C.xml"
    }


def test_two_files_of_one_role_are_an_error() -> None:
    """Both are named."""
    with pytest.raises(IntegrityError, match=r"GRANULE/a/MTD_TL.xml and GRANULE/b/MTD_TL.xml are both"):
        by_role("L1C", ["GRANULE/a/MTD_TL.xml", "GRANULE/b/MTD_TL.xml"])

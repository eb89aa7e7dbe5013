"""Offsets and quantification are read by band, whichever way the attribute is spelt; half a list is no list."""

from __future__ import annotations

import pytest
from safe_kit import needs_real, product, real

from orchestrator.core.errors import UserError
from orchestrator.safe.bands import BANDS
from orchestrator.safe.product import read_product


@pytest.mark.parametrize("attribute", ["band_id", "bandId"])
@pytest.mark.parametrize("level", ["1C", "2A"])
def test_each_band_gets_its_own_offset(level, attribute):
    metadata = read_product(product(level, attribute=attribute))

    assert metadata.offsets == {band: -1000 - number for number, band in enumerate(BANDS)}


def test_a_baseline_without_offsets_has_offsets_of_zero():
    assert set(read_product(product(baseline="03.01", offsets=())).offsets.values()) == {0}


def test_level_2a_may_leave_out_the_band_that_it_lacks():
    metadata = read_product(product("2A", offsets=[n for n in range(13) if n != 10]))

    assert metadata.offsets["B12"] == -1012


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(product(offsets=range(12)), "12 bands and not for B12", id="some offsets"),
        pytest.param(product(baseline="02.06", offsets=[3]), "1 bands and not for B01", id="one offset, old baseline"),
        pytest.param(product(baseline="04.00", offsets=()), "baseline 04.00 needs one for each band", id="no offsets"),
        pytest.param(product(offsets=[*range(13), 3]), "B04 twice", id="twice"),
        pytest.param(product(offsets=[*range(13), 13]), "band number 13", id="a fourteenth band"),
        pytest.param(product(attribute="band"), "attribute band_id or bandId", id="no number of a band"),
        pytest.param(product(baseline="five"), "PROCESSING_BASELINE is 'five'", id="baseline"),
        pytest.param(product().replace(b">10000<", b">0<"), "expected a number of 1 to", id="quantification 0"),
        pytest.param(product().replace(b">10000<", b">1e-320<"), "expected a number of 1 to", id="almost 0"),
        pytest.param(product().replace(b">10000<", b">1e400<"), "expected a number of 1 to", id="infinite"),
        pytest.param(product().replace(b">-1003<", b">NaN<"), "is NaN, expected a number of -1", id="no offset"),
        pytest.param(product().replace(b">-1003<", b">-inf<"), "is -inf, expected a number", id="infinite offset"),
        pytest.param(product().replace(b">10000<", b">ten<"), "expected a number", id="quantification in words"),
        pytest.param(product().replace(b"SATURATED", b"OTHER"), "no Special_Values for SATURATED", id="special values"),
        pytest.param(product().replace(b"PRODUCT_START", b"START"), "no element PRODUCT_START_TIME", id="start"),
        pytest.param(product().replace(b"Level-1C", b"Level-3A"), "expected Level-1C_User_Product", id="level"),
        pytest.param(product()[:-40], "damaged or cut short", id="cut short"),
        pytest.param(b"", "damaged or cut short", id="empty"),
        pytest.param(b'{"code": "DAT-ZIP-100"}', "cannot be read as XML", id="an answer that was saved"),
        pytest.param(b"<XFDU/>", "begins with XFDU", id="another document"),
        pytest.param(b"<a>" * 200 + b"</a>" * 200, "deeper than 100", id="deep"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(content, said):
    with pytest.raises(UserError) as refused:
        read_product(content, "raw/MTD_MSIL1C.xml")

    message = str(refused.value)
    assert message.startswith("raw/MTD_MSIL1C.xml: ")
    assert said in message
    assert "\n" not in message


def test_entities_are_never_expanded():
    bomb = b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>' + product()[len('<?xml version="1.0"?>') :]

    with pytest.raises(UserError, match="holds a document type or entities"):
        read_product(bomb)


@needs_real
@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "level", "baseline", "offset", "cloud"),
    [
        pytest.param(
            "cdse_scene_T31TDH_20180101/S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911.SAFE/MTD_MSIL1C.xml",
            "L1C", "02.06", 0, 11.9204, id="T31TDH",
        ),
        pytest.param("safe_metadata/L1C_N0301_T46RER/MTD_MSIL1C.xml", "L1C", "03.01", 0, 88.2972, id="T46RER"),
        pytest.param("safe_metadata/EXCERPT_MTD_MSIL1C_N0509_T34UCF.xml", "L1C", "05.09", -1000, None, id="T34UCF"),
        pytest.param("safe_metadata/L2A_N0509_T01KAB/MTD_MSIL2A.xml", "L2A", "05.09", -1000, 59.050727, id="T01KAB"),
    ],
)  # fmt: skip
def test_real_products_are_read(path, level, baseline, offset, cloud):
    metadata = read_product(*real(path))

    assert (metadata.level, metadata.baseline, metadata.cloud_percentage) == (level, baseline, cloud)
    assert metadata.offsets == dict.fromkeys(BANDS, offset)
    assert (metadata.quantification, metadata.nodata, metadata.saturated) == (10000, 0, 65535)
    assert {metadata.aot_quantification, metadata.wvp_quantification} == ({1000} if level == "L2A" else {None})


@needs_real
@pytest.mark.real
def test_images_of_a_real_product_are_listed_without_suffix():
    images = read_product(*real("safe_metadata/L2A_N0509_T01KAB/MTD_MSIL2A.xml")).images

    assert len(images) == 36
    folder = "GRANULE/L2A_T01KAB_A042640_20230821T221944/IMG_DATA"
    assert images[0] == f"{folder}/R10m/T01KAB_20230821T221941_B02_10m"

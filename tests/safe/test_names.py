"""A product's name says its satellite, level, time, baseline, orbit and tile; others are refused in one sentence."""

from __future__ import annotations

import pytest

from orchestrator.core.errors import UserError
from orchestrator.safe.bands import BANDS, RESOLUTIONS, band_of_id
from orchestrator.safe.names import parse_name

NAME = "S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911.SAFE"


def test_each_part_of_a_name_is_read():
    name = parse_name(NAME)

    assert (name.mission, name.level, name.datatake, name.baseline) == ("S2A", "L1C", "20180101T105441", "02.06")
    assert (name.orbit, name.tile, name.discriminator, name.name) == (51, "31TDH", "20180101T124911", NAME)


def test_the_suffix_of_a_name_may_be_missing():
    assert parse_name(NAME.removesuffix(".SAFE")) == parse_name(NAME)


@pytest.mark.parametrize("mission", ["S2A", "S2B", "S2C", "S2D"])
def test_all_four_satellites_are_known(mission):
    assert parse_name(NAME.replace("S2A", mission)).mission == mission


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "S2A_OPER_PRD_MSIL1C_PDMC_20160318T145513_R065_V20160317T100756_20160317T100756.SAFE",
            "before December 2016",
            id="old",
        ),
        pytest.param("S1A_IW_GRDH_1SDV_20220101T054321_20220101T054346_041270_04E7A2_1234.SAFE", "no name", id="radar"),
        pytest.param(NAME.replace("S2A", "S2E"), "no name", id="a satellite that is not"),
        pytest.param(NAME.replace("L1C", "L2H"), "no name", id="a level that is not"),
        pytest.param(NAME.replace("31TDH", "31TIH"), "no name", id="a tile with the letter I"),
        pytest.param(NAME + "/..", "no name", id="a path"),
        pytest.param("x" * 5000, "x…'", id="long"),
        pytest.param("", "no name", id="nothing"),
    ],
)
def test_other_names_are_refused_in_one_line(text, said):
    with pytest.raises(UserError) as refused:
        parse_name(text)

    message = str(refused.value)
    assert said in message
    assert "\n" not in message
    assert len(message) < 300


def test_bands_have_the_numbers_of_the_specification():
    # Spectral_Information of any MTD_MSIL1C.xml: bandId 7 is B8, 8 is B8A, 9 is B9, 12 is B12.
    assert [band_of_id(number) for number in (0, 7, 8, 9, 12)] == ["B01", "B08", "B8A", "B09", "B12"]


def test_every_band_has_a_resolution():
    assert {band: RESOLUTIONS[band] for band in BANDS}.keys() == RESOLUTIONS.keys()


@pytest.mark.parametrize("number", [-1, 13])
def test_a_band_number_that_is_not_is_refused(number):
    with pytest.raises(UserError, match=f"band number {number} is none"):
        band_of_id(number)

"""A tile's metadata: its place, the directions of each detector, the shares of its classes under either name."""

from __future__ import annotations

import numpy as np
import pytest
from safe_kit import DATA, angles, needs_real, real, tile

from orchestrator.core.errors import UserError
from orchestrator.safe.tile import read_tile

T31TDH = "cdse_scene_T31TDH_20180101/S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911.SAFE"
T31TDH += "/GRANULE/L1C_T31TDH_A013204_20180101T105435/MTD_TL.xml"
T46RER = "safe_metadata/L1C_N0301_T46RER/MTD_TL.xml"
T01KAB = "safe_metadata/L2A_N0509_T01KAB/MTD_TL.xml"
GRID = [[1.0, 2.0], [3.0, float("nan")]]


def detector(number, band=1, zenith=GRID, azimuth=((4, 5), (6, 7))):
    name = "Viewing_Incidence_Angles_Grids"
    return f'<{name} bandId="{band}" detectorId="{number}">{angles(zenith, azimuth)}</{name}>'


def test_the_place_of_each_resolution_is_read():
    grid = read_tile(tile()).grids[20]

    assert (grid.height, grid.width, grid.ulx, grid.uly, grid.step) == (6, 6, 399960, 4800000, 20)


def test_detectors_stand_under_their_band_in_rising_order_whatever_the_order_of_the_file():
    view = read_tile(
        tile(view=detector(10, band=9) + detector(2, band=0) + detector(12, band=0) + detector(9, band=0))
    ).view

    assert {band: list(grids) for band, grids in view.items()} == {"B01": [2, 9, 12], "B09": [10]}


def test_rows_of_a_grid_go_south():
    assert read_tile(tile()).sun.zenith.tolist() == [[60, 61], [62, 63]]


def test_a_node_without_zenith_has_no_azimuth_either():
    grid = read_tile(tile(view=detector(1))).view["B02"][1]

    assert np.isnan(grid.azimuth).tolist() == [[False, False], [False, True]]


def test_mean_angles_may_be_missing_numbers():
    assert np.isnan(read_tile(tile()).mean_sun.zenith)


@pytest.mark.parametrize("word", ["DARK_FEATURES", "CAST_SHADOW"])
def test_class_2_is_known_by_either_of_its_names(word):
    quality = f"<{word}_PERCENTAGE>5.25</{word}_PERCENTAGE><VEGETATION_PERCENTAGE>90</VEGETATION_PERCENTAGE>"

    assert read_tile(tile(quality=quality)).class_percentages() == {2: 5.25, 4: 90}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(
            tile(sun=angles([[1, 2], [3]], [[1, 2], [3, 4]])), "Zenith has rows of [1, 2] values", id="ragged"
        ),
        pytest.param(tile(sun=angles([[1]], [[1, 2]])), "other nodes for Zenith than for Azimuth", id="other nodes"),
        pytest.param(tile(sun=angles([["x"]], [[1]])), "VALUES holds what is no number ('x')", id="no number"),
        pytest.param(tile(sun=angles([["1e400"]], [[1]])), "Zenith holds an infinite angle", id="infinite"),
        pytest.param(tile(sun=angles([[1]], [[1]], step=0)), "steps of 0 by 0 metres", id="no step"),
        pytest.param(tile(sun="<Zenith/>"), "Zenith has no element COL_STEP", id="no grid"),
        pytest.param(tile(view=detector(3) + detector(3)), "detector 3 of B02 twice", id="a detector twice"),
        pytest.param(tile(view=detector(3, band=13)), "band number 13 is none", id="a fourteenth band"),
        pytest.param(tile(view=detector("x")), "attribute detectorId", id="a detector without number"),
        pytest.param(tile().replace(b"EPSG:32631", b"UTM 31"), "HORIZONTAL_CS_CODE is 'UTM 31'", id="no CRS"),
        pytest.param(tile().replace(b"_T31TDH_", b"__"), "expected a tile such as _T31TDH_", id="no tile"),
        pytest.param(tile().replace(b"<YDIM>-10<", b"<YDIM>10<"), "10 x 10 metres", id="upside down"),
        pytest.param(tile().replace(b'Size resolution="20"', b'Size resolution="30"'), "expected both", id="no place"),
        pytest.param(tile().replace(b"SENSING_TIME", b"TIME"), "no element SENSING_TIME", id="no time"),
        pytest.param(tile()[:-9], "damaged or cut short", id="cut short"),
        pytest.param(b"<User_Product/>", "begins with User_Product, expected …Tile_ID", id="another document"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(content, said):
    with pytest.raises(UserError) as refused:
        read_tile(content, "files/MTD_TL.xml")

    message = str(refused.value)
    assert message.startswith("files/MTD_TL.xml: ")
    assert said in message
    assert "\n" not in message


@needs_real
@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "name", "crs", "corner", "detectors"),
    [
        pytest.param(T31TDH, "31TDH", "EPSG:32631", (399960, 4800000), [9, 10, 11, 12], id="T31TDH"),
        pytest.param(T46RER, "46RER", "EPSG:32646", (499980, 3100020), [11, 12], id="T46RER"),
        pytest.param(T01KAB, "01KAB", "EPSG:32701", (99960, 8200000), [4, 5, 6, 7, 8, 9], id="T01KAB"),
    ],
)
def test_real_tiles_are_read(path, name, crs, corner, detectors):
    metadata = read_tile(*real(path))

    assert (metadata.tile, metadata.crs, list(metadata.view["B02"])) == (name, crs, detectors)
    assert {r: (g.height, g.width, g.step) for r, g in metadata.grids.items()} == {
        10: (10980, 10980, 10),
        20: (5490, 5490, 20),
        60: (1830, 1830, 60),
    }
    assert {(grid.ulx, grid.uly) for grid in metadata.grids.values()} == {corner}
    assert len(metadata.view) == 13
    assert {grid.zenith.shape for grids in metadata.view.values() for grid in grids.values()} == {(23, 23)}


@needs_real
@pytest.mark.real
def test_nodes_of_t31tdh_lie_in_no_detector_one_or_two_as_was_counted():
    detectors = read_tile(*real(T31TDH)).view["B02"].values()

    seen_by = sum(np.isfinite(grid.zenith).astype(int) for grid in detectors)
    assert np.bincount(seen_by.ravel()).tolist() == [220, 294, 15]


@needs_real
@pytest.mark.real
def test_shares_of_real_classes_are_read():
    metadata = read_tile(*real(T01KAB))

    shares = metadata.class_percentages()
    assert (shares[2], shares[4], shares[9]) == (0.004608, 6.669225, 44.64452)
    assert sum(shares.values()) == pytest.approx(100, abs=1e-4)
    assert metadata.cloud == pytest.approx(shares[8] + shares[9] + shares[10], abs=1e-5)


@needs_real
@pytest.mark.real
def test_a_real_level_1c_tile_has_no_shares_of_classes():
    metadata = read_tile(*real(T31TDH))

    assert (metadata.scl_percentages, metadata.cloud) == ({}, 11.9204)


@needs_real
@pytest.mark.real
def test_mean_view_of_each_band_lies_among_its_detectors():
    for path in sorted((DATA / "l2a_120m_T33TWL_T33TWM").glob("*/granule_metadata.xml")):
        metadata = read_tile(path.read_bytes(), str(path))
        for band, mean in metadata.mean_view.items():
            seen = np.array([grid.zenith for grid in metadata.view[band].values()])
            assert np.nanmin(seen) < mean.zenith < np.nanmax(seen)

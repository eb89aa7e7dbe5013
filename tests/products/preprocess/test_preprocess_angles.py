"""What `angles.tif` holds: directions at the nodes of the metadata, and between them."""

import numpy as np
import preprocess_kit as kit
import pytest
import rasterio

from orchestrator.model.grid import Grid
from orchestrator.products.preprocess.directions import directions_of
from orchestrator.products.preprocess.keys import AngleKeys

METADATA = next(iter(sorted((kit.DATA / "cdse_scene_T31TDH_20180101").rglob("MTD_TL.xml"))), None)
TARGET = Grid("EPSG:32631", (60.0, 0.0, 399960.0, 0.0, -60.0, 4800000.0), 1830, 1830)
pytestmark = [pytest.mark.real, pytest.mark.skipif(METADATA is None, reason="the folder of real data is absent")]


def made(target=TARGET, **keys):
    """Return bands by their names."""
    directions = directions_of(METADATA, AngleKeys(enabled=True, **keys), target)
    pieces = list(directions.pieces(kit.NEVER))
    rows, at = [], 0
    while at < len(pieces):  # a row of blocks after the other, each from left to right
        width, row = 0, []
        while width < directions.grid.width:
            row.append(pieces[at])
            width, at = width + pieces[at].shape[1], at + 1
        rows.append(np.concatenate(row, axis=1))
    whole = np.concatenate(rows)
    assert whole.shape == (directions.grid.height, directions.grid.width, len(directions.bands))
    return {name: whole[..., band] for band, name in enumerate(directions.bands)}


def near(grid, row, col):
    """A grid of one pixel whose centre is a node of the metadata."""
    a, b, c, d, e, f = grid.transform
    return Grid(grid.crs, (a, b, c + 5000 * col - a / 2, d, e, f - 5000 * row - e / 2), 1, 1)


def nodes_of(word):
    """Return the values of the sun at nodes, as the file has them, without any code of ours."""
    text = METADATA.read_text()
    part = text.split("<Sun_Angles_Grid>")[1].split(f"<{word}")[1].split(f"</{word}>")[0]
    return [[float(v) for v in row.split("</VALUES>")[0].split()] for row in part.split("<VALUES>")[1:]]


@pytest.mark.parametrize(("row", "col"), [(0, 0), (3, 17), (21, 21)])
def test_angles_hold_at_the_nodes_not_half_a_cell_off(row, col):
    """The pixel at 5 km x col, 5 km x row from the tile's corner has the value of that node."""
    bands = made(near(TARGET, row, col), encode="deg", include_view=False)

    found = bands["sun_zen_deg"][0, 0], bands["sun_azi_deg"][0, 0]
    assert found == pytest.approx((nodes_of("Zenith")[row][col], nodes_of("Azimuth")[row][col]), abs=1e-3)


def test_degrees_and_their_sines_agree_and_vectors_have_length_1():
    """What is asked for as degrees is degrees, of sun and of satellite."""
    small = Grid(TARGET.crs, (3000.0, 0.0, 399960.0, 0.0, -3000.0, 4800000.0), 36, 36)
    sines, degrees = made(small, view_bands=["B02"]), made(small, view_bands=["B02"], encode="deg")

    assert list(degrees) == ["sun_zen_deg", "sun_azi_deg", "view_B02_zen_deg", "view_B02_azi_deg"]
    assert list(sines)[:5] == ["sun_zen_sin", "sun_zen_cos", "sun_azi_sin", "sun_azi_cos", "view_B02_zen_sin"]
    for name in ("sun_zen", "sun_azi", "view_B02_zen", "view_B02_azi"):
        s, c, angle = sines[f"{name}_sin"], sines[f"{name}_cos"], np.radians(degrees[f"{name}_deg"].astype(float))
        there = np.isfinite(angle)
        assert np.array_equal(np.isfinite(s), there)
        assert np.abs(s**2 + c**2 - 1)[there].max() < 1e-6
        assert np.abs(s - np.sin(angle))[there].max() < 1e-5
        assert there.any()


def test_at_the_nodes_themselves_nothing_is_interpolated():
    """angles.grid = "nodes": 23 x 23, with a node in the middle of each pixel."""
    directions = directions_of(
        METADATA, AngleKeys(enabled=True, grid="nodes", encode="deg", include_view=False), TARGET
    )
    (piece,) = directions.pieces(kit.NEVER)

    assert directions.grid == Grid("EPSG:32631", (5000.0, 0.0, 397460.0, 0.0, -5000.0, 4802500.0), 23, 23)
    assert np.array_equal(piece[..., 0], np.array(nodes_of("Zenith"), np.float32))


def seen_from(band):
    """Return the zenith and azimuth of each detector of a band at nodes, as the file has them, without code of ours."""
    number, found = {"B02": 1, "B04": 3}[band], []
    for part in METADATA.read_text().split("<Viewing_Incidence_Angles_Grids ")[1:]:
        if f'bandId="{number}"' in part.split(">")[0]:
            texts = [part.split(f"<{word}>")[1].split(f"</{word}>")[0] for word in ("Zenith", "Azimuth")]
            rows = [[row.split("</VALUES>")[0].split() for row in text.split("<VALUES>")[1:]] for text in texts]
            found.append(np.radians(np.array(rows, float)))
    return found


def test_one_direction_for_all_bands_is_the_mean_of_their_vectors():
    """Of every detector of every band; NaN where none sees a node."""
    keys = AngleKeys(enabled=True, grid="nodes", encode="deg", view_mode="single", view_bands=["B02", "B04"])
    directions = directions_of(METADATA, keys, TARGET)
    (piece,) = directions.pieces(kit.NEVER)

    seen = np.array([*seen_from("B02"), *seen_from("B04")])  # (detector, zenith or azimuth, row, col)
    zenith, azimuth = seen[:, 0], seen[:, 1]
    parts = np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)
    north, east, up = (np.nansum(part, axis=0) for part in parts)
    assert directions.bands == ("sun_zen_deg", "sun_azi_deg", "view_zen_deg", "view_azi_deg")
    there = np.isfinite(zenith).any(axis=0)
    assert np.array_equal(np.isfinite(piece[..., 2]), there)
    assert np.abs(piece[..., 2] - np.degrees(np.arctan2(np.hypot(north, east), up)))[there].max() < 1e-4
    turned = np.abs(piece[..., 3] - np.degrees(np.arctan2(east, north)) % 360)[there]
    assert np.minimum(turned, 360 - turned).max() < 1e-3


def test_without_a_choice_all_bands_are_seen():
    """Thirteen directions beside that to the sun."""
    assert len(made(near(TARGET, 3, 17), encode="deg")) == 2 + 2 * 13


def test_the_file_is_on_the_pixels_of_the_sample(tmp_path):
    """With names and NaN, in the folder of the sample."""
    index = kit.laid(tmp_path / "raw", (kit.DATA / "l1c_T56JMM_20180629_decimated").glob("*.SAFE"))
    angles = {"enabled": True, "view_mode": "single", "view_bands": ["B01"], "output_name": "directions.tif"}

    sample = kit.preprocess(tmp_path, index, target_grid="B01", bands=["B01"], labels={"enabled": False}, angles=angles)

    with rasterio.open(sample.folder / sample.records[0]["paths"]["angles"]) as raster:
        assert raster.name.endswith("directions.tif")
        assert (raster.shape, raster.count, np.isnan(raster.nodata)) == ((73, 73), 8, True)
        assert raster.descriptions[4:] == ("view_zen_sin", "view_zen_cos", "view_azi_sin", "view_azi_cos")
    assert sample.meta()["assets"]["angles"]["nodata_kind"] == "nan"

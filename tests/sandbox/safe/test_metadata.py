"""Metadata, read with a plain parser, against the images, the scene, and the ground geometry computed here."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer
from sandbox_safe_kit import CUT, parsed, sensing

from orchestrator.sandbox.safe.product import Cut, Options
from orchestrator.sandbox.safe.product_xml import product_xml
from orchestrator.sandbox.safe.tile_xml import tile_xml

ORDER = [0, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12]
CLASSES = {
    "SATURATED_DEFECTIVE_PIXEL": 1,
    "DARK_FEATURES": 2,
    "CLOUD_SHADOW": 3,
    "VEGETATION": 4,
    "NOT_VEGETATED": 5,
    "WATER": 6,
    "UNCLASSIFIED": 7,
    "MEDIUM_PROBA_CLOUDS": 8,
    "HIGH_PROBA_CLOUDS": 9,
    "THIN_CIRRUS": 10,
    "SNOW_ICE": 11,
}


def text(tree, name):
    (found,) = tree.iter(name)
    return found.text


def grid(element, name):
    rows = element.find(f"{name}/Values_List").iter("VALUES")
    return np.array([[float(each) for each in row.text.split()] for row in rows])


@pytest.fixture(scope="module")
def whole(source):
    """Metadata of the whole tile at Level-1C, whose images are not made."""
    product = sensing(source, "L1C", Options())
    return product, parsed(tile_xml(product, {}))


def views(tree):
    """Zenith and azimuth by band id and detector, in the order of the file."""
    found = tree.iter("Viewing_Incidence_Angles_Grids")
    return {(int(e.get("bandId")), int(e.get("detectorId"))): (grid(e, "Zenith"), grid(e, "Azimuth")) for e in found}


def test_offsets_of_all_thirteen_bands_are_told(written):
    name = {"L1C": "RADIO_ADD_OFFSET", "L2A": "BOA_ADD_OFFSET"}[written.product.level]

    offsets = [(each.get("band_id"), each.text) for each in parsed(written.metadata).iter(name)]

    assert offsets == [(str(number), "-1000") for number in range(13)]


@pytest.mark.parametrize(("baseline", "count"), [("02.06", 0), ("03.01", 0), ("04.00", 13), ("05.11", 13)])
def test_offsets_are_told_from_baseline_4_on(source, baseline, count):
    product = sensing(source, "L1C", Options(CUT, baseline=baseline))

    tree = parsed(product_xml(product, {}))

    assert len(list(tree.iter("RADIO_ADD_OFFSET"))) == count


def test_quantification_and_special_values_are_told(pair):
    first, second = (parsed(pair[level].metadata) for level in ("L1C", "L2A"))

    assert text(first, "QUANTIFICATION_VALUE") == "10000"
    names = ("BOA_QUANTIFICATION_VALUE", "AOT_QUANTIFICATION_VALUE", "WVP_QUANTIFICATION_VALUE")
    assert [float(text(second, name)) for name in names] == [10000, 1000, 1000]
    for tree in (first, second):
        special = {e[0].text: e[1].text for e in tree.iter("Special_Values")}
        assert special == {"NODATA": "0", "SATURATED": "65535"}


def test_listed_images_are_those_that_are_there(written):
    listed = {f"{each.text}.jp2" for each in parsed(written.metadata).iter("IMAGE_FILE")}

    there = {path.relative_to(written.folder).as_posix() for path in written.folder.glob("GRANULE/*/IMG_DATA/**/*.jp2")}

    assert listed == there


def test_times_are_those_of_names_and_scene(written):
    tile, product = parsed(written.tile_metadata), parsed(written.metadata)

    compact = text(product, "PRODUCT_START_TIME").replace("-", "").replace(":", "")
    sensed = np.datetime64(text(tile, "SENSING_TIME").rstrip("Z"), "ms").astype(int)

    assert compact[:15] == written.folder.name.split("_")[2]
    assert abs(int(sensed) - written.scene.properties["system:time_start"]) <= 1


@pytest.mark.parametrize("metres", [10, 20, 60])
def test_sizes_and_corners_are_those_of_the_images(pair, metres):
    tile = parsed(pair["L2A"].tile_metadata)
    (size,) = [e for e in tile.iter("Size") if e.get("resolution") == str(metres)]
    (corner,) = [e for e in tile.iter("Geoposition") if e.get("resolution") == str(metres)]

    with rasterio.open(pair["L2A"].image("B02", metres)) as raster:
        assert [int(each.text) for each in size] == list(raster.shape)
        matrix = raster.transform
    assert [int(each.text) for each in corner] == [matrix.c, matrix.f, matrix.a, matrix.e]
    assert text(tile, "HORIZONTAL_CS_CODE") == "EPSG:32633"


def test_a_whole_tile_has_10980_pixels(whole):
    _, tree = whole

    sizes = {e.get("resolution"): (e[0].text, e[1].text) for e in tree.iter("Size")}

    assert sizes == {"10": ("10980", "10980"), "20": ("5490", "5490"), "60": ("1830", "1830")}


def test_percentages_are_shares_of_the_classes_in_the_image(pair):
    """No data is a share of all, each other class of what has data."""
    tile = parsed(pair["L2A"].tile_metadata)
    with rasterio.open(pair["L2A"].image("SCL", 20)) as raster:
        counts = np.bincount(raster.read(1).ravel(), minlength=12)
    seen = counts[1:].sum()

    told = {name: float(text(tile, f"{name}_PERCENTAGE")) for name in CLASSES}

    expected = {name: 100 * counts[index] / seen for name, index in CLASSES.items()}
    assert told == pytest.approx(expected, abs=1e-6)
    assert float(text(tile, "NODATA_PIXEL_PERCENTAGE")) == pytest.approx(100 * counts[0] / counts.sum(), abs=1e-6)
    assert float(text(tile, "CLOUDY_PIXEL_PERCENTAGE")) == pytest.approx(100 * counts[8:11].sum() / seen, abs=1e-6)


@pytest.mark.parametrize(("baseline", "name"), [("05.09", "DARK_FEATURES"), ("05.11", "CAST_SHADOW")])
def test_class_2_is_called_as_its_baseline_does(source, baseline, name):
    from orchestrator.sandbox.safe.tile_xml import shares_of  # noqa: PLC0415

    product = sensing(source, "L2A", Options(CUT, baseline=baseline))

    assert f"{name}_PERCENTAGE" in shares_of(product, np.arange(12))


def test_cloud_cover_of_the_product_is_earth_engines(written):
    told = float(text(parsed(written.metadata), "Cloud_Coverage_Assessment"))

    assert told == written.scene.properties["CLOUD_COVERAGE_ASSESSMENT"]


def sun_of_the_almanac(lon, lat, when):
    """Zenith and azimuth in degrees, after the Astronomical Almanac's low precision formulas for the sun."""
    days = (when - np.datetime64("2000-01-01T12:00:00")) / np.timedelta64(1, "s") / 86400.0
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439 - 0.0000004 * days)
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    sidereal = np.radians((18.697375 + 24.065709824279 * days) % 24 * 15 + lon)
    hour, place = sidereal - ascension, np.radians(lat)
    up = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.sin(declination) * np.cos(place) - np.cos(declination) * np.cos(hour) * np.sin(place)
    return np.degrees(np.arccos(up)), np.degrees(np.arctan2(east, north)) % 360


def nodes(tree):
    """Eastings and northings of the nodes: from the corner on, every 5 km."""
    corner = next(tree.iter("Geoposition"))
    steps = 5000.0 * np.arange(23)
    return np.meshgrid(float(corner[0].text) + steps, float(corner[1].text) - steps)


def test_the_sun_stands_where_an_almanac_says(whole):
    _, tree = whole
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(*nodes(tree))
    sun = next(tree.iter("Sun_Angles_Grid"))

    zenith, azimuth = sun_of_the_almanac(lon, lat, np.datetime64(text(tree, "SENSING_TIME").rstrip("Z")))

    # The sandbox's formula is good to 0.2 degrees, and a tile is seen within 16 seconds.
    assert np.abs(grid(sun, "Zenith") - zenith).max() < 0.2
    assert np.abs(grid(sun, "Azimuth") - azimuth).max() < 0.4
    assert grid(sun, "Zenith").shape == (23, 23)


def test_bands_come_in_the_order_of_real_files_with_the_same_detectors(whole):
    _, tree = whole
    found = list(views(tree))

    detectors = sorted({detector for _, detector in found})

    assert found == [(band, detector) for band in ORDER for detector in detectors]
    assert 4 <= len(detectors) <= 7


def test_nodes_have_a_view_where_pixels_are_seen_and_nowhere_else(whole):
    """The nodes inside the tile; each is the north west corner of a pixel, within the width of one of the edge."""
    product, tree = whole
    seen = np.zeros((23, 23), bool)
    for (band, _), (zenith, _) in views(tree).items():
        seen |= (band == 1) & ~np.isnan(zenith)
    _, valid = product.scene.read("QA60", 0, 0, 0, 1830, 1830)
    at = (np.arange(22) * 5000 / 60).astype(int)

    wrong = np.argwhere(seen[:22, :22] != valid[np.ix_(at, at)])

    assert len(wrong) <= 4
    for row, col in wrong:
        assert 0 < valid[at[row] - 1 : at[row] + 2, at[col] - 1 : at[col] + 2].mean() < 1
    assert 20 < (~seen).sum() < 400


def test_neighbouring_detectors_share_few_nodes_and_see_them_from_both_sides(whole):
    """Every other detector looks ahead, the others behind."""
    _, tree = whole
    of_band = {detector: angles for (band, detector), angles in views(tree).items() if band == 1}
    counts = sum((~np.isnan(zenith)).astype(int) for zenith, _ in of_band.values())

    assert counts.max() == 2
    assert 0 < (counts == 2).sum() < 0.2 * (counts > 0).sum()
    for left, right in zip(list(of_band)[:-1], list(of_band)[1:], strict=True):
        both = ~np.isnan(of_band[left][0]) & ~np.isnan(of_band[right][0])
        turned = np.abs((of_band[left][1] - of_band[right][1] + 180) % 360 - 180)[both]
        assert (turned > 5).all()


def test_the_view_points_towards_the_track(whole):
    """West of the ground track the satellite stands in the east; the zenith grows with the distance."""
    product, tree = whole
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(*nodes(tree))
    across = product.scene.overpass.across(lon, lat)
    for (band, _), (zenith, azimuth) in views(tree).items():
        far = ~np.isnan(zenith) & (np.abs(across) > 60)
        if band != 1 or not far.any():
            continue
        side = np.where(across > 0, 284.0, 104.0)
        assert np.abs((azimuth - side + 180) % 360 - 180)[far].max() < 30
        # Law of sines between the Earth's centre, the place and a satellite at 786 km.
        turn = across[far] / 6371
        slant = np.sqrt(6371**2 + 7157**2 - 2 * 6371 * 7157 * np.cos(turn))
        sideways = np.degrees(np.arcsin(7157 * np.sin(np.abs(turn)) / slant))
        assert np.abs(zenith[far] - sideways).max() < 0.5
        assert zenith[far].max() < 12.5


def test_mean_angles_are_told_for_each_band(whole):
    _, tree = whole
    means = next(tree.iter("Mean_Viewing_Incidence_Angle_List"))

    assert [int(each.get("bandId")) for each in means] == ORDER
    assert all(0 < float(each[0].text) < 12.5 for each in means)


def test_nodes_of_a_cut_begin_at_its_corner(source, whole):
    """Cut at a multiple of 15 km, whole nodes away: the grid moves on by them."""
    _, tree = whole
    cut = Cut(250, 500, 24, 24)

    moved = parsed(tile_xml(sensing(source, "L1C", Options(cut)), {}))

    here, there = (grid(next(each.iter("Sun_Angles_Grid")), "Zenith") for each in (moved, tree))
    np.testing.assert_allclose(here[:20, :17], there[3:, 6:], atol=1e-3)


def test_a_cut_without_any_swath_has_no_views(source):
    product = sensing(source, "L1C", Options(Cut(1700, 1806, 24, 24)))

    tree = parsed(tile_xml(product, {}))

    means = next(tree.iter("Mean_Viewing_Incidence_Angle_List"))
    assert views(tree) == {}
    assert {angle.text for each in means for angle in each} == {"NaN"}


def test_the_footprint_is_the_part_that_is_seen(written):
    numbers = [float(each) for each in text(parsed(written.metadata), "EXT_POS_LIST").split()]
    outline = shapely.Polygon(np.array(numbers).reshape(-1, 2)[:, ::-1])
    with rasterio.open(written.image("B02", 10)) as raster:
        rows, cols = np.nonzero(raster.read(1))
        east, north = raster.xy(rows, cols)
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(np.array(east), np.array(north))

    inside = shapely.contains_xy(outline, lon, lat)

    assert inside.all()
    metres = shapely.transform(outline, Transformer.from_crs(4326, 32633, always_xy=True).transform, interleaved=False)
    # Drawn 100 m too wide along the edge of the swath, which crosses the cut of 2,160 m.
    assert 0 <= metres.area - rows.size * 100 <= 120 * 2300

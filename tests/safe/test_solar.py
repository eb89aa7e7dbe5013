"""
The sun of real tiles against an ephemeris: angles hold at nodes, not in the centres of cells.

The ephemeris is that of NOAA's solar calculator (gml.noaa.gov/grad/solcalc), after Meeus, "Astronomical Algorithms",
chapter 25: good to 0.01 degrees. Two things of the instrument are in the angles: lines are taken one after another, at
the 6.64 km/s of the ground track (40,075 km in 100.6 minutes); and the time in the file is of this tile's centre only
from baseline 03.01 on: it is fitted.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from pyproj import Transformer
from safe_kit import DATA, needs_real

from orchestrator.model.grid import Window
from orchestrator.safe.angles import angle_transform, sample
from orchestrator.safe.tile import read_tile

SCENES = [
    "cdse_scene_T31TDH_20180101/*.SAFE/GRANULE/*/MTD_TL.xml",
    "l1c_T56JMM_20180629_decimated/*.SAFE/GRANULE/*/MTD_TL.xml",
    "safe_metadata/L1C_N0301_T46RER/MTD_TL.xml",
    "safe_metadata/L2A_N0509_T01KAB/MTD_TL.xml",
    "l2a_120m_T33TWL_T33TWM/S2A_33TWL_20230815_0_L2A/granule_metadata.xml",
]
PIXEL = 2400.0  # metres: coarse, for speed
COUNT = 45  # 108 km, within the outermost nodes


def sun(days, longitude, latitude):
    """Return zenith (without refraction) and azimuth in degrees, days after 2000-01-01 12:00 UTC."""
    t = days / 36525
    mean_longitude = np.radians(280.46646 + t * (36000.76983 + 0.0003032 * t))
    anomaly = np.radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = np.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
    centre += np.sin(2 * anomaly) * (0.019993 - 0.000101 * t) + np.sin(3 * anomaly) * 0.000289
    node = np.radians(125.04 - 1934.136 * t)
    apparent = mean_longitude + np.radians(centre - 0.00569 - 0.00478 * np.sin(node))
    obliquity = np.radians(23.4392911 - 0.0130042 * t + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(obliquity) * np.sin(apparent))
    y = np.tan(obliquity / 2) ** 2
    of_time = y * np.sin(2 * mean_longitude) - 2 * eccentricity * np.sin(anomaly)
    of_time += 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean_longitude)
    of_time -= y * y * np.sin(4 * mean_longitude) / 2 + 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    hour = np.radians((days + 0.5) % 1 * 360 + longitude - 180) + of_time
    place = np.radians(latitude)
    up = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(hour)
    south = np.cos(hour) * np.sin(place) - np.tan(declination) * np.cos(place)
    return np.degrees(np.arccos(up)), np.degrees(np.arctan2(np.sin(hour), south)) + 180


def apart(metadata, nodes):
    """Return how far sampled directions are from the ephemeris, root mean square in degrees, at the best time."""
    corner = metadata.grids[10]
    pixels = (PIXEL, 0.0, corner.ulx, 0.0, -PIXEL, corner.uly)
    got = sample(metadata.sun, nodes, pixels, Window(0, 0, COUNT, COUNT))
    rows, cols = np.mgrid[:COUNT, :COUNT] + 0.5
    to_degrees = Transformer.from_crs(metadata.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(corner.ulx + PIXEL * cols, corner.uly - PIXEL * rows)
    line_seconds = (rows * PIXEL - 54900) / 6640
    sensed = datetime.fromisoformat(metadata.sensing_time)

    def differences(seconds):
        days = (sensed - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() + seconds + line_seconds
        zenith, azimuth = sun(days / 86400, longitude, latitude)
        across = ((got.azimuth - azimuth + 180) % 360 - 180) * np.sin(np.radians(zenith))
        return np.stack([got.zenith - zenith, across])

    seconds = 0.0
    for _ in range(3):  # Gauss and Newton: the angles are almost straight in time
        now = differences(seconds)
        slope = differences(seconds + 1) - now
        seconds -= np.nansum(now * slope) / np.nansum(slope * slope)
    return np.sqrt(np.nanmean(np.sum(differences(seconds) ** 2, axis=0)))


@needs_real
@pytest.mark.real
@pytest.mark.parametrize("path", SCENES)
def test_the_sun_stands_where_an_ephemeris_says_and_half_a_cell_off_it_does_not(path):
    (file,) = DATA.glob(path)
    metadata = read_tile(file.read_bytes(), str(file))
    at_nodes = angle_transform(metadata)
    half_off = (*at_nodes[:2], at_nodes[2] + 2500, *at_nodes[3:5], at_nodes[5] - 2500)

    assert apart(metadata, at_nodes) < 0.007
    assert apart(metadata, half_off) > 0.018

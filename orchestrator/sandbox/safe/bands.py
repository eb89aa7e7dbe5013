"""
The bands of Sentinel-2 and the image files of a product.

Numbers, names, pixel sizes and wavelengths: Sentinel-2 Products Specification Document. Order is that of band ids.
"""

from __future__ import annotations

from dataclasses import dataclass

L1C, L2A = "L1C", "L2A"
LEVELS = (L1C, L2A)
OFFSET_SINCE = "04.00"  # the baseline from which on 1000 is added to reflectance × 10000
_WIDE_B01_SINCE = "04.00"  # the baseline from which on Level-2A has B01 at 20 m, too
TCI, SCL, CLOUD = "TCI", "SCL", "CLDPRB"


@dataclass(frozen=True, slots=True)
class Band:
    """
    A spectral band.

    Attributes:
        number: Its id in metadata, 0 to 12.
        name: `B01` ... `B12`, as in names of files.
        metres: Its native pixel.
        wavelength: Shortest, longest and central wavelength of Sentinel-2A, nm.
        irradiance: Of the sun, W/m²/µm.
    """

    number: int
    name: str
    metres: int
    wavelength: tuple[float, float, float]
    irradiance: float

    @property
    def short(self) -> str:
        """`B1`, as Earth Engine and `physicalBand` call it."""
        return "B" + self.name[1:].lstrip("0")


BANDS = (
    Band(0, "B01", 60, (412, 456, 442.7), 1884.69),
    Band(1, "B02", 10, (456, 533, 492.7), 1959.66),
    Band(2, "B03", 10, (538, 583, 559.8), 1823.24),
    Band(3, "B04", 10, (646, 684, 664.6), 1512.06),
    Band(4, "B05", 20, (695, 714, 704.1), 1424.64),
    Band(5, "B06", 20, (731, 749, 740.5), 1287.61),
    Band(6, "B07", 20, (769, 797, 782.8), 1162.08),
    Band(7, "B08", 10, (760, 907, 832.8), 1041.63),
    Band(8, "B8A", 20, (837, 881, 864.7), 955.32),
    Band(9, "B09", 60, (932, 958, 945.1), 812.92),
    Band(10, "B10", 60, (1337, 1412, 1373.5), 367.15),
    Band(11, "B11", 20, (1539, 1682, 1613.7), 245.59),
    Band(12, "B12", 20, (2078, 2320, 2202.4), 85.25),
)
# Metadata of tiles tell the angles of the bands in this order of ids: by pixel size of the first three, then by id.
ANGLE_ORDER = (0, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12)
_BY_NAME = {band.name: band for band in BANDS}
_NATIVE = {band.name: band.metres for band in BANDS} | {"AOT": 10, "WVP": 10, TCI: 10, SCL: 20, CLOUD: 20}
# What Level-2A has at each pixel size, in the order of its list of files.
_LEVEL_2A = {
    10: ("B02", "B03", "B04", "B08", TCI, "AOT", "WVP"),
    20: ("B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12", TCI, "AOT", "WVP", SCL, CLOUD),
    60: (
        *("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12"),
        *(TCI, "AOT", "WVP", SCL, CLOUD),
    ),
}
_CHANNELS = {TCI: 3}
_CLASSES = (SCL,)
NAMES = (*_BY_NAME, TCI, "AOT", "WVP", SCL, CLOUD)


@dataclass(frozen=True, slots=True)
class Image:
    """
    An image file of a product.

    Attributes:
        name: Band, or TCI, AOT, WVP, SCL, CLDPRB (the probability of cloud).
        metres: Its pixels.
        native: The pixels it is made from; equal where it is as recorded.
    """

    name: str
    metres: int
    native: int

    @property
    def dtype(self) -> str:
        """The numpy type of its pixels."""
        return "uint8" if self.name in (TCI, SCL, CLOUD) else "uint16"

    @property
    def channels(self) -> int:
        """How many planes it has."""
        return _CHANNELS.get(self.name, 1)

    @property
    def is_reflectance(self) -> bool:
        """Whether the offset of its baseline applies to it."""
        return self.name in _BY_NAME

    @property
    def is_class(self) -> bool:
        """Whether its values must not be averaged."""
        return self.name in _CLASSES


def images(level: str, baseline: str, *, wanted: tuple[str, ...] = ()) -> tuple[Image, ...]:
    """
    Return the image files of a product, in the order of its metadata.

    Args:
        level: `L1C` or `L2A`.
        baseline: `05.10`.
        wanted: Names to have, all but the true colour image where there are none.
    """
    kept = wanted or tuple(name for name in NAMES if name != TCI)
    if level == L1C:
        return tuple(Image(name, _NATIVE[name], _NATIVE[name]) for name in (*_BY_NAME, TCI) if name in kept)
    sizes = dict(_LEVEL_2A)
    if baseline >= _WIDE_B01_SINCE:
        sizes[20] = ("B01", *sizes[20])
    return tuple(
        Image(name, metres, _NATIVE[name]) for metres, names in sizes.items() for name in names if name in kept
    )

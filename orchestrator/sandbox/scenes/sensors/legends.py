"""Legends that maps carry as properties: values, names and colours of their classes, as the data sheets tell them."""

from __future__ import annotations

from typing import Any


def _legend(band: str, rows: tuple[tuple[int, str, str], ...]) -> dict[str, Any]:
    return {
        f"{band}_class_values": [value for value, _, _ in rows],
        f"{band}_class_palette": [colour for _, colour, _ in rows],
        f"{band}_class_names": [name for _, _, name in rows],
    }


WORLDCOVER = _legend(
    "Map",
    (
        (10, "006400", "Tree cover"),
        (20, "ffbb22", "Shrubland"),
        (30, "ffff4c", "Grassland"),
        (40, "f096ff", "Cropland"),
        (50, "fa0000", "Built-up"),
        (60, "b4b4b4", "Bare / sparse vegetation"),
        (70, "f0f0f0", "Snow and ice"),
        (80, "0064c8", "Permanent water bodies"),
        (90, "0096a0", "Herbaceous wetland"),
        (95, "00cf75", "Mangroves"),
        (100, "fae6a0", "Moss and lichen"),
    ),
)

NLCD_SCIENCE = (
    "land_cover_change_count",
    "land_cover_change_first_disturbance_date",
    "land_cover_change_index",
    "land_cover_science_product",
    "forest_disturbance_date",
)
NLCD = _legend(
    "landcover",
    (
        (11, "466b9f", "Open water"),
        (12, "d1def8", "Perennial ice/snow"),
        (21, "dec5c5", "Developed, open space"),
        (22, "d99282", "Developed, low intensity"),
        (23, "eb0000", "Developed, medium intensity"),
        (24, "ab0000", "Developed high intensity"),
        (31, "b3ac9f", "Barren land (rock/sand/clay)"),
        (41, "68ab5f", "Deciduous forest"),
        (42, "1c5f2c", "Evergreen forest"),
        (43, "b5c58f", "Mixed forest"),
        (52, "ccb879", "Shrub/scrub"),
        (71, "dfdfc2", "Grassland/herbaceous"),
        (81, "dcd939", "Pasture/hay"),
        (82, "ab6c28", "Cultivated crops"),
        (90, "b8d9eb", "Woody wetlands"),
        (95, "6c9fb8", "Emergent herbaceous wetlands"),
    ),
) | _legend(
    "impervious_descriptor",
    (
        (0, "000000", "Unclassified"),
        (20, "ff0000", "Primary road"),
        (21, "ffff00", "Secondary road"),
        (22, "0000ff", "Tertiary road"),
        (23, "ffffff", "Thinned road"),
        (24, "ffc0c5", "Non-road non-energy impervious"),
        (25, "eb82eb", "Microsoft buildings"),
        (26, "9f1feb", "LCMAP impervious"),
        (27, "40dfd0", "Wind turbines"),
        (28, "79ff00", "Well pads"),
        (29, "005f00", "Other energy production"),
    ),
)
GFSAD = _legend(
    "landcover",
    (
        (0, "000000", "Non-croplands"),
        (1, "ffa500", "Croplands: irrigation major"),
        (2, "a52a2a", "Croplands: irrigation minor"),
        (3, "8fbc8f", "Croplands: rainfed"),
        (4, "008000", "Croplands: rainfed, minor fragments"),
        (5, "ffff00", "Croplands: rainfed, very minor fragments"),
    ),
)

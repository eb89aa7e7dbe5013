"""The fields of a new job that each product has of its own: in words; what they may be, the registries say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.app.verbs.draft_defaults import choices, usual


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field of the form.

    Attributes:
        name: As a job file calls its key, with dots between tables.
        label: Before it.
        hint: What it means, and an example.
        kind: `text`, `number`, `flag` or `lines`.
    """

    name: str
    label: str
    hint: str
    kind: str = "text"

    @property
    def words(self) -> tuple[str, ...]:
        """What it may be, where it is one of several."""
        return ("true", "false") if self.kind == "flag" else choices(self.name)

    @property
    def usual(self) -> str:
        """What it is where nothing is said."""
        return usual(self.name)


_SCENES = (
    ("collection", "Collection", "s2-l2a, s2-l1c, landsat, s1, ..., or Earth Engine's id of a collection.", "text"),
    ("max_cloud", "Most cloud", "Cloudier scenes are left out, per cent.", "number"),
    ("filter", "Conditions", "On a scene's properties, one a line: MGRS_TILE == 33TVM", "lines"),
)

OWN: Mapping[str, tuple[Field, ...]] = MappingProxyType(
    {
        "mosaic": (
            Field("mosaic.compress", "Compression", "Codec of the GeoTIFF; `same` is that of the parts."),
            Field("mosaic.overviews", "Overviews", "Smaller copies within the file, for maps."),
            Field("mosaic.all_touched", "Every pixel touched", "Not only those whose centre is inside.", "flag"),
        ),
        "cube": (
            *(Field(f"cube.{name}", label, hint, kind) for name, label, hint, kind in _SCENES),
            Field("cube.format", "Format", "One Zarr store, or a GeoTIFF of each date."),
            Field("cube.order", "Which scene first", "Of several of one date, which gives a pixel."),
            Field("cube.same_day", "Scenes of one day", "One date of all of them, or each by itself."),
            Field("cube.clip", "Cut with the area", "Else the whole rectangle around it.", "flag"),
            Field("cube.reduce", "Beside it, over time", "median, mean, count, p90, ..."),
        ),
        "chips": (
            Field("chips.tiles", "File of tiles", "As `orchestrator tiles` makes them: its path."),
            Field("chips.width", "Width of a chip", "Pixels; without one, the tile's own size.", "number"),
            Field("chips.height", "Height of a chip", "Pixels.", "number"),
            Field("chips.outside", "Pixels outside the tile", "Kept, or made nodata."),
            Field("chips.where", "Which tiles", "split == train, area_km2 > 0.5"),
            Field("chips.first", "The first so many", "For a try.", "number"),
        ),
        "table": (
            Field("table.points", "Points", "A vector file, a CSV with columns lon and lat, or WKT: its path."),
            Field("table.polygons", "Polygons", "A vector file: its path. Without either, every pixel of the area."),
            Field("table.id", "Their name", "A column of that file."),
            *(Field(f"table.{name}", label, hint, kind) for name, label, hint, kind in _SCENES),
            Field("table.reducer", "Over polygons", "mean, median, min, max, count, sum, stdDev, p90, ..."),
            Field("table.format", "Format", "Of the file."),
        ),
        "scenes": (
            Field("scenes.tiles", "MGRS tiles", "33UWQ, 33UWP; without any, those that the area meets."),
            Field("scenes.levels", "Levels", "L1C, L2A"),
            Field("scenes.cloud_max", "Most cloud", "Per cent.", "number"),
            Field("scenes.l1c_bands", "Bands of Level-1C", "B02, B03, ..."),
            Field("scenes.l2a_bands", "Images of Level-2A", "B02, B11_20m, ..."),
            Field("scenes.max_scenes", "The first so many", "Scenes, for a try.", "number"),
        ),
    }
)

# What else a mosaic and others may say; most people leave it as it is.
FURTHER = (
    Field("grid.crs_transform", "Lattice", "Six numbers in affine order: 10,0,499980,0,-10,5200020"),
    Field("max_part_size", "Largest part", "No file of a part is larger: 48MiB."),
    Field("min_valid", "Least share of data", "The run waits for you where fewer pixels hold data, 0 to 1.", "number"),
    Field("audit", "Windows to audit", "So many are asked for again and compared before it is published.", "number"),
    Field("max_eecu_hours", "Most EECU-hours", "The run waits for you before it costs more.", "number"),
    Field("priority", "Priority", "-1000 to 1000; the higher number goes first.", "number"),
)


_SHOWN = frozenset(
    {
        *("product", "recipe", "start_date", "end_date", "bands", "grid.scale", "grid.crs", "base_name", "output"),
        *("route", "area.source", "area.where", "area.layer", "area.crs", "area.each"),
        *(field.name for fields in (*OWN.values(), FURTHER) for field in fields),
    }
)


# What the form calls what sentences call by an option of the command line.
_CALLED: Mapping[str, str] = MappingProxyType(
    {
        "--scale": "Pixel size",
        "--crs": "CRS",
        "--bands": "Bands",
        "--output": "Folder",
        "--base-name": "Name",
        "--start-date": "First day",
        "--end-date": "The day after the last",
        "--max-size-mb": "Largest part",
        "--where": "Features",
        "--layer": "Layer",
        "--area-layer": "Layer",
        "--area-crs": "CRS of the file",
        "--route": "Route",
        "--pixels": "Width and Height of a chip",
        "--each": "A result for each",
    }
)
_OPTION = re.compile(r"(--[a-z][a-z-]*)(?: [A-Z]+\b)*")


def in_words(sentence: str) -> str:
    """Return a sentence with the names of fields in place of options, and of the values that they take."""
    return _OPTION.sub(lambda found: f"“{_CALLED[found[1]]}”" if found[1] in _CALLED else found[0], sentence)


def is_shown(name: str) -> bool:
    """Tell whether a field has its place in the form; what a run has beside them is shown as it is called."""
    return name in _SHOWN or name.startswith("params.")

"""A folder as somebody has it who types what the published page of geetiles prints."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import shapely

from orchestrator.faces.cli.main import run_cli

# As it is printed, command by command; `#` begins what is not.
PRINTED = """
geet grid --aoi_wkt_file luxembourg.wkt  --chip_size_meters 1000 --aoi_name lux --dest_dir .
geet download --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson  --gee_image_pycode sentinel2-rgb-median-2020 \
--pixels_lonlat [100,100] --skip_if_exists
geet download --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson  --gee_image_pycode esa-world-cover \
--pixels_lonlat [100,100] --skip_if_exists  # printed as a sentence: "if using esa-world-cover as gee_image_pycode"
geet random --aoi_wkt_file luxembourg.wkt  --max_rectangle_size_meters 20000 --aoi_name lux --dest_dir .
geet select --orig_shapefile COMM_RG_01M_2016_4326.zip --aoi_wkt_file luxembourg.wkt --tiles_name communes \
--aoi_name lux --dest_dir .
geet download --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson  --gee_image_pycode crops.py \
--dataset_name crop --pixels_lonlat [100,100] --skip_if_exists --skip_confirm --n_processes 20
geet split --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson --nbands 8 --train_pct .5 --test_pct 0.3 \
--val_pct 0.2  --angle 0.78
geet intersect --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson \
--foreign_tiles_file lux_partitions_communes_1a471c686e053.geojson
geet split --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson --nbands 8 --train_pct .5 --test_pct 0.3 \
--val_pct 0.2  --angle 0.785 --foreign_tiles_name communes
geet lp.compute --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson --dataset_name esa-world-cover
geet download --tiles_file lux_partitions_communes_1a471c686e053.geojson  --gee_image_pycode esa-world-cover  \
--meters_per_pixel 20  --skip_if_exists
geet lp.compute --tiles_file lux_partitions_communes_1a471c686e053.geojson --dataset_name esa-world-cover
geet lp.from_foreign --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson \
--foreign_tiles_file lux_partitions_communes_1a471c686e053.geojson --dataset_name esa-world-cover
geet zip.dataset --tiles_file lux_partitions_aschips_14c55eb7d417f.geojson \
--foreign_tiles_file lux_partitions_communes_1a471c686e053.geojson --images_dataset_name sentinel2-rgb-median-2020 \
--labels_dataset_name esa-world-cover --readme_file README.txt  --label_map [10,20,30,40,50,60,70,80,90,95,100]
"""
# The file that the page prints, lines and blanks alike.
CROPS = r"""
import ee

def get_ee_image():
    return ee.Image('USGS/GFSAD1000_V1')\
             .select('landcover')\
             .visualize(min=0.0, max=5.0,
                        palette = ['black', 'orange', 'brown', 
                                   '02a50f', 'green', 'yellow'])

def get_dataset_name():
    return 'crops'
"""  # noqa: W291
CHIPS, COMMUNES = "lux_partitions_aschips_14c55eb7d417f", "lux_partitions_communes_1a471c686e053"
WEST, SOUTH, EAST, NORTH = 6.100, 49.600, 6.134, 49.624
CORNER = shapely.Polygon(
    [(WEST, SOUTH + 0.002), (WEST + 0.015, SOUTH), (EAST, SOUTH + 0.001), (EAST, NORTH - 0.001), (WEST + 0.004, NORTH)]
)


def printed():
    """The commands, word by word, without the name of the program."""
    return [shlex.split(line, comments=True)[1:] for line in PRINTED.strip().splitlines()]


def lay_out(folder: Path, area=CORNER) -> None:
    """What the page expects to be there. The file of communes of EUROSTAT is imitated: ten polygons, its name."""
    (folder / "luxembourg.wkt").write_text(area.wkt)
    (folder / "README.txt").write_text("A corner of Luxembourg.\n")
    (folder / "crops.py").write_text(CROPS)
    west, south, east, north = area.bounds
    across, up = (east - west) / 3, (north - south) / 2
    made = [_commune(west + (at % 5 - 1.1) * across, south + (at // 5 - 0.2) * up * 1.3, across, up * 1.3, at)
            for at in range(10)]  # fmt: skip
    names = {"COMM_ID": [f"LU{at:04d}" for at in range(10)], "COMM_NAME": [f"commune {at}" for at in range(10)]}
    frame = geopandas.GeoDataFrame(names, geometry=made, crs="EPSG:4326")
    name = "COMM_RG_01M_2016_4326"
    (folder / name).mkdir()
    frame.to_file(folder / name / f"{name}.shp")
    shutil.make_archive(str(folder / name), "zip", folder / name)


def _commune(west, south, width, height, at):
    """A polygon with a bent border; neighbours share it."""
    bend = 0.1 * height * (-1) ** at
    east, north, middle = west + width, south + height, west + width / 2
    lower, upper = (bend, 0) if at >= 5 else (0, -bend)
    return shapely.Polygon(
        [(west, south), (middle, south + lower), (east, south), (east, north), (middle, north + upper), (west, north)]
    )


@dataclass
class Story:
    """
    What came of the commands.

    Attributes:
        folder: In which they were typed.
        codes: How each ended, by the command.
        names: The printed names of files of tiles, and what they are of this area.
    """

    folder: Path
    codes: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def type(self, words) -> int:
        """Type one command, with the names that the files have here."""
        told = [re.sub("|".join(self.names) or "$^", lambda found: self.names[found[0]], word) for word in words]
        with contextlib.chdir(self.folder):
            code = run_cli(["geet", *told])
        self.codes[" ".join(words)] = code
        for name in (CHIPS, COMMUNES):
            found = [path.stem for path in self.folder.glob(f"{name.rpartition('_')[0]}_*.geojson")]
            self.names |= {name: found[0]} if found else {}
        return code

    @property
    def chips(self) -> Path:
        """The file of small tiles."""
        return self.folder / f"{self.names[CHIPS]}.geojson"

    @property
    def communes(self) -> Path:
        """The file of coarse tiles."""
        return self.folder / f"{self.names[COMMUNES]}.geojson"

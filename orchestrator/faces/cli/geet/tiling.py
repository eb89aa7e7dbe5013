"""Verbs of geetiles that make and mark files of tiles: grid, random, select, intersect, split."""

from __future__ import annotations

from rich_click import option

from orchestrator.faces.cli.geet.translated import AREA_FILE, AREA_NAME, FOLDER, FOREIGN_FILE, TILES_FILE, Words, old

_GEOJSON = ("--format", "geojson")


@old(
    "grid",
    AREA_FILE,
    option("--chip_size_meters", required=True, type=int, metavar="M", help="Side of a tile, metres."),
    AREA_NAME,
    FOLDER,
)
def old_grid(aoi_wkt_file: str, chip_size_meters: int, aoi_name: str, dest_dir: str) -> Words:
    """Make a grid of tiles over an area: `tiles grid --cover legacy`."""
    size = ["--size", str(chip_size_meters), "--cover", "legacy"]
    return ["tiles", "grid", aoi_wkt_file, *size, "--name", aoi_name, "-o", dest_dir, *_GEOJSON]


@old(
    "random",
    AREA_FILE,
    option("--max_rectangle_size_meters", required=True, type=int, metavar="M", help="No side is longer, metres."),
    AREA_NAME,
    FOLDER,
)
def old_random(aoi_wkt_file: str, max_rectangle_size_meters: int, aoi_name: str, dest_dir: str) -> Words:
    """Cut an area into random rectangles: `tiles random`, which tells its seed."""
    size = ["--max-size", str(max_rectangle_size_meters)]
    return ["tiles", "random", aoi_wkt_file, *size, "--name", aoi_name, "-o", dest_dir, *_GEOJSON]


@old(
    "select",
    AREA_FILE,
    option("--orig_shapefile", required=True, metavar="FILE", help="Polygons of which some are chosen."),
    AREA_NAME,
    FOLDER,
    option("--tiles_name", required=True, metavar="NAME", help="What the tiles are called in the file's name."),
)
def old_select(aoi_wkt_file: str, orig_shapefile: str, aoi_name: str, dest_dir: str, tiles_name: str) -> Words:
    """Choose the polygons of a file that lie in an area: `tiles select --overlap legacy`."""
    names = ["--name", aoi_name, "--tiles-name", tiles_name]
    rule = ["--overlap", "legacy", "--no-attributes"]
    return ["tiles", "select", orig_shapefile, "--aoi", aoi_wkt_file, *names, *rule, "-o", dest_dir, *_GEOJSON]


@old("intersect", TILES_FILE, FOREIGN_FILE)
def old_intersect(tiles_file: str, foreign_tiles_file: str) -> Words:
    """Name for each tile the coarser tile in which most of it lies: `tiles link --legacy`."""
    return ["tiles", "link", tiles_file, foreign_tiles_file, "--legacy"]


@old(
    "split",
    TILES_FILE,
    option("--nbands", required=True, type=int, metavar="N", help="Number of bands."),
    option("--angle", required=True, type=float, metavar="RADIANS", help="Direction, -1.5707 to 1.5707."),
    option("--train_pct", required=True, type=float, metavar="SHARE", help="Share for training, 0 to 1."),
    option("--test_pct", required=True, type=float, metavar="SHARE", help="Share for testing."),
    option("--val_pct", required=True, type=float, metavar="SHARE", help="Share for validation."),
    option("--foreign_tiles_name", metavar="NAME", help="Keep together what lies in one of these coarser tiles."),
)
def old_split(
    tiles_file: str,
    nbands: int,
    angle: float,
    train_pct: float,
    test_pct: float,
    val_pct: float,
    foreign_tiles_name: str | None,
) -> Words:
    """Split tiles for training by bands at an angle: `tiles split --balance width`."""
    shares = ["--train", repr(train_pct), "--test", repr(test_pct), "--val", repr(val_pct)]
    bands = ["--bands", str(nbands), "--radians", repr(angle), "--balance", "width"]
    grouped = ["--group-by", foreign_tiles_name] if foreign_tiles_name else []
    return ["tiles", "split", tiles_file, *bands, *shares, *grouped, "--overwrite"]

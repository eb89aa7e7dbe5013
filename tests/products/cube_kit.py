"""A small cube over the invented Earth: two dates of two overlapping tiles, as a job file."""

from __future__ import annotations

import json

import journey_kit as kit

BANDS = ("B04", "B8A", "SCL")
TILES = "COPERNICUS/S2_SR_HARMONIZED/{}_T33TVM", "COPERNICUS/S2_SR_HARMONIZED/{}_T33TWM"
DATES = {"2024-05-04": ("20240504T100000_20240504T100752", 1714817272639, 1714817272651)}
DATES |= {"2024-05-09": ("20240509T100000_20240509T100752", 1715249272639, 1715249272651)}


def images():
    """The scenes as a job lists them: asset, time, satellite, solar day."""
    return [
        [tile.format(name), time, "S2A", day]
        for day, (name, *times) in DATES.items()
        for tile, time in zip(TILES, times, strict=True)
    ]


class CubeHome(kit.Home):
    """A home whose job is a cube of 300 × 300 pixels at 20 m on two dates."""

    def __post_init__(self):
        super().__post_init__()
        self.write()

    def write(self, *, keys=None, **more):
        """Write the job file; `keys` are those of its table `[cube]`, where None leaves one out."""
        job = {"product": "cube", "area": "area.geojson", "output": "out", "base_name": "small", "bands": list(BANDS)}
        grid = {"crs": "EPSG:32633", "scale": 20}
        table = {"images": images(), **(keys or {})}
        lines = [f"{name} = {json.dumps(value)}" for name, value in (job | more).items()]
        lines += ["[grid]", *(f"{name} = {json.dumps(value)}" for name, value in grid.items())]
        lines += ["[cube]", *(f"{name} = {json.dumps(value)}" for name, value in table.items() if value is not None)]
        (self.folder / "cube.toml").write_text("\n".join(lines))

    def job(self, *more):
        return [*more, "cube.toml"]

    @property
    def final(self):
        return self.out / "small_cube.zarr"

    def proof(self):
        return json.loads((self.out / "small_cube.json").read_text())

    def leftovers(self):
        whole = {"small_cube.zarr", "small_cube.cogs", "small_cube.json", "small_cube.png"}
        return sorted(path.name for path in self.out.iterdir() if path.name not in whole)

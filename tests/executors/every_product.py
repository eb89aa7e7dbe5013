"""A job of every product, and a daemon that does them all: small, and each with units that any process may do."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import journey_kit as kit
from chips_kit import BANDS, write_cells
from cube_kit import BANDS as CUBE_BANDS
from cube_kit import images

ROOMS = Path(__file__).parents[1]
sys.path[:0] = [str(ROOMS / room) for room in ("products/scenes", "products/preprocess", "patches")]
import patch_kit  # noqa: E402  after the line that finds it
import preprocess_kit  # noqa: E402
from scenes_kit import DATES, product_name, write_product  # noqa: E402

from orchestrator.core.clock import SystemClock  # noqa: E402
from orchestrator.engine.stores.sql import SqlStore  # noqa: E402
from orchestrator.model.states import UnitState  # noqa: E402
from orchestrator.products.registry import PRODUCTS  # noqa: E402

REGISTERED = frozenset(PRODUCTS)
MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
IMAGE = {"recipe": "image-code", "bands": list(BANDS), "params": {"file": "image.py"}, **MAY}
# What says how and when something was made, and where: it differs from run to run.
_TOLD = {".json", ".jsonl", ".png", ".parquet", ".lock", ".md", ".html"}


def jobs(folder: Path) -> dict[str, dict]:
    """Write what jobs need into a folder, from where they may all read it; return a job of every product."""
    folder.mkdir()
    tiles = write_cells(folder, down=1)
    (folder / "wells.csv").write_text("name,lon,lat\na,5.9,49.5\nb,12.1,49.5\n")
    index = preprocess_kit.laid(folder / "products", preprocess_kit.synthetic(folder / "safe"))
    patch_kit.write_scene(folder / "ready", x=patch_kit.pixels(128, 128, 1))
    grid = {"crs": "EPSG:32633"}
    return {
        "mosaic": {"area": "area.geojson", "route": "pixels", "grid": grid | {"scale": 10}, **IMAGE},
        "cube": {
            "area": "area.geojson",
            "bands": list(CUBE_BANDS),
            "grid": grid | {"scale": 20},
            "cube": {"images": images()},
        },
        "table": {
            "bands": ["B4", "SCL"],
            "start_date": "2024-06-01",
            "end_date": "2024-06-09",
            "table": {"points": str(folder / "wells.csv"), "id": "name", "collection": "s2-l2a"},
        },
        "chips": {"chips": {"tiles": str(tiles), "width": 50, "height": 50}, **IMAGE},
        "scenes": {
            **dict(zip(("start_date", "end_date"), DATES, strict=True)),
            "scenes": {"tiles": ["33UWQ"], "l1c_bands": ["B02"]},
        },
        "preprocess": {"preprocess": {"index_json": str(index), "target_grid_ref": "scl_20m", "l1c_bands": ["B05"]}},
        "patches": {"patches": {"index": str(folder / "ready"), "size": 32, "min_valid": 0.5, "shard_size": "6"}},
    }


def write_products(folder: Path) -> Path:
    """Write what a Copernicus of the sandbox serves: a scene of both levels."""
    for level in ("L1C", "L2A"):
        write_product(folder, product_name(level, 10))
    return folder


@dataclass(frozen=True)
class Delivered:
    """
    What came of a job.

    Attributes:
        state: Of its run, and the reason.
        files: The SHA-256 of each file of pixels or values, by its path in the folder of the output.
        elsewhere: Units that were done by a process which does not hold the run.
        units: All that were done.
    """

    state: str
    files: dict[str, str]
    elsewhere: int
    units: int


def deliver(folder: Path, declared: dict[str, dict], program, service, **environment: str) -> dict[str, Delivered]:
    """Let one daemon do a job of every product; return what came of each, by product."""
    kit.Home(folder, program, service)
    lines = [line for product, job in declared.items() for line in _table(product, job)]
    (folder / "config.toml").write_text("\n".join(lines))
    words = ["serve", "--until-idle", "--sandbox-url", service.url, "--bucket", kit.BUCKET]
    daemon = program.start([*words, "--state-dir", "state", "--json"], folder, **environment)
    said = daemon.wait()
    url = environment.get("ORCHESTRATOR_STORE__URL") or f"sqlite:///{folder / 'state' / 'state.db'}"
    with closing(SqlStore(url, SystemClock())) as store:
        runs = {run.job_name: run for run in store.runs.latest(None, 100)}
        assert runs.keys() == declared.keys(), said.err
        return {product: delivered(store, run, folder, daemon.pid) for product, run in runs.items()}


def _table(product: str, job: dict) -> list[str]:
    """Return a job as lines of config.toml; JSON's values are TOML's."""
    flat = {"product": product, "output": f"out-{product}", "base_name": product, "every": "1d", **job}
    tables = {key: value for key, value in flat.items() if isinstance(value, dict)}
    lines = [f"[jobs.{product}]", *(f"{key} = {json.dumps(flat[key])}" for key in flat.keys() - tables.keys())]
    for name, table in tables.items():
        lines += [f"[jobs.{product}.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return lines


def delivered(store: SqlStore, run, folder: Path, holder: int) -> Delivered:
    done = store.units.of(run.id, states=[UnitState.DONE])
    elsewhere = [unit for unit in done if f"{holder}@" not in unit.worker]
    out = folder / f"out-{run.job_name}"
    files = {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and (path.suffix not in _TOLD or ".zarr/" in path.as_posix())
    }
    return Delivered(f"{run.state} {store.runs.head(run.id).reason}".strip(), files, len(elsewhere), len(done))

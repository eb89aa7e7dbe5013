"""A state that has something of everything: runs of each product and in each state, made by the program itself."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import journey_kit as kit
import rasterio
import shapely
from small_job import LARGER, write_area

from orchestrator.core.clock import SystemClock
from orchestrator.engine.stores.contract_work import TaskChange
from orchestrator.engine.stores.records import ProcessRow
from orchestrator.engine.stores.sql import SqlStore
from orchestrator.model.states import TASK_LIVE, Failure, RunState, TaskState, Who
from orchestrator.tiling.file import name_tiles, write_tiles

# A text that would be seen if it were ever taken for markup: it makes an element, and a dialog.
CANARY = "<img src=x class=canary onerror=alert(1)>\"'><script class=canary>alert(2)</script>{{7*7}}"
ELSEWHERE = "another-host 7 2026-11-26T03:00:00+00:00 another-kernel"
AREA_NAME = "an area<img src=x class=canary onerror=alert(4)>.geojson"
# A path without a place to break, as services and file systems have them.
HELD_REASON = f"Earth Engine says: {CANARY} at /{'a-long-folder/' * 12}file.tif"
JOBS = """
[jobs.nightly]
area = "area.geojson"
output = "nightly"
base_name = "nightly-{date}"
start_date = "today-30d"
end_date = "today"
bands = ["B4"]
cron = "30 2 * * *"
timezone = "Europe/Ljubljana"

[jobs.weekly]
area = "area.geojson"
output = "weekly"
base_name = "weekly-{date}"
start_date = "today-7d"
end_date = "today"
cron = "0 6 * * 1"

[jobs.refused]
area = "{refused}.geojson"
output = "refused"
base_name = "refused"
start_date = "today-7d"
end_date = "today"
every = "1d"
"""
IMAGES = [
    [f"COPERNICUS/S2_SR_HARMONIZED/20240504T100000_20240504T100752_{tile}", time_ms, "S2A", "2024-05-04"]
    for tile, time_ms in (("T33TVM", 1714817272639), ("T33TWM", 1714817272651))
]
IMAGES += [
    [f"COPERNICUS/S2_SR_HARMONIZED/20240509T100000_20240509T100752_{tile}", time_ms, "S2A", "2024-05-09"]
    for tile, time_ms in (("T33TVM", 1715249272639), ("T33TWM", 1715249272651))
]
CUBE = f"""
product = "cube"
area = "area.geojson"
output = "out"
base_name = "cube"
bands = ["B04", "SCL"]

[grid]
crs = "EPSG:32633"
scale = 40

[cube]
images = {json.dumps(IMAGES)}
"""
WELLS = "name,lon,lat\na,5.9,49.5\nb,6.1,49.5\n"


@dataclass
class Stage:
    """
    A folder of a user who has done much.

    Attributes:
        home: The folder, the program and the sandbox.
        runs: Ids of runs by what is the matter with them: `done`, `later`, `cube`, `chips`, `table`, `spoilt`, `going`,
            `held`, `failed`, `cancelled`, `waiting`.
    """

    home: kit.Home
    runs: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.home.folder

    @contextmanager
    def store(self) -> Iterator[SqlStore]:
        """Open the state as one more process of the program does."""
        store = SqlStore(f"sqlite:///{self.folder / 'state' / 'state.db'}", SystemClock())
        try:
            yield store
        finally:
            store.close()

    def beat(self, seconds_ago: float = 0.0) -> None:
        """Write the row of a daemon that was heard of so long ago."""
        facts = {"version": "0", "busy": 1, "waiting": 2, "ready": True}
        row = ProcessRow("daemon", "a-host", os.getpid(), "2026-11-26T03:00:00+00:00", time.time() - seconds_ago, facts)
        with self.store() as store:
            store.processes.beat(row)


def make(folder: Path, program: kit.Program, service: kit.Service, *, spoilt: bool = True) -> Stage:
    """Make the state, `spoilt` by texts of strangers or not; all commands work at once, since most of it is waiting."""
    stage = Stage(kit.Home(folder, program, service))
    refused = "nowhere<img src=x class=canary onerror=alert(3)>" if spoilt else "nowhere"
    jobs = JOBS.replace("{refused}", refused)
    (folder / "config.toml").write_text(f'[gcs]\nbucket = "{kit.BUCKET}"\n{jobs}')
    (folder / "cube.toml").write_text(CUBE)
    (folder / "wells.csv").write_text(WELLS)
    for name in ("area.geojson", AREA_NAME):
        write_area(folder / name, LARGER)
    begun = {name: _start(stage, *words, **more) for name, (words, more) in _commands(stage).items()}
    for name in ("waiting", "cancelled"):
        stage.home.command("submit", *stage.home.job("--base-name", name)).expect(0)
    codes = {name: running.wait() for name, running in begun.items()}
    there = ["--sandbox-url", service.url, "--bucket", kit.BUCKET]
    stage.home.command("cancel", "cancelled", *there).expect(0)
    stage.runs = _ids(stage)
    missing = begun.keys() - stage.runs.keys()
    assert not missing, "\n".join(f"{name}: {codes[name]}" for name in missing)
    _begin(stage)
    if spoilt:
        _spoil(stage)
    return stage


def _start(stage: Stage, *words: str, **environment: str) -> kit.Running:
    told = [*words, "--state-dir", "state", "--json", "--sandbox-url", stage.home.service.url]
    return stage.home.program.start(told, stage.folder, **environment)


def _commands(stage: Stage) -> Mapping[str, tuple[list[str], dict[str, str]]]:
    """Return the command that begins each run, and variables of its own."""
    killed = {kit.CRASH_AT: "task.posted"}
    image = ["--recipe", "image-code", "--param", f"file={stage.folder / 'image.py'}", "--bands", "x,y,mixed"]
    dates = ["--start", "2024-05-01", "--end", "2024-06-01"]
    tiles = _tiles(stage.folder)

    def mosaic(name: str, *more: str) -> list[str]:
        return ["run", *stage.home.job("--base-name", name, *more), "--bucket", kit.BUCKET]

    table = ["table", "--points", "wells.csv", "--id", "name", "--collection", "s2-l2a", "-o", "out/table.csv"]
    return {
        "done": (mosaic("done"), {}),
        "later": (mosaic("done", "--start-date", "2024-06-01", "--end-date", "2024-07-01", "--output", "later"), {}),
        "held": (mosaic("held", "--min-valid", "0.99", "--shapefile", AREA_NAME), {}),
        "spoilt": (mosaic("spoilt"), {}),
        "failed": (mosaic("failed", "--bands", "x,nothing"), {}),
        "going": (mosaic("going"), killed),
        "cube": (["run", "cube.toml"], {}),
        "chips": (["tiles", "download", tiles.name, *image, *dates, "--name", "chips", "--pixels", "50", "50"], {}),
        "table": ([*table, "--start-date", "2024-06-01", "--end-date", "2024-06-09", "--bands", "B4"], {}),
    }


def _tiles(folder: Path) -> Path:
    """Write four cells of 1,000 m in EPSG:32633."""
    boxes = [shapely.box(x, y, x + 1000, y + 1000) for x in (500_000, 501_000) for y in (5_100_000, 5_101_000)]
    about = {"kind": "grid", "cover": "full", "size": 1000, "crs": "EPSG:32633"}
    frame = geopandas.GeoDataFrame({}, geometry=boxes, crs="EPSG:32633")
    return write_tiles(name_tiles(frame, "hills", "cells", about), folder, ".parquet").path


def _ids(stage: Stage) -> dict[str, str]:
    with stage.store() as store:
        heads = store.runs.heads()
    named = {head.base_name: head.id for head in heads}
    done = [
        head.id
        for head in sorted(heads, key=lambda head: json.loads(head.job)["start_date"])
        if head.base_name == "done"
    ]
    return named | dict(zip(("done", "later"), done, strict=True))


def _begin(stage: Stage) -> None:
    """Have a process of another host work on what goes on, for a day."""
    with stage.store() as store:
        store.leases.claim(stage.runs["going"], ELSEWHERE, seconds=86_400, is_gone=lambda _: True)
        for number, task in enumerate(store.tasks.of(stage.runs["going"])):
            if task.state in TASK_LIVE:
                change = TaskChange(state=TaskState.RUNNING, progress=0.4, operation=f"operations/{number}")
                store.tasks.change(stage.runs["going"], {task.key: change})


def _spoil(stage: Stage) -> None:
    """Write what strangers say where the program writes it: sentences of services, facts of events, tags of a file."""
    with stage.store() as store:
        held = store.runs.head(stage.runs["held"])
        assert (held.state, held.who) == (RunState.HELD, Who.PERSON), held.reason
        store.runs.set_state(held.id, RunState.HELD, HELD_REASON, who=Who.PERSON)
        store.events.record(held.id, "run.held", {"reason": HELD_REASON, "who": "person", "next_at": 0.0})
        going = stage.runs["going"]
        for task in store.tasks.of(going):
            store.tasks.change(going, {task.key: TaskChange(error=HELD_REASON, failure=Failure.MEMORY)})
            store.events.record(going, "task.failed", {"task": task.key, "error": HELD_REASON, "failure": "MEMORY"})
        store.job_states.pause("weekly", CANARY)
    with closing(sqlite3.connect(stage.folder / "state" / "state.db")) as database, database:
        database.execute("UPDATE units SET error = ? WHERE run_id = ?", [HELD_REASON, stage.runs["chips"]])
    with rasterio.open(stage.folder / "out" / "spoilt_clipped.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
        raster.descriptions = [CANARY] * raster.count
        raster.update_tags(AREA_OR_POINT=CANARY, NOTE=CANARY)

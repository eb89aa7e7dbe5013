"""Scenes of Copernicus: which there are, what a download would bring, whether a folder holds what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.core.errors import OrchestratorError
from orchestrator.core.files import check_target
from orchestrator.core.flow import in_order
from orchestrator.core.units import format_bytes, format_count, format_seconds
from orchestrator.model.job import Job
from orchestrator.products.scenes.adopting import AdoptionReport, adopt, home_of
from orchestrator.products.scenes.checking import FolderReport, check_folder
from orchestrator.products.scenes.document import DownloadPlan
from orchestrator.products.scenes.files import SCHEMA
from orchestrator.products.scenes.listing import Listing, WantedFile, is_of_size
from orchestrator.products.scenes.selecting import FoundScene, Selected
from orchestrator.products.scenes.tables import SUFFIXES, check_tables, kind_of, write_rows

if TYPE_CHECKING:
    import geopandas as gpd

    from orchestrator.app.application import Application
    from orchestrator.model.files import FileRoute

__all__ = ["AdoptionReport", "FolderReport", "adopt", "check_folder", "home_of"]

# What the service gives each session (documentation of the quotas: 20 MB/s).
BYTES_PER_SECOND = 20_000_000
# The catalogue tells the size of an archive, in which metadata are packed; images, nearly all of it, cannot be.
_PACKED = 1.1


def _unheard(_what: str) -> None:
    pass


def find(app: Application, job: Job, say: Callable[[str], None] = _unheard) -> Selected:
    """
    Ask the catalogue which scenes a job means; nothing is brought.

    Raises:
        UserError: The job cannot be asked so.
    """
    from orchestrator.products.scenes.settle import find_scenes  # noqa: PLC0415  geometries are heavy

    route = app.copernicus.route(say)
    try:
        return find_scenes(job.dated(app.clock.now().date()), route, app.clock.now().date(), app.stop)
    finally:
        route.close()


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What a download would bring.

    Attributes:
        plan: Scenes and roles.
        files: Place of its scene in the plan, and level, of each file.
        here: How many of them are in the folder already, by their size.
        failed: (product, why) of those that did not tell of their files.
        lacking: (product, role) that the product does not have.
        to_fetch_bytes: Of the files that are not in the folder.
        sessions: How many transfers go at once.
    """

    plan: DownloadPlan
    files: tuple[tuple[int, str, WantedFile], ...]
    here: int
    failed: tuple[tuple[str, str], ...]
    lacking: tuple[tuple[str, str], ...]
    to_fetch_bytes: int
    sessions: int

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.size or 0 for _, _, file in self.files)

    @property
    def seconds(self) -> float:
        """How long it takes at the service's own pace."""
        return self.to_fetch_bytes / (BYTES_PER_SECOND * self.sessions)

    def facts(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "scenes": len(self.plan.scenes),
            "files": len(self.files),
            "here": self.here,
            "bytes": self.bytes,
            "to_fetch_bytes": self.to_fetch_bytes,
            "seconds": round(self.seconds, 1),
            "sessions": self.sessions,
            "missing": len(self.failed) + len(self.lacking) + len(self.plan.lacking),
            "notes": list(self.plan.notes),
        }

    def words(self) -> Iterator[str]:
        """Yield it in sentences."""
        scenes, files = format_count(len(self.plan.scenes), "scene"), format_count(len(self.files), "file")
        yield f"{scenes}, {files}, {format_bytes(self.bytes)}"
        if self.here:
            yield f"in the folder already: {self.here:,}; to fetch: {format_bytes(self.to_fetch_bytes)}"
        yield (
            f"about {format_seconds(self.seconds)} at 20 MB/s in each of {format_count(self.sessions, 'session')}; "
            "nothing was downloaded"
        )
        yield from (f"missing: {name}: {why}" for name, why in self.failed)
        yield from (f"missing: {name} has no {role}" for name, role in self.lacking)

    def to_json(self, out_dir: str) -> dict[str, Any]:
        """Return the manifest that a download would begin with: every file planned, with where it would go."""
        from orchestrator.products.scenes.index import scene_json  # noqa: PLC0415
        from orchestrator.products.scenes.roles import LAYOUT  # noqa: PLC0415
        from orchestrator.products.scenes.scene import SceneFile, looked_at  # noqa: PLC0415

        scenes = []
        for number, scene in enumerate(self.plan.scenes):
            mine = [file for place, _, file in self.files if place == number]
            items = tuple(SceneFile(file.role, file.final, False, file.size, "", file.stated) for file in mine)
            scenes.append(scene_json(looked_at(replace(scene, items=items), Path(out_dir))))
        output = {"out_dir": out_dir, "layout": LAYOUT}
        return {"schema": SCHEMA, "dry_run": True, "query": dict(self.plan.query), "output": output, "scenes": scenes}


def preview(app: Application, job: Job, say: Callable[[str], None] = _unheard) -> Preview:
    """
    Return what a download would bring: the catalogue is asked for scenes, and each product for its list of files.

    Raises:
        UserError: The job cannot be asked so, or there is no such scene.
    """
    from orchestrator.products.scenes.settle import plan_of, wanted_scenes  # noqa: PLC0415  geometries are heavy

    route, sessions = app.copernicus.route(say), app.settings.copernicus.sessions
    today = app.clock.now().date()
    try:
        selected = wanted_scenes(job.dated(today), route, today, app.stop)
        plan = plan_of(job.dated(today), selected)
        route.sign_in(app.stop)
        listings = _listings(app, plan, route, sessions)
    finally:
        route.close()
    files, failed, lacking = [], [], []
    for (number, level), found in listings.items():
        product = plan.scenes[number].product(level)
        name = product.name if product else ""
        if isinstance(found, str):
            failed.append((name, found))
            continue
        files += [(number, level, file) for file in found.files]
        lacking += [(name, role) for role in found.missing]
    plan = replace(plan, notes=(*plan.notes, *_contradictions(selected, listings)))
    root = Path(job.output)
    absent = [file for _, _, file in files if not is_of_size(root / file.final, file.size)]
    to_fetch = sum(file.size or 0 for file in absent)
    return Preview(plan, tuple(files), len(files) - len(absent), tuple(failed), tuple(lacking), to_fetch, sessions)


def _contradictions(selected: Selected, listings: Mapping[tuple[int, str], Listing | str]) -> Iterator[str]:
    """Yield a sentence for each product of which some files shall weigh more than the catalogue says of all."""
    for (number, level), found in listings.items():
        whole, product = selected.scenes[number].sizes.get(level, 0), selected.scenes[number].scene.product(level)
        stated = 0 if isinstance(found, str) else sum(file.size or 0 for file in found.files)
        if product and whole and stated > _PACKED * whole:
            yield (
                f"{product.name}: the catalogue says {format_bytes(whole)} of all of it, and its manifest "
                f"{format_bytes(stated)} of these files: one of them is wrong, and files that are not of the "
                "manifest's size are not taken"
            )


def _listings(
    app: Application, plan: DownloadPlan, route: FileRoute, sessions: int
) -> Mapping[tuple[int, str], Listing | str]:
    """Return what each product has of what is wanted, or why it does not say."""
    from orchestrator.products.scenes.listing import listing_of  # noqa: PLC0415

    asked = [
        (number, level)
        for number, scene in enumerate(plan.scenes)
        for level in plan.roles
        if scene.product(level) is not None
    ]

    def ask(one: tuple[int, str]) -> Listing | str:
        number, level = one
        try:
            return listing_of(plan.scenes[number], level, plan.roles[level], route, app.stop)
        except OrchestratorError as error:
            if app.stop.is_set():
                raise
            return " ".join(str(error).split())

    with ThreadPoolExecutor(sessions, thread_name_prefix="list") as pool:
        return dict(zip(asked, in_order(pool, ask, asked, ahead=2 * sessions), strict=True))


def scene_facts(found: FoundScene) -> dict[str, Any]:
    """Return a scene of the catalogue for a program, and as a row of a table."""
    scene = found.scene
    main = scene.l1c or scene.l2a
    assert main is not None  # noqa: S101  a scene has one of them
    return {
        "tile_id": scene.key.tile,
        "sensing_start_utc": scene.key.sensing,
        "baseline": main.baseline,
        "rel_orbit": main.orbit,
        "cloud_cover": main.cloud_cover,
        "coverage_ratio": main.coverage,
        "l1c": scene.l1c.name if scene.l1c else "",
        "l2a": scene.l2a.name if scene.l2a else "",
        "l1c_id": scene.l1c.id if scene.l1c else "",
        "l2a_id": scene.l2a.id if scene.l2a else "",
        "bytes": sum(found.sizes.values()),
        "online": found.online,
        "passed_over": " ".join(found.passed_over),
    }


def check_scene_table(path: Path, *, overwrite: bool) -> None:
    """Make sure that a table of scenes can be written to `path`; UserError where it cannot."""
    check_target(path, SUFFIXES, "a table of scenes", overwrite=overwrite)
    check_tables([kind_of(path)])


def write_scenes(found: Selected, path: Path) -> None:
    """Write a row for each scene of the catalogue, whole or not at all."""
    rows, footprints = [scene_facts(one) for one in found.scenes], [footprint_of(one) for one in found.scenes]
    write_rows(path, kind_of(path), SCENE_COLUMNS, [list(row.values()) for row in rows], footprints, {})


def scenes_frame(found: Selected) -> gpd.GeoDataFrame:
    """Return a row for each scene of the catalogue, with where it lies, in degrees."""
    import geopandas as gpd  # noqa: PLC0415  heavy
    import pandas as pd  # noqa: PLC0415
    from shapely.geometry import shape  # noqa: PLC0415

    rows = pd.DataFrame([scene_facts(one) for one in found.scenes], columns=list(SCENE_COLUMNS))
    rows["sensing_start_utc"] = pd.to_datetime(rows["sensing_start_utc"], utc=True)
    places = [footprint_of(one) for one in found.scenes]
    return gpd.GeoDataFrame(rows, geometry=[shape(dict(one)) if one else None for one in places], crs="EPSG:4326")


def footprint_of(found: FoundScene) -> Mapping[str, Any] | None:
    """Return where a scene lies, GeoJSON in degrees; None where nobody knows."""
    main = found.scene.l1c or found.scene.l2a
    return main.footprint if main else None


SCENE_COLUMNS = (
    "tile_id", "sensing_start_utc", "baseline", "rel_orbit", "cloud_cover", "coverage_ratio", "l1c", "l2a", "l1c_id",
    "l2a_id", "bytes", "online", "passed_over",
)  # fmt: skip

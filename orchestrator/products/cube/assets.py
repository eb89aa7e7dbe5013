"""The files of a cube as its catalogue item lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.core.trees import size_of
from orchestrator.model.job import Job
from orchestrator.model.product import MadeFile
from orchestrator.products.cube.document import CubePlan
from orchestrator.products.cube.files import FOLDERS, date_names
from orchestrator.products.cube.item import ZARR, fields_of_cube, fields_of_date, fields_of_reduced
from orchestrator.products.cube.reduced import pixels_of_reduced
from orchestrator.products.stac import COG, ItemFile

_KINDS: Mapping[str, tuple[str, str, tuple[str, ...], str]] = {
    "data": ("zarr", ZARR, ("data",), "The cube: a Zarr store; its checksum is that of the list of its files"),
    "picture": ("thumbnail", "image/png", ("thumbnail", "overview"), "The dates side by side"),
    "proof": ("proof", "application/json", ("metadata",), "Proof: every window with its origin, and how good it is"),
}


def assets_of(job: Job, plan: CubePlan, files: Sequence[MadeFile], digests: Mapping[str, str]) -> list[ItemFile]:
    """
    Return the assets of a cube's item, its pixels first.

    Args:
        job: What was declared.
        plan: See there.
        files: Of the result, each with its checksum; the cube last.
        digests: The checksum of every file of the cube, by its name inside.
    """
    *others, data = files
    listed = list(_dates(job, plan, data, digests)) if data.final.suffix == FOLDERS["cog"] else [_store(plan, data)]
    names = iter(job.keys.get("reduce", ()))
    return [*listed, *(_reduced(plan, one, next(names)) if one.role == "reduced" else _listed(one) for one in others)]


def _listed(file: MadeFile) -> ItemFile:
    key, kind, roles, title = _KINDS[file.role]
    return ItemFile(key, file.final.name, kind, roles, title, size_of(file.made), file.sha256)


def _store(plan: CubePlan, file: MadeFile) -> ItemFile:
    return replace(_listed(file), fields=fields_of_cube(plan))


def _reduced(plan: CubePlan, file: MadeFile, reducer: str) -> ItemFile:
    pixels = pixels_of_reduced(plan, reducer)
    fields, title = fields_of_reduced(plan, pixels), f"{reducer} over time"
    return ItemFile(reducer, file.final.name, COG, ("data",), title, size_of(file.made), file.sha256, fields)


def _dates(job: Job, plan: CubePlan, folder: MadeFile, digests: Mapping[str, str]) -> Iterator[ItemFile]:
    """Yield the GeoTIFF of each date."""
    for name, moment in zip(date_names(job, plan), plan.moments, strict=True):
        title = f"{moment.solar_day} {moment.satellite}".strip()
        fields: dict[str, Any] = fields_of_date(plan, moment)
        size, inside = size_of(folder.made / name), f"{folder.final.name}/{name}"
        key = name.removesuffix(".tif")
        yield ItemFile(key, inside, COG, ("data",), title, size, digests[name], fields)

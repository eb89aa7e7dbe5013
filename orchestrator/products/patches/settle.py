"""From what a job says of patches to the plan of a run."""

from __future__ import annotations

from pathlib import Path

from orchestrator.core.errors import UserError
from orchestrator.core.units import format_bytes, format_count
from orchestrator.model.credit import SENTINEL_TERMS, sentinel_notice
from orchestrator.model.job import Job
from orchestrator.model.product import Settled
from orchestrator.products.context import ProductContext
from orchestrator.products.patches.cut import sample_bytes
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.files import patches_folder
from orchestrator.products.patches.keys import PatchKeys
from orchestrator.products.patches.scenes import digest_of_source, read_ready_scenes
from orchestrator.products.patches.steps import first_units
from orchestrator.products.preprocess.index import INDEX, OK, read_index


def plan_patches(job: Job) -> PatchPlan:
    """
    Return the plan of a job: its scenes are opened, no pixel of them is read.

    Raises:
        UserError: The job cannot be done as declared.
    """
    keys = PatchKeys.model_validate(dict(job.keys))
    if not keys.index:
        raise UserError("which scenes are cut? Name an index.json of preprocessed scenes, or their folder, as `index`")
    folder = patches_folder(job)
    plan = PatchPlan(read_ready_scenes(Path(keys.index), labels=keys.labels, angles=keys.angles), keys)
    _check_inputs_stay(folder, plan, Path(keys.index))
    if keys.max_ignore is not None and not plan.has_labels:
        raise UserError(
            "--max-ignore is about labels, and the scenes have none; leave it out, or preprocess with labels"
        )
    for number in range(len(plan.scenes)):
        plan.lattice_of(number)
        plan.clouds_of(number)
    _check_times(plan)
    return plan


def _check_inputs_stay(folder: Path, plan: PatchPlan, index: Path) -> None:
    """Make sure that the folder that is replaced whole holds nothing of what is cut."""
    final = folder.resolve()
    for path in (index, *(Path(file) for scene in plan.scenes for file in scene.files.values())):
        if path.resolve().is_relative_to(final):
            raise UserError(
                f"{folder} holds the scenes that are cut ({path}), and would be replaced; choose another --out, such "
                f"as {folder / 'patches'}"
            )
        if path != index and final.is_relative_to(path.resolve().parent):
            raise UserError(f"{folder} lies in the folder of a scene that is cut; choose another --out")


def _check_times(plan: PatchPlan) -> None:
    """Make sure that scenes that are put over each other lie on one grid."""
    if plan.keys.times == 1:
        return
    first = {scene.tile: scene for scene in reversed(plan.scenes)}
    for scene in plan.scenes:
        other = first[scene.tile]
        if scene.grid != other.grid:
            raise UserError(
                f"--times puts scenes of a place over each other, and {scene.key} and {other.key} lie on different "
                "grids; preprocess both with one target grid"
            )


def notes_of(plan: PatchPlan) -> tuple[str, ...]:
    """Return what a person should know before it begins."""
    windows = sum(len(plan.lattice_of(number)) for number in range(len(plan.scenes)))
    each = sample_bytes(plan)
    said = (
        f"{format_count(windows, 'window')} of {format_count(len(plan.scenes), 'scene')}, {format_bytes(each)} each: "
        f"at most {format_bytes(windows * each)}"
    )
    return (said,)


def failed_scenes(source: Path) -> list[str]:
    """Return a note where scenes of an index could not be made: there are no patches of them."""
    path = source / INDEX if source.is_dir() else source
    if not path.is_file():
        return []
    lacking = [f"{one.tile_id} {one.sensing_start_utc}" for one in read_index(path).samples if one.status != OK]
    if not lacking:
        return []
    count = format_count(len(lacking), "scene")
    return [f"{count} of the index could not be made, such as {lacking[0]}: there are no patches of it"]


def settle_patches(job: Job, context: ProductContext) -> Settled:
    """
    Return everything a run is made from.

    Raises:
        UserError: The job cannot be done as declared.
    """
    context.say("reading the scenes")
    plan = plan_patches(job)
    years = {int(scene.sensing[:4]) for scene in plan.scenes}
    facts = {
        "attribution": sentinel_notice(years),
        "licence": SENTINEL_TERMS,
        "scenes": len(plan.scenes),
        "notes": failed_scenes(Path(str(job.keys["index"]))),
    }
    return Settled(plan.to_json(), facts=facts, units=first_units(plan))


def scene_pins(job: Job) -> dict[str, str]:
    """
    Return what tells jobs on other scenes apart.

    Raises:
        UserError: There are none.
    """
    index = str(job.keys.get("index", ""))
    return {"scenes": digest_of_source(Path(index))} if index else {}

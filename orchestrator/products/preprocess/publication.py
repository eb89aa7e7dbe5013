"""The end of a run: the index of the folder, statistics where they were counted, the manifest and what proves it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from orchestrator.core.errors import IntegrityError, PermanentError
from orchestrator.core.files import make_folder, write_whole
from orchestrator.model.credit import SENTINEL_TERMS
from orchestrator.model.product import Evidence, Finishing, Made, MadeFile
from orchestrator.model.states import UnitState
from orchestrator.model.unit import Unit
from orchestrator.products.enduring import WHY
from orchestrator.products.preprocess.counting import count_scene, settings_of
from orchestrator.products.preprocess.document import PreprocessPlan, ScenePlan
from orchestrator.products.preprocess.files import COUNTS, HISTOGRAM, STATS, manifest_of, preprocess_files
from orchestrator.products.preprocess.index import ERROR, INDEX, OK, IndexedSample, merge_index
from orchestrator.products.preprocess.keys import PreprocessKeys, preprocess_keys
from orchestrator.products.preprocess.meta import META, settings_json, told_of
from orchestrator.products.preprocess.normalisation.archive import packed, unpacked
from orchestrator.products.preprocess.normalisation.histogram import Histogram, merged
from orchestrator.products.preprocess.normalisation.stats import as_json, computed

SCHEMA = "orchestrator.preprocess/1"
_MOST_REASONS = 5
_NAMES = {"stats": STATS.name, "histogram": HISTOGRAM}


def make_preprocess_result(about: Finishing, evidence: Evidence, version: str) -> Made:
    """
    Complete what a run leaves.

    Raises:
        PermanentError: Not one scene could be made.
        IntegrityError: A sample that was made is gone.
    """
    run, plan, keys = about.run, PreprocessPlan.from_json(about.run.document), preprocess_keys(about.run.job.keys)
    units = {unit.key: unit for unit in evidence.units}
    failed = {key: str(unit.result.get(WHY, "")) for key, unit in units.items() if unit.state is UnitState.EMPTY}
    if len(failed) == len(plan.scenes):
        ((why, _), *_) = Counter(failed.values()).most_common(1)
        raise PermanentError(f"not one of {len(plan.scenes)} scenes could be made: {why}")
    root = Path(run.job.output)
    samples = [_sample(scene, units[scene.key], failed, root, run.job.base_name) for scene in plan.scenes]
    contents: dict[str, bytes] = {}
    if not keys.writes_samples:
        contents |= _statistics(about, plan, keys, failed)
    counted = {_NAMES[role]: hashlib.sha256(made).hexdigest() for role, made in contents.items()}
    contents["data"] = b"".join(json.dumps(_record(one, root, keys, counted)).encode() + b"\n" for one in samples)
    contents["proof"] = _proof(about, samples, keys, contents, version)
    files = _written(about, contents)
    if keys.writes_samples:
        about.say("merging the index")
        manifest = manifest_of(run.job).as_posix()
        merge_index(root / INDEX, samples, run_id=run.job.base_name, manifest=manifest, stop=about.stop)
    facts: dict[str, Any] = {"scenes": len(samples), "things": "scenes", "missing": len(failed)}
    facts |= {"reasons": _reasons(failed)} if failed else {}
    return Made(files, facts, {"scenes": len(samples), "missing": len(failed)})


def _sample(scene: ScenePlan, unit: Unit, failed: Mapping[str, str], root: Path, run_id: str) -> IndexedSample:
    if scene.key in failed:
        return IndexedSample(scene.tile, scene.sensing, run_id, ERROR, error=failed[scene.key])
    if "counted" in unit.result:
        return IndexedSample(scene.tile, scene.sensing, run_id, OK)
    told = told_of(root / scene.folder)
    if not told:
        raise IntegrityError(f"{root / scene.folder} was made and is gone; `orchestrator cancel` the run, begin anew")
    paths = {role: f"{scene.folder.as_posix()}/{name}" for role, name in told["paths"].items() if name}
    return IndexedSample(scene.tile, scene.sensing, run_id, OK, paths)


def _record(sample: IndexedSample, root: Path, keys: PreprocessKeys, counted: Mapping[str, str]) -> dict[str, Any]:
    """Return a scene's line of the manifest, with the checksums of its files, or of those that it was counted into."""
    if not keys.writes_samples:
        record = {name: what for name, what in sample.to_json().items() if not name.endswith(("paths", "_path"))}
        return record | ({"statistics": dict(counted)} if sample.status == OK else {})
    told = told_of((root / sample.paths[META.partition(".")[0]]).parent) if sample.status == OK else {}
    return sample.to_json() | ({"sha256": told["files"]} if told else {})


def _statistics(
    about: Finishing, plan: PreprocessPlan, keys: PreprocessKeys, failed: Mapping[str, str]
) -> dict[str, bytes]:
    """Return the files of the counting pass, by their roles; the same for the same scenes in any order."""
    about.say("adding the histograms")
    settings = settings_of(keys)
    total = merged(_histograms(about, plan, keys, failed), settings)
    notice = str(about.run.facts.get("attribution", ""))
    made = {"stats": as_json(computed(total, settings, skipped=len(failed), attribution=notice))}
    if keys.normalize.save_histograms:
        made["histogram"] = packed(total, settings, skipped=len(failed))
    return made


def _histograms(
    about: Finishing, plan: PreprocessPlan, keys: PreprocessKeys, failed: Mapping[str, str]
) -> Iterator[Histogram]:
    for scene in plan.scenes:
        if scene.key in failed:
            continue
        path = about.folder.parent / COUNTS / f"{scene.key}.npz"
        try:
            yield unpacked(path.read_bytes(), settings_of(keys))
        except (IntegrityError, FileNotFoundError):  # the folder was cleared meanwhile: it costs a scene
            with ThreadPoolExecutor(1) as pool:
                yield count_scene(scene, keys, about.stop, pool)


def _proof(
    about: Finishing,
    samples: Sequence[IndexedSample],
    keys: PreprocessKeys,
    contents: Mapping[str, bytes],
    version: str,
) -> bytes:
    run = about.run
    content = {
        "schema": SCHEMA,
        "program": f"orchestrator {version}",
        "run": run.id,
        "job": json.loads(run.job.to_json()),
        "attribution": run.facts.get("attribution", ""),
        "licence": SENTINEL_TERMS,
        "settings": settings_json(keys),
        "scenes": {status: sum(one.status == status for one in samples) for status in (OK, ERROR)},
        "files": {role: hashlib.sha256(made).hexdigest() for role, made in contents.items()},
    }
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def _written(about: Finishing, contents: Mapping[str, bytes]) -> tuple[MadeFile, ...]:
    """Write every file beside where it goes: the proof first, the manifest, which makes the result, last."""
    final = preprocess_files(about.run.job)
    proof, *between, manifest = final
    roles = ["proof", *("histogram" if path.suffix == ".npz" else "stats" for path in between), "data"]
    files = []
    for role, path in zip(roles, (proof, *between, manifest), strict=True):
        make_folder(path.parent)
        made = about.folder / f"made.{role}"
        if about.folder.stat().st_dev != path.parent.stat().st_dev:  # statistics may go to another disk
            made = path.with_name(f".{path.name}.{about.run.id}.made")
        write_whole(made, contents[role])
        files.append(MadeFile(role, made, path, hashlib.sha256(contents[role]).hexdigest()))
    return tuple(files)


def _reasons(failed: Mapping[str, str]) -> list[str]:
    counted = Counter(failed.values()).most_common(_MOST_REASONS)
    return [why if count == 1 else f"{count} times: {why}" for why, count in counted]

"""
The index of a folder of samples, `OUT/meta/step2/index.json` in the published schema: which there are, and where.

One register for every run of the folder: a run adds its samples and replaces those of the same scene, under a lock, by
one rename. Paths are written in both published spellings: `paths.x` of the program and `x_path` of its description.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from orchestrator.core import crash
from orchestrator.core.errors import UserError
from orchestrator.core.files import StopFlag, make_folder, write_whole
from orchestrator.core.turns import taking_turns
from orchestrator.products.scenes.told import Told, ToldKey, inside, list_of, validated

SCHEMA = "s2pipe.step2.index.v2"
_EARLIER = "s2pipe.step2.index.v1"  # the same, as far as it is read here
INDEX = Path("meta/step2/index.json")
OK, ERROR = "ok", "error"


@dataclass(frozen=True, slots=True)
class IndexedSample:
    """
    One scene of the index.

    Attributes:
        tile_id: With the letter T, "T33UWQ".
        sensing_start_utc: "2025-12-10T10:03:19Z".
        run_id: Of the run that made it, or failed to.
        status: "ok" or "error".
        paths: By asset: x, y (absent without labels), meta, angles (absent without); relative to the output folder
            in an index, absolute as `read_samples` returns them.
        error: Why there is no sample.
    """

    tile_id: str
    sensing_start_utc: str
    run_id: str
    status: str = OK
    paths: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.tile_id, self.sensing_start_utc

    def to_json(self) -> dict[str, Any]:
        """Return the sample as the index and the manifest of its run hold it."""
        content: dict[str, Any] = {
            "key": {"tile_id": self.tile_id, "sensing_start_utc": self.sensing_start_utc},
            "run_id": self.run_id,
            "status": self.status,
        }
        if self.status != OK:
            return content | {"error": self.error}
        both = {"x": None, "y": None, "meta": None, **self.paths}
        return content | {"paths": both} | {f"{name}_path": path for name, path in both.items()}


@dataclass(frozen=True, slots=True)
class SampleIndex:
    """The whole register. `root` is the folder that its paths count from."""

    root: Path
    samples: tuple[IndexedSample, ...] = ()
    last_run_id: str = ""


def read_index(path: Path) -> SampleIndex:
    """
    Read an index.

    Raises:
        UserError: It is not there, or no index of samples.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); name an index.json of preprocessed scenes"
        ) from None
    except ValueError:
        raise UserError(f"{path}: is no JSON; name the index.json that preprocessing has written") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema not in (SCHEMA, _EARLIER):
        raise UserError(f"{path}: its schema is {schema!r}, expected {SCHEMA!r}: an index of preprocessed scenes")
    about = validated(_ToldIndex, content, str(path)).output or _ToldOutput()
    root = _root(path, about.out_dir or "")
    told = list_of({"samples": [], **content}, "samples", str(path))
    samples = tuple(_sample(one, root, f"{path}: samples[{number}]") for number, one in enumerate(told))
    if twice := [one for one, count in Counter(one.key for one in samples).items() if count > 1]:
        raise UserError(f"{path}: samples: {' '.join(twice[0])} is there twice; expected each scene once")
    return SampleIndex(root, samples, about.last_run_id or "")


def read_samples(path: Path) -> tuple[IndexedSample, ...]:
    """
    Return the samples that are there, in the order of tile and time, with absolute paths.

    Args:
        path: An index, or the output folder that has one.

    Raises:
        UserError: There is no index, or no sample in it.
    """
    index = read_index(path / INDEX if path.is_dir() else path)
    found = [
        IndexedSample(one.tile_id, one.sensing_start_utc, one.run_id, OK, _joined(index.root, one.paths))
        for one in sorted(index.samples, key=lambda one: one.key)
        if one.status == OK
    ]
    if not found:
        raise UserError(f"{path}: holds no sample that could be made; preprocess scenes first")
    return tuple(found)


def merge_index(
    path: Path, samples: Iterable[IndexedSample], *, run_id: str, manifest: str, stop: StopFlag | None = None
) -> None:
    """
    Add samples to an index, under a lock, by one rename; those of the same scenes are replaced.

    A scene that could not be made does not replace a sample that is there.

    Args:
        path: Of the index, below the output folder; made where it is missing.
        samples: With paths relative to the output folder.
        run_id: Of the run.
        manifest: Of the run, relative to the output folder.
        stop: Heeded while another process writes it.

    Raises:
        UserError: What lies there is no index.
        LockedError: Another process writes it for longer than a minute.
    """
    make_folder(path.parent)
    root = path.parents[2]
    with taking_turns(path.with_name(f".{path.name}.lock"), f"the index {path}", stop):
        there = {one.key: one for one in read_index(path).samples} if path.exists() else {}
        for one in samples:
            before = there.get(one.key)
            if one.status == OK or before is None or before.status != OK:
                there[one.key] = one
        content = {
            "schema": SCHEMA,
            "output": {"out_dir": str(root), "last_run_id": run_id, "last_run_manifest": manifest},
            "samples": [there[key].to_json() for key in sorted(there)],
        }
        write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
        crash.point("samples.indexed")


class _ToldOutput(Told):
    out_dir: str | None = None
    last_run_id: str | None = None


class _ToldIndex(Told):
    output: _ToldOutput | None = None


class _ToldSample(Told):
    key: ToldKey
    run_id: str = ""
    status: Literal["ok", "error"] = "ok"
    error: str | None = None
    paths: dict[str, str | None] | None = None
    x_path: str | None = None
    y_path: str | None = None
    meta_path: str | None = None
    angles_path: str | None = None


def _sample(content: object, root: Path, where: str) -> IndexedSample:
    told = validated(_ToldSample, content, where)
    paths = {name: path for name, path in (told.paths or {}).items() if not name.endswith("_path")}
    for name in ("x", "y", "meta", "angles"):
        for given in (getattr(told, f"{name}_path"), (told.paths or {}).get(f"{name}_path")):
            if given:
                paths[name] = given
    found = {name: inside(path, root, f"{where}.paths.{name}") for name, path in paths.items() if path}
    if told.status == OK and not {"x", "meta"} <= found.keys():
        raise UserError(f"{where} lacks its path of x or of meta; preprocess the scenes again")
    key = told.key
    return IndexedSample(key.tile_id, key.sensing_start_utc, told.run_id, told.status, found, told.error or "")


def _root(path: Path, said: str) -> Path:
    """Return the folder that paths count from: where the index lies, or what it says where it lies elsewhere."""
    path = path.absolute()
    if path.parts[-3:] == INDEX.parts:
        return path.parents[2]
    return path.parent / said if said else path.parent


def _joined(root: Path, paths: Mapping[str, str]) -> dict[str, str]:
    return {name: str(root / path) for name, path in paths.items()}

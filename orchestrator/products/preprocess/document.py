"""The plan of a run: every scene with its files by role and the grid its sample will have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.core.stored import read_stored
from orchestrator.model.grid import Grid
from orchestrator.model.plan_json import grid_json
from orchestrator.model.unit import NOTHING

VERSION = 1


@dataclass(frozen=True, slots=True)
class SourceFile:
    """
    A file that a sample is made from.

    Attributes:
        role: `l1c.band.B02`, ...; `labels` is the user's raster of labels.
        path: Absolute.
        sha256: As the index of the download says it; empty where it says nothing.
    """

    role: str
    path: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """
    One scene.

    Attributes:
        tile: With the letter T, "T33UWQ".
        sensing: "2025-12-10T10:03:19Z".
        files: By role, in the order of `roles.needed_roles`.
        grid: Of the sample; None where the reference raster cannot be opened: the scene fails by it, later.
        strip: Rows of the grid that are made at once.
        about: What the index tells of it: `cloud_cover`, `coverage_fraction`, `geofootprint`, `scl_percentages`,
            `products`.
        from_sandbox: Whether a sandbox served it, as the index says; then it may be no image of the Earth.
    """

    tile: str
    sensing: str
    files: tuple[SourceFile, ...]
    grid: Grid | None
    strip: int = 256
    about: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    from_sandbox: bool = False

    @property
    def name(self) -> str:
        """The scene in a sentence, and among the keys of a sample: `T33UWQ 2025-12-10T10:03:19Z`."""
        return f"{self.tile} {self.sensing}"

    @property
    def key(self) -> str:
        """The scene as a unit is called: `T33UWQ_20251210T100319Z`."""
        return f"{self.tile}_{self.sensing.replace('-', '').replace(':', '')}"

    @property
    def folder(self) -> Path:
        """Where its sample lies, from the output folder."""
        return Path("processed") / f"tile={self.tile}" / f"sensing={self.sensing.replace(':', '')}"

    def path(self, role: str) -> Path:
        """Return the file of a role."""
        return Path(next(file.path for file in self.files if file.role == role))

    def to_json(self) -> dict[str, Any]:
        """Return the scene for the plan."""
        return {
            "tile": self.tile,
            "sensing": self.sensing,
            "files": [{"role": file.role, "path": file.path, "sha256": file.sha256} for file in self.files],
            "grid": grid_json(self.grid) if self.grid else None,
            "strip": self.strip,
            "about": dict(self.about),
            **({"from_sandbox": True} if self.from_sandbox else {}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ScenePlan:
        """Read what `to_json` wrote."""
        grid = content["grid"]
        return cls(
            content["tile"],
            content["sensing"],
            tuple(SourceFile(**file) for file in content["files"]),
            Grid(grid["crs"], tuple(grid["transform"]), grid["height"], grid["width"]) if grid else None,
            content["strip"],
            content["about"],
            content.get("from_sandbox", False),
        )


@dataclass(frozen=True, slots=True)
class PreprocessPlan:
    """All scenes of a run. `notes` is what a person should know."""

    scenes: tuple[ScenePlan, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return what the run keeps."""
        content = {"version": VERSION, "scenes": [one.to_json() for one in self.scenes], "notes": list(self.notes)}
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> PreprocessPlan:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        content = read_stored(text, "plan", VERSION)
        return cls(tuple(ScenePlan.from_json(one) for one in content["scenes"]), tuple(content["notes"]))

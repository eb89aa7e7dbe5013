"""What a run of patches is made from, settled once and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.stored import read_stored
from orchestrator.model.plan_json import grid_from, grid_json
from orchestrator.products.patches.keys import PatchKeys
from orchestrator.products.patches.lattice import PatchLattice, lattice
from orchestrator.products.patches.scenes import PatchScene, cloud_values, is_validity, tells_clouds

# Grows when a field changes its meaning, never because one was added.
VERSION = 1


@dataclass(frozen=True, slots=True)
class PatchPlan:
    """
    Which scenes are cut, and how.

    A candidate is a window of a scene; candidates are numbered scene by scene, each row by row.

    Attributes:
        scenes: In the order of tile and time; all have the same bands.
        keys: What was asked for.
    """

    scenes: tuple[PatchScene, ...]
    keys: PatchKeys

    def lattice_of(self, number: int) -> PatchLattice:
        """Return the windows of a scene."""
        grid, keys = self.scenes[number].grid, self.keys
        return lattice(grid.height, grid.width, keys.size, keys.step, keys.edge)

    def clouds_of(self, number: int) -> tuple[int, ...]:
        """
        Return the values of labels that are clouds; none where labels do not tell, and nobody asks.

        Raises:
            UserError: Somebody asks, and they do not tell.
        """
        scene = self.scenes[number]
        if self.keys.max_cloud is None and not tells_clouds(scene):
            return ()
        return cloud_values(scene, shadow=self.keys.shadow)

    @property
    def has_clouds(self) -> bool:
        """Whether it is known how cloudy patches are; scenes have the same labels."""
        return self.keys.max_cloud is not None or tells_clouds(self.scenes[0])

    @property
    def has_labels(self) -> bool:
        return "y" in self.scenes[0].files

    @property
    def has_angles(self) -> bool:
        return "angles" in self.scenes[0].files

    @property
    def data_bands(self) -> tuple[int, ...]:
        """Which bands of x.tif hold data, from 0."""
        return tuple(at for at, name in enumerate(self.scenes[0].bands) if not is_validity(name))

    @property
    def max_ignore(self) -> float:
        """The greatest share of a patch without a label; 1 where there are no labels."""
        if not self.has_labels:
            return 1.0
        return 0.5 if self.keys.max_ignore is None else self.keys.max_ignore

    def to_json(self) -> str:
        """Return it as a run keeps it; what is not used is left out."""
        content = {
            "version": VERSION,
            "keys": self.keys.model_dump(mode="json", exclude_defaults=True),
            "scenes": [_scene_json(scene) for scene in self.scenes],
        }
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> PatchPlan:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        content = read_stored(text, "plan of patches", VERSION)
        return cls(tuple(map(_scene_from, content["scenes"])), PatchKeys.model_validate(content["keys"]))


def _scene_json(scene: PatchScene) -> dict[str, Any]:
    told: dict[str, Any] = {
        "tile": scene.tile,
        "sensing": scene.sensing,
        "files": dict(scene.files),
        "grid": grid_json(scene.grid),
        "bands": list(scene.bands),
        "dtype": scene.dtype,
        "angles": list(scene.angles),
        "ignore": scene.ignore,
        "codes": {str(code): value for code, value in scene.codes.items()},
        "stamps": {name: list(stamp) for name, stamp in scene.stamps.items()},
        **({"from_sandbox": True} if scene.from_sandbox else {}),
    }
    return {name: value for name, value in told.items() if value != []}


def _scene_from(told: Mapping[str, Any]) -> PatchScene:
    return PatchScene(
        tile=told["tile"],
        sensing=told["sensing"],
        files=MappingProxyType({name: str(Path(path)) for name, path in told["files"].items()}),
        grid=grid_from(told["grid"]),
        bands=tuple(told["bands"]),
        dtype=told["dtype"],
        angles=tuple(told.get("angles", ())),
        ignore=told["ignore"],
        codes=MappingProxyType({int(code): value for code, value in told["codes"].items()}),
        stamps=MappingProxyType({name: (size, at) for name, (size, at) in told["stamps"].items()}),
        from_sandbox=told.get("from_sandbox", False),
    )

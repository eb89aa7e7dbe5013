"""What a run of scenes is made from, settled once and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.stored import read_stored
from orchestrator.model.unit import NOTHING
from orchestrator.products.scenes.index import scene_from, scene_json
from orchestrator.products.scenes.scene import IndexedScene

# Grows when a field changes its meaning, never because one was added.
VERSION = 1


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """
    Which scenes, and which of their files.

    Attributes:
        scenes: In the order of time; with their products, without files.
        roles: Of the files of each level that are wanted.
        query: What was asked for, for the manifest.
        passed_over: Products of a scene that are there in an older baseline, by the scene's place.
        notes: What a user should know, a sentence each.
    """

    scenes: tuple[IndexedScene, ...]
    roles: Mapping[str, tuple[str, ...]]
    query: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    passed_over: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    @property
    def lacking(self) -> tuple[tuple[int, str], ...]:
        """Places of scenes of which the catalogue lacks a level that is wanted, and which."""
        return tuple(
            (number, level)
            for number, scene in enumerate(self.scenes)
            for level in self.roles
            if scene.product(level) is None
        )

    def to_json(self) -> str:
        """Return it as a run keeps it."""
        content = {
            "version": VERSION,
            "scenes": [scene_json(scene) for scene in self.scenes],
            "roles": {level: list(roles) for level, roles in self.roles.items()},
            "query": dict(self.query),
            "passed_over": {str(number): list(names) for number, names in self.passed_over.items()},
            "notes": list(self.notes),
        }
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> DownloadPlan:
        """
        Read what `to_json` of this or an earlier version wrote.

        Raises:
            IntegrityError: A newer version wrote it.
        """
        content = read_stored(text, "plan of scenes", VERSION)
        return cls(
            tuple(scene_from(told, Path()) for told in content["scenes"]),
            MappingProxyType({level: tuple(roles) for level, roles in content["roles"].items()}),
            MappingProxyType(content.get("query", {})),
            MappingProxyType({int(n): tuple(names) for n, names in content.get("passed_over", {}).items()}),
            tuple(content.get("notes", ())),
        )

"""What the public catalogue has, served here or not: a typo is told from a collection that is not imitated."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from orchestrator.sandbox.scenes.catalogue import Catalogue

_IDS = Path(__file__).with_name("known_ids.txt")
_PUBLIC = "projects/earthengine-public/assets/"
KINDS = {"Image": "image", "ImageCollection": "collection", "FeatureCollection": "table"}


@lru_cache(maxsize=1)
def known() -> dict[str, str]:
    """Give the kind of asset (a key of `KINDS`) by id."""
    found, kind = {}, ""
    for line in _IDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            found[line.strip()] = kind
        elif not line.startswith("#"):
            kind = line
    return found


def unserved(catalogue: Catalogue, asset_id: str) -> str | None:
    """
    Name an asset of the public catalogue that a catalogue does not serve, such as `the collection AHN/AHN3`.

    An image of a collection counts as the collection. None is an id that nobody knows, or one that is served.
    """
    bare = asset_id.removeprefix(_PUBLIC)
    name = bare if bare in known() else bare.rpartition("/")[0]
    kind = known().get(name)
    if kind is None or (name != bare and kind != "ImageCollection") or name in catalogue.collections():
        return None
    if name in catalogue.images() or catalogue.table(name) is not None:
        return None
    return f"the {KINDS[kind]} {name}"


def has_provider(asset_id: str) -> bool:
    """Tell whether an id begins as one of the public catalogue does; those of users' assets never count."""
    provider = asset_id.partition("/")[0]
    return provider not in ("projects", "users") and any(name.startswith(f"{provider}/") for name in known())


def why_unserved(catalogue: Catalogue) -> str:
    """Tell which collections alone a catalogue has, where it does not serve the invented Earth; else nothing."""
    alone: str = getattr(catalogue, "alone", "")
    return alone

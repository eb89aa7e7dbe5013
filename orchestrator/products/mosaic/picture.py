"""The picture of a mosaic, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from orchestrator.core.errors import OrchestratorError
from orchestrator.model.ports import Illustrator
from orchestrator.model.validity import valid_words


def draw(
    raster: Path, name: str, valid: Mapping[str, float], illustrator: Illustrator, failed: Callable[[str], None]
) -> Path | None:
    """
    Draw a finished raster, beside it, and return the picture.

    A missing picture is no reason to lose a night's work: `failed` is told why, and the run goes on.
    """
    made = raster.with_name("quicklook.png")
    try:
        illustrator.draw(raster, made, f"{name}: {valid_words(valid)}")
    except (OrchestratorError, OSError, ValueError, RuntimeError) as error:
        failed(str(error))
    return made if made.is_file() else None

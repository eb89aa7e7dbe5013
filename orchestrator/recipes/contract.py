"""What a recipe is asked, and what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

from orchestrator.model.hooks import Hooks
from orchestrator.model.spec import PixelSpec
from orchestrator.model.tile_expression import Ring


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """
    What is wanted of a recipe.

    Attributes:
        region: GeoJSON geometry in degrees that contains the area; for choosing scenes, not for cutting.
        start: First day.
        end: The day after the last.
        bands: Names in order; empty is the recipe's default.
        params: The parameters that differ from their defaults.
        tiles: Corners of tiles in degrees, where one image is for all of them and may have a place for the polygon of
            a tile; without any, the region is the tile.
    """

    region: Mapping[str, Any]
    start: date
    end: date
    bands: tuple[str, ...]
    params: Mapping[str, Any]
    tiles: tuple[Ring, ...] = ()


class Recipe(Protocol):
    """A way to compute pixels in Earth Engine."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        """
        Return what a pixel will be, without asking Earth Engine.

        Raises:
            RecipeError: A band, date or parameter is not possible.
        """

    def image(self, request: ImageRequest) -> Any:
        """Return the `ee.Image`: the bands of `pixels` in its number type; masked pixels stay masked."""

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:
        """Return (filter, `ee.Number` of scenes left after it), in order; the last must be above zero."""

    def pins(self, request: ImageRequest) -> dict[str, str]:
        """Return checksums of the files the recipe reads, by what they are."""

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        """
        Return what the provenance should say: every parameter with its value, hashes of user code.

        `attribution` is the sentence that the sources ask to be shown, `licence` the address of their terms; both are
        empty where nothing is known of the sources.
        """

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:
        """Return (collection, the day of its first scene), or None where that is not known."""

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        """
        Return what a plan should say of the recipe, a sentence each, without asking Earth Engine.

        Raises:
            RecipeError: What the recipe reads must not be used.
        """


@runtime_checkable
class Hooked(Protocol):
    """A recipe that has functions beside its pixels."""

    def hooks(self, request: ImageRequest) -> Hooks:
        """
        Return them.

        Raises:
            RecipeError: The file that defines them fails.
        """

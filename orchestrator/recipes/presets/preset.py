"""What a dataset by name is: an image of Earth Engine with everything that is known of it beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.series import Period

# Class maps and counts hold 0 as a value of its own.
CLASS_NODATA = 255.0
# Pictures: 0 is where nothing was seen, so that the darkest that was seen is 1.
PICTURE_NODATA = 0.0
FLOAT_NODATA = -9999.0

# GeoJSON geometry of the area in degrees, and the names of the bands that are wanted, to an `ee.Image` of these.
Build = Callable[[Mapping[str, Any], tuple[str, ...]], Any]
NO_MAP: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClassValue:
    """One class: the number in the pixels, what it means, and its colour as six hexadecimal digits."""

    value: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class PresetSource:
    """
    A collection or an image of Earth Engine that the pixels are made of.

    Attributes:
        asset: Its id.
        period: Of a collection, the days whose scenes are used; None for one that is taken whole.
        counted: Whether there being no scene over the area is an error, so that they are counted before a run.
        begins: The day of the first scene, where a name may reach back before it.
    """

    asset: str
    period: Period | None = None
    counted: bool = False
    begins: date | None = None

    def note(self) -> str:
        """Return a sentence where the period begins before the collection; else nothing."""
        if self.period is None or self.begins is None or self.period.start >= self.begins:
            return ""
        return f"{self.asset} begins on {self.begins}: there is nothing of the days from {self.period.start} on."


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in the place holders of a name; 0 and nothing where it has none."""

    year: int = 0
    month: int = 0
    word: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """
    A form of names.

    Attributes:
        form: As it is shown, e.g. `s1grdm-YYYY-asc`.
        key: The part of it that is fixed, without hyphens.
        family: Which file it is in.
        summary: One sentence.
        make: Makes the dataset of a name.
        years: First and last year; the last is None where the source still grows. None where names have no year.
        step: Years from one to the next.
        usual: Year of a name without one; 0 where it must have one.
        monthly: Whether a month follows the year.
        words: What must follow the year, one of them.
    """

    form: str
    key: str
    family: str
    summary: str
    make: Callable[[str, Alias, Filled], Preset] = field(repr=False, compare=False)
    years: tuple[int, int | None] | None = None
    step: int = 1
    usual: int = 0
    monthly: bool = False
    words: tuple[str, ...] = ()

    def example(self, year: int = 0) -> str:
        """Return a name of this form, of a year that it may be of."""
        if self.years is None:
            return self.form
        first, last = self.years
        near = min(max(year or 2020, first), last or 9999)
        shown = self.form.replace("YYYY", str(near - (near - first) % self.step)).replace("MM", "06")
        return shown.split("|")[0]


@dataclass(frozen=True, slots=True)
class Preset:
    """
    A dataset by name.

    Attributes:
        name: As it was asked for; the folder of its chips is called so.
        alias: The form of its name.
        steps: How the pixels are computed, in words, in order.
        sources: What they are made of.
        bands: Names in order.
        dtype: Number type of all bands.
        nodata: Value of masked pixels; no true value equals it.
        scale: Size of the source's own pixels, in metres.
        valid: Least and greatest value that a pixel may have.
        attribution: The sentence that the sources ask to be shown.
        licence: Name or address of their terms.
        build: Makes the image.
        classes: What the numbers mean, where they name classes.
        physical: Physical value = stored value x first + second.
        value_map: For labels, the class of each value; empty where values are their own classes.
        breaks: For labels, rising thresholds: below the first is class 0, from the first on 1, and so on.
        mended: What was wrong with the published expression of this name and is right here; empty where nothing was.
    """

    name: str
    alias: Alias
    steps: tuple[str, ...]
    sources: tuple[PresetSource, ...]
    bands: tuple[str, ...]
    dtype: str
    nodata: float
    scale: float
    valid: tuple[float, float]
    attribution: str
    licence: str
    build: Build = field(repr=False, compare=False)
    classes: tuple[ClassValue, ...] = ()
    physical: tuple[float, float] = (1.0, 0.0)
    value_map: Mapping[int, int] = field(default_factory=lambda: NO_MAP)
    breaks: tuple[float, ...] = ()
    mended: str = ""

    def notes(self) -> tuple[str, ...]:
        """Return what a plan should say of it, a sentence each."""
        return tuple(filter(None, (source.note() for source in self.sources)))

    def spec(self, bands: tuple[str, ...] = ()) -> PixelSpec:
        """Return what a pixel of these bands is; of all without a word."""
        factor, offset = self.physical
        return PixelSpec(bands or self.bands, self.dtype, self.nodata, factor, offset, classes=bool(self.classes))

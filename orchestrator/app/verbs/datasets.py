"""Which datasets there are by name, and what is meant by a name or a Python file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.app.imagery import ask_types
from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import whole_numbers
from orchestrator.recipes.presets.catalogue import ALIASES, find, told_years
from orchestrator.recipes.presets.preset import Alias, Preset, PresetSource

if TYPE_CHECKING:
    from orchestrator.app.application import Application
    from orchestrator.model.tile_expression import Ring
    from orchestrator.recipes.definitions import Definition

__all__ = [
    "RECIPE",
    "ChosenDataset",
    "DatasetRow",
    "Preset",
    "PresetSource",
    "choose",
    "fitting",
    "is_name",
    "listed",
    "narrowest",
    "shown",
]

RECIPE = "dataset"
_WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32")


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """
    One form of names, as a list shows it.

    Attributes:
        name: The form, e.g. `s2-YYYY`.
        example: A name of it.
        summary: What it is, one sentence.
        years: In words; empty where its names have none.
        scale: Size of the source's own pixels, in metres.
        bands: Names in order.
        dtype: Number type.
        licence: Name or address of the terms.
    """

    name: str
    example: str
    summary: str
    years: str
    scale: float
    bands: tuple[str, ...]
    dtype: str
    licence: str


@dataclass(frozen=True, slots=True)
class ChosenDataset:
    """
    What is meant by a name or a file.

    Attributes:
        name: Of the dataset; the folder of its chips is called so.
        recipe: That makes its pixels.
        params: Of the recipe.
        bands: Names in order.
        dtype: Number type.
        scale: Size of the source's own pixels in metres; None where that is not known.
        notes: What should be known of it, a sentence each.
    """

    name: str
    recipe: str
    params: Mapping[str, str]
    bands: tuple[str, ...]
    dtype: str
    scale: float | None
    notes: tuple[str, ...] = ()


def listed(text: str = "") -> tuple[DatasetRow, ...]:
    """Return the forms of names that have a text in their name, summary, bands, sources or family; all without one."""
    found = [(alias, find(alias.example())) for alias in ALIASES]
    return tuple(_row(alias, preset) for alias, preset in found if _has(text.lower(), alias, preset))


def shown(name: str) -> Preset:
    """
    Return everything about a dataset; of the form of a name, e.g. `s2-YYYY`, about one of its names.

    Raises:
        RecipeError: There is none.
    """
    forms = {alias.form.lower(): alias for alias in ALIASES}
    alias = forms.get(name.lower())
    return find(alias.example() if alias else name)


def is_name(text: str) -> bool:
    """Tell whether a text is the name of a dataset, or the form of such names."""
    try:
        shown(text)
    except RecipeError:
        return False
    return True


def choose(
    app: Application,
    text: str,
    *,
    name: str = "",
    ring: Ring | None = None,
    bands: Sequence[str] = (),
    params: Mapping[str, str] | None = None,
) -> ChosenDataset:
    """
    Return what a user means by a name or by a Python file; names come first.

    Args:
        app: Asks Earth Engine for the bands of a file's image, where they are not given; of names nobody is asked.
        text: Name of a dataset, or a Python file, also without its `.py`.
        name: What the dataset shall be called; empty for its own name.
        ring: Corners of one of the tiles in degrees, for which a file's image is made once.
        bands: Names in order; all of the image where there are none.
        params: Of the recipe, beside these: `dtype`, `nodata`, `attribution`, `licence` of a file's image.

    Raises:
        RecipeError: There is no such dataset, or the file does not define one; the message says which names are near.
    """
    given = dict(params or {})
    if file := _file(text):
        return _of_file(app, file, name, ring, tuple(bands), given)
    preset = find(text)
    if given:
        raise RecipeError(
            f"dataset {text!r} says itself what its pixels are; leave {', '.join(given)} out, or define your own in a "
            "Python file"
        )
    spec = preset.spec(_known(preset, bands))
    told = {"name": preset.name}
    return ChosenDataset(name or preset.name, RECIPE, told, spec.bands, spec.dtype, preset.scale, preset.notes())


def _file(text: str) -> str:
    """Return the Python file that a text names; nothing where it names a dataset."""
    is_path = text.endswith(".py") or "/" in text
    if not is_path:
        try:
            find(text)
        except RecipeError:
            return next((one for one in (text, f"{text}.py") if Path(one).is_file()), "")
        return ""
    if not Path(text).is_file() and Path(f"{text}.py").is_file():
        return f"{text}.py"
    return text


def _of_file(
    app: Application, file: str, name: str, ring: Ring | None, bands: tuple[str, ...], params: dict[str, str]
) -> ChosenDataset:
    from orchestrator.model.tile_expression import PLACEHOLDER  # noqa: PLC0415
    from orchestrator.recipes.definitions import load_definition  # noqa: PLC0415  numpy is heavy
    from orchestrator.recipes.pixel_types import with_spare  # noqa: PLC0415

    definition = load_definition(file, name or load_definition(file).name)  # as the recipe will load it
    dtype, types = params.get("dtype") or definition.dtype, {}
    if not bands or not dtype:
        types = ask_types(_image(app, definition, ring or PLACEHOLDER), app.earth_engine().value)
        bands = bands or tuple(types)
    asked = [types[one] for one in bands if one in types]
    dtype = dtype or narrowest(asked)
    told = params | {"file": str(Path(file).resolve()), "name": definition.name, "dtype": dtype}
    if not params.get("dtype") and not params.get("nodata") and not _spares(asked, dtype):
        stored = with_spare(dtype)
        told |= {"dtype": stored, "image_dtype": dtype} if stored != dtype else {}
    return ChosenDataset(definition.name, RECIPE, told, bands, told["dtype"], None)


def _image(app: Application, definition: Definition, ring: Ring) -> Any:
    app.earth_engine()  # the client of the process is signed in before the file uses it
    return definition.image(ring)


def narrowest(types: Sequence[Mapping[str, Any]]) -> str:
    """Return the smallest type of whole numbers that holds all of Earth Engine's pixel types, else float32."""
    if not types or any(one.get("precision") != "int" for one in types):
        return "float32"
    low, high = min(one.get("min", -(2**31)) for one in types), max(one.get("max", 2**32 - 1) for one in types)
    fitting = (name for name in _WHOLE if whole_numbers(name)[0] <= low and high <= whole_numbers(name)[1])
    return next(fitting, "float64")


def fitting(types: Sequence[Mapping[str, Any]], *, spare: bool) -> dict[str, str]:
    """
    Return the parameters of pixels for an image of Earth Engine's pixel types: the smallest type that holds them.

    Args:
        types: Of its bands.
        spare: Whether a number must be left for masked pixels; it is returned where the type is another for that.
    """
    from orchestrator.recipes.pixel_types import pixel_spec, with_spare  # noqa: PLC0415

    dtype = narrowest(types)
    stored = dtype if _spares(types, dtype) else with_spare(dtype)
    if stored == dtype or not spare:
        return {"dtype": dtype}
    return {"dtype": stored, "nodata": f"{pixel_spec(('band',), stored, '', dtype).nodata:g}"}


def _spares(types: Sequence[Mapping[str, Any]], dtype: str) -> bool:
    """Tell whether an image of Earth Engine's pixel types, where they are known, never has the greatest number."""
    if not types or dtype.startswith("float"):
        return False
    most = whole_numbers(dtype)[1]
    return all(one.get("precision") == "int" and one.get("max", most) < most for one in types)


def _known(preset: Preset, bands: Sequence[str]) -> tuple[str, ...]:
    from orchestrator.recipes.parameters import choose_bands  # noqa: PLC0415

    return choose_bands(f"{RECIPE} {preset.name}", bands, preset.bands, preset.bands)


def _row(alias: Alias, preset: Preset) -> DatasetRow:
    return DatasetRow(
        alias.form,
        alias.example(),
        alias.summary,
        told_years(alias),
        preset.scale,
        preset.bands,
        preset.dtype,
        preset.licence,
    )


def _has(text: str, alias: Alias, preset: Preset) -> bool:
    words = (alias.form, alias.summary, alias.family, *preset.bands, *(one.asset for one in preset.sources))
    return any(text in word.lower() for word in words)

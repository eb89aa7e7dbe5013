"""
A dataset that a user defines in a Python file: a class `DatasetDefinition`, or functions.

The class has `get_dataset_name()`, `get_gee_image(tile_geometry=...)` and `get_dtype()`, and may have `build()`,
`must_get_gee_image(filename)`, `map_values(array)`, `post_process_tilefile(file)`, `on_error(tile, error)` and
`include_chip_in_dataset(chip)`. Older files have functions `get_ee_image()` and `get_dataset_name()`; they may have the
others as functions, too. The file is run where the user said so, and by nobody else's word.
"""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.core.errors import RecipeError
from orchestrator.model.hooks import Hooks
from orchestrator.model.spec import DTYPE_BYTES
from orchestrator.model.tile_expression import Ring
from orchestrator.recipes.presets.catalogue import find
from orchestrator.recipes.presets.labels import label_map
from orchestrator.recipes.python_file import PythonFile, read_python

CLASS = "DatasetDefinition"
IMAGE, OLDER_IMAGE = "get_gee_image", "get_ee_image"
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")  # of chips that are there
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")  # without a dot: names of samples end at the first
_loading = threading.Lock()


class Definition:
    """
    What a user's file defines.

    Attributes:
        file: The file, with its source and checksum.
        name: Of the dataset; the folder of its chips is called so.
        dtype: Number type of its pixels; empty where the file does not say.
        hooks: Its functions, each with errors in one line. One of them is called at a time.
    """

    def __init__(self, file: PythonFile, name: str) -> None:
        """
        Run the file.

        Args:
            file: It.
            name: What the dataset shall be called; empty for what the file says.

        Raises:
            RecipeError: It fails, or does not define a dataset.
        """
        self.file = file
        self._lock = threading.RLock()
        self._built = False
        self._of = file.namespace("dataset_definition")
        self._instance = self._made(name or Path(file.path).stem)
        if self._function(IMAGE) is None and self._function(OLDER_IMAGE) is None:
            raise RecipeError(
                f"{file.path} defines no dataset: it must have a class {CLASS} with {IMAGE}(), or a function "
                f"{OLDER_IMAGE}()"
            )
        self.name = self._called_so(name)
        self.dtype = self._dtype()
        self.hooks = self._hooks()

    @property
    def takes_tile(self) -> bool:
        """Whether its image may depend on the tile."""
        function, what = self._maker()
        by_place, by_name = _accepted(function, {"tile_geometry": None}, what)
        return bool(by_place or by_name)

    def image(self, ring: Ring) -> Any:
        """
        Return the `ee.Image` of a tile, whose corners are given in degrees.

        Raises:
            RecipeError: The file fails, or returns something else.
        """
        import ee  # noqa: PLC0415  it costs a second
        import shapely  # noqa: PLC0415

        function, what = self._maker()
        by_place, by_name = _accepted(function, {"tile_geometry": shapely.Polygon(ring)}, what)
        with self._lock:
            self._build()
            image = self.file.run(lambda: function(*by_place, **by_name))
        if not isinstance(image, ee.Image):
            raise RecipeError(
                f"{what} returned {type(image).__name__}; it must return an ee.Image, where there "
                "is nothing one that is masked"
            )
        return image

    def _maker(self) -> tuple[Any, str]:
        """Return the function that makes the image, and what it is called."""
        name = OLDER_IMAGE if self._function(IMAGE) is None else IMAGE
        function = self._function(name)
        code = getattr(inspect.unwrap(function), "__code__", None)
        return function, f"{name} in {self.file.path}" + (f", line {code.co_firstlineno}," if code else "")

    def _called_so(self, given: str) -> str:
        said = given or self._said("get_dataset_name")
        name, what = said or Path(self.file.path).stem, "says that its dataset is called" if said else "is called"
        if not (_FOLDER if given else _NAME).fullmatch(name):
            raise RecipeError(
                f"{self.file.path} {what} {name!r}, which is no name of a folder of chips: letters, digits, '_' and "
                "'-', without dots and slashes; give another with --name"
            )
        return name

    def _made(self, name: str) -> Any:
        kind = self._of.get(CLASS)
        if kind is None:
            return None
        takes = [one for one in inspect.signature(kind).parameters.values() if one.default is one.empty]
        return self.file.run(lambda: kind(name) if takes else kind())

    def _function(self, name: str) -> Any:
        """Return a method of the class, or a function of a file without one; None where there is none."""
        found = getattr(self._instance, name, None) if self._instance is not None else self._of.get(name)
        return found if callable(found) else None

    def _said(self, name: str) -> str:
        function = self._function(name)
        return "" if function is None else str(self.file.run(function) or "")

    def _dtype(self) -> str:
        dtype = self._said("get_dtype")
        if dtype and dtype not in DTYPE_BYTES:
            raise RecipeError(f"get_dtype in {self.file.path} returned {dtype!r}; it must be one of {_words()}")
        return dtype

    def _build(self) -> None:
        """Call `build()`, once, before anything of the service is asked."""
        if not self._built and (build := self._function("build")):
            self.file.run(build)
        self._built = True

    def _hooks(self) -> Hooks:
        mapped, included = self._function("map_values"), self._function("include_chip_in_dataset")
        return Hooks(
            map_values=None if mapped is None else lambda array: self._map(mapped, array),
            must_get=self._called("must_get_gee_image"),
            post_process=self._called("post_process_tilefile"),
            on_error=self._called("on_error"),
            include_chip=None if included is None else lambda chip: bool(self._guarded(included, chip)),
        )

    def _called(self, name: str) -> Any:
        """Return a hook of downloading, which comes after `build()`."""
        function = self._function(name)
        if function is None:
            return None

        def call(*args: Any) -> Any:
            with self._lock:
                self._build()
                return self._guarded(function, *args)

        return call

    def _guarded(self, function: Callable[..., Any], *args: Any) -> Any:
        with self._lock:
            return self.file.run(lambda: function(*args))

    def _map(self, function: Callable[[Any], Any], array: NDArray[Any]) -> NDArray[Any]:
        """Call `map_values` with axes as such files expect them: (row, col), or (row, col, band) of several bands."""
        shown = np.moveaxis(array, 0, -1) if array.ndim == 3 and len(array) > 1 else array.reshape(array.shape[-2:])
        made = np.asarray(self._guarded(function, shown))
        if made.shape[:2] != shown.shape[:2]:
            raise RecipeError(
                f"map_values in {self.file.path} made {made.shape} of {shown.shape}; rows and columns must stay"
            )
        if array.ndim == 2:
            return made
        return np.moveaxis(made, -1, 0) if made.ndim == 3 else made[np.newaxis]


def load_definition(path: str | Path, name: str = "", sha256: str = "") -> Definition:
    """
    Run a user's file, once in a process while it stays as it is, and return the dataset that it defines.

    Args:
        path: The file.
        name: What the dataset shall be called; empty for what the file says.
        sha256: The checksum that the file must have; empty for any.

    Raises:
        RecipeError: There is no such file, everybody may write it, it was changed, it fails, or defines no dataset.
    """
    file = read_python(str(path), "dataset")
    if sha256 and file.sha256 != sha256:
        raise RecipeError(
            f"{path} is not the code that these chips were made with (sha256 {file.sha256[:12]}, not {sha256[:12]}); "
            "put the old file back, or download the chips anew"
        )
    with _loading:
        return _loaded(file, name)


@lru_cache(maxsize=32)
def _loaded(file: PythonFile, name: str) -> Definition:
    return Definition(file, name)


def forget() -> None:
    """Let files be run anew, and their `build()` be called again: they may have asked a service that is gone."""
    _loaded.cache_clear()


def hooks_of(name: str = "", file: str = "", sha256: str = "") -> Hooks:
    """
    Return the functions of a dataset that are called beside its pixels.

    Args:
        name: Of a dataset of here, or what that of `file` is called.
        file: A user's file, which is run; empty for none.
        sha256: The checksum that the file must have; empty for any.
    """
    if file:
        return load_definition(file, name, sha256).hooks
    return Hooks(map_values=label_map(find(name)))


def _accepted(function: Any, offered: Mapping[str, Any], what: str) -> tuple[list[Any], dict[str, Any]]:
    """Return what a function takes of what is offered: by place, where it knows no names, and by name."""
    wanted = list(inspect.signature(function).parameters.values())
    placed = [one for one in wanted if one.kind is one.POSITIONAL_ONLY]
    named = [one for one in wanted if one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}]
    needed = [one.name for one in named if one.default is one.empty]
    if unknown := [name for name in needed if name not in offered]:
        raise RecipeError(f"{what} asks for {unknown[0]!r}; it may take {', '.join(offered)}")
    if placed:
        return list(offered.values())[: len(placed)], {}
    if any(one.kind is one.VAR_KEYWORD for one in wanted):
        return [], dict(offered)
    if any(one.kind is one.VAR_POSITIONAL for one in wanted) and not named:
        return list(offered.values()), {}
    return [], {one.name: offered[one.name] for one in named if one.name in offered}


def _words() -> str:
    return ", ".join(DTYPE_BYTES)

"""`image-code`: a user's own Python file with `get_ee_image()`; run only where the user said so."""

from __future__ import annotations

import ast
import hashlib
import inspect
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from types import CodeType
from typing import Any

import ee

from orchestrator.core import log
from orchestrator.core.errors import RecipeError
from orchestrator.model.spec import PixelSpec
from orchestrator.recipes.contract import ImageRequest
from orchestrator.recipes.file_modes import check_modes
from orchestrator.recipes.parameters import read_parameters
from orchestrator.recipes.pixel_types import cast, pixel_spec

NAME = "image-code"
FUNCTION = "get_ee_image"


@dataclass(frozen=True, slots=True)
class UserCodeParameters:
    """
    What the file and its pixels are.

    Attributes:
        file: Path of the Python file; it defines `get_ee_image(region, start, end)` or takes fewer of these.
        dtype: Number type of the output.
        nodata: Value of masked pixels; the default is outside what the type usually holds.
        attribution: What must be said of the sources, e.g. `Contains modified Copernicus Sentinel data 2024`; it is
            written into the result and its proof.
        licence: Under which terms they may be used: a name or an address; written into the proof.
    """

    file: str = ""
    dtype: str = "float32"
    nodata: str = ""
    attribution: str = ""
    licence: str = ""


class ImageCode:
    """Pixels from a user's own expression. Bands must be named with `--bands`, so that the plan needs no call."""

    def pixels(self, request: ImageRequest) -> PixelSpec:
        params = self._parameters(request)
        if not request.bands:
            raise RecipeError(f"recipe {NAME} needs the names of the image's bands, in order: --bands NAME,NAME,..")
        self._source(params)
        return pixel_spec(request.bands, params.dtype, params.nodata)

    def image(self, request: ImageRequest) -> Any:
        params = self._parameters(request)
        function = self._function(params)
        offered = {
            "region": ee.Geometry(dict(request.region)),
            "start": request.start.isoformat(),
            "end": request.end.isoformat(),
        }
        wanted = inspect.signature(function).parameters
        if unknown := [name for name in wanted if name not in offered]:
            raise RecipeError(f"{FUNCTION} in {params.file} asks for {unknown[0]!r}; it may take {', '.join(offered)}")
        image = self._run(params, lambda: function(**{name: offered[name] for name in wanted}))
        if not isinstance(image, ee.Image):
            raise RecipeError(
                f"{FUNCTION} in {params.file} returned {type(image).__name__}; it must return an ee.Image"
            )
        return cast(image, request.bands, params.dtype)

    def survey(self, request: ImageRequest) -> list[tuple[str, Any]]:  # noqa: ARG002  the port's signature
        return []

    def pins(self, request: ImageRequest) -> dict[str, str]:
        return {"code": hashlib.sha256(self._source(self._parameters(request))).hexdigest()}

    def facts(self, request: ImageRequest) -> dict[str, Any]:
        parameters = asdict(self._parameters(request))
        sources = {"attribution": parameters["attribution"], "licence": parameters["licence"]}
        return {"recipe": NAME, "parameters": parameters, "code_sha256": self.pins(request)["code"]} | sources

    def first_day(self, request: ImageRequest) -> tuple[str, date] | None:  # noqa: ARG002  only its author knows
        return None

    def notes(self, request: ImageRequest) -> tuple[str, ...]:
        return check_modes(Path(self._parameters(request).file))

    def _parameters(self, request: ImageRequest) -> UserCodeParameters:
        return read_parameters(UserCodeParameters, request.params, NAME)

    def _source(self, params: UserCodeParameters) -> bytes:
        path = Path(params.file)
        if not params.file or not path.is_file():
            raise RecipeError(
                f"recipe {NAME} needs a Python file: --param file=PATH; {params.file or 'none'} is no file"
            )
        check_modes(path)
        return path.read_bytes()

    def _function(self, params: UserCodeParameters) -> Any:
        namespace: dict[str, Any] = {"__name__": "image_code", "__file__": params.file}
        source = self._source(params)
        self._run(params, lambda: exec(_signed_in(source, params.file), namespace))  # noqa: S102  the user's own file
        if not callable(namespace.get(FUNCTION)):
            raise RecipeError(f"{params.file} defines no function {FUNCTION}(); it must return an ee.Image")
        return namespace[FUNCTION]

    def _run(self, params: UserCodeParameters, call: Any) -> Any:
        try:
            return call()
        except Exception as error:
            raise RecipeError(f"{params.file} failed: {type(error).__name__}: {error}") from error


def _signed_in(source: bytes, file: str) -> CodeType:
    """
    Compile a user's file without its own signing in, which would take the client of the whole process elsewhere.

    Each `ee.Initialize(...)` and `ee.Authenticate(...)` becomes None, and is said.
    """
    without = _WithoutSignIn()
    tree = ast.fix_missing_locations(without.visit(ast.parse(source, file)))
    for line, call in without.ignored:
        log.get("recipes").warning("image_code.sign_in_ignored", file=file, line=line, call=f"ee.{call}")
    return compile(tree, file, "exec")


_SIGN_IN = frozenset({"Initialize", "Authenticate"})


class _WithoutSignIn(ast.NodeTransformer):
    """Takes calls of `_SIGN_IN` out, by whatever name the file knows `ee`; `ignored` lists them by line."""

    def __init__(self) -> None:
        self.ignored: list[tuple[int, str]] = []
        self._modules = {"ee"}
        self._functions: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> ast.Import:
        self._modules |= {alias.asname or alias.name for alias in node.names if alias.name == "ee"}
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module == "ee":
            self._functions |= {a.asname or a.name: a.name for a in node.names if a.name in _SIGN_IN}
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = self._called(node.func)
        if not name:
            return self.generic_visit(node)
        self.ignored.append((node.lineno, name))
        return ast.copy_location(ast.Constant(None), node)

    def _called(self, function: ast.expr) -> str:
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return function.attr if function.value.id in self._modules and function.attr in _SIGN_IN else ""
        return self._functions.get(function.id, "") if isinstance(function, ast.Name) else ""

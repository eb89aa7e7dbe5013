"""What a user declares, in Python: the same thing as a job file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestrator.api.areas import area_table
from orchestrator.api.arguments import first_and_end, number_text, numbers, path_of, path_text, table_of, texts, writing
from orchestrator.api.images import GRAPH, ask_bands, call_for_image, graph_of, is_image
from orchestrator.config import JobTable, explain, read_table
from orchestrator.core.errors import RecipeError, UserError
from orchestrator.core.files import write_whole
from orchestrator.core.toml import to_toml
from orchestrator.model.job import Job as Declared

if TYPE_CHECKING:
    from orchestrator.app import Application

DEFAULT_RECIPE = "sentinel2-cloudless"


class Job:
    """
    An area, an image, and where the result goes. Equal jobs give the same pixels, and continue each other's runs.

    A job and a job file are one thing: `from_file` reads what `orchestrator run FILE` reads, `to_file` writes it, and
    a run begun by one is continued by the other. Nothing is read or asked before it is planned or run.
    """

    __slots__ = ("_base", "_content", "_function", "_piece", "_table")

    _base: Path
    _content: Mapping[str, Any]
    _function: Callable[..., Any] | None
    _piece: str
    _table: JobTable

    def __init__(
        self,
        area: object,
        image: object = DEFAULT_RECIPE,
        dates: Sequence[str | date] | None = None,
        *,
        name: str,
        output: str | os.PathLike[str] = ".",
        bands: Sequence[str] | None = None,
        scale: float | None = None,
        crs: str = "",
        crs_transform: Sequence[float] | None = None,
        area_crs: str = "",
        layer: str = "",
        where: str = "",
        each: str = "",
        dtype: str = "",
        nodata: float | None = None,
        params: Mapping[str, Any] | None = None,
        route: str = "",
        product: str = "",
        **more: Any,
    ) -> None:
        """
        Declare a job.

        Args:
            area: A path or text (as for `--area`), a box (left, bottom, right, top), a GeoDataFrame or GeoSeries, a
                shapely geometry, or an `ee.Geometry`. What is held in memory is kept in the job as text.
            image: A recipe's name; an `ee.Image`, kept by its expression; or a function of `region`, `start` and
                `end` (or fewer) that returns an `ee.Image`, called when the job is planned.
            dates: First day and the day after the last: a date, ISO 8601, or `today-30d`; an `ee.Image` and a recipe
                that depends on none (`terrain`, a map of `landcover`) need none.
            name: The result is `{name}_clipped.tif`.
            output: Folder of the result.
            bands: Which bands, in order; a text is one. Of an image in memory they are asked for where they are not
                given.
            scale: Pixel size in units of the CRS; by default 10 m.
            crs: `EPSG:n`; by default the UTM zone of the area.
            crs_transform: A lattice to stay on: six numbers in affine order.
            area_crs: The CRS of an area that does not say its own; degrees for a box or a shapely geometry.
            layer: Layer of an area file that has several.
            where: Which features of an area file, e.g. `name = 'Cambodia'`.
            each: Column of an area file whose values name one result each; see `pieces`.
            dtype: Number type of the result; by default the recipe's, for an image in memory one that holds it.
            nodata: Value of masked pixels of an image in memory; by default outside what the type usually holds.
            params: Other parameters of the recipe.
            route: How pixels come; see `--route`.
            product: What is delivered; by default a mosaic.
            **more: Any other key of a job file: `max_part_size`, `split`, `min_valid`, `mosaic={"compress": ...}`, ...

        Raises:
            UserError: A key or a value is wrong; the message names it.
        """
        given = table_of({} if params is None else params, "params") | ({"dtype": dtype} if dtype else {})
        given |= {"nodata": number_text(nodata, "nodata")} if nodata is not None else {}
        named = [] if bands is None else texts(bands, "bands")
        where_from = area_table(area, area_crs) | _given(layer=layer, where=where, each=each)
        content: dict[str, Any] = {"area": where_from, "output": path_text(output, "output"), "base_name": name}
        content |= first_and_end(dates) if dates is not None else {}
        if is_image(image):
            asked, fitting = (named, "") if named else _asked(image)
            given = ({"dtype": fitting} if fitting and not dtype else {}) | given | {"graph": graph_of(image)}
            content |= {"recipe": GRAPH, "bands": list(asked)}
        elif isinstance(image, str):
            content |= {"recipe": image} | ({"bands": named} if named else {})
        elif callable(image):
            content |= {"recipe": GRAPH, "bands": named}
        else:
            raise RecipeError(
                f"an image of type {type(image).__name__} is not known; give a recipe's name, an ee.Image or a "
                "function that returns one"
            )
        transform = numbers(crs_transform, "crs_transform", 6) if crs_transform is not None else None
        content |= _given(grid=_given(scale=scale, crs=crs, crs_transform=transform), params=given)
        content |= _given(route=route, product=product)
        function = image if callable(image) and not is_image(image) else None
        self._settle(content | more, Path.cwd(), "Job", function)

    def _settle(
        self,
        content: Mapping[str, Any],
        base: Path,
        origin: str,
        function: Callable[..., Any] | None = None,
        piece: str = "",
    ) -> None:
        try:
            self._table = JobTable.model_validate(content)
        except ValidationError as error:
            raise UserError(explain(error, origin, JobTable)) from None
        self._content, self._base, self._function, self._piece = content, base, function, piece
        self._table.job(base, "google")  # what is wrong with the values is said here

    @classmethod
    def _made(cls, content: Mapping[str, Any], base: Path, origin: str, **how: Any) -> Job:
        job = object.__new__(cls)
        job._settle(content, base, origin, **how)
        return job

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Job:
        """
        Read a job file; relative paths in it count from its folder.

        Raises:
            UserError: The file cannot be read, or a key or value is wrong.
        """
        file = path_of(path, "the path of the job file")
        return cls._made(read_table(file), file.resolve().parent, str(file))

    def to_file(self, path: str | os.PathLike[str]) -> Path:
        """
        Write a job file that `orchestrator run FILE` and `from_file` take for this job; return its path.

        Raises:
            UserError: The job holds something that a file cannot, such as a function that was not called yet; or the
                file cannot be written there.
        """
        if self._function is not None:
            raise UserError(
                "the image is a function, which no file can hold; plan the job first, "
                "orc.plan(job).job.to_file(...) writes the image that the function made"
            )
        if self._piece:
            raise UserError(f"the job is one area of several ({self._piece}); write the whole job to a file")
        file = path_of(path, "the path of the job file")
        content = to_toml(self._absolute()).encode()
        with writing(file):
            write_whole(file, content)
        return file

    def _absolute(self) -> dict[str, Any]:
        """Return the content of a job file that may lie anywhere."""
        declared = self._table.job(self._base, "google")
        area = self._content["area"]
        table = dict(area) if isinstance(area, Mapping) else {}
        table |= {"source": declared.area.source}
        content = dict(self._content) | {"output": declared.output}
        content["area"] = declared.area.source if set(table) == {"source"} else table
        file = declared.params.get("file")
        if isinstance(file, str) and Path(file).is_file():
            content["params"] = dict(self._content["params"]) | {"file": str(Path(file).resolve())}
        return content

    @property
    def name(self) -> str:
        """Of the result."""
        return self._table.base_name

    def pieces(self) -> list[Job]:
        """
        Return one job for each value of the column `each` of the area (`area_each` of a file), or the job itself.

        Raises:
            AreaError: The area cannot be read.
        """
        from orchestrator.app.planner import expand  # noqa: PLC0415  geopandas is heavy

        if not self._table.area.each or self._piece:
            return [self]
        made = expand(self._table.job(self._base, "google"))
        how = {"function": self._function}
        return [self._made(self._content, self._base, "Job", piece=one.area.piece, **how) for one in made]

    def declared(self, app: Application) -> Declared:
        """Return the one declaration that the engine takes, for the service of `app`."""
        from orchestrator.app.planner import expand  # noqa: PLC0415

        made = expand(self._table.job(self._base, app.settings.services))
        chosen = [one for one in made if one.area.piece == self._piece]
        if len(made) > 1 and not self._piece:
            raise UserError(f"the job makes {len(made)} results, one for each area; take them one by one: job.pieces()")
        return chosen[0]

    def settled(self, app: Application) -> Job:
        """Return the job with the image that its function makes; a job without one is itself."""
        if self._function is None:
            return self
        image = call_for_image(self._function, app, self.declared(app), app.clock.now().date())
        given = dict(self._content.get("params", {})) | {"graph": graph_of(image)}
        content = dict(self._content)
        if not content["bands"]:
            named, fitting = ask_bands(image, app)
            content["bands"] = list(named)
            given = {"dtype": fitting} | given
        return self._made(content | {"params": given}, self._base, "Job", piece=self._piece)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Job):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return self._function, self._piece, self._table.job(self._base, "google").fingerprint()

    def __repr__(self) -> str:
        area = self._table.area.source
        shown = area if len(area) <= 60 else f"{area[:57]}..."
        when = f", dates=({self._table.start_date!r}, {self._table.end_date!r})" if self._table.start_date else ""
        where = f"area={shown!r}, image={self._table.recipe!r}{when}, output={self._table.output!r}"
        return f"Job(name={self.name!r}, {where})"


def _given(**values: Any) -> dict[str, Any]:
    """Return the values that say something."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", {})}


def _asked(image: object) -> tuple[tuple[str, ...], str]:
    from orchestrator.api.connection import opened_application  # noqa: PLC0415  it is needed by few jobs

    with opened_application() as app:
        return ask_bands(image, app)


def checked(job: object) -> Job:
    """Return a job; UserError where something else was given."""
    if not isinstance(job, Job):
        raise UserError(f"{type(job).__name__} is no job; make one with orc.Job(...), or orc.Job.from_file(path)")
    return job

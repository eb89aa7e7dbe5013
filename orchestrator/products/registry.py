"""Which products there are. A new one is one folder here and one line below. Nothing heavy is imported for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint
from orchestrator.model.job import Job
from orchestrator.products.chips.files import chip_files, placed_beside
from orchestrator.products.chips.keys import ChipKeys
from orchestrator.products.cube.files import cube_files
from orchestrator.products.cube.keys import CubeKeys, has_scenes_listed
from orchestrator.products.mosaic.files import files
from orchestrator.products.mosaic.keys import MosaicKeys, declared
from orchestrator.products.patches.files import patch_files
from orchestrator.products.patches.keys import PatchKeys, placed_with_scenes
from orchestrator.products.preprocess.files import all_made, preprocess_files
from orchestrator.products.preprocess.keys import PreprocessKeys, declared_keys, located, placed_in_folder
from orchestrator.products.scenes.files import all_there, scene_files, whose_scenes
from orchestrator.products.scenes.keys import SceneKeys, placed_by_tile
from orchestrator.products.table.files import table_files
from orchestrator.products.table.keys import TableKeys

DEFAULT = "mosaic"
# What products call the units of which any process may do some; see `model.product.Shareable`.
SHARED_KINDS = ("pixels", "rows", "list", "file", "scene", "measure", "shard")
# Whom a product asks; what is made from files that are here asks nobody.
EARTH_ENGINE, COPERNICUS, NOBODY = "earthengine", "copernicus", "here"


def always(_keys: BaseModel) -> bool:
    """Whatever the keys say."""
    return True


def never(_keys: BaseModel) -> bool:
    """Whatever the keys say, not."""
    return False


def keys_apart(keys: BaseModel) -> Mapping[str, Any]:
    """Return a product's own keys as the fields of a `Job`: what differs from the defaults, as JSON can hold it."""
    return {"keys": MappingProxyType(keys.model_dump(mode="json", exclude_defaults=True))}


def as_they_are(keys: BaseModel, _base: Path) -> BaseModel:
    """No path stands in an inner table."""
    return keys


def as_said(_keys: BaseModel, _content: Mapping[str, Any]) -> Mapping[str, str]:
    """Folder and name of a result are what the job says."""
    return {}


def untold(_job: Job, _file: Path) -> None:
    """What a file says of itself is no proof."""
    return


def made_of_one(_job: Job) -> bool:
    """The file that makes the result is all that is asked for."""
    return True


@dataclass(frozen=True, slots=True)
class ProductEntry:
    """
    A product, before it is made.

    Attributes:
        name: What a job file calls it: `product = "NAME"`, with its keys in a table `[NAME]`.
        summary: What it delivers, in a line.
        keys: The keys of its table.
        files: Returns every path that the result of a job may take, the one that makes it last.
        declared: Turns the table into fields of a `Job`.
        recipe: Whether a job with these keys names a recipe; without one, what the pixels are stands in the keys.
        routes: Which ways its pixels may come, the usual one first; empty is every way.
        has_area: Whether a job with these keys must name an area.
        undated: Whether a job with these keys may leave its dates out.
        paths: Keys that name files: found from the folder of the job file, and pinned by their checksums.
        pins: What pins them instead, `module:function` of a `Job`; empty is the checksum of a file's bytes.
        located: Returns the keys with the paths of inner tables absolute, counted from a folder.
        placed: Returns `output` and `base_name` of a job that does not say them, by its keys and its content.
        audited: Whether its results can be compared with what the service answers now; see `model.audit.Audited`.
        service: Whom it asks: a key of `config.Settings.services`.
        units: What its units are, for who watches, in the plural.
        doing: What is done to them; empty is exporting.
        counted: Kinds of units that are counted for who watches; empty is all.
        whole: Tells of a result whose own file is there whether what it speaks of is there too; looks, reads nothing.
        whose: Tells whose a file at the result's place is, by what it says; see `model.product.Recognising`.
        delivered: Whether its result may be delivered to a bucket.
        make: Where it is made, `module:function`, called by `app` with what it has to give; see
            `orchestrator.products.mosaic.product.make`.
    """

    name: str
    summary: str
    keys: type[BaseModel]
    files: Callable[[Job], tuple[Path, ...]]
    make: str
    declared: Callable[[BaseModel], Mapping[str, Any]] = keys_apart
    recipe: Callable[[BaseModel], bool] = always
    routes: tuple[str, ...] = ()
    has_area: Callable[[BaseModel], bool] = always
    undated: Callable[[BaseModel], bool] = never
    paths: tuple[str, ...] = ()
    pins: str = ""
    located: Callable[[BaseModel, Path], BaseModel] = as_they_are
    placed: Callable[[BaseModel, Mapping[str, Any]], Mapping[str, str]] = as_said
    audited: bool = False
    service: str = EARTH_ENGINE
    units: str = "requests"
    doing: str = ""
    counted: tuple[str, ...] = ()
    whole: Callable[[Job], bool] = made_of_one
    whose: Callable[[Job, Path], str | None] = untold
    delivered: bool = False


PRODUCTS: Mapping[str, ProductEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            ProductEntry(
                "mosaic",
                "one clipped, cloud-optimised GeoTIFF over the area",
                MosaicKeys,
                files,
                "orchestrator.products.mosaic.product:make",
                declared,
                counted=("pixels",),
                audited=True,
                delivered=True,
            ),
            ProductEntry(
                "cube",
                "scenes of one area, date by date, on one grid: a Zarr store, or a GeoTIFF of each date",
                CubeKeys,
                cube_files,
                "orchestrator.products.cube.product:make_cube",
                recipe=never,
                routes=("pixels", "region"),
                undated=has_scenes_listed,
                paths=("scenes",),
                delivered=True,
            ),
            ProductEntry(
                "table",
                "a row for each point, polygon or pixel and each image, as CSV, Parquet or GeoParquet",
                TableKeys,
                table_files,
                "orchestrator.products.table.product:make_table",
                recipe=lambda keys: not getattr(keys, "collection", ""),
                routes=("region",),
                has_area=lambda keys: not getattr(keys, "source", ""),
                paths=("points", "polygons"),
                delivered=True,
            ),
            ProductEntry(
                "chips",
                "a small GeoTIFF for each tile of a file of tiles, all of one zone on one lattice",
                ChipKeys,
                chip_files,
                "orchestrator.products.chips.product:make_chips",
                routes=("pixels", "region"),
                has_area=never,
                paths=("tiles",),
                pins="orchestrator.products.chips.choosing:pins_of",
                placed=placed_beside,
            ),
            ProductEntry(
                "scenes",
                "files of Sentinel-2 products from Copernicus, each verified, in one folder with an index",
                SceneKeys,
                scene_files,
                "orchestrator.products.scenes.product:make_scenes",
                recipe=never,
                routes=("files",),
                has_area=never,
                placed=placed_by_tile,
                service=COPERNICUS,
                units="files",
                doing="fetching",
                counted=("file",),
                whole=all_there,
                whose=whose_scenes,
            ),
            ProductEntry(
                "preprocess",
                "downloaded Sentinel-2 scenes made ready for training: bands on one grid, masks, labels, angles",
                PreprocessKeys,
                preprocess_files,
                "orchestrator.products.preprocess.product:make_preprocess",
                declared_keys,
                recipe=never,
                routes=("local",),
                has_area=never,
                undated=always,
                paths=("index_json",),
                pins="orchestrator.products.preprocess.settle:preprocess_pins",
                located=located,
                placed=placed_in_folder,
                service=NOBODY,
                units="scenes",
                doing="computing",
                whole=all_made,
            ),
            ProductEntry(
                "patches",
                "windows of preprocessed scenes as shards of a training set, split without overlap",
                PatchKeys,
                patch_files,
                "orchestrator.products.patches.product:make_patches",
                recipe=never,
                routes=("local",),
                has_area=never,
                undated=always,
                paths=("index",),
                pins="orchestrator.products.patches.settle:scene_pins",
                placed=placed_with_scenes,
                service=NOBODY,
                units="scenes and shards",
                doing="cutting",
            ),
        )
    }
)


def find_product(name: str) -> ProductEntry:
    """
    Return the product called `name`.

    Raises:
        UserError: There is none.
    """
    if name not in PRODUCTS:
        raise UserError(f"product {name!r} is unknown; {hint(name, PRODUCTS)}")
    return PRODUCTS[name]

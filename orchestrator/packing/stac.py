"""
The catalogue of a training set: STAC 1.1, a collection and an item for each chip.

Extensions: projection (where), raster 1.1 (number type and nodata of bands), label 1.0.1 (classes), ml-aoi 0.2 (split),
and archive 1.0 where chips are members of an archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from orchestrator.core.errors import UserError
from orchestrator.packing.index import json_bytes
from orchestrator.plan.reproject import LONLAT

if TYPE_CHECKING:
    from orchestrator.packing.folders import ChipDataset
    from orchestrator.packing.formats import Format, SamplePlace
    from orchestrator.packing.samples import TrainingSample
    from orchestrator.tiling.chip_raster import ChipRaster
    from orchestrator.tiling.file import Tiles

FOLDER = "stac"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
LABEL = "https://stac-extensions.github.io/label/v1.0.1/schema.json"
ML_AOI = "https://stac-extensions.github.io/ml-aoi/v0.2.0/schema.json"
ARCHIVE = "https://stac-extensions.github.io/archive/v1.0.0/schema.json"
# What ml-aoi calls a split; of others nothing is said by it.
SPLITS = {"train": "train", "val": "validate", "validation": "validate", "validate": "validate", "test": "test"}

Days = tuple[date, date]  # first day, last day


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    What all items have in common.

    Attributes:
        name: Of the collection.
        says: What it is, in a sentence.
        format: Of the files.
        images: The dataset of images.
        labels: That of labels, or None.
        classes: Of labels as they are written.
        label_dtype: Number type of labels as they are written.
        ignore: Their value where there is no data.
        dates: Days that the images show.
        attribution: What the makers of the sources ask to be said.
        addresses: Of the terms of the sources.
        shape: Of every chip, (rows, columns).
    """

    name: str
    says: str
    format: Format
    images: ChipDataset
    labels: ChipDataset | None
    classes: Sequence[Mapping[str, Any]]
    label_dtype: str
    ignore: float | None
    dates: Days
    attribution: str
    addresses: Sequence[str]
    shape: tuple[int, int]


def dates_of(about: Mapping[str, Any], name: str, given: str = "") -> Days | None:
    """
    Return the first and the last day that chips show; None where nobody knows.

    Args:
        about: What is known of the dataset: `dates`, the first day and the day after the last.
        name: Of the dataset; a year in it is taken where nothing else is known.
        given: What the user says: `2020-01-01,2021-01-01`, the day after the last at the end.

    Raises:
        UserError: What the user says is no two days.
    """
    told = about.get("dates") or ()
    words = list(told.values()) if isinstance(told, Mapping) else list(told)
    if given:
        words = given.split(",")
    elif not words or not all(words):
        words = _days_of_sources(about.get("sources") or ())
    if words:
        try:
            first, after = (date.fromisoformat(str(word).strip()[:10]) for word in words)
        except ValueError:
            raise UserError(
                f"dates are {','.join(map(str, words))!r}; give the first day and the day after the last, as in "
                "2020-01-01,2021-01-01"
            ) from None
        return first, max(first, after - timedelta(days=1))
    year = re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", name)
    return (date(int(year[0]), 1, 1), date(int(year[0]), 12, 31)) if year else None


def _days_of_sources(sources: Sequence[Any]) -> list[str]:
    """Return the first day and the day after the last of the sources that tell theirs."""
    told = [(str(one["start"]), str(one["end"])) for one in sources if isinstance(one, Mapping) and one.get("start")]
    return [min(first for first, _ in told), max(after for _, after in told)] if told else []


def write_stac(
    folder: Path, told: Catalogue, tiles: Tiles, samples: Sequence[TrainingSample], places: Sequence[SamplePlace]
) -> None:
    """Write `stac/collection.json` and `stac/items/{key}.json`; no link leads outside of the training set."""
    import pystac  # noqa: PLC0415  only where a training set is made

    shapes = tiles.frame.geometry.iloc[[sample.row for sample in samples]].to_crs(LONLAT).to_numpy()
    bounds = shapely.bounds(shapes)
    (folder / FOLDER / "items").mkdir(parents=True)
    collection = _collection(told, bounds)
    for sample, place, shape, box in zip(samples, places, shapes, bounds, strict=True):
        collection.add_link(pystac.Link("item", f"./items/{sample.key}.json", media_type="application/geo+json"))
        content = _item(told, sample, place, shape, [float(edge) for edge in box])
        (folder / FOLDER / "items" / f"{sample.key}.json").write_bytes(json_bytes(content))
    content = collection.to_dict(include_self_link=False, transform_hrefs=False)
    content["links"] = [link for link in content["links"] if link["rel"] != "root"]
    (folder / FOLDER / "collection.json").write_bytes(json_bytes(content))


def _collection(told: Catalogue, bounds: Any) -> Any:
    import pystac  # noqa: PLC0415

    first, last = _moments(told.dates)
    west, south, east, north = (float(edge) for edge in (*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)))
    made = pystac.Collection(
        id=told.name,
        description=told.says,
        extent=pystac.Extent(
            pystac.SpatialExtent([[west, south, east, north]]), pystac.TemporalExtent([[first, last]])
        ),
        license="other",
        extra_fields={"attribution": told.attribution} if told.attribution else {},
    )
    for address in told.addresses:
        made.add_link(pystac.Link("license", address, title="Terms of the sources"))
    return made


def _item(told: Catalogue, sample: TrainingSample, place: SamplePlace, shape: Any, box: list[float]) -> dict[str, Any]:
    import pystac  # noqa: PLC0415

    first, last = _moments(told.dates)
    split = SPLITS.get(sample.split)
    properties = {
        "split": sample.split,
        **({"ml-aoi:split": split} if split else {}),
        **_projection(sample.image, told.shape),
        **(_labelling(told) if sample.label else {}),
    }
    made = pystac.Item(
        id=sample.key,
        geometry=shapely.geometry.mapping(shape),
        bbox=box,
        datetime=None,
        start_datetime=first,
        end_datetime=last,
        properties=properties,
        stac_extensions=list(_extensions(told, sample)),
        collection=told.name,
    )
    for key, asset in _assets(told, sample, place):
        made.add_asset(key, asset)
    for rel in ("collection", "parent"):
        made.add_link(pystac.Link(rel, "../collection.json", media_type="application/json"))
    content: dict[str, Any] = made.to_dict(include_self_link=False, transform_hrefs=False)
    return content


def _extensions(told: Catalogue, sample: TrainingSample) -> Iterator[str]:
    yield from (PROJECTION, RASTER, ML_AOI)
    if sample.label:
        yield LABEL
    if told.format.archived:
        yield ARCHIVE


def _assets(told: Catalogue, sample: TrainingSample, place: SamplePlace) -> Iterator[tuple[str, Any]]:
    image, names = sample.image, told.images.band_names
    bands = [{"name": name, **_band(image.dtype, image.nodata)} for name in names]
    yield "image", _asset(told, place.image, place.image_member, 0, "data", "feature", bands)
    if sample.label:
        bands = [_band(told.label_dtype, told.ignore)]
        yield "label", _asset(told, place.label, place.label_member, 1, "labels", "label", bands)


def _asset(told: Catalogue, name: str, member: str, which: int, role: str, ml_role: str, bands: Any) -> Any:
    import pystac  # noqa: PLC0415

    media = told.format.media[which]
    archived = told.format.archived
    kind = f"application/{'x-tar' if archived == 'tar' else archived}" if archived else media
    made = pystac.Asset(f"../../{name}", media_type=kind, roles=[role])
    made.extra_fields = {"ml-aoi:role": ml_role, "raster:bands": bands}
    if archived:
        made.extra_fields |= {"archive:href": member, "archive:format": archived, "archive:type": media}
    return made


def _band(dtype: str, nodata: float | None) -> dict[str, Any]:
    if nodata is None:
        return {"data_type": dtype}
    if np.isfinite(nodata):
        return {"data_type": dtype, "nodata": int(nodata) if nodata == int(nodata) else nodata}
    return {"data_type": dtype, "nodata": "nan" if np.isnan(nodata) else "inf" if nodata > 0 else "-inf"}


def _projection(chip: ChipRaster, shape: tuple[int, int]) -> dict[str, Any]:
    code = {"proj:code": chip.crs} if re.fullmatch(r"[A-Z]+:[0-9A-Z]+", chip.crs) else _wkt(chip.crs)
    return code | {"proj:shape": list(shape), "proj:transform": list(chip.transform)}


def _wkt(crs: str) -> dict[str, Any]:
    from pyproj import CRS  # noqa: PLC0415

    return {"proj:code": None} | ({"proj:wkt2": CRS.from_user_input(crs).to_wkt("WKT2_2019")} if crs else {})


def _labelling(told: Catalogue) -> dict[str, Any]:
    assert told.labels is not None  # noqa: S101  there is a label
    names = [str(one.get("name") or one["value"]) for one in told.classes]
    return {
        "label:type": "raster",
        "label:properties": None,
        "label:description": f"{told.labels.name} on the grid of the image",
        "label:tasks": ["segmentation"] if names else ["regression"],
        "label:classes": [{"name": None, "classes": names}] if names else [],
    }


def _moments(dates: Days) -> tuple[datetime, datetime]:
    first, last = dates
    return datetime.combine(first, time.min, UTC), datetime.combine(last, time(23, 59, 59), UTC)

"""What a mosaic is asked for, checked, with the values derived from it once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.errors import CRSError

from orchestrator.assemble.codec import COMPRESSION_TAGS, PREDICTORS, Encoding
from orchestrator.core.errors import AreaError, PlanError
from orchestrator.model.grid import BLOCK
from orchestrator.model.mosaic import MosaicSpec
from orchestrator.raster.spans import SpanTable

OVERVIEWS = ("auto", "parts", "average", "nearest", "none")


@dataclass(frozen=True, slots=True)
class MosaicSettings:
    """
    A checked specification.

    Attributes:
        spec: What was asked for.
        dtype: Its number type, little-endian.
        crs: Its CRS.
        spans: The pixels that stay.
        fingerprint: Of everything that decides about the output's bytes, parts apart.
    """

    spec: MosaicSpec
    dtype: np.dtype[Any]
    crs: CRS
    spans: SpanTable
    fingerprint: str

    @classmethod
    def of(cls, spec: MosaicSpec) -> MosaicSettings:
        """
        Check a specification.

        Raises:
            PlanError: A word or number in it is unknown.
            AreaError: Its area cannot be read.
        """
        dtype = np.dtype(spec.pixels.dtype).newbyteorder("<")
        _check_words(spec, dtype)
        try:
            crs = CRS.from_user_input(spec.grid.crs)
        except CRSError as error:
            raise PlanError(f"the CRS {spec.grid.crs!r} is not known: {error}") from error
        return cls(spec, dtype, crs, _spans(spec), _fingerprint(spec))

    @property
    def resampling(self) -> str:
        """How overview pixels are computed where they must be."""
        shows, asked = self.spec.appearance, self.spec.options.overviews
        coloured = shows is not None and bool(shows.palette)
        classes = asked == "auto" and (coloured or self.spec.pixels.classes)  # no means of classes
        return "nearest" if asked == "nearest" or classes else "average"

    @property
    def overviews_of_parts(self) -> bool:
        """Tell whether overviews of parts may be taken over; of classes nobody tells how they were made."""
        asked = self.spec.options.overviews
        return asked == "parts" or (asked == "auto" and not self.spec.pixels.classes)

    def encoding_for(self, stored: Encoding | None) -> Encoding:
        """Return how a part's blocks are written, given how they are stored (None: unlike anything we write)."""
        options = self.spec.options
        floating = np.issubdtype(self.dtype, np.floating)
        best = PREDICTORS["float"] if floating else PREDICTORS["horizontal"]
        stored = stored or Encoding("deflate", best, BLOCK)
        compression = stored.compression if options.compress == "same" else options.compress
        predictor = stored.predictor if options.predictor == "same" else PREDICTORS[options.predictor]
        if compression == "none":
            predictor = PREDICTORS["none"]
        return Encoding(compression, predictor, options.block or stored.block)


def _check_words(spec: MosaicSpec, dtype: np.dtype[Any]) -> None:
    options = spec.options
    for name, value, known in (
        ("compress", options.compress, ("same", *COMPRESSION_TAGS)),
        ("predictor", options.predictor, ("same", *PREDICTORS)),
        ("overviews", options.overviews, OVERVIEWS),
    ):
        if value not in known:
            raise PlanError(f"{name} {value!r} is not one of {', '.join(known)}")
    if options.predictor == "float" and not np.issubdtype(dtype, np.floating):
        raise PlanError(f"the predictor 'float' does not fit {spec.pixels.dtype}; choose 'horizontal' or 'none'")
    if options.block < 0 or options.block % 16:
        raise PlanError(f"a block of {options.block} pixels is not a multiple of 16")
    if spec.threads < 1:
        raise PlanError(f"{spec.threads} threads cannot encode anything; give at least 1")


def _spans(spec: MosaicSpec) -> SpanTable:
    if spec.area_wkb is None:
        return SpanTable.full(spec.grid)
    try:
        area = shapely.from_wkb(spec.area_wkb)
    except shapely.errors.ShapelyError as error:
        raise AreaError(f"the area is no readable WKB: {error}") from error
    return SpanTable.from_geometry(area, spec.grid, all_touched=spec.options.all_touched)


def _fingerprint(spec: MosaicSpec) -> str:
    facts = asdict(spec)
    facts |= facts.pop("options")  # once they were fields of the specification: work begun then is continued
    del facts["threads"]  # more threads make the same bytes
    # Work begun before there were such options is continued.
    for name in ("appearance", "nodata_by_word"):
        if not facts[name]:
            del facts[name]
    if not spec.pixels.classes:
        del facts["pixels"]["classes"]
    facts["area_wkb"] = hashlib.sha256(spec.area_wkb).hexdigest() if spec.area_wkb is not None else None
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

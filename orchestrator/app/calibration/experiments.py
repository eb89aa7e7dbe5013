"""The dozen experiments, each the smallest that tells what it is for."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import Formatter
from typing import Any

import ee
import numpy as np

from orchestrator.app.calibration.assumptions import ASSUMPTIONS, REFUSALS, Observation
from orchestrator.app.calibration.laboratory import Laboratory, NotTriedError, image, pixel_grid
from orchestrator.app.calibration.tiffs import Written, examine
from orchestrator.clients.interactive import PIXEL_LIMITS
from orchestrator.clients.watch import Watch
from orchestrator.core.errors import NotFoundError, OrchestratorError, Stopped
from orchestrator.model.batch import AlreadyStartedError
from orchestrator.model.objects import StoredObject
from orchestrator.model.ports import ObjectStore, RefusedError

_OFFSETS = r"\d{10}-\d{10}\.tiff?"


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Where exports go.

    Attributes:
        request: The client's function that writes an export's request.
        store: Where its files are found; null where there is no such place.
    """

    request: Callable[..., Any]
    store: ObjectStore | None


Experiment = Callable[[], Iterator[Observation]]


def every(laboratory: Laboratory, bucket: Destination, drive: Destination) -> list[tuple[tuple[str, ...], Experiment]]:
    """List the experiments with the names of what each tells."""
    files = ("bucket_part_names", "compression", "predictor", "interleave", "float_fill", "export_no_data")
    return [
        (("slots", "quota_header"), lambda: _project(laboratory)),
        (tuple(REFUSALS), lambda: _refusals(laboratory)),
        (("pixels_fill", "pixels_no_data"), lambda: _pixels(laboratory)),
        (("region_rows",), lambda: _region(laboratory)),
        (files, lambda: _parts(laboratory, bucket)),
        (("integer_fill",), lambda: _integers(laboratory, bucket)),
        (("repeated_request_id",), lambda: _again(laboratory, bucket)),
        (("drive_part_names",), lambda: _drive(laboratory, drive)),
    ]


def made(names: tuple[str, ...], experiment: Experiment) -> Iterator[Observation]:
    """
    Make an experiment; what it was to tell and did not is not tried, and the note says why.

    Raises:
        Stopped: Somebody asked to stop.
    """
    told, why = set(), "the service answered something else"
    try:
        for found in experiment():
            told.add(found.assumption.name)
            yield found
    except Stopped:
        raise
    except OrchestratorError as error:
        why = str(error)
    for name in names:
        if name not in told:
            yield Observation(ASSUMPTIONS[name], note=why, tried=False)


def _found(name: str, value: Any, note: str = "") -> Observation:
    return Observation(ASSUMPTIONS[name], value, note)


def _project(laboratory: Laboratory) -> Iterator[Observation]:
    config = laboratory.engine.call(ee.data.getProjectConfig)
    yield _found("slots", config.get("maxConcurrentExports"), f"the service says {_shown(config)}")
    yield _found("quota_header", laboratory.engine.quota_status)


def _shown(config: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(config.items()) if key != "name")


def _refusals(laboratory: Laboratory) -> Iterator[Observation]:
    """Ask for three things that cost nothing because they are refused; keep the sentences with holes in them."""
    missing = f"projects/{laboratory.engine.project}/assets/{laboratory.prefix}missing"
    calls: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
        "image_not_found": (lambda: ee.Image(missing).getInfo(), {"asset": missing}),
        "request_size": (lambda: _asked(8192, 8192), {}),
        "pixel_grid": (lambda: _asked(40_000, 10), {"width": "40000", "height": "10"}),
    }
    for name, (call, known) in calls.items():
        try:
            laboratory.engine.call(call)
        except (RefusedError, NotFoundError) as error:
            yield _found(name, _with_holes(name, _sentence(error), known), _sentence(error))


def _sentence(error: OrchestratorError) -> str:
    """Take the service's own words out of an error of ours."""
    cause = error.__cause__
    return str(error if cause is None else cause)


def _with_holes(name: str, sentence: str, known: dict[str, str]) -> str:
    """Make a form of a sentence: what was asked, and numbers, become the holes that the assumed one has."""
    wanted = [hole for _, hole, _, _ in Formatter().parse(REFUSALS[name]) if hole]
    found = sentence.replace("{", "{{").replace("}", "}}")
    for hole, value in known.items():
        found = found.replace(value, f"{{{hole}}}")
    for hole in wanted:
        if f"{{{hole}}}" not in found:
            found = re.sub(r"(?<![\w{])\d+(?![\w}])", f"{{{hole}}}", found, count=1)
    return found


def _asked(width: int, height: int, kind: str = "GEO_TIFF") -> Any:
    return ee.data.computePixels({"expression": image("float"), "fileFormat": kind, "grid": pixel_grid(width, height)})


def _bytes(laboratory: Laboratory, kind: str) -> bytes:
    answer = laboratory.engine.watched(
        lambda: _asked(32, 32, kind), Watch("Earth Engine", laboratory.stop, PIXEL_LIMITS, on_answer=lambda _: None)
    )
    if not isinstance(answer, bytes):
        raise NotTriedError(f"the answer to a request for pixels is {type(answer).__name__}, not bytes")
    return answer


def _pixels(laboratory: Laboratory) -> Iterator[Observation]:
    written = examine(_bytes(laboratory, "GEO_TIFF"))
    array = np.load(io.BytesIO(_bytes(laboratory, "NPY")))
    value = float(array[array.dtype.names[0]][0, 0])
    same = value == written.first or (np.isnan(value) and np.isnan(written.first))
    yield _found("pixels_fill", written.first, "" if same else f"in NPY {value}")
    yield _found("pixels_no_data", written.no_data, f"compressed by {written.compression}")


def _region(laboratory: Laboratory) -> Iterator[Observation]:
    """Ask for two images of 2 × 2 pixels, whose rows tell which comes first and which pixels lie inside."""
    images = ee.ImageCollection([image("float").unmask(0).set("system:time_start", each) for each in (0, 1)])
    corner = ee.Geometry.Rectangle([500_000, 5_199_980, 500_020, 5_200_000], "EPSG:32633", False)
    asked = images.getRegion(corner, crs="EPSG:32633", crsTransform=[10, 0, 500_000, 0, -10, 5_200_000])
    rows = laboratory.engine.value(asked)[1:]
    if len(rows) < 2:
        raise NotTriedError(f"getRegion told {len(rows)} rows")
    alone = rows[0][0] == rows[1][0]
    pixels = len({(row[1], row[2]) for row in rows})
    yield _found("region_rows", "by image" if alone else "by pixel", f"{pixels} pixels of a region of 2 × 2")


def _written(laboratory: Laboratory, store: ObjectStore, name: str) -> tuple[list[StoredObject], Written]:
    files = laboratory.files(store, name)
    if not files:
        raise NotTriedError("the export wrote no file that could be found")
    return files, examine(laboratory.read(store, files[0]))


def _parts(laboratory: Laboratory, bucket: Destination) -> Iterator[Observation]:
    store = _place(bucket, "no bucket is named")
    laboratory.export(bucket.request, "float", "float", tiles=2)
    files, written = _written(laboratory, store, "float")
    yield _found("bucket_part_names", _form(laboratory.prefix + "float", files), files[0].name)
    yield _found("compression", written.compression)
    yield _found("predictor", written.predictor)
    yield _found("interleave", written.interleave)
    yield _found("float_fill", written.first)
    yield _found("export_no_data", written.no_data)


def _integers(laboratory: Laboratory, bucket: Destination) -> Iterator[Observation]:
    store = _place(bucket, "no bucket is named")
    laboratory.export(bucket.request, "integer", "integer", tiles=1)
    yield _found("integer_fill", int(_written(laboratory, store, "integer")[1].first))


def _again(laboratory: Laboratory, bucket: Destination) -> Iterator[Observation]:
    """Start one export twice; whether it ends does not matter."""
    _place(bucket, "no bucket is named")
    request, number = laboratory.request(bucket.request, "again", "integer", 1), secrets.token_hex(16)
    first = laboratory.begin(request, number)
    laboratory.started.append(first.name)
    try:
        second = laboratory.begin(request, number)
    except AlreadyStartedError as error:
        yield _found("repeated_request_id", "refused", str(error))
        return
    laboratory.started.append(second.name)
    answer = "answered" if second.name == first.name else "started twice"
    yield _found("repeated_request_id", answer)


def _drive(laboratory: Laboratory, drive: Destination) -> Iterator[Observation]:
    store = _place(drive, "there is no Drive")
    laboratory.export(drive.request, "drive", "integer", tiles=2)
    files = laboratory.files(store, "drive")
    if not files:
        raise NotTriedError("the export wrote no file that could be found")
    yield _found("drive_part_names", _form(laboratory.prefix + "drive", files), files[0].name)


def _place(destination: Destination, why: str) -> ObjectStore:
    if destination.store is None:
        raise NotTriedError(why)
    return destination.store


def _form(prefix: str, files: list[StoredObject]) -> str:
    rests = [each.name.removeprefix(prefix) for each in files]
    for form, pattern in (("plain", _OFFSETS), ("dashed", "-" + _OFFSETS)):
        if all(re.fullmatch(pattern, rest) for rest in rests):
            return form
    return f"another: {rests[0]}"

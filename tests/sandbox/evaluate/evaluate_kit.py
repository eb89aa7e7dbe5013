"""A catalogue in memory, and shorthand for expressions as the client sends them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import shapely

from orchestrator.sandbox.documented import notation
from orchestrator.sandbox.earthengine.evaluate import Evaluator
from orchestrator.sandbox.earthengine.evaluate.projection import reproject_shape
from orchestrator.sandbox.scenes.catalogue import Band, Catalogue, PixelType, UnboundedQueryError

UINT16 = PixelType("int", 0, 65535)
BYTE = PixelType("int", 0, 255)
S2 = "COPERNICUS/S2_SR_HARMONIZED"
CLOUDS = "COPERNICUS/S2_CLOUD_PROBABILITY"
DAY = 86_400_000
ORIGIN = (500000.0, 5200000.0)


def constant(value):
    return {"constantValue": value}


def call(name, **arguments):
    return {
        "functionInvocationValue": {
            "functionName": name,
            "arguments": {
                key: value
                if isinstance(value, dict) and len(value) == 1 and next(iter(value)).endswith(("Value", "Reference"))
                else constant(value)
                for key, value in arguments.items()
                if value is not None
            },
        }
    }


X, Y = ORIGIN
UTM = call("Projection", crs="EPSG:32633")


def reducer(name, **options):
    return call(f"Reducer.{name}", **options)


def box(left, top, right, bottom):
    """A box in pixels of ten metres from the top left corner of a scene."""
    return call(
        "GeometryConstructors.Rectangle",
        coordinates=[X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top],
        crs=UTM,
        geodesic=False,
    )


def expression(node, **values):
    return {"result": "result", "values": {"result": node, **values}}


def reference(key):
    return {"valueReference": key}


def argument(name):
    return {"argumentReference": name}


def define(body, *names):
    return {"functionDefinitionValue": {"argumentNames": list(names), "body": body}}


@dataclass(eq=False)
class MemoryScene:
    asset_id: str
    properties: dict
    arrays: dict  # band -> (values, valid)
    bands: tuple
    footprint: object
    reads: Counter = field(default_factory=Counter)

    def read(self, band, level, row, col, height, width):
        self.reads[band] += 1
        values, valid = self.arrays[band]
        spec = next(item for item in self.bands if item.name == band)
        for _ in range(level):
            values, valid = halved(values, valid, spec.pyramid)
        out = np.zeros((height, width), values.dtype)
        mask = np.zeros((height, width), bool)
        part = values[row : row + height, col : col + width]
        out[: part.shape[0], : part.shape[1]] = part
        mask[: part.shape[0], : part.shape[1]] = valid[row : row + height, col : col + width]
        return out, mask


def halved(values, valid, pyramid):
    """One level up: the mean of the valid pixels of 2 x 2, or the top left pixel."""
    if pyramid == "sample":
        return values[::2, ::2], valid[::2, ::2]
    height, width = (side + side % 2 for side in values.shape)
    wide, mask = np.zeros((height, width), np.float32), np.zeros((height, width), bool)
    wide[: values.shape[0], : values.shape[1]] = np.where(valid, values, 0)
    mask[: values.shape[0], : values.shape[1]] = valid
    count = mask.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3))
    total = wide.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3))
    return (total / np.maximum(count, 1)).astype(np.float32), count > 0


class MemoryCatalogue(Catalogue):
    def __init__(self, scenes=()):
        self.all = list(scenes)
        self.queries = []

    def collections(self):
        return {S2: {"title": "surface reflectance"}, CLOUDS: {}, "ENDLESS": {}}

    def scenes(self, collection, region, start_ms, end_ms):
        self.queries.append((collection, region, start_ms, end_ms))
        if collection == "ENDLESS" and start_ms is None:
            raise UnboundedQueryError
        for scene in self.all:
            when = scene.properties["system:time_start"]
            if not scene.asset_id.startswith(f"{collection}/"):
                continue
            if (
                (start_ms is None or start_ms <= when)
                and (end_ms is None or when < end_ms)
                and (region is None or region.intersects(scene.footprint))
            ):
                yield scene

    def scene(self, asset_id):
        return next((scene for scene in self.all if scene.asset_id == asset_id), None)


def make_scene(collection, index, arrays, *, epsg=32633, origin=ORIGIN, scales=None, when=0, kinds=None, **properties):
    """Make a scene of named arrays; `arrays[name]` is values, or (values, valid)."""
    full, bands, box = {}, [], None
    for name, given in arrays.items():
        values, valid = given if isinstance(given, tuple) else (given, np.ones(given.shape, bool))
        full[name] = (values, valid)
        scale = (scales or {}).get(name, 10.0)
        transform = (scale, 0.0, origin[0], 0.0, -scale, origin[1])
        height, width = values.shape
        kind = (kinds or {}).get(name, BYTE if values.dtype == np.uint8 else UINT16)
        pyramid = "sample" if name == "SCL" else "mean"
        bands.append(Band(name, kind, f"EPSG:{epsg}", transform, height, width, pyramid))
        box = box or shapely.box(origin[0], origin[1] - height * scale, origin[0] + width * scale, origin[1])
    footprint = reproject_shape(box, f"EPSG:{epsg}", "EPSG:4326")
    known = {"system:index": index, "system:time_start": when, **properties}
    return MemoryScene(f"{collection}/{index}", known, full, tuple(bands), footprint)


def exact(image, height, width, origin=ORIGIN, scale=10.0, epsg=32633, values=None):
    """Wrap an image in the export form that gives exactly this grid."""
    lattice = call(
        "Image.reproject",
        image=image,
        crs=call("Projection", crs=f"EPSG:{epsg}"),
        crsTransform=[scale, 0, origin[0], 0, -scale, origin[1]],
    )
    rectangle = call(
        "GeometryConstructors.Rectangle",
        coordinates=[0, 0, width, height],
        crs=call("Image.projection", image=reference("lattice")),
        geodesic=False,
        evenOdd=True,
    )
    return expression(
        call("Image.clipToBoundsAndScale", input=reference("lattice"), geometry=rectangle),
        lattice=lattice,
        **(values or {}),
    )


def pixels(given, catalogue=None):
    """Evaluate an expression to its whole grid: (image, values per band, valid)."""
    image = Evaluator(catalogue or MemoryCatalogue()).image(given)
    values, valid = image.read(0, 0, image.grid.height, image.grid.width)
    return image, values, valid


def answer(node, catalogue=None, **values):
    """Evaluate an expression to JSON."""
    return Evaluator(catalogue or MemoryCatalogue()).value(expression(node, **values))


def value(written, catalogue=None):
    """Evaluate an expression written short (see `documented.notation`) to JSON."""
    return Evaluator(catalogue or MemoryCatalogue()).value(notation.expression(written))


def load(index, collection=S2):
    return call("Image.load", id=f"{collection}/{index}")


def band(name, index="a"):
    return call("Image.select", input=load(index), bandSelectors=[name])


def feature(geometry=None, **properties):
    return call("Feature", geometry=geometry, metadata=constant(properties))


def point(x, y):
    return call("GeometryConstructors.Point", coordinates=[x, y])


def array(*nodes):
    return {"arrayValue": {"values": list(nodes)}}


def features(*nodes):
    return call("Collection", features=array(*nodes))


def property_values(node, name, catalogue=None, **others):
    return answer(call("AggregateFeatureCollection.array", collection=node, property=name), catalogue, **others)


def indexes(node, catalogue=None, **others):
    return property_values(node, "system:index", catalogue, **others)

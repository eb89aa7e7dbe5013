"""Area files as people and their programs write them, made in a folder; and a listener that must hear nothing."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zipfile
from contextlib import contextmanager

import geopandas
import shapely

KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
PLACEMARK = (
    "<Placemark><name>{name}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates>"
    "</LinearRing></outerBoundaryIs></Polygon></Placemark>"
)


def frame(*geometries, crs="EPSG:4326", **columns):
    """Return a table of geometries; each column is a list of values."""
    columns = columns or {"label": [f"piece {number}" for number in range(len(geometries))]}
    return geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs)


def feature(geometry, **properties):
    """Return a GeoJSON feature of a shapely geometry or of a mapping."""
    shape = geometry if geometry is None or isinstance(geometry, dict) else shapely.geometry.mapping(geometry)
    return {"type": "Feature", "properties": properties, "geometry": shape}


def collection(*geometries, **members):
    """Return the text of a GeoJSON FeatureCollection."""
    return json.dumps({"type": "FeatureCollection", "features": [feature(g) for g in geometries], **members})


def placemark(polygon, name="here"):
    """Return a KML placemark of a polygon without holes."""
    ring = " ".join(f"{x!r},{y!r},0" for x, y in polygon.exterior.coords)
    return PLACEMARK.format(name=name, ring=ring)


def zipped(path, members):
    """Write an archive of name to bytes, text or Path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content.read_bytes() if hasattr(content, "read_bytes") else content)
    return path


def with_code_page(shapefile, texts, codec, driver_id=0):
    """Rewrite the one text field of a shapefile's table with `texts` in `codec`; take its .cpg away."""
    table = shapefile.with_suffix(".dbf")
    data = bytearray(table.read_bytes())
    header, row = struct.unpack("<HH", data[8:12])
    rows = b"".join(b" " + text.encode(codec).ljust(row - 1) for text in texts)
    data[29] = driver_id
    table.write_bytes(bytes(data[:header]) + rows + b"\x1a")
    shapefile.with_suffix(".cpg").unlink(missing_ok=True)
    return shapefile


@contextmanager
def listener():
    """Yield (address, heard): a server on loopback, and what it was asked; it answers with a CRS in WKT."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        done = threading.Event()

        def serve():
            while not done.is_set():
                try:
                    channel, _ = server.accept()
                except TimeoutError:
                    continue
                with channel:
                    heard.append(channel.recv(4096))
                    channel.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
        finally:
            done.set()
            thread.join()

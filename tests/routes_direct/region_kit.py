"""Tables of pixels as Earth Engine sends them, made by arithmetic: their rows, their order, and what they hold."""

from __future__ import annotations

import numpy as np
import pyproj

from orchestrator.clients.interactive import AnswerReceipt
from orchestrator.clients.region import RegionReply

NOWHERE = AnswerReceipt("", "", 0, "")


def table_of(grid, window, images, bands):
    """
    Return a table, a row for each pixel and image.

    `images` are (id, time, values): (band, row, col) of the window with NaN for what is masked; None for a whole
    image that does not reach the window.
    """
    carry = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    a, _, c, _, e, f = grid.transform
    row, col = np.mgrid[window.row : window.bottom, window.col : window.right]
    lon, lat = carry.transform(c + a * (col.ravel() + 0.5), f + e * (row.ravel() + 0.5))
    rows = []
    for index, time, values in images:
        if values is not None:
            flat = values.reshape(len(bands), -1).T
            cells = [[None if np.isnan(v) else (int(v) if v == int(v) else float(v)) for v in pixel] for pixel in flat]
            rows += [[index, x, y, time, *cell] for x, y, cell in zip(lon.tolist(), lat.tolist(), cells, strict=True)]
    return RegionReply(("id", "longitude", "latitude", "time", *bands), rows, NOWHERE)

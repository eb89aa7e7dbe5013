"""A finished raster whose bytes lie elsewhere is read by range: its head for a picture, its windows for an audit."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import rasterio
from assembly import Scene, assemble
from rasterio.windows import Window as RasterWindow

from orchestrator.assemble.head import write_head
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.validity import count_valid, count_valid_in
from orchestrator.assemble.window import read_window
from orchestrator.model.grid import Window

STOP = threading.Event()


@dataclass
class Elsewhere:
    """Bytes that are read by range, and how many were."""

    content: bytes
    asked: int = field(default=0)

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, size: int) -> bytes:
        self.asked += size
        return self.content[offset : offset + size]


@dataclass(frozen=True)
class Made:
    path: Path
    settings: MosaicSettings
    scene: Scene

    def elsewhere(self) -> Elsewhere:
        return Elsewhere(self.path.read_bytes())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    profile = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
    scene = Scene(height=300, width=260, side=64, seed=5, profile=profile)
    report = assemble(scene, scene.write(folder / "parts"), folder / "whole")
    return Made(report.path, MosaicSettings.of(scene.spec()), scene)


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(Window(0, 0, 300, 260), id="all of it"),
        pytest.param(Window(15, 16, 1, 1), id="one pixel"),
        pytest.param(Window(37, 101, 50, 61), id="across blocks"),
        pytest.param(Window(290, 250, 10, 10), id="the last corner"),
    ],
)
def test_a_window_is_what_gdal_reads_of_the_file(made, window):
    """Value for value, nodata where no block is stored."""
    with rasterio.open(made.path) as source:
        expected = source.read(window=RasterWindow(window.col, window.row, window.width, window.height))

    assert np.array_equal(read_window(made.elsewhere(), window, made.settings), expected, equal_nan=True)


def test_the_head_shows_what_the_whole_file_shows(made, tmp_path):
    """Tags and coarse overviews are those of the file, which was not read for them beyond where these end."""
    elsewhere, head = made.elsewhere(), tmp_path / "head.tif"

    read = write_head(elsewhere, head, 80, STOP)

    with rasterio.open(made.path) as whole, rasterio.open(head) as shown:
        shape = (whole.count, 70, 60)
        assert np.array_equal(shown.read(out_shape=shape), whole.read(out_shape=shape), equal_nan=True)
        assert [shown.tags(band) for band in shown.indexes] == [whole.tags(band) for band in whole.indexes]
        assert shown.tags() == whole.tags()
    assert read < elsewhere.size / 4


def test_pixels_with_data_are_counted_elsewhere_as_here(made):
    """The same numbers by range as of the file."""
    assert count_valid_in("x", made.elsewhere(), made.settings, STOP, lambda _done, _all: None) == count_valid(
        made.path, made.settings, STOP
    )

"""The bound of a part's bytes holds for any data."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from orchestrator.core.errors import PlanError
from orchestrator.model.grid import Grid, Window
from orchestrator.model.spec import PixelSpec
from orchestrator.plan.budget import (
    file_fits_service,
    max_pixels,
    output_bytes_bound,
    part_bytes_bound,
    tile_count,
    total_bytes_bound,
)

RGB = PixelSpec(("B2", "B3", "B4"), "uint16", 0)


def written_bytes(height, width, pixels, compress):
    """Write noise, the worst of all data, as a cloud-optimized GeoTIFF and return the file's size."""
    random = np.random.default_rng(7)
    data = random.integers(0, 256, (len(pixels.bands), height, width, np.dtype(pixels.dtype).itemsize), dtype="u1")
    profile = {
        "driver": "COG", "height": height, "width": width, "count": len(pixels.bands), "dtype": pixels.dtype,
        "crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5e6),
        "compress": compress, "blocksize": 256, "bigtiff": "yes", "overview_resampling": "nearest",
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(data.view(pixels.dtype)[..., 0])
        return len(memory.getbuffer())


@pytest.mark.parametrize("compress", ["lzw", "deflate", "zstd", "none"])
@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(256, 256, id="one tile"),
        pytest.param(10, 700, id="strip thinner than a tile"),
        pytest.param(513, 257, id="one pixel over"),
        pytest.param(1024, 512, id="several levels"),
    ],
)
def test_no_codec_writes_noise_above_the_bound(height, width, compress):
    """A file of noise stays under the bound, whatever codec wrote it, overviews included."""
    assert written_bytes(height, width, RGB, compress) <= part_bytes_bound(height, width, RGB)


def test_noise_outgrows_its_raw_size():
    """The margin for the codec is needed: noise in LZW is larger than before compression."""
    raw = 1024 * 1024 * RGB.bytes_per_pixel

    assert written_bytes(1024, 1024, RGB, "lzw") > raw * 4 / 3 * 1.3


def test_a_partial_tile_costs_a_whole_one():
    """A part of ten columns counts as many tiles as one of 256."""
    assert tile_count(1024, 10, cloud_optimized=False) == tile_count(1024, 256, cloud_optimized=False) == 4


@pytest.mark.parametrize(
    ("side", "tiles"), [(256, 1), (257, 4 + 1), (512, 4 + 1), (1024, 16 + 4 + 1), (1025, 25 + 9 + 4 + 1)]
)
def test_overviews_are_counted_until_one_tile_is_left(side, tiles):
    """Each level halves the sides, rounding up, and whole tiles are counted."""
    assert tile_count(side, side, cloud_optimized=True) == tiles


sides = st.integers(1, 3000)


@given(sides, sides, sides, sides)
def test_a_larger_part_never_has_a_smaller_bound(height, width, more_rows, more_cols):
    """The bound grows with each side, so the parts at the edge of a grid are safe if a full one is."""
    assert part_bytes_bound(height, width, RGB) <= part_bytes_bound(height + more_rows, width + more_cols, RGB)


@given(sides, sides, st.floats(1e-6, 1e6))
def test_what_was_learned_never_exceeds_the_bound(height, width, learned):
    """A measured weight can only make the estimate smaller."""
    assert part_bytes_bound(height, width, RGB, learned_bytes_per_pixel=learned) <= part_bytes_bound(height, width, RGB)


def test_what_was_learned_counts_when_it_is_less():
    """Two bytes per pixel learned: 2 MiB for a megapixel, and a little for the tables."""
    estimate = part_bytes_bound(1024, 1024, RGB, learned_bytes_per_pixel=2.0)

    assert 2 * 2**20 < estimate < 2.1 * 2**20


def test_a_learned_weight_of_nothing_is_refused():
    """A division by an empty file must not make parts of any size look safe."""
    with pytest.raises(PlanError, match="must be above 0"):
        part_bytes_bound(256, 256, RGB, learned_bytes_per_pixel=0.0)


def test_the_sum_over_parts_is_the_sum_of_parts():
    """Grouping by shape changes nothing."""
    parts = list(Window(0, 0, 600, 700).tiles(256, 256))

    assert total_bytes_bound(parts, RGB) == sum(part_bytes_bound(p.height, p.width, RGB) for p in parts)


def test_the_assembled_file_has_room_for_overviews_of_the_whole_grid():
    """One part that is the whole grid weighs what its file would."""
    grid = Grid("EPSG:32633", (10, 0, 0, 0, -10, 0), 1000, 2000)

    assert output_bytes_bound(grid, [grid.window], RGB) == part_bytes_bound(1000, 2000, RGB)


@pytest.mark.parametrize(
    ("height", "width", "accepted"),
    [
        pytest.param(131072, 256, True, id="longest side"),
        pytest.param(131073, 256, False, id="side too long"),
        pytest.param(65536, 43691, False, id="16 GiB before compression"),
        pytest.param(65536, 43520, True, id="just below 16 GiB"),
    ],
)
def test_files_keep_to_the_services_limits(height, width, accepted):
    """At most 131,072 pixels a side, and less than 16 GiB before compression."""
    six_bytes = PixelSpec(("a", "b", "c"), "uint16", 0)

    assert file_fits_service(height, width, six_bytes) is accepted


def test_max_pixels_is_exact():
    """The service counts the bounding box of the export."""
    assert max_pixels(Window(5, 5, 300, 200)) == 60_000

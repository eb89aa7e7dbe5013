"""The lines of the published page that need no service, over the whole of Luxembourg, as it was printed for."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import shapely
from geet_kit import CHIPS, Story, lay_out, printed

DATA = Path(os.environ.get("ORCHESTRATOR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
AREA = DATA / "aoi" / "luxembourg.wkt"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not AREA.is_file(), reason="the folder of real data is not here"),
]
REMOTE = {"download", "lp.compute", "lp.from_foreign", "zip.dataset"}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Grid, random partition, communes (imitated), splits, links and splits by commune."""
    folder = tmp_path_factory.mktemp("luxembourg")
    lay_out(folder, shapely.from_wkt(AREA.read_text()))
    (folder / "luxembourg.wkt").write_text(AREA.read_text())
    story = Story(folder)
    for words in printed():
        if words[0] not in REMOTE:
            story.type(words)
    return story


def test_the_file_is_called_as_it_is_printed(story):
    """2,774 tiles, and the hash of the page."""
    assert set(story.codes.values()) == {0}
    assert story.chips.stem == CHIPS
    assert len(geopandas.read_file(story.chips)) == 2774


def test_the_random_partition_is_the_area(story):
    """Its tiles add up to it, and none is more than 20 km wide or high."""
    (path,) = story.folder.glob("lux_partitions_20k_*.geojson")
    tiles = geopandas.read_file(path).to_crs("EPSG:32632")
    whole = geopandas.GeoSeries([shapely.from_wkt(AREA.read_text())], crs="EPSG:4326").to_crs("EPSG:32632").iloc[0]

    assert tiles.area.sum() == pytest.approx(whole.area, rel=1e-4)
    sides = tiles.bounds
    assert max((sides.maxx - sides.minx).max(), (sides.maxy - sides.miny).max()) <= 20_000 * 1.001


def test_every_tile_has_both_splits(story):
    """Bands, and whole communes; the table beside says the same as the file."""
    tiles = geopandas.read_file(story.chips)
    table = pd.read_csv(story.chips.with_name(f"{story.chips.stem}_splits.csv"))

    assert list(table.columns) == ["identifier", "split", "split_communes"]
    assert table["split"].tolist() == tiles["split"].tolist()
    assert set(table["split"]) == {"train", "test", "val"}
    assert (
        len(set(zip(tiles["foreignid_communes"], tiles["split_communes"], strict=True)))
        == tiles["foreignid_communes"].nunique()
    )

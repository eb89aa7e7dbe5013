"""`tiles grid` and `tiles random`, as they are typed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import geopandas
import pytest
import shapely

import orchestrator as orc
from orchestrator.core.errors import UserError
from orchestrator.faces.cli.main import cli

BOX = "6.0,49.5,6.1,49.6"
HOLED = "POLYGON ((6 49.5, 6.1 49.5, 6.1 49.6, 6 49.5), (6.05 49.51, 6.08 49.51, 6.08 49.55, 6.05 49.51))"


def test_a_grid_is_a_file_that_others_open(call):
    """GeoParquet in the CRS of the lattice; the path, how many and what comes next are told."""
    done = call("tiles", "grid", BOX, "--size", "1000", "--name", "lux")

    (path,) = Path().glob("lux_partitions_aschips_*.parquet")
    frame = geopandas.read_parquet(path)
    assert done.code == 0
    assert f"{path} ({len(frame)} tiles, {frame['area_km2'].sum():,.1f} km²)" in " ".join(done.out.split())
    assert "tiles split" in done.err
    assert (frame.crs, list(frame.columns)[:3]) == ("EPSG:32632", ["area_km2", "identifier", "geometry"])


def test_the_json_line_has_the_documented_fields(call):
    """Those of the page, and no others."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `tiles` |")]

    (told,) = call("--json", "tiles", "random", BOX, "--max-size", "4000", "--seed", "7", "-o", "t").messages

    fields = {"path", "paths", "there_already", "tiles", "area_km2", "name", "hash", "about", "notes"}
    assert set(told) == {"message_type", "schema"} | fields
    assert all(f"`{field}`" in row for field in fields)
    assert (told["about"]["seed"], told["about"]["max_size"], told["path"]) == (7, 4000, told["paths"][0])
    assert Path(told["path"]).stem == told["name"] == f"area_partitions_4k_{told['hash']}"


def test_the_seed_that_was_used_gives_the_same_file(call):
    """It is told where none was given."""
    first = call("tiles", "random", BOX, "--max-size", "3000", "--name", "x")
    seed = first.err.split("--seed ")[1].split()[0]

    again = call("tiles", "random", BOX, "--max-size", "3000", "--name", "x", "--seed", seed)

    assert len(list(Path().glob("x_partitions_3k_*"))) == 1
    assert "there already" in " ".join(again.out.split())


def test_both_formats_are_written_and_bear_one_name(call):
    """GeoJSON is in degrees."""
    call("tiles", "grid", BOX, "--size", "2000", "--format", "geojson", "--format", "parquet")

    one, other = sorted(Path().glob("area_partitions_*"))
    assert (one.stem, one.suffix, other.suffix) == (other.stem, ".geojson", ".parquet")
    assert geopandas.read_file(one).crs == "EPSG:4326"


def test_a_dry_run_counts_and_writes_nothing(call):
    """As many as the file would have."""
    counted = call("-q", "tiles", "grid", BOX, "--size", "1000", "--dry-run")
    assert list(Path().iterdir()) == []

    call("tiles", "grid", BOX, "--size", "1000")
    (path,) = Path().glob("*.parquet")
    assert int(counted.out) == len(geopandas.read_parquet(path))


def test_columns_that_were_added_are_not_lost(call):
    """The same grid once more leaves the file as it is, byte for byte."""
    call("tiles", "grid", BOX, "--size", "1000")
    (path,) = Path().glob("*.parquet")
    tiles = orc.tiles.read(path)
    path.unlink()
    tiles.frame["mine"] = 1
    before = orc.tiles.write(tiles, ".").path.read_bytes()
    inode = path.stat().st_ino

    done = call("tiles", "grid", BOX, "--size", "1000")

    assert (done.code, path.read_bytes(), path.stat().st_ino) == (0, before, inode)
    assert "it was there already and stays as it is" in " ".join(done.out.split())


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson"])
def test_any_vector_file_in_any_crs_makes_the_same_legacy_grid(call, tmp_path, suffix):
    """As its degrees in WKT: features of one area are one."""
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2]}, geometry=[shapely.box(6, 49.5, 6.1, 49.6), shapely.box(6.1, 49.5, 6.2, 49.6)]
    )
    frame.set_crs("EPSG:4326").to_file(tmp_path / f"two{suffix}")

    of_file = call("--json", "tiles", "grid", f"two{suffix}", "--size", "2000", "--cover", "legacy", "--dry-run")
    of_box = call("--json", "tiles", "grid", "6.0,49.5,6.2,49.6", "--size", "2000", "--cover", "legacy", "--dry-run")

    assert of_file.messages[0]["hash"] == of_box.messages[0]["hash"]
    assert of_file.messages[0]["name"].startswith("two_")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["none.gpkg", "--size", "1000"], "no such file", id="no file"),
        pytest.param(["POLYGON EMPTY", "--size", "1000"], "has no geometry", id="empty area"),
        pytest.param(
            ["POLYGON ((300000 5500000, 310000 5500000, 310000 5510000, 300000 5500000))", "--size", "1000"],
            "are no degrees, but the CRS is WGS 84; state the true CRS (--area-crs)",
            id="metres taken for degrees",
        ),
        pytest.param([BOX, "--size", "0"], "--size is 0.0; give metres above 0", id="no size"),
        pytest.param([BOX, "--size", "-1"], "--size is -1.0", id="negative size"),
        pytest.param([BOX, "--size", "nan"], "--size is nan", id="not a number"),
        pytest.param([BOX, "--size", "0.5"], "may be made at once", id="too many"),
        pytest.param([BOX, "--size", "1000", "--name", "my_lux"], "'-' and '.' only", id="underscore in the name"),
        pytest.param(
            [BOX, "--size", "1000", "--cover", "legacy", "--clip", "aoi"], "takes no --clip", id="legacy clip"
        ),
        pytest.param([BOX, "--size", "90000", "--cover", "legacy"], "lays no tile of 90000 m", id="legacy, too large"),
        pytest.param([BOX, "--size", "1000", "--crs", "EPSG:4326"], "projected CRS in metres", id="degrees as lattice"),
        pytest.param([BOX, "--size", "1000", "--min-overlap", "2"], "--min-overlap is 2.0", id="share above 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, words, sentence):
    """Exit code 2, nothing written."""
    done = call("tiles", "grid", *words)

    assert done.code == 2
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert list(Path().iterdir()) == []


def test_a_changed_file_in_the_way_is_told_and_left(call):
    """Its tiles are not those of its name."""
    call("tiles", "grid", BOX, "--size", "1000", "--format", "geojson")
    (path,) = Path().glob("*.geojson")
    content = json.loads(path.read_text())
    content["features"].pop()
    path.write_text(json.dumps(content))

    done = call("tiles", "grid", BOX, "--size", "1000", "--format", "geojson")

    assert done.code == 2
    assert "were changed since it was named" in done.err
    assert len(json.loads(path.read_text())["features"]) == len(content["features"])


def test_python_lays_what_the_command_lays(call):
    """A geometry, a frame, a box and a text are areas; the same tiles, in memory or in a file."""
    told = call("--json", "tiles", "grid", HOLED, "--size", "700", "--min-overlap", "0.1").messages[0]

    shape = shapely.from_wkt(HOLED)
    frame = geopandas.GeoSeries([shape], crs="EPSG:4326")
    made = [orc.tiles.grid(area, 700, min_overlap=0.1) for area in (HOLED, shape, frame)]
    assert {tiles.name.hash for tiles in made} == {told["hash"]}
    assert made[0].path is None
    assert orc.tiles.grid(shape, 700, min_overlap=0.1, folder=".").path == Path(told["path"])
    assert orc.tiles.random(shape, 2000, seed=5).about["seed"] == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": "1000"}, "size is '1000' .str.; give a number"),
        ({"size": 1000, "cover": "half"}, "--cover is 'half'"),
        ({"size": 1000, "clip": True}, "clip is True .bool.; give a text"),
        ({"size": 1000, "cover": "ful"}, "did you mean 'full'"),
    ],
)
def test_python_refuses_in_a_sentence(arguments, words):
    """Whatever is given."""
    with pytest.raises(UserError, match=words):
        orc.tiles.grid(BOX, **arguments)


def test_help_needs_no_geometries():
    """It answers at once."""
    look = (
        "import sys; from orchestrator.faces.cli.main import run_cli; run_cli(['tiles', 'grid', '--help']);"
        "print({'numpy', 'shapely', 'geopandas', 'pyproj'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert said.splitlines()[-1] == "set()"


@pytest.mark.parametrize("name", ["grid", "random"])
def test_the_page_lists_every_option(name):
    """Each with all its spellings, in the order of --help."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    section = page.split(f"### orchestrator tiles {name} AREA\n")[1].split("\n#")[0]
    told = [re.findall(r"`(-[\w-]+)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `")]
    command = cli.commands["tiles"].commands[name]

    assert told == [p.opts if p.opts[0] != "--output" else p.opts[::-1] for p in command.params[1:]]


WEST = "-100.003,49.1,-100.0,49.102"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["grid", WEST, "--size", "100"], id="before the options"),
        pytest.param(["grid", "--size", "100", "--dry-run", WEST], id="after an option"),
        pytest.param(["grid", "--size", "100", "--", WEST], id="after two dashes"),
        pytest.param(["grid", "-1e-3, 49.1, 0, 49.102", "--size", "100"], id="with spaces"),
        pytest.param(["grid", "-.5e-2,49.1,0,49.102;EPSG:4326", "--size", "100"], id="with a CRS"),
        pytest.param(["random", WEST, "--max-size", "200", "--seed", "1"], id="cut at random"),
    ],
)
def test_a_western_box_is_an_area(call, words):
    """A minus begins a number there, no option."""
    done = call("tiles", *words)

    assert done.code == 0, done.err
    assert "tiles" in done.out


def test_what_comes_next_runs_as_it_is_printed(call):
    """Also where the folder has a blank in its name."""
    printed = call("tiles", "grid", BOX, "--size", "1000", "-o", "my tiles").err

    (command,) = re.findall(r"next: `orchestrator ([^`]+)`", " ".join(printed.split()))

    assert call(*shlex.split(command)).code == 0


def test_an_option_that_is_misspelt_is_still_refused(call):
    """A minus before letters begins an option."""
    done = call("tiles", "grid", WEST, "--size", "100", "-x")

    assert done.code == 2
    assert "No such option" in done.err


@pytest.mark.parametrize("joined", [False, True], ids=["a word of its own", "after an equals sign"])
@pytest.mark.parametrize(
    ("words", "option", "name"),
    [
        (("tiles", "select"), "--aoi", "aoi"),
        (("tiles", "show"), "--area", "area"),
        (("query",), "--area", "area"),
        (("plan",), "--area", "area"),
        (("cube",), "--area", "area"),
        (("table",), "--area", "area"),
        (("geet", "grid"), "--aoi_wkt_file", "aoi_wkt_file"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value,
)
def test_every_option_that_takes_an_area_takes_a_western_box(words, option, name, joined):
    """As one word or two."""
    command = cli
    for word in words:
        command = command.commands[word]
    context = command.context_class(command)

    given, _, _ = command.make_parser(context).parse_args([f"{option}={WEST}"] if joined else [option, WEST])

    assert given[name] == WEST


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run",), f"{WEST} is a box, not a job file; write --area {WEST}"),
        (("cube",), f"{WEST} is a box, not a job file; write --area {WEST}"),
        (("table", "--points", "p.csv"), f"{WEST} is a box, not a job file; write --area {WEST}"),
        (("aoi", "extract"), f"{WEST}: no such file, country, continent or region"),
    ],
    ids=["run", "cube", "table", "aoi extract"],
)
def test_a_western_box_in_a_wrong_place_is_told_as_any_box(call, words, told):
    """Not as an option that nobody wrote."""
    done = call(*words, WEST)

    assert done.code == 2
    assert told in " ".join(done.err.split())

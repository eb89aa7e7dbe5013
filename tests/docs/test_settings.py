"""config/, config.toml and docs/reference/config.md say the same."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from operator import attrgetter

import pytest
from reading import REFERENCE, ROOT, rows, sections

from orchestrator.config import AreaTable, GridTable, JobTable, Settings, load, setting_names
from orchestrator.products.chips.keys import ChipKeys
from orchestrator.products.cube.keys import CubeKeys
from orchestrator.products.mosaic.keys import MosaicKeys
from orchestrator.products.patches.keys import PatchKeys
from orchestrator.products.preprocess.keys import AngleKeys, LabelKeys, NormalizeKeys, PreprocessKeys
from orchestrator.products.registry import PRODUCTS
from orchestrator.products.scenes.keys import SceneKeys
from orchestrator.products.table.keys import TableKeys

CONFIG = ROOT / "config.toml"
PAGE = sections(REFERENCE / "config.md")


def plain(value):
    return list(value) if isinstance(value, tuple) else value


def names_in(content: dict, section: str = "") -> Iterator[tuple[str, str]]:
    """Yield (section, key) of every setting of a file; a table in a section is `section.table`."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from names_in(value, f"{section}.{key}".lstrip("."))
        else:
            yield section, key


def documented() -> list[tuple[str, str, str, str]]:
    """Return (section, key, default, variable) of every row about a setting."""
    found = []
    for heading, text in PAGE.items():
        if match := re.fullmatch(r"\[([a-z_.]+)\]", heading):
            found += [(match[1], *(cell.strip("`") for cell in row[:3])) for row in rows(text)]
    return found


def test_the_file_holds_every_setting_at_its_default():
    """Who copies config.toml changes nothing by it, and sees all there is."""
    content = tomllib.loads(CONFIG.read_text(encoding="utf-8"))

    assert list(names_in(content)) == setting_names()
    assert load(CONFIG, environment={}).settings == Settings()


def test_the_example_in_the_file_can_be_used(tmp_path):
    """Taking the `#` away gives a job and a profile that are accepted."""
    path = tmp_path / "config.toml"
    path.write_text(re.sub(r"^#(?=[\[a-z])", "", CONFIG.read_text(encoding="utf-8"), flags=re.MULTILINE))

    settings = load(path, profile="night", environment={}).settings

    assert settings.jobs["east"].cron
    assert settings.jobs["east"].job(tmp_path, "google").base_name == "east_{date}"
    assert settings.ee.live_tasks != Settings().ee.live_tasks


def test_every_setting_of_the_file_has_a_sentence():
    """The line above a setting, or its section, is a comment that ends as sentences do."""
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"(\w+ = |\[)", line)]

    assert [lines[n] for n in settings if not re.fullmatch(r"# .+\.", lines[n - 1])] == []


def test_the_page_lists_every_setting_with_its_variable():
    """Same sections and keys in the same order, and the variable's name as it is read."""
    found = documented()

    assert [(section, key) for section, key, _, _ in found] == setting_names()
    assert [v for _, _, _, v in found] == [
        f"ORCHESTRATOR_{s}__{k}".replace(".", "__").upper() for s, k in setting_names()
    ]


@pytest.mark.parametrize(("section", "key", "default", "variable"), documented())
def test_the_page_tells_the_default(section, key, default, variable):
    """The default on the page, set through its variable, changes nothing."""
    text = tomllib.loads(f"x = {default}")["x"]

    settings = load(CONFIG, environment={variable: str(text)}).settings

    assert attrgetter(f"{section}.{key}")(settings) == attrgetter(f"{section}.{key}")(Settings())


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        pytest.param("[jobs.NAME]", JobTable, id="job"),
        pytest.param("area", AreaTable, id="area"),
        pytest.param("grid", GridTable, id="grid"),
        pytest.param("mosaic", MosaicKeys, id="mosaic"),
        pytest.param("cube", CubeKeys, id="cube"),
        pytest.param("table", TableKeys, id="table"),
        pytest.param("scenes", SceneKeys, id="scenes"),
        pytest.param("chips", ChipKeys, id="chips"),
        pytest.param("preprocess", PreprocessKeys, id="preprocess"),
        pytest.param("preprocess.angles", AngleKeys, id="preprocess.angles"),
        pytest.param("preprocess.labels", LabelKeys, id="preprocess.labels"),
        pytest.param("preprocess.normalize", NormalizeKeys, id="preprocess.normalize"),
        pytest.param("patches", PatchKeys, id="patches"),
    ],
)
def test_the_page_lists_every_key_of_a_job(heading, model):
    """Same keys in the same order, and the default of each, or that it must be given."""
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(PAGE[heading])}

    assert list(told) == list(model.model_fields)
    for key, field in model.model_fields.items():
        if field.is_required() or field.default is None:
            assert told[key] == ("required" if field.is_required() else "none")
        else:
            given = plain(tomllib.loads(f"x = {told[key]}")["x"])
            base = {name: "x" for name, other in model.model_fields.items() if other.is_required()}
            assert getattr(model.model_validate({**base, key: given}), key) == getattr(model.model_validate(base), key)


def test_the_page_lists_every_product_and_the_keys_of_its_table():
    """In the row of `product`, and in a table of its name."""
    (told,) = [row[2] for row in rows(PAGE["[jobs.NAME]"]) if row[0] == "`product`"]

    assert re.findall(r"`(\w+)`", told) == list(PRODUCTS)
    assert PRODUCTS.keys() <= PAGE.keys()

"""The page for who knows s2pipe says what is so: its table of defects, its keys, its lines of Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import schemas

from orchestrator.config.published import DownloadKeys
from orchestrator.faces.cli.s2pipe.preprocess import s2pipe_preprocess

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "if-you-know-s2pipe.md").read_text("utf-8")
DEFECTS = re.findall(r"^\| (\d*) \| .* \| `(tests/\S+\.py)`: `(test_\w+)` \|$", PAGE, re.MULTILINE)


def test_fourteen_defects_have_their_line():
    assert [int(number) for number, _, _ in DEFECTS if number] == list(range(1, 15))


@pytest.mark.parametrize(("file", "name"), [(file, name) for _, file, name in DEFECTS])
def test_what_holds_a_defect_off_is_a_test(file, name):
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("group", DownloadKeys.model_fields)
def test_every_key_of_a_download_is_told(group):
    part = PAGE.split("## The keys of `download:`")[1].split("## The keys of `preprocess:`")[0]
    known = set(DownloadKeys.model_fields[group].annotation.model_fields)

    told = set(re.findall(r"`(?:\w+\.)?(\w+)`", part.replace("table_*_name", "table_csv_name` `table_xlsx_name")))

    assert f"{group}.*" in part or known <= told


def test_every_option_of_preprocessing_is_told():
    spelled = {one for param in s2pipe_preprocess.params for one in (*param.opts, *param.secondary_opts)}

    told = set(re.findall(r"--[a-z][a-z-]*", PAGE))

    assert spelled - told <= {"--out-dir", "--again", "--overwrite"}


@pytest.mark.usefixtures("there")
def test_its_lines_of_python_run(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(compile(code, "page", "exec"), {})  # noqa: S102  our own page

    assert capsys.readouterr().out.strip() == "1 scenes would come"


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_every_schema_is_linked(name):
    assert f"(../reference/schemas/{name})" in PAGE

"""The pages are true where a machine can look: links, commands, examples, and what must not stand in them."""

from __future__ import annotations

import contextlib
import fnmatch
import io
import os
import re
import shlex
import tomllib

import pytest
from reading import ROOT, blocks, pages, sections

from orchestrator.config import JobTable, load, read_job
from orchestrator.faces.cli.main import cli, run_cli

PAGES = pages()
CALL = re.compile(r"(?:\S*/)?orchestrator$")


def name(page):
    return str(page.relative_to(ROOT))


def calls() -> list:
    """Return every call of the program in a block of commands."""
    found = []
    for page in PAGES:
        for language in ("bash", "console"):
            for block in blocks(page, language):
                for line in block.replace("\\\n", " ").splitlines():
                    found += [pytest.param(words, id=f"{name(page)}: {' '.join(words)[:60]}") for words in _calls(line)]
    return found


def _calls(line: str) -> list[list[str]]:
    """Return the arguments of each call in a line, as a shell would split them."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    starts = [n for n, word in enumerate(words) if CALL.match(word) and (n == 0 or words[n - 1] in ("-m", "&&"))]
    starts += [n for n, word in enumerate(words) if n and word.endswith("/bin/orchestrator")]
    return [words[n + 1 :] for n in starts]


@pytest.mark.parametrize("words", calls())
def test_every_command_shown_is_accepted(words):
    """Each command of the pages has options and values that the program takes."""
    with cli.make_context("orchestrator", list(words)) as ctx:
        command_name, command, rest = cli.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        command.make_context(command_name, list(rest), parent=ctx)


def consoles() -> list:
    """Return every command whose output a page shows."""
    found = []
    for page in PAGES:
        for block in blocks(page, "console"):
            command, _, shown = block.partition("\n")
            found.append(pytest.param(command.removeprefix("$ "), shown, id=f"{name(page)}: {command[:40]}"))
    return found


@pytest.mark.parametrize(("command", "shown"), consoles())
def test_the_output_shown_is_the_output(command, shown, tmp_path, monkeypatch):
    """What the page shows under a command is what it writes; `...` stands for what may differ."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_LOCAL__STATE_DIR", str(tmp_path / "state"))
    out = io.StringIO()

    with contextlib.redirect_stdout(out):
        code = run_cli(shlex.split(command)[1:])

    assert code == 0
    pattern = "".join(
        "*" if part == "..." else re.sub(r"([\[\]?*])", r"[\1]", part) for part in re.split(r"(\.\.\.)", shown)
    )
    # On a slow machine it says that it is at work.
    lines = [line for line in out.getvalue().strip().splitlines() if '"message_type": "status"' not in line]
    assert fnmatch.fnmatchcase("\n".join(lines), pattern.strip())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    """Files that are linked exist."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_toml_block_is_accepted(page, tmp_path):
    """An example of settings loads; an example of a job is one."""
    for text in blocks(page, "toml"):
        path = tmp_path / "example.toml"
        path.write_text(text)
        if "base_name" in tomllib.loads(text):
            assert isinstance(read_job(path), JobTable)
        else:
            load(path, environment={})


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_setting_named_exists(page):
    """Variables named on a page set something."""
    from orchestrator.config import unknown_variables  # noqa: PLC0415

    names = re.findall(r"\bORCHESTRATOR_\w+__\w+", page.read_text(encoding="utf-8"))
    wrong_on_purpose = {"ORCHESTRATOR_GCS__BUKCET"}

    assert set(unknown_variables(dict.fromkeys(names, ""))) <= wrong_on_purpose


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent.name == "howto" or p.name == "README.md"], ids=name)
def test_no_page_is_an_orphan(page):
    """Every how-to is reached from the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert page.parent.name != "howto" or name(page) in readme


def test_the_readme_begins_with_two_lines():
    """Line one is the main job, line two the tests; both install by hash."""
    first, second, *more = blocks(ROOT / "README.md", "bash")[0].splitlines()

    assert more == []
    assert first.endswith("&& orchestrator demo")
    assert "-m pytest" in second
    assert all("--require-hashes" in line for line in (first, second))


def test_the_readme_lists_every_command():
    """The table of commands is whole."""
    told = re.findall(r"^\| `(\w+)` \|", sections(ROOT / "README.md")["Commands"], re.MULTILINE)

    assert set(told) == set(cli.commands)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "images").glob("*.png")), ids=lambda path: path.name)
def test_pictures_are_small(path):
    """A page opens quickly."""
    assert path.stat().st_size < 400_000


def test_lock_files_name_no_host():
    """Where packages come from is the reader's own setting."""
    for lock in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)", text, re.MULTILINE)


def test_the_list_of_checks_can_be_run():
    """.ci/run is a program, and takes the tests' command from the README."""
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert "-m pytest" not in script.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_a_job(path):
    """An example can be run as it is."""
    assert read_job(path).job(path.parent, "sandbox")

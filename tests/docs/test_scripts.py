"""docs/howto/everyday-scripts.md names the scripts that are run."""

from __future__ import annotations

import re

from reading import ROOT, blocks, rows, sections

PAGE = ROOT / "docs" / "howto" / "everyday-scripts.md"


def test_every_script_has_its_row():
    """The table links to every test of a script, once."""
    table = rows(sections(PAGE)["Everyday scripts that are run at every check"])
    linked = [re.search(r"\((.+)\)", row[0])[1].rpartition("/")[2] for row in table]

    scripts = ROOT / "tests" / "sandbox" / "scripts"
    assert sorted(linked) == sorted(path.name for path in scripts.glob("test_*.py"))


def test_the_lines_at_the_top_are_python():
    """What a reader copies compiles."""
    for block in blocks(PAGE, "python"):
        compile(block, str(PAGE), "exec")

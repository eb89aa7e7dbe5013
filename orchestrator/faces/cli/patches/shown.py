"""How a set of patches is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.faces.cli.output import Output

# Of `products/patches/arrange.py`, which is not loaded for a help.
LEFT_OUT = {
    "valid": "hold too little data",
    "ignore": "have too few labels",
    "cloud": "are too cloudy",
    "times": "have too few others of their place",
    "split": "lie too near to another split",
    "balance": "are of a class that the others outnumber",
}


def show_set(folder: Path, about: Mapping[str, Any], output: Output) -> None:
    """Say what is in a set, and what is not."""
    if output.quiet:
        output.say(str(folder))
        return
    splits = ", ".join(f"{count:,} {name} ({about['shards'][name]:,} files)" for name, count in about["splits"].items())
    output.say(f"{folder}  {about['format']}, {about['samples']:,} samples: {splits}")
    out = [f"{about['left_out'][name]:,} {says}" for name, says in LEFT_OUT.items() if about["left_out"].get(name)]
    if out:
        output.say(f"  of {about['windows']:,} windows {', '.join(out)}: left out")

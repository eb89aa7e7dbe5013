"""How a set of patches is shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.faces.cli.left_out import left_out_words
from orchestrator.faces.cli.output import Output


def show_set(folder: Path, about: Mapping[str, Any], output: Output) -> None:
    """Say what is in a set, and what is not."""
    if output.quiet:
        output.say(str(folder))
        return
    splits = ", ".join(f"{count:,} {name} ({about['shards'][name]:,} files)" for name, count in about["splits"].items())
    output.say(f"{folder}  {about['format']}, {about['samples']:,} samples: {splits}")
    for line in (left_out_words(about), _balance_words(about), _earlier_words(about)):
        if line:
            output.say(f"  {line}")


def _balance_words(about: Mapping[str, Any]) -> str:
    balance = about.get("balance", {})
    if "each" not in balance:  # of a version that did not say
        return ""
    value = balance["rarest"]
    names = {one["value"]: one.get("name", "") for one in about.get("label", {}).get("classes", ())}
    said = "patches of none of the classes are" if value is None else f"class {value} {names.get(value, '')}".rstrip()
    said += "" if value is None else " is"
    return f"{said} the rarest of train: {balance['each']:,} of it and of each other group stay"


def _earlier_words(about: Mapping[str, Any]) -> str:
    lost = about.get("given_up_before", 0)
    return (
        f"{lost:,} of those too near had been given up by earlier splits, and are not here; `patches cut` with these "
        "splits has them"
        if lost
        else ""
    )

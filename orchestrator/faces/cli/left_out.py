"""Why windows of scenes are in no patch, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of `products/patches/arrange.py`, which is not loaded for a help.
LEFT_OUT = {
    "valid": "hold too little data",
    "ignore": "have too few labels",
    "cloud": "are too cloudy",
    "times": "have too few others of their place",
    "split": "lie too near to another split",
    "balance": "are of a class that outnumbers the rarest",
}


def left_out_words(about: Mapping[str, Any]) -> str:
    """Return how many windows are left out, and why; empty where all are kept."""
    out = [f"{about['left_out'][name]:,} {says}" for name, says in LEFT_OUT.items() if about["left_out"].get(name)]
    return f"of {about['windows']:,} windows {', '.join(out)}: left out" if out else ""

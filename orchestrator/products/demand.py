"""The share of pixels with data that a job demands of its result."""

from __future__ import annotations

import math
from collections.abc import Mapping

from orchestrator.model.product import DecisionError, Finishing
from orchestrator.model.validity import percent


def demand(shares: Mapping[str, float], about: Finishing, pixels: str, instead: str) -> None:
    """
    Ask a person before a result is published that holds less than was asked for.

    Args:
        shares: For each band the share of its pixels that hold data.
        about: The run, and what it asks for.
        pixels: What the shares are of, as in a sentence.
        instead: Where the finished result waits, and how to publish it: what goes before the command.

    Raises:
        DecisionError: It does.
    """
    band, share = min(shares.items(), key=lambda each: each[1])
    if share < about.min_valid:
        lower = math.floor(share * 1e4) / 1e4
        raise DecisionError(
            f"only {percent(share)} of {pixels} hold data in band {band}, less than the {percent(about.min_valid)} "
            f"asked for; {instead}: `orchestrator retry {about.run.id} --min-valid {lower:g}`"
        )

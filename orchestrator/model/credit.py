"""Whose the images of known collections are: the sentence that their makers ask for, and the address of their terms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

# "Legal notice on the use of Copernicus Sentinel Data": Contains modified Copernicus Sentinel data [Year].
SENTINEL_TERMS = "https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice"
# The data sheet asks for: (Product, Image, ...) courtesy of the U.S. Geological Survey.
LANDSAT_TERMS = "https://developers.google.com/earth-engine/datasets/catalog/LANDSAT_LC08_C02_T1_L2#terms-of-use"
_SENTINEL = re.compile(r"COPERNICUS/S(1_|2|3/|5P/)")
_LANDSAT = re.compile(r"LANDSAT/L[CETOM]0(\d)/")
_FROM_SANDBOX = "Served by a sandbox, perhaps synthetic."
_PUBLIC = "projects/earthengine-public/assets/"


def sentinel_notice(years: Iterable[int]) -> str:
    """Return the sentence on Sentinel data of some years; those that follow each other are a range."""
    runs: list[list[int]] = []
    for year in sorted(set(years)):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    told = (str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"Contains modified Copernicus Sentinel data {', '.join(told)}"


def sandbox_notice(notice: str) -> str:
    """Return the sentence on data that a sandbox served: what it made must never pass for the Earth."""
    return f"{_FROM_SANDBOX} {notice}"


def is_from_sandbox(notice: str) -> bool:
    """Tell whether `sandbox_notice` made a sentence."""
    return notice.startswith(_FROM_SANDBOX)


def landsat_notice(numbers: Iterable[str]) -> str:
    """Return the sentence on images of some of the satellites."""
    return f"Landsat-{', '.join(numbers)} images courtesy of the U.S. Geological Survey"


def credit_of(images: Iterable[tuple[str, int]]) -> dict[str, str]:
    """
    Return `attribution` and `licence` as the facts of a run; of several sources joined by `; `.

    Args:
        images: Earth Engine's id, and when it was taken, milliseconds since 1970. Of other collections nothing is said.
    """
    known = [(asset.removeprefix(_PUBLIC), datetime.fromtimestamp(ms / 1000, UTC).year) for asset, ms in images]
    years = [year for asset, year in known if _SENTINEL.match(asset)]
    numbers = sorted({found[1] for asset, _ in known if (found := _LANDSAT.match(asset))})
    sources = [(sentinel_notice(years), SENTINEL_TERMS)] if years else []
    sources += [(landsat_notice(numbers), LANDSAT_TERMS)] if numbers else []
    return {
        "attribution": "; ".join(notice for notice, _ in sources),
        "licence": "; ".join(terms for _, terms in sources),
    }


def data_sheets(collections: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses of Earth Engine's pages on collections that are its own and known here."""
    names = sorted({one.removeprefix(_PUBLIC) for one in collections})
    own = [name for name in names if _SENTINEL.match(f"{name}/") or _LANDSAT.match(f"{name}/")]
    return tuple(f"https://developers.google.com/earth-engine/datasets/catalog/{n.replace('/', '_')}" for n in own)

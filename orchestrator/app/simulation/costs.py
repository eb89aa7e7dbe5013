"""What a run's steps take: measured, published, learned from finished runs, or said to be assumed."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.core.errors import UserError
from orchestrator.core.nearest import hint

ASSUMED = "assumed: nobody publishes it; `orchestrator simulate --measure` tells it from your own runs"
_BENCHMARKS = "benchmarks/README.md"


@dataclass(frozen=True, slots=True)
class RunCosts:
    """
    What the steps of a run take on one machine. Seconds and bytes; a GB is 10^9 bytes.

    Attributes:
        begin_seconds: From the command to the first task or request: area, sign-in, questions about scenes.
        submit_seconds: To hand one task over.
        task_seconds: An export beside its computing: started, written, announced.
        task_eecu_per_pixel: EECU-seconds that a pixel of an export costs; 0 is what is published of the recipe.
        task_eecu_per_second: EECU-seconds that Earth Engine spends on one running export in a second.
        file_share: Bytes of a part's file for each byte of its raw pixels.
        request_seconds: From the beginning of a request for pixels to its answer, beside its pixels.
        request_seconds_per_megapixel: What a million pixels of a request add to that.
        request_eecu_per_pixel: EECU-seconds that a pixel of a request costs; 0 likewise.
        download_seconds: Of a part, before its first byte.
        bandwidth: Bytes a second that one machine receives.
        place_seconds_per_gb: To check a GB of parts, splice it into the output and make its overviews.
        unit_seconds: To place what one request brought.
        finish_seconds: From the last piece to the published result, beside its bytes.
        finish_seconds_per_gb: What a GB of the result adds to that: laid out, counted, checksummed, drawn.
        finish_seconds_per_unit: What each chip adds to that.
    """

    begin_seconds: float = 5.0
    submit_seconds: float = 1.0
    task_seconds: float = 20.0
    task_eecu_per_pixel: float = 0.0
    task_eecu_per_second: float = 100.0
    file_share: float = 0.65
    request_seconds: float = 3.0
    request_seconds_per_megapixel: float = 0.0
    request_eecu_per_pixel: float = 0.0
    download_seconds: float = 0.1
    bandwidth: float = 100e6
    place_seconds_per_gb: float = 3.7
    unit_seconds: float = 0.01
    finish_seconds: float = 2.0
    finish_seconds_per_gb: float = 4.4
    finish_seconds_per_unit: float = 0.001

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            least = "more than 0" if one.name in _DIVISORS else "0 or more"
            if not math.isfinite(value) or value < 0 or (one.name in _DIVISORS and value == 0):
                raise UserError(f"{one.name} = {value:g} is no cost; give {least}")

    def but(self, **given: float | None) -> RunCosts:
        """Return it with what is given in place of what it says."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


_DIVISORS = frozenset({"task_eecu_per_second", "bandwidth", "file_share"})
NAMES = tuple(one.name for one in fields(RunCosts))
# Where each default is from, for whoever reads a simulation.
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "begin_seconds": ASSUMED,
        "submit_seconds": ASSUMED,
        "task_seconds": "some twenty seconds in which a task is started and announced, as for the size of tasks",
        "task_eecu_per_pixel": "Google's benchmarks of composites, as `plan` says",
        "task_eecu_per_second": ASSUMED,
        "file_share": f"{_BENCHMARKS}, joining and cutting: 691 MB of files for half of 2.13 GB, correlated noise",
        "request_seconds": ASSUMED,
        "request_seconds_per_megapixel": ASSUMED,
        "request_eecu_per_pixel": "as of exports; answers do not say what they cost, and both count alike",
        "download_seconds": ASSUMED,
        "bandwidth": f"a line of 1 Gbit/s, most of it used; {_BENCHMARKS}, downloads: the client takes ten times that",
        "place_seconds_per_gb": f"{_BENCHMARKS}, joining and cutting: 9.47 s for 2.55 GB with overviews, two cores",
        "unit_seconds": ASSUMED,
        "finish_seconds": ASSUMED,
        "finish_seconds_per_gb": f"{_BENCHMARKS}, the whole journey: 1.61 s for 366 MB",
        "finish_seconds_per_unit": ASSUMED,
    }
)


@dataclass(frozen=True, slots=True)
class KnownCosts:
    """Costs, and where each that is no default is from."""

    costs: RunCosts = RunCosts()
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def source(self, name: str) -> str:
        """Say where a cost is from."""
        return self.sources.get(name, SOURCES[name])

    def but(self, source: str, **given: float | None) -> KnownCosts:
        """Return it with what is given in place of what it says, from that source."""
        kept = {name: value for name, value in given.items() if value is not None}
        sources = {**self.sources, **dict.fromkeys(kept, source)}
        return KnownCosts(self.costs.but(**kept), MappingProxyType(sources))

    def facts(self) -> dict[str, dict[str, float | str]]:
        """Return each with its source, as JSON can hold it."""
        return {name: {"value": getattr(self.costs, name), "source": self.source(name)} for name in NAMES}

    def to_toml(self) -> str:
        """Return it as a file that `read_costs` reads."""
        lines = [f"{name} = {getattr(self.costs, name):.6g}  # {self.source(name)}" for name in NAMES]
        return "\n".join(["[costs]", *lines, ""])


def read_costs(path: Path, known: KnownCosts) -> KnownCosts:
    """
    Read a file of costs, `name = number` in a table `[costs]`, over those that are known.

    Raises:
        UserError: It is no such file.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--costs {path} cannot be read: {error.strerror}; `simulate --measure` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"--costs {path} is no TOML: {error}; `simulate --measure` writes one") from None
    table = content.get("costs")
    if not isinstance(table, dict) or len(content) > 1:
        raise UserError(f"--costs {path} has not one table [costs]; `simulate --measure` writes one")
    return known.but(str(path), **{name: _number(path, name, value) for name, value in table.items()})


def _number(path: Path, name: str, value: Any) -> float:
    if name not in NAMES:
        raise UserError(f"{path}: a cost {name!r} is unknown; {hint(name, NAMES)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{path}: {name} is {value!r}; give a number, such as {getattr(RunCosts(), name):g}")
    return float(value)

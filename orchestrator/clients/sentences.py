"""
What Earth Engine's sentences ask for: one table, with the advice that a person needs beside the sentence it belongs to.

The sentences are those of Google's pages "Debugging guide", "Processing environments" and "Earth Engine quotas" and of
public reports. The first row whose pattern is found decides, so the narrow ones stand above the wide ones.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from orchestrator.model.ports import Diagnosis
from orchestrator.model.states import Failure

# Capacity is Google's, shared by everybody: it comes back in minutes, not in seconds.
CAPACITY_SECONDS = 300.0
# Restricted mode lasts until the month ends or the tier is raised; tasks go on, a few a day.
RESTRICTED_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Row:
    """
    A sentence of the service and what it asks for.

    Attributes:
        pattern: A regular expression, found anywhere in the sentence, whatever its capitals.
        failure: What a failed task that says so needs.
        advice: What a person can do, where a person can.
        wait_seconds: The least pause before anything is tried again.
        steps: How often the step of `failure` may be taken; None is as often as there are steps.
        call: What a call that is answered so needs, where that is something else than for a task.
    """

    pattern: str
    failure: Failure
    advice: str = ""
    wait_seconds: float = 0.0
    steps: int | None = None
    call: Failure | None = None


ALREADY_STARTED = r"already started with the given request_id"
QUEUE_FULL = r"too many tasks( already)? in the queue"

TABLE: tuple[Row, ...] = (
    # -- the queue and the request id
    Row(ALREADY_STARTED, Failure.TRANSIENT),
    Row(QUEUE_FULL, Failure.THROTTLE),
    Row(r"no valid (\(un-?masked\) )?pixels in export region", Failure.EMPTY),
    # -- quotas that return with the day, before those that return with the minute
    Row(
        r"daily_eecu|exceeded the custom quota|quota.*\bper day\b",
        Failure.QUOTA,
        "the quota for a day is used up: it returns at midnight Pacific time, or an administrator raises it",
    ),
    Row(
        r"restricted mode",
        Failure.THROTTLE,
        "the project is in restricted mode: tasks start a few a day until the month ends or its tier is raised",
        wait_seconds=RESTRICTED_SECONDS,
    ),
    Row(r"too many concurrent|quota exceeded|rate ?limit|too many requests", Failure.THROTTLE),
    # -- what a person must change
    Row(
        r"asset .*(not found|does not exist)",
        Failure.PERMANENT,
        "look at the asset's name and whether this account may read it",
    ),
    Row(
        r"compatible data types",
        Failure.PERMANENT,
        "all bands of an export have one number type: cast them in the recipe, for example with .toFloat()",
    ),
    Row(
        r"homogeneous image collection",
        Failure.PERMANENT,
        "the images of the collection differ in their bands or number types: select the bands and cast each image",
    ),
    Row(
        r"if one image has no bands|applied to an image with no bands",
        Failure.PERMANENT,
        "no image was left to make the bands from: widen the dates or the area, or loosen the cloud filter",
    ),
    Row(
        r"unable to export unbounded image|unable to transform edge",
        Failure.PERMANENT,
        "the image has no end: clip it, or give the area in a coordinate system that can hold it",
    ),
    Row(
        r"request payload size exceeds",
        Failure.PERMANENT,
        "the request holds too much: simplify the area before it is sent, the result is cut along the full area here",
    ),
    Row(
        r"computed value is too large",
        Failure.PERMANENT,
        "the recipe gathers too much into one value: let it reduce, or use a coarser scale",
        call=Failure.SIZE,
    ),
    Row(
        r"query aborted after accumulating over",
        Failure.PERMANENT,
        "the collection is listed in one piece: ask for shorter periods or limit it",
    ),
    Row(
        r"did not match any bands|has no band named",
        Failure.PERMANENT,
        "look at the names of the bands",
    ),
    Row(
        r"is not imitated by this sandbox|this sandbox does not imitate",
        Failure.PERMANENT,
        "a limit of the sandbox, not of Earth Engine",
    ),
    # -- too much at once
    Row(
        r"pixel grid dimensions",
        Failure.PERMANENT,
        "the area reaches further than one request can: look at its coordinates and its coordinate system",
        call=Failure.SIZE,
    ),
    Row(
        r"reprojection output too large",
        Failure.SIZE,
        "the recipe reprojects fine pixels onto a coarse grid: leave out .reproject(), or give it the output's scale",
        steps=1,
    ),
    Row(
        r"output of image computation is too large",
        Failure.SIZE,
        "fewer bands in one request, then smaller rectangles",
    ),
    Row(
        r"total request size|too many pixels|too many values|export too large|file dimensions are too large",
        Failure.SIZE,
    ),
    Row(r"memory limit exceeded|memory capacity exceeded", Failure.MEMORY),
    Row(r"out of memory", Failure.OUT_OF_MEMORY, steps=1),
    Row(r"capacity exceeded", Failure.THROTTLE, wait_seconds=CAPACITY_SECONDS),
    Row(r"computation timed out|timed out", Failure.TIMEOUT),
    Row(r"too large", Failure.SIZE),
    # -- what passes
    Row(r"internal (server )?error|try again|unavailable|backend|deadline exceeded", Failure.TRANSIENT),
    Row(r"^cancell?ed\b", Failure.CANCELLED),
)

_NOT_KNOWN = Row("", Failure.UNKNOWN, steps=1)
_UNITS = {"bytes": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_REQUEST_SIZE = re.compile(
    r"total request size \(([\d.,]+) (\w+)\) must be less than or equal to ([\d.,]+) (\w+)", re.IGNORECASE
)
_NUMBER = r"(\d[\d.,]*)"
# Both spellings of getRegion's sentence that were seen in print: the factors, or what they make.
_FACTORS = re.compile(
    rf"too many values: {_NUMBER} points? x {_NUMBER} bands? x {_NUMBER} images?[^>]*> {_NUMBER}", re.IGNORECASE
)
_VALUES = re.compile(rf"too many values: {_NUMBER} values [^\d]*{_NUMBER}", re.IGNORECASE)
_OUTPUT_SIZE = re.compile(r"= ([\d.,]+) (\w+) > ([\d.,]+) (\w+)", re.IGNORECASE)


def diagnose(sentence: str, *, call: bool = False) -> Diagnosis:
    """Tell what a failed task's own sentence asks for, or a call's; what is not recognised is UNKNOWN."""
    row = row_of(sentence)
    failure = row.call if call and row.call else row.failure
    return Diagnosis(failure, row.advice, row.wait_seconds, row.steps, _sizes(sentence))


def row_of(sentence: str) -> Row:
    """Return the row that decides about `sentence`."""
    return next((row for row in TABLE if re.search(row.pattern, sentence, re.IGNORECASE)), _NOT_KNOWN)


def classify(sentence: str) -> Failure:
    """Tell the class of a failed task by its own sentence."""
    return diagnose(sentence).failure


def _sizes(sentence: str) -> tuple[int, int] | None:
    """Return the bytes or values found and allowed, where the sentence names both."""
    if match := _FACTORS.search(sentence) or _VALUES.search(sentence):
        *factors, most = (_plain(number) for number in match.groups())
        return _both(math.prod(factors), most)
    match = _REQUEST_SIZE.search(sentence) or _OUTPUT_SIZE.search(sentence)
    if match is None:
        return None
    found, unit, allowed, other = match.groups()
    if unit.lower() not in _UNITS or other.lower() not in _UNITS:
        return None
    return _both(_plain(found) * _UNITS[unit.lower()], _plain(allowed) * _UNITS[other.lower()])


def _both(found: float, allowed: float) -> tuple[int, int] | None:
    return (int(found), int(allowed)) if int(found) and int(allowed) else None


def _plain(number: str) -> float:
    """Return a number as it is written; 0 where it is none, or one that nobody can mean."""
    plain = number.replace(",", "").rstrip(".")
    return float(plain) if re.fullmatch(r"\d{1,18}(\.\d{1,18})?", plain) else 0.0

"""Operations as Earth Engine writes them, read tolerantly: but for the name, any field may be missing or odd."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.clients.sentences import diagnose
from orchestrator.core.errors import TransientError
from orchestrator.core.log import one_line
from orchestrator.model.batch import Operation, OperationState
from orchestrator.model.ports import Diagnosis
from orchestrator.model.states import Failure

_TEXT_LIMIT = 2_000
# What the field `state` of an operation's metadata may say (REST reference, `OperationMetadata.State`).
_STATES: Mapping[str, OperationState] = {
    "PENDING": OperationState.QUEUED,
    "RUNNING": OperationState.RUNNING,
    "CANCELLING": OperationState.CANCELLING,
    "SUCCEEDED": OperationState.SUCCEEDED,
    "CANCELLED": OperationState.CANCELLED,
    "FAILED": OperationState.FAILED,
}
_NAME = re.compile(r"projects/[^/\s]+/operations/[^/\s]+")


def is_name(name: object) -> bool:
    """Tell whether `name` can be an operation's."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def read_operation(entry: Any) -> Operation:
    """
    Read an operation; any field but the name may be missing or of another type.

    Raises:
        TransientError: It is no operation at all, so the whole answer cannot be trusted.
    """
    if not isinstance(entry, Mapping) or not is_name(entry.get("name")):
        raise TransientError(f"Earth Engine's answer is not an operation: {one_line(str(entry), 80)!r}")
    metadata = _mapping(entry.get("metadata"))
    said = _text(metadata.get("state"))
    state = _STATES.get(said, OperationState.UNKNOWN) if said else _state_from(entry)
    sentence = _sentence(entry.get("error"))
    diagnosis = _diagnosis(state, sentence)
    return Operation(
        name=entry["name"],
        state=state,
        said=said if state is OperationState.UNKNOWN else "",
        description=_text(metadata.get("description")),
        error=sentence,
        progress=min(1.0, max(0.0, _number(metadata.get("progress"), 0.0))),
        attempt=int(_number(metadata.get("attempt"), 1.0)) or 1,
        eecu_seconds=_number(metadata.get("batchEecuUsageSeconds"), 0.0),
        created=_text(metadata.get("createTime")),
        failure=diagnosis.failure if diagnosis else None,
        diagnosis=diagnosis,
    )


def _diagnosis(state: OperationState, sentence: str) -> Diagnosis | None:
    if state is OperationState.CANCELLED:
        return Diagnosis(Failure.CANCELLED)
    return diagnose(sentence) if sentence or state is OperationState.FAILED else None


def _state_from(entry: Mapping[str, Any]) -> OperationState:
    """Right after submission the state may be missing; `done`, `error` and `response` say enough."""
    if not entry.get("done"):
        return OperationState.QUEUED
    return OperationState.FAILED if entry.get("error") else OperationState.SUCCEEDED


def _sentence(error: Any) -> str:
    if not error:
        return ""
    return _text(_mapping(error).get("message")) or f"no reason given: {one_line(str(error), 200)}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """Return a text of the service's as one clean line: it goes into the database, to `why` and to a terminal."""
    return one_line(value, _TEXT_LIMIT) if isinstance(value, str) else ""


def _number(value: Any, otherwise: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return otherwise
    return number if math.isfinite(number) else otherwise

"""What a sandbox and its workers say to each other: a length of eight bytes and a pickle, through pipes."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from orchestrator.sandbox.earthengine.evaluate import RequestedGrid

READY = "ready"
_HEAD = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A window of an image: its number in the sandbox, how it is made, and (row, col, height, width)."""

    number: int
    expression: Mapping[str, Any]
    grid: RequestedGrid | None
    window: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Computed:
    """What `RequestedImage.read` gives, and the processor seconds it took; null if it failed."""

    pixels: Any
    seconds: float


def send(pipe: IO[bytes], message: Any) -> None:
    """Write a message and see it off."""
    data = pickle.dumps(message, protocol=5)
    pipe.write(_HEAD.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """
    Read a message.

    Raises:
        EOFError: The other side is gone.
    """
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    (size,) = _HEAD.unpack(head)
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301  written by a process of our own

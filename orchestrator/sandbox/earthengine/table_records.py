"""
Tables as TFRecord files: a record per feature, which is a `tf.train.Example` of lists of floats.

Sources: the guide "TFRecord" (numbers and arrays become floats, one file, compressed with gzip); TensorFlow's
example.proto and feature.proto; the format of records in TensorFlow's tutorial "TFRecord and tf.train.Example".
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from typing import Any

import google_crc32c
import numpy as np

from orchestrator.sandbox.earthengine.evaluate.encode import encoded
from orchestrator.sandbox.earthengine.evaluate.errors import not_imitated
from orchestrator.sandbox.earthengine.evaluate.requested_table import RequestedFeature, RequestedTable

_MASK = 0xA282EAD8
_BYTES = 2  # protocol buffers' wire type of what has a length


def records(table: RequestedTable, names: Sequence[str]) -> bytes:
    """
    Write the named properties of each feature.

    Raises:
        EvaluationError: If a value is neither a number nor an array of them.
    """
    packed = b"".join(_record(_example(feature, names)) for feature in table.features)
    return gzip.compress(packed, mtime=0)


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def _example(feature: RequestedFeature, names: Sequence[str]) -> bytes:
    entries = (
        _field(1, name.encode()) + _field(2, _field(2, _field(1, _floats(name, feature.properties.get(name)))))
        for name in names
    )
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def _floats(name: str, value: Any) -> bytes:
    plain = encoded(value)
    try:
        numbers = np.asarray(plain, np.float32)
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or plain is None or isinstance(plain, str):
        raise not_imitated(f"TFRecord of the property '{name}', which is not a number or an array,")
    return numbers.astype("<f4").tobytes()


def _field(number: int, data: bytes) -> bytes:
    """Write a field of protocol buffers that has a length."""
    return bytes([number << 3 | _BYTES]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])

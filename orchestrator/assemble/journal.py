"""An append-only file of checked records: what a crash cannot take back."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.disks import space_errors
from orchestrator.core.errors import IntegrityError
from orchestrator.core.system import sync_folder

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Journal:
    """
    Records, one JSON object a line, each behind the CRC-32 of its text.

    A record is in the journal when `append` has returned. A last line that is torn, as a crash leaves it, is
    cut off by `load`; a broken line with others behind it is no crash, and refused.
    """

    path: Path

    def load(self) -> list[Record]:
        """
        Return all records and drop a torn last line.

        Raises:
            IntegrityError: A record before the last is damaged.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        records: list[Record] = []
        for number, line in enumerate(lines[:-1], start=1):
            record = _parse(line)
            if record is None:
                if any(_parse(later) is not None for later in lines[number:-1]):
                    raise IntegrityError(f"record {number} of {self.path} is damaged; remove the folder to start again")
                break
            records.append(record)
        intact = sum(len(line) + 1 for line in lines[: len(records)])
        if intact < self.path.stat().st_size:
            os.truncate(self.path, intact)
        return records

    def append(self, record: Record) -> None:
        """Add a record; on return it is on the disk."""
        text = json.dumps(record, separators=(",", ":")).encode()
        begins = not self.path.exists()
        with space_errors(self.path), self.path.open("ab") as file:
            file.write(b"%08x %s\n" % (zlib.crc32(text), text))
            file.flush()
            crash.point("journal.written")
            os.fsync(file.fileno())
        if begins:
            sync_folder(self.path.parent)
        crash.point("journal.synced")


def _parse(line: bytes) -> Record | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    record: Record = json.loads(text)
    return record

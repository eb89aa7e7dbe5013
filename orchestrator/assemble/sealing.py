"""The last step of an output: its blocks are laid out as one file, which is written, sealed and named once."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.assemble import header, writing
from orchestrator.assemble.finishing import CompletedBlocks
from orchestrator.assemble.journal import Journal, Record
from orchestrator.assemble.report import summary
from orchestrator.assemble.settings import MosaicSettings
from orchestrator.assemble.statistics import statistics
from orchestrator.assemble.stock import Spool
from orchestrator.assemble.storage import boot_id, insert_room, remove_room
from orchestrator.assemble.tally import crc32c_of_layout
from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError
from orchestrator.core.system import open_descriptor, sync_folder
from orchestrator.model.ports import Stop

FULL, OVERVIEWS = "full.spool", "overviews.spool"
UNSEALED, FINISHED = "mosaic.tif.part", "mosaic.tif"


def seal(done: CompletedBlocks, settings: MosaicSettings, journal: Journal, work_dir: Path, stop: Stop) -> Record:
    """
    Write the file, and its record in the journal, which is returned; the spools are closed then.

    Raises:
        Stopped: `stop` was set; every placed part is kept.
        SpaceError: The disk is full.
    """
    index, spools = done.index, done.spools
    base = header.template(settings, statistics(index, spools, settings.spec.pixels.nodata))
    layout = writing.lay_out(index, done.segments, base)
    room = layout.room(spools.full.end)
    in_place = room is not None and _make_room(spools.full, layout.full_at - room, room, journal)
    if in_place:
        writing.write_in_place(layout, spools, stop)
    else:
        writing.write_copy(layout, spools, work_dir / UNSEALED, stop)
    crash.point("mosaic.written")
    report = summary(done.parts, index, settings.resampling) | {"size": layout.size}
    if done.tallies is not None:
        report["crc32c"] = crc32c_of_layout(layout, len(index.sizes), [tally.sums for tally in done.tallies])
    record = {"kind": "sealed", "file": FULL if in_place else UNSEALED, "report": report}
    journal.append(record)
    spools.close()
    return record


def _make_room(spool: Spool, at: int, size: int, journal: Journal) -> bool:
    """Insert room for overviews before the full blocks; tell whether the file system could."""
    if not size:
        return True
    spool.sync()
    journal.append({"kind": "room", "at": at, "size": size, "before": spool.end, "boot": boot_id()})
    made = insert_room(spool.fd, at, size)
    crash.point("mosaic.room_made")
    return made


def take_room_back(spool: Path, record: Record, journal: Journal) -> None:
    """
    Bring a spool back to what it was before room was made in it.

    Raises:
        IntegrityError: It cannot be.
    """
    found, before = spool.stat().st_size if spool.exists() else 0, record["before"]
    if found >= before + record["size"]:
        # The file system moves addresses in steps that a loss of power may separate; a kill does not.
        if not record["boot"] or record["boot"] != boot_id():
            raise IntegrityError(f"the machine stopped while {spool} was rearranged; remove {spool.parent}")
        fd = open_descriptor(spool, os.O_RDWR)
        try:
            os.ftruncate(fd, before + record["size"])
            if not remove_room(fd, record["at"], record["size"]):
                raise IntegrityError(f"{spool} cannot be brought back to order; remove {spool.parent}")
        finally:
            os.close(fd)
    journal.append({"kind": "no room"})


def name_sealed(record: Record, work_dir: Path) -> None:
    """Give the sealed file its name; a crash may have come before or after any of these steps."""
    source, target = work_dir / record["file"], work_dir / FINISHED
    if not target.exists() and source.exists():
        source.rename(target)
        crash.point("mosaic.named")
    for name in (FULL, OVERVIEWS, UNSEALED):
        (work_dir / name).unlink(missing_ok=True)
    sync_folder(work_dir)
    crash.point("mosaic.sealed")

"""
The files of a finished result on their way to a place in a bucket.

They are made, verified and named in a folder here, as if that were their end, and the folder is the scratch of it. What
they are is written down before the first is sent. Each replaces nothing but what an earlier result of the same job left
at its name, and the file that makes the result goes last. Only then are they taken away here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import IntegrityError, TransientError
from orchestrator.core.files import remove_if_empty, remove_tree
from orchestrator.engine.ownership import Claimant, check_place
from orchestrator.engine.stores.contract import Store
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import Stop
from orchestrator.model.result import Result, ResultFile


class ResultDelivery:
    """Brings one run's result to its place. Used by the run's own thread."""

    def __init__(
        self,
        place: ObjectPlace,
        who: Claimant,
        store: Store,
        stop: Stop,
        say: Callable[[str], None],
        check: Callable[[], None],
    ) -> None:
        """
        Take where it goes, and whose it is.

        `check` raises where another process has the run by now.
        """
        self._place, self._who, self._store, self._stop = place, who, store, stop
        self._say, self._check = say, check

    def work(self, result: Result) -> Result:
        """
        Bring every file, and return the result with where each lies; what arrived before a crash is not sent again.

        Raises:
            UserError: Something lies there that the job did not make; nothing of it is replaced.
            TransientError, CredentialError: The place does not answer, or not us.
        """
        meant = replace(result, files=self._summed(result))
        self._save(meant)
        crash.point("delivery.intended")
        mine = check_place(self._place, [meant.name_of(file) for file in meant.files], self._who, self._store)
        files = list(meant.files)
        for number, file in enumerate(files):
            self._check()
            self._say(f"bringing {file.path.name} to {self._place.url}")
            made = self._send(file, meant.name_of(file), mine)
            files[number] = replace(file, generation=made.generation)
            crash.point("delivery.sent")
        done = replace(meant, files=tuple(files), earlier=())
        self._save(done)
        crash.point("delivery.done")
        return done

    def is_there(self, result: Result) -> bool:
        """Tell whether a result has been delivered, and lies there as it was."""
        return result.is_delivered and not self.lacking(result)

    def lacking(self, result: Result) -> list[str]:
        """Return the addresses of a delivered result's files that do not lie there as they were brought."""
        return [result.address_of(file) for file in result.files if lies_at(self._place, result, file) is None]

    def _summed(self, result: Result) -> tuple[ResultFile, ...]:
        return tuple(
            file if file.crc32c else replace(file, crc32c=crc32c_text(crc32c_of(file.path, self._stop)))
            for file in result.files
        )

    def _send(self, file: ResultFile, name: str, mine: Mapping[str, StoredObject]) -> StoredObject:
        over = mine.get(name)
        if over is not None and (over.size, over.crc32c) == (file.bytes, file.crc32c):
            return over
        try:
            made = self._place.create(name, file.path, over)
        except IntegrityError as error:  # it appeared, or changed, since it was looked at: whose it is decides
            check_place(self._place, [name], self._who, self._store)
            raise TransientError(f"{error}; it is looked at again") from None
        return made

    def _save(self, result: Result) -> None:
        self._store.runs.save_result(self._who.run_id, result.to_json())


def lies_at(place: ObjectPlace, result: Result, file: ResultFile) -> StoredObject | None:
    """Return a delivered file of a result as it lies at its place; None where something else, or nothing, does."""
    there = place.stat(result.name_of(file))
    same = there is not None and there.size == file.bytes and there.crc32c in (None, file.crc32c)
    return there if same else None


def prove_delivered(delivery: ResultDelivery, result: Result) -> None:
    """
    Look at the place once more, before what a result was made from is deleted.

    Raises:
        IntegrityError: A file does not lie there as it was brought.
    """
    if lacking := delivery.lacking(result):
        raise IntegrityError(
            f"{lacking[0]} is not the file that was delivered; what it was made from is kept: put it back there, or "
            "cancel the run and begin anew"
        )


def clear_made(files: Sequence[Path]) -> None:
    """Take away the files of a result from the folder that it was made in."""
    for path in files:
        remove_tree(path)
        crash.point("delivery.cleared")


def leave_folder(made_in: Path) -> None:
    """Take away the folder of an address when no other result is made there, and the one of all of them likewise."""
    remove_if_empty(made_in)
    remove_if_empty(made_in.parent)


def told_of(result: Result) -> Mapping[str, Any]:
    """Return what the event of a delivery says of it."""
    return {"place": result.place, "files": len(result.files), "bytes": sum(file.bytes for file in result.files)}

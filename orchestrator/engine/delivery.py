"""
The files of a finished result on their way to a place in a bucket.

They are made, verified and named in a folder here, as if that were their end, and the folder is the scratch of it. What
they are is written down before the first is sent. Each replaces nothing but what an earlier result of the same job left
at its name, and the file that makes the result goes last. Only then are they taken away here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.core import crash
from orchestrator.core.crc32c import crc32c_of, crc32c_text
from orchestrator.core.errors import IntegrityError, TransientError
from orchestrator.core.files import remove_if_empty, remove_tree
from orchestrator.core.flow import in_order
from orchestrator.core.trees import files_below, is_folder_name
from orchestrator.engine.ownership import Claimant, check_place
from orchestrator.engine.stores.contract import Store
from orchestrator.model.objects import StoredObject
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import Stop
from orchestrator.model.result import Result

AT_ONCE = 8  # objects of a folder


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
        self._place, self._made_in, self._who = place, Path(who.final).parent, who
        self._store, self._stop = store, stop
        self._say, self._check = say, check

    def work(self, result: Result) -> Result:
        """
        Bring every file, and return the result with what lies there; what arrived before a crash is not sent again.

        Raises:
            UserError: Something lies there that the job did not make; nothing of it is replaced.
            TransientError, CredentialError: The place does not answer, or not us.
        """
        known = {sent.name: sent for sent in result.objects}
        meant = replace(result, objects=tuple(self._meant(result, known)))
        self._save(meant)
        crash.point("delivery.intended")
        mine = check_place(self._place, self._there(meant), self._who, self._store)
        sent: list[StoredObject] = []
        for file in meant.files:
            self._say(f"bringing {file.path.name} to {self._place.url}")
            if file.placed is not None:
                sent.append(self._name(meant.name_of(file), file.placed, mine))
                crash.point("delivery.sent")
                continue
            sent += self._bring([each for each in meant.objects if _is_of(each, meant.name_of(file))], mine)
        self._clear(mine, {each.name for each in sent})
        done = replace(meant, objects=tuple(sent), before=())
        self._save(done)
        crash.point("delivery.done")
        return done

    def is_there(self, result: Result) -> bool:
        """Tell whether a result has been delivered, and lies there as it was."""
        return result.is_delivered and not self.lacking(result)

    def lacking(self, result: Result) -> list[str]:
        """Return the addresses of a delivered result's objects that do not lie there as they were brought."""
        return lacking_at(self._place, result)

    def _there(self, result: Result) -> Mapping[str, StoredObject]:
        """Return what lies at the names of a result's files, and below those that are folders."""
        return objects_there(self._place, [result.name_of(file) for file in result.files])

    def _meant(self, result: Result, known: Mapping[str, StoredObject]) -> Iterator[StoredObject]:
        """Yield what each file becomes, in the order in which it is sent."""
        for file in result.files:
            name = result.name_of(file)
            if file.placed is not None:
                yield StoredObject(name, file.bytes, "", crc32c=file.placed.crc32c)
                continue
            if not file.path.is_dir():
                yield self._summed(name, file.path, known)
                continue
            below = sorted(files_below(file.path), key=lambda each: (_is_head(each[0]), each[0]))
            yield from (self._summed(f"{name}/{inner}", path, known) for inner, path in below)

    def _summed(self, name: str, path: Path, known: Mapping[str, StoredObject]) -> StoredObject:
        crc32c = known[name].crc32c if name in known else crc32c_text(crc32c_of(path, self._stop))
        return StoredObject(name, path.stat().st_size, "", crc32c=crc32c)

    def _bring(self, objects: Sequence[StoredObject], mine: Mapping[str, StoredObject]) -> list[StoredObject]:
        """
        Send what a file or a folder is, several at a time; what tells what is in a folder goes last.

        That of an earlier folder is taken away first: for a while there is none, and never one that speaks of others.
        """
        heads = [each for each in objects if _is_head_of(each, objects)]
        for head in heads:
            if (old := mine.get(head.name)) is not None and not has_content_of(head, old):
                self._place.delete(old)
        rest = [each for each in objects if each not in heads]
        sent = []
        with ThreadPoolExecutor(AT_ONCE, "deliver") as pool:
            for made in in_order(pool, lambda each: self._send(each, mine), rest, ahead=2 * AT_ONCE):
                sent.append(made)
                crash.point("delivery.sent")
        for head in heads:
            sent.append(self._send(head, {}))
            crash.point("delivery.sent")
        return sent

    def _send(self, meant: StoredObject, mine: Mapping[str, StoredObject]) -> StoredObject:
        return self._made(meant, mine, lambda over: self._place.create(meant.name, self._made_in / meant.name, over))

    def _name(self, name: str, placed: StoredObject, mine: Mapping[str, StoredObject]) -> StoredObject:
        """Give what lies at the place already the name that it is found by; its bytes stay where they are."""
        meant = replace(placed, name=name, generation="")
        return self._made(meant, mine, lambda over: self._place.join(name, [placed], over))

    def _made(
        self,
        meant: StoredObject,
        mine: Mapping[str, StoredObject],
        make: Callable[[StoredObject | None], StoredObject],
    ) -> StoredObject:
        """Make an object over the one that an earlier result of the job has left there, or over none."""
        self._check()
        over = mine.get(meant.name)
        if has_content_of(meant, over) and over is not None:
            return replace(meant, generation=over.generation)
        try:
            made = make(over)
        except IntegrityError as error:  # it appeared, or changed, since it was looked at: whose it is decides
            there = self._place.stat(meant.name)
            check_place(self._place, {meant.name: there} if there else {}, self._who, self._store)
            raise TransientError(f"{error}; it is looked at again") from None
        return replace(meant, generation=made.generation)

    def _clear(self, mine: Mapping[str, StoredObject], names: Collection[str]) -> None:
        """Delete what an earlier result of the job has left below the names of this one, by its generation."""
        for name in sorted(mine.keys() - set(names)):
            self._place.delete(mine[name])
            crash.point("delivery.stale")

    def _save(self, result: Result) -> None:
        self._store.runs.save_result(self._who.run_id, result.to_json())


def objects_there(place: ObjectPlace, names: Sequence[str]) -> Mapping[str, StoredObject]:
    """Return what lies at the names of files, and below those of folders, by its name there."""
    found: dict[str, StoredObject] = {}
    for name in names:
        if is_folder_name(Path(name)):
            listed = place.find(f"{name}/")
            # Not every list has checksums; an object that is gone by now was not there.
            looked = (each if each.crc32c else place.stat(each.name) for each in listed)
            found |= {each.name: each for each in looked if each is not None}
        elif (there := place.stat(name)) is not None:
            found[name] = there
    return found


def lacking_at(place: ObjectPlace, result: Result) -> list[str]:
    """Return the addresses of a delivered result's objects that do not lie at its place as they were brought."""
    there = objects_there(place, [result.name_of(file) for file in result.files])
    return [f"{result.place}/{each.name}" for each in result.objects if not has_content_of(each, there.get(each.name))]


def has_content_of(meant: StoredObject, there: StoredObject | None) -> bool:
    """Tell whether what lies there has the content that is meant; of a list without checksums, the generation."""
    if there is None or there.size != meant.size:
        return False
    return there.crc32c == meant.crc32c if there.crc32c else there.generation == meant.generation


def _is_of(sent: StoredObject, name: str) -> bool:
    return sent.name == name or sent.name.startswith(f"{name}/")


def _is_head(inner: str) -> bool:
    """Tell whether a file of a folder says what is in it: a reader looks for it first."""
    return "/" not in inner and inner.endswith(".json")


def _is_head_of(sent: StoredObject, objects: Sequence[StoredObject]) -> bool:
    folder, _, inner = sent.name.partition("/") if len(objects) > 1 else ("", "", "")
    return bool(folder) and _is_head(inner)


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
    return {"place": result.place, "files": len(result.objects), "bytes": sum(each.size for each in result.objects)}

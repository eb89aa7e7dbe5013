"""
Pieces that one process brings and another places, whole, of a name of their own.

They lie in the run's own folder, or, where its processes share none, at the place that its result is delivered to.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from orchestrator.core import crash
from orchestrator.core.errors import IntegrityError, OrchestratorError
from orchestrator.core.files import make_folder, remove_tree, write_whole
from orchestrator.core.trees import digest_of, size_of, sync_tree
from orchestrator.model.places import ObjectPlace
from orchestrator.model.ports import Stop
from orchestrator.model.product import Product, RunSnapshot, Stripping
from orchestrator.model.unit import BroughtPiece, Unit

PIECES, HOLDER = "pieces", "holder"


class UnsharedError(OrchestratorError):
    """This process does no units of a run: it may not, or does not see the run's folder."""


class NotYetSharedError(UnsharedError):
    """It may see it in a moment: the folder of the claim at work is being made, or lies where it cannot look."""


class PieceKeeper(Protocol):
    """The pieces of one run that wait to be placed."""

    def begin(self, fence: int) -> None:
        """Make the place for pieces, and say which claim of the run made it: its holder does."""

    def check(self, fence: int) -> None:
        """
        Make sure that this process sees what the run's holder works with, under the number of its claim.

        Raises:
            UnsharedError: It does not.
        """

    def keep(self, unit: Unit, content: Path | bytes) -> BroughtPiece:
        """Make a piece durable."""

    def fetch(self, piece: BroughtPiece) -> Path | bytes:
        """
        Return a piece as its step gave it.

        Raises:
            IntegrityError: It is gone, or is not what was brought.
        """

    def drop(self, piece: BroughtPiece) -> None:
        """Take away what is left of a piece that was placed, or is not wanted."""


class KeptPieces:
    """
    See `PieceKeeper`: files in a folder that all processes of the run see. Safe in several threads and processes.

    What a process brought that had lost its unit meanwhile has a name of its own, with the number of its claim: it
    replaces nothing, nobody places it, and it goes with the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        """Take the run's own folder, which all its processes see under this path."""
        self._folder = folder

    def begin(self, fence: int) -> None:
        """Make the place for pieces, and say which claim of the run made it: its holder does."""
        make_folder(self._folder / PIECES)
        write_whole(self._folder / PIECES / HOLDER, str(fence).encode())

    def check(self, fence: int) -> None:
        """
        Make sure that this process sees the folder that the run's holder works in, under the number of its claim.

        Raises:
            NotYetSharedError: It does not: a folder of this name is another one here, or there is none, or none yet.
        """
        path = self._folder / PIECES / HOLDER
        try:
            found = path.read_bytes()
        except OSError as error:
            raise NotYetSharedError(
                f"the folder of the run, {self._folder}, is not seen from here ({error.strerror or error}): a worker "
                "needs the same file system under the same path as the process that holds the run"
            ) from None
        if found != str(fence).encode():
            raise NotYetSharedError(
                f"{path} is of claim {found.decode(errors='replace')[:20]} of the run, and claim {fence} is at work: "
                "the folder of this path is another one here, or the run is just being taken over"
            )

    def keep(self, unit: Unit, content: Path | bytes) -> BroughtPiece:
        """
        Make a piece durable; a path in the run's folder stays where it is.

        Raises:
            OSError: The folder is gone, or cannot be written.
        """
        if isinstance(content, Path):
            path = content
            if path.is_dir():
                sync_tree(path)
        else:
            path = self._folder / PIECES / _name_of(unit)
            write_whole(path, content)
        crash.point("piece.kept")
        name = path.relative_to(self._folder).as_posix()
        digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else digest_of(path)
        return BroughtPiece(name, size_of(path), digest, isinstance(content, bytes))

    def fetch(self, piece: BroughtPiece) -> Path | bytes:
        """
        Return a piece as its step gave it.

        Raises:
            IntegrityError: It is gone, or is not what was brought.
        """
        path = self._folder / piece.name
        try:
            if piece.as_bytes:
                content = path.read_bytes()
                found = hashlib.sha256(content).hexdigest()
            else:
                found = digest_of(path)
        except OSError as error:
            raise IntegrityError(f"the piece {path} cannot be read: {error}; it is brought again") from None
        if found != piece.sha256:
            raise IntegrityError(f"the piece {path} has sha256 {found}, not {piece.sha256}; it is brought again")
        return content if piece.as_bytes else path

    def drop(self, piece: BroughtPiece) -> None:
        """Take away what is left of a piece that was placed, or is not wanted."""
        path = self._folder / piece.name
        if path.is_dir():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)


class PlacedPieces:
    """See `PieceKeeper`: objects at a place in a bucket; the run's processes share no folder. Safe as `KeptPieces`."""

    def __init__(self, place: ObjectPlace, kept_at: str, stop: Stop) -> None:
        """Take the place, and what the names of all begin with that the run keeps there."""
        self._place, self._prefix, self._stop = place, f"{kept_at}/{PIECES}/", stop

    def begin(self, fence: int) -> None:
        name = self._prefix + HOLDER
        self._place.create(name, str(fence).encode(), self._place.stat(name))

    def check(self, fence: int) -> None:
        holder = self._place.stat(self._prefix + HOLDER)
        found = b"" if holder is None else self._place.read(holder, _uncounted, self._stop)
        if found != str(fence).encode():
            raise NotYetSharedError(
                f"{self._place.url}/{self._prefix}{HOLDER} is of claim {found.decode(errors='replace')[:20] or 'none'} "
                f"of the run, and claim {fence} is at work: the run is just being taken over"
            )

    def keep(self, unit: Unit, content: Path | bytes) -> BroughtPiece:
        if isinstance(content, Path):
            raise IntegrityError(f"{unit.kind} {unit.key} brings a file, and only bytes go through {self._place.url}")
        self._check_going()
        made = self._place.create(self._prefix + _name_of(unit), content)
        crash.point("piece.kept")
        try:
            self._check_going()  # this process may have stood still before it wrote
        except UnsharedError:
            self._place.delete(made)
            raise
        return BroughtPiece(made.name, len(content), hashlib.sha256(content).hexdigest(), as_bytes=True)

    def _check_going(self) -> None:
        """
        Raises:
            UnsharedError: The run is over: what is written now nobody would take away.
        """
        if self._place.stat(self._prefix + HOLDER) is None:
            raise UnsharedError(f"{self._place.url}/{self._prefix}{HOLDER} is gone: the run is over")

    def fetch(self, piece: BroughtPiece) -> bytes:
        there = self._place.stat(piece.name)
        content = b"" if there is None else self._place.read(there, _uncounted, self._stop)
        if there is None or hashlib.sha256(content).hexdigest() != piece.sha256:
            raise IntegrityError(f"the piece {self._place.url}/{piece.name} is gone, or another; it is brought again")
        return content

    def drop(self, piece: BroughtPiece) -> None:
        if (there := self._place.stat(piece.name)) is not None:
            self._place.delete(there)


def pieces_of(product: Product, run: RunSnapshot, folder: Path, place: ObjectPlace | None, stop: Stop) -> PieceKeeper:
    """Return where pieces of a run lie, by what its product keeps at its place."""
    kept_at = product.kept_at(run) if isinstance(product, Stripping) else ""
    return PlacedPieces(place, kept_at, stop) if kept_at and place is not None else KeptPieces(folder)


def _uncounted(_bytes: int) -> None:
    pass


def _name_of(unit: Unit) -> str:
    named = hashlib.sha256(f"{unit.kind}\0{unit.key}".encode()).hexdigest()[:24]
    return f"{named}-{unit.fence}.piece"

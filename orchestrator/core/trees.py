"""
Results that are a file or a folder: how big they are, their checksum, and the one name they get.

A Zarr store is a folder. Its checksum is that of what `sha256sum` prints for its files, sorted by name: inside of it,
`find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.core import crash
from orchestrator.core.errors import UserError
from orchestrator.core.files import StopFlag, publish, remove_tree, sha256_of, sync_file
from orchestrator.core.system import sync_folder

# By their names, so that what may be replaced is known before anything is there. A name without a suffix is a folder's.
FOLDER_SUFFIXES = frozenset({".zarr", ".cogs", ""})
_REPLACED = "replaced"


def is_folder_name(path: Path) -> bool:
    """Tell whether what is called so is a folder."""
    return path.suffix in FOLDER_SUFFIXES


def name_option(path: Path, product: str = "") -> str:
    """Return the options that name a result: folders without a suffix are of chips, beside their tiles, or patches."""
    if path.suffix:
        return "--base-name or --output"
    return {"patches": "--out", "chips": "--name"}.get(product, "name")


def check_kinds(paths: Sequence[Path]) -> None:
    """
    Make sure that no folder lies where a file is to go, nor a file where a folder is: neither replaces the other.

    Raises:
        UserError: One does.
    """
    for path in paths:
        if is_folder_name(path) and os.path.lexists(path) and not path.is_dir():
            raise UserError(f"{path} is a file; move it away, or choose another {name_option(path)}")
        if not is_folder_name(path) and path.is_dir():
            raise UserError(f"{path} is a folder; move it away, or choose another {name_option(path)}")


def is_there(path: Path) -> bool:
    """Tell whether a file, or a folder where the name is one's, lies there itself; a link is neither."""
    return not path.is_symlink() and (path.is_dir() if is_folder_name(path) else path.is_file())


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    return sum(found.stat().st_size for _, found in files_below(path)) if path.is_dir() else path.stat().st_size


def digest_of(path: Path, stop: StopFlag | None = None, on_bytes: Callable[[int], None] = lambda _size: None) -> str:
    """
    Return the SHA-256 of a file or of a folder, in hexadecimal; see the module for that of a folder.

    Raises:
        Stopped: `stop` was set.
    """
    if not path.is_dir():
        return sha256_of(path, stop, on_bytes)
    return digest_of_files(file_digests(path, stop, on_bytes))


def file_digests(
    folder: Path, stop: StopFlag | None = None, on_bytes: Callable[[int], None] = lambda _size: None
) -> dict[str, str]:
    """
    Return the SHA-256 of every file below a folder by its name inside, in the order of `digest_of_files`.

    Raises:
        Stopped: `stop` was set.
    """
    return {name: sha256_of(found, stop, on_bytes) for name, found in files_below(folder)}


def digest_of_files(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of a folder of which `file_digests` told the files."""
    return hashlib.sha256("".join(f"{one}  {name}\n" for name, one in digests.items()).encode()).hexdigest()


def as_it_is(path: Path) -> tuple[object, ...]:
    """Return what changes when a file, or any file of a folder, does."""
    files = files_below(path) if path.is_dir() else iter([("", path)])
    stats = ((name, found.stat()) for name, found in files)
    return tuple((name, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats)


def publish_tree(unfinished: Path, final: Path) -> None:
    """
    Give a finished, durable file or folder its final name.

    A file replaces one by one rename. A folder that lies there is moved aside first, beside the unfinished one: for
    a moment there is neither, and after a crash then, the next call goes on.
    """
    if unfinished.is_dir() and final.is_dir():
        aside = unfinished.parent / _REPLACED
        remove_tree(aside)
        final.rename(aside)
        crash.point("folder.aside")
        sync_folder(final.parent)
    publish(unfinished, final)
    crash.point("tree.named")
    with suppress(OSError):  # what is left of it goes with the working folder
        remove_tree(unfinished.parent / _REPLACED)


def sync_tree(folder: Path) -> None:
    """Make the names of all files below `folder` durable; their content must be."""
    for root, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(root))
    crash.point("tree.synced")


def sync_whole(folder: Path) -> None:
    """Make all files below `folder` durable, their content and their names."""
    for _, path in files_below(folder):
        sync_file(path)
    sync_tree(folder)


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name inside, path) of every file below, sorted by the bytes of the name; links are files of their own."""
    found = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    named = {path.relative_to(folder).as_posix(): path for path in found}
    yield from sorted(named.items(), key=lambda each: os.fsencode(each[0]))

"""
Makes a folder of installed packages as small as what runs needs: `python slim.py SITE_PACKAGES`.

Taken away are tests, headers and sources of compiled modules, symbols that only a debugger reads, descriptions of
Google's other services, and parts of libraries that nothing here opens. Files that are there several times become one.
It prints what each of these saved.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

# Of Google's discovery documents, those of the services that are spoken to.
_SERVICES = {"drive.v3.json", "earthengine.v1.json", "earthengine.v1beta.json", "index.json"}
_TESTS = {"test", "tests"}
# What the sandbox says that Earth Engine can: it comes with the client, among its tests.
_KEPT = {"ee/tests/algorithms.json"}
_SOURCES = {".h", ".hpp", ".c", ".cc", ".cpp", ".pxd", ".pyx", ".pxi", ".pyi", ".a", ".lib"}
# What is opened by name only, and by nothing here: Arrow's remote calls and S3, codecs and fonts of pictures, solvers.
_UNUSED = (
    *(f"pyarrow/{name}*" for name in ("libarrow_flight", "libarrow_python_flight", "_flight.", "libarrow_s3")),
    "pyarrow/include",
    "PIL/_avif.*",
    "matplotlib/mpl-data/sample_data",
    "matplotlib/mpl-data/fonts/*/[!D]*",
    "matplotlib/mpl-data/fonts/ttf/DejaVuS[!a]*",
    *(
        f"scipy/{name}"
        for name in ("cluster", "datasets", "differentiate", "fft", "fftpack", "integrate", "interpolate")
    ),
    *(f"scipy/{name}" for name in ("io", "misc", "odr", "optimize", "signal", "stats")),
)
# Codecs of TIFF and JPEG 2000; imagecodecs loads each when it is first asked for.
_CODECS = {f"_{name}" for name in ("deflate", "imcd", "jpeg2k", "jpeg8", "lerc", "lzma", "zlib", "zlibng", "zstd")}
_CODECS |= {"_shared", "_shared_cython"}
# Large packages that are kept as bytecode without docstrings, in the place of their sources, which nothing reads.
_COMPILED = (
    "fontTools",
    "google",
    "matplotlib",
    "numpy",
    "openpyxl",
    "pandas",
    "pygments",
    "scipy",
    "sqlalchemy",
    "xarray",
)
_LOADED = 1  # a segment that is mapped into memory (PT_LOAD of elf(5))


def main() -> None:
    """Make the folder that is named smaller."""
    site = Path(sys.argv[1])
    before = _weight(site)
    for what, step in STEPS.items():
        held = _weight(site)
        step(site)
        print(f"{what}: {(held - _weight(site)) / 2**20:.0f} MiB")
    print(f"{before / 2**20:.0f} MiB before, {_weight(site) / 2**20:.0f} MiB now")


def drop_tests(site: Path) -> None:
    """Take away the packages' own tests."""
    kept = {site / name for name in _KEPT}
    folders = [path for path in site.rglob("*") if path.is_dir() and path.name in _TESTS]
    _remove(path for folder in folders for path in folder.rglob("*") if path.is_file() and path not in kept)


def drop_documents(site: Path) -> None:
    """Take away the descriptions of services that nothing here speaks to."""
    folder = site / "googleapiclient" / "discovery_cache" / "documents"
    _remove(path for path in folder.glob("*.json") if path.name not in _SERVICES)


def drop_sources(site: Path) -> None:
    """Take away what only a compiler or a checker of types reads."""
    _remove(path for path in site.rglob("*") if path.suffix in _SOURCES and path.is_file())


def drop_unused(site: Path) -> None:
    """Take away parts of libraries, and the shared libraries that only these were linked to."""
    _remove(path for pattern in _UNUSED for path in site.glob(pattern))
    _remove(path for path in site.glob("imagecodecs/*.so") if path.name.split(".")[0] not in _CODECS)
    while unlinked := _unlinked(site):
        _remove(unlinked)


def compile_large(site: Path) -> None:
    """Put bytecode in the place of sources."""
    for name in _COMPILED:
        compileall.compile_dir(site / name, quiet=2, legacy=True, optimize=2)
        _remove(path for path in (site / name).rglob("*.py") if path.with_suffix(".pyc").is_file())


def strip_symbols(site: Path) -> None:
    """Take symbols out of compiled files; one that `strip` would spoil stays as it is."""
    for path in site.rglob("*.so*"):
        if path.is_file() and not path.is_symlink():
            stripped = path.with_name(f".{path.name}.stripped")
            subprocess.run(["strip", "--strip-unneeded", "-o", stripped, path], check=True)
            if _can_be_loaded(stripped):
                shutil.copymode(path, stripped)
                stripped.replace(path)
            else:
                stripped.unlink()


def _can_be_loaded(path: Path) -> bool:
    """Tell whether each segment of an ELF file lies where its address in memory wants it; `patchelf` moves some."""
    head = path.read_bytes()[:65_536]
    offset, size, count = (*struct.unpack_from("<Q", head, 0x20), *struct.unpack_from("<HH", head, 0x36))
    for place in range(offset, offset + size * count, size):
        kind, _flags, at, address, _physical, _in_file, _in_memory, align = struct.unpack_from("<IIQQQQQQ", head, place)
        if kind == _LOADED and (at - address) % align:
            return False
    return True


def join_copies(site: Path) -> None:
    """Make files of equal content one file with several names."""
    by_size: defaultdict[int, list[Path]] = defaultdict(list)
    for path in site.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size > 0:
            by_size[path.stat().st_size].append(path)
    for alike in (paths for paths in by_size.values() if len(paths) > 1):
        first: dict[str, Path] = {}
        for path in sorted(alike):
            kept = first.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
            if kept != path and not kept.samefile(path):
                path.unlink()
                os.link(kept, path)


STEPS = {
    "tests": drop_tests,
    "descriptions of other services": drop_documents,
    "sources and headers": drop_sources,
    "parts of libraries": drop_unused,
    "symbols": strip_symbols,
    "sources of large packages": compile_large,
    "copies": join_copies,
}


def _unlinked(site: Path) -> list[Path]:
    """Return the shared libraries beside packages that no compiled file names."""
    needed: set[str] = set()
    for path in site.rglob("*.so*"):
        told = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, check=True).stdout
        needed.update(re.findall(r"\(NEEDED\).*\[(.+)\]", told))
    return [path for path in site.glob("*.libs/*.so*") if path.name not in needed]


def _remove(paths: Iterable[Path]) -> None:
    for path in sorted(paths, reverse=True):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _weight(folder: Path) -> int:
    """Return the bytes of a folder's files, each once."""
    found = (path.lstat() for path in folder.rglob("*") if not path.is_dir())
    seen = {(file.st_dev, file.st_ino): file.st_size for file in found}
    return sum(seen.values())


if __name__ == "__main__":
    main()

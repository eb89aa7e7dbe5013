"""
Runs one command of the program and writes down what it did.

    python benchmarks/counters_program.py FILE COMMAND ...

What is counted is the process's own: statements and commits of SQLite, syncs that Python asks for, bytes through read
and write (proc(5), io: rchar, wchar; sockets are not among them), modules loaded, processor seconds with those of its
children.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3.dbapi2
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNTED: Counter[str] = Counter()


def counting(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        COUNTED[name] += 1
        return function(*arguments, **named)

    return counted


def traced(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    def connected(*arguments: Any, **named: Any) -> sqlite3.Connection:
        made = connect(*arguments, **named)
        made.set_trace_callback(lambda text: COUNTED.update({"commits" if text == "COMMIT" else "statements": 1}))
        return made

    return connected


def totals() -> dict[str, float]:
    io = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        **{name: COUNTED[name] for name in ("statements", "commits", "syncs")},
        "bytes read": int(io["rchar"]),
        "bytes written": int(io["wchar"]),
        "modules": len(sys.modules),
        "cpu": sum(each.ru_utime + each.ru_stime for each in used),
    }


def main() -> None:
    target = Path(sys.argv[1])
    sys.argv = ["orchestrator", *sys.argv[2:]]
    os.fsync, os.fdatasync = counting(os.fsync, "syncs"), counting(os.fdatasync, "syncs")
    sqlite3.dbapi2.connect = traced(sqlite3.dbapi2.connect)
    from orchestrator.faces.cli.main import main as run  # noqa: PLC0415  after what is put in its way

    try:
        run()
    finally:
        target.write_text(json.dumps(totals()), encoding="utf-8")


if __name__ == "__main__":
    main()

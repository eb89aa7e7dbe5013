"""A PostgreSQL server of the system's own programs, on loopback, for as long as tests need one, and databases in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

# What the tests are about is kept in memory and lost with the folder; nothing of that is slower for being safe.
QUICK = {"fsync": "off", "full_page_writes": "off"}
SETTINGS = {"autovacuum": "off", "shared_buffers": "32MB", "max_connections": "200", "max_wal_size": "256MB"}
_ATTEMPTS = 5


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian has one for each version, none of them on the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


class PostgresServer:
    """
    One server in a folder of its own, as an ordinary user: it refuses to be root's.

    Attributes:
        port: On 127.0.0.1; everybody who can reach it is let in, unless `hba` says otherwise.
    """

    def __init__(self, **settings: str) -> None:
        """Make a cluster and start its server."""
        found = programs()
        if found is None:
            raise FileNotFoundError("no PostgreSQL: install it (Debian: apt-get install postgresql)")
        self._programs = found
        self._user = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if self._user:
            shutil.chown(self.folder, self._user)
        self._settings = SETTINGS | settings
        self._made = 0
        self._template = ""
        # The letters of the server's language sort as people sort them, not as code points: see the tests of order.
        self._run("initdb", "-D", "data", "-U", "owner", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        self.port = self._start_anywhere()
        # Whoever is killed ends no server: its end of this pipe does.
        ending = 'read _; "$1/pg_ctl" -D data -m immediate -w stop; cd / && rm -rf "$2"'
        self._end = subprocess.Popen(
            ["sh", "-c", ending, "end", str(found), str(self.folder)],
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def url(self, database: str, *, user: str = "owner") -> str:
        """Return the address of a database, as the setting `[store] url` takes it."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def empty(self, options: str = "") -> str:
        """Make a database without tables and return its address."""
        self._made += 1
        name = f"empty{self._made}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def new(self) -> str:
        """Make a database with the present schema and return its address."""
        if not self._template:
            from orchestrator.core.clock import SystemClock  # noqa: PLC0415  most tests need neither
            from orchestrator.engine.stores.sql import SqlStore  # noqa: PLC0415

            template = self.empty()
            SqlStore(template, SystemClock()).close()
            self._template = template.rpartition("/")[2]
        self._made += 1
        name = f"state{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run a statement as the server's owner, and return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as db:
            cursor = db.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def restart(self, mode: str = "immediate") -> None:
        """Stop the server as if it had crashed, and start it again."""
        self.stop(mode)
        self.start()

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server; nobody is waited for."""
        self._run("pg_ctl", "-D", "data", "-m", mode, "-w", "stop")

    def start(self) -> None:
        """Start it at the port that it had."""
        told = {**self._settings, "port": str(self.port), "listen_addresses": "127.0.0.1"}
        told["unix_socket_directories"] = ""
        words = " ".join(f"-c {name}={value}" if value else f"-c {name}=''" for name, value in told.items())
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", words, "start")

    def reload(self) -> None:
        """Let it read its settings again."""
        self._run("pg_ctl", "-D", "data", "reload")

    def close(self) -> None:
        """Stop it and remove all of it."""
        self._end.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_anywhere(self) -> int:
        for last in (*[False] * _ATTEMPTS, True):
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            try:
                self.start()
            except AssertionError:  # somebody else was quicker
                if last:
                    raise
            else:
                break
        return self.port

    def _run(self, name: str, *words: str) -> None:
        # Its output goes to a file: the server inherits it, and would keep a pipe open for as long as it lives.
        with (self.folder / "said").open("w+", encoding="utf-8") as said:
            done = subprocess.run(
                [self._programs / name, *words],
                cwd=self.folder,
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                check=False,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )
            said.seek(0)
            log = self.folder / "log"
            text = said.read() + (log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else "")
        assert done.returncode == 0, f"{name}: {text}"

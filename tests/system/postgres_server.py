"""A throwaway PostgreSQL as a process of ours: a new cluster in a folder of its own, on a free loopback port.

    with PostgresServer.start(programs) as server:
        url = server.new_database()

Tests take the session's one server from the fixture `postgres_url`, which gives each test a database of its
own. PostgreSQL refuses to run as root: then it runs as `postgres`, or `nobody`, who owns the folder. It asks
for a password, listens on 127.0.0.1 alone and opens no socket file; nothing is kept at its end.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

USER = "tests"
_INSTALLED = Path("/usr/lib/postgresql")
_SETTINGS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=50"
_START_SECONDS = 60


class PostgresError(Exception):
    """The server could not be made or started; the text is its own."""


def find_programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`: that on the path, else the newest that Debian has installed."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl") is not None:
        return Path(found).parent
    folders = [path.parent for path in _INSTALLED.glob("*/bin/initdb") if (path.parent / "pg_ctl").exists()]
    return max(folders, key=lambda folder: int(folder.parent.name.partition(".")[0]), default=None)


class PostgresServer:
    """One running cluster. `programs` is the folder of `pg_ctl`, `folder` that of the cluster."""

    def __init__(self, programs: Path, folder: Path, port: int, password: str) -> None:
        self._programs = programs
        self._folder = folder
        self._port = port
        self._password = password

    @classmethod
    def start(cls, programs: Path) -> Self:
        """Makes a cluster, starts it, and returns once it takes connections. Raises `PostgresError`."""
        # Not below pytest's own folders: only root may enter those.
        folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        password = secrets.token_urlsafe(24)
        try:
            secret = folder / "password"
            secret.write_text(password)
            _give_away(folder, secret)
            options = ["-U", USER, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--no-locale"]
            _run([programs / "initdb", "-D", folder / "data", "--no-sync", *options])
            port = _free_port()
            started = ["-D", folder / "data", "-l", folder / "log", "-w", "-t", _START_SECONDS]
            _run([programs / "pg_ctl", "start", *started, "-o", f"-p {port} {_SETTINGS}"], folder / "log")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(programs, folder, port, password)

    def new_database(self) -> str:
        """Makes an empty database; its URL, as `CART_CDS_DATABASE_URL` takes it."""
        name = f"t{secrets.token_hex(8)}"
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://{USER}:{self._password}@127.0.0.1:{self._port}/{name}"

    def _connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user=USER,
            password=self._password,
            dbname=database,
            autocommit=True,
        )

    def stop(self) -> None:
        """Ends the server, waits for its end and removes the cluster."""
        _run([self._programs / "pg_ctl", "stop", "-D", self._folder / "data", "-m", "immediate", "-w"])
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _owner() -> pwd.struct_passwd | None:
    """Who runs the server where we are root, else ``None``: ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError("root may not run PostgreSQL, and there is no other user to run it")


def _give_away(*paths: Path) -> None:
    owner = _owner()
    for path in paths if owner is not None else ():
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _run(command: list[Any], log: Path | None = None) -> None:
    owner = _owner()
    who: dict[str, Any] = (
        {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    )
    # The server inherits what is open: it must not hold a pipe that we would wait on.
    with tempfile.TemporaryFile() as told:
        ended = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            cwd="/",
            **who,
        )
        if ended.returncode != 0:
            told.seek(0)
            words = told.read().decode(errors="replace")
            if log is not None and log.exists():
                words += log.read_text(errors="replace")
            raise PostgresError(f"{Path(command[0]).name} ended with {ended.returncode}: {words[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port

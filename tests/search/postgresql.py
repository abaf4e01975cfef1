"""A private PostgreSQL server in a temporary folder, stopped and removed at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def programs() -> Path | None:
    """The folder of initdb and postgres, None where they are not installed."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a server with the programs in ``folder``; yields the URL of an empty database."""
    as_user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="leadline-postgresql-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = None
    try:
        if as_user:
            shutil.chown(home, "postgres", "postgres")
        options: dict[str, Any] = {"cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **as_user}
        initdb = [folder / "initdb", "-D", home / "data", "-U", "leadline", "--auth=trust", "--no-sync", "-E", "UTF8"]
        subprocess.run(initdb, check=True, **options)
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={home}", "fsync=off"]
        flags = [flag for setting in settings for flag in ("-c", setting)]
        process = subprocess.Popen([folder / "postgres", "-D", home / "data", "-p", str(port), *flags], **options)
        url = f"postgresql://leadline@127.0.0.1:{port}/postgres"
        _wait(url, process)
        yield url
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # at once, whoever is connected
            process.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def _wait(url: str, process: subprocess.Popen[Any]) -> None:
    import psycopg

    for _ in range(300):
        assert process.poll() is None, "the server did not start"
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")

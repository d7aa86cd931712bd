"""Forgetting: the database server started anew, and the operating system's copies of its files dropped.

The first is for the embedded server alone, the second needs root on Linux: `what_is_possible` says which of them were.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from django.db import connection, connections

from marketing.embedded import postgres

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
        postgres.restart(Path(os.environ["BANNERLINE_HOME"]))
    if _can_drop():
        os.sync()
        with suppress(OSError):
            _DROP.write_text("3")
    connection.ensure_connection()


def _can_drop() -> bool:
    return os.access(_DROP, os.W_OK)

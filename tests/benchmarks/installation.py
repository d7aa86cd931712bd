"""An installation for one benchmark: a home of its own, a database and a broker, with production settings.

DATABASE_URL and CELERY_BROKER_URL are used where they are set; else embedded services start, in a folder that is
gone afterwards. Development settings would keep every SQL statement in memory, so DEBUG is off.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import quote, unquote

import django

from marketing.embedded import broker, children, postgres

STOPS_WITHIN = 4.0  # seconds
_NOWHERE = "smtp://127.0.0.1:1"  # each process that sends is told of its own server


@contextmanager
def installation() -> Iterator[None]:
    """Run the block with Django set up. Nothing of ours that reads settings may be imported before."""
    # A short path, for Unix sockets. Removed once the embedded Postgres has stopped, which it does later than here.
    home = Path(tempfile.mkdtemp(prefix="bl-bench-", dir="/tmp"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    signal.signal(signal.SIGTERM, _end)
    os.environ |= {
        "BANNERLINE_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "marketing.settings",
        "DEBUG": "0",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "EMAIL_URL": _NOWHERE,
        "ALLOW_PRIVATE_ADDRESSES": "1",  # providers are on this machine
    }
    os.environ.setdefault("DATABASE_URL", "") or os.environ.update(DATABASE_URL=_database(home))
    started = None
    if not os.environ.setdefault("CELERY_BROKER_URL", ""):
        started = broker.ensure(home)
        os.environ["CELERY_BROKER_URL"] = f"redis+socket://{home / 'broker.sock'}"
    try:
        django.setup()
        yield
    finally:
        if started:
            children.stop(started)


def is_ours_alone() -> bool:
    """Whether the database goes away with the benchmark: then nothing in it needs to."""
    return os.environ["BANNERLINE_HOME"] in unquote(os.environ["DATABASE_URL"])


class Process:
    """A process of ours beside the benchmark; what it says goes to a file, of which `last_words` is the end."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], name: str) -> None:
        self._log = Path(os.environ["BANNERLINE_HOME"]) / f"{name}.log"
        with self._log.open("w") as log:
            self._process = children.spawn(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def last_words(self) -> str:
        return "\n".join(self._log.read_text().splitlines()[-5:])

    def stop(self) -> None:
        """Nothing is left to do for it, and Celery's warm shutdown waits 30 s at times."""
        children.stop(self._process, seconds=STOPS_WITHIN)

    def ask_to_stop(self) -> None:
        self._process.terminate()


def _end(number: int, frame: FrameType | None) -> None:
    """By way of everything that has to be stopped and removed."""
    sys.exit(128 + number)


def _database(home: Path) -> str:
    server = postgres.connection_params(home)
    return f"postgresql://{server['user']}@{quote(server['host'], safe='')}/{postgres.DATABASE}"

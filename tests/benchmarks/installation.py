"""An installation for one benchmark: a home of its own, a database and a broker, with production settings.

DATABASE_URL and CELERY_BROKER_URL are used where they are set; else embedded services start, in a folder that is
gone afterwards. Development settings would keep every SQL statement in memory, so DEBUG is off.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import django

from marketing.embedded import broker, children, postgres

_NOWHERE = "smtp://127.0.0.1:1"  # each process that sends is told of its own server


@contextmanager
def installation() -> Iterator[None]:
    """Run the block with Django set up. Nothing of ours that reads settings may be imported before."""
    # A short path, for Unix sockets. Removed once the embedded Postgres has stopped, which it does later than here.
    home = Path(tempfile.mkdtemp(prefix="bl-bench-", dir="/tmp"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ |= {
        "BANNERLINE_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "marketing.settings",
        "DEBUG": "0",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "EMAIL_URL": _NOWHERE,
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


def _database(home: Path) -> str:
    server = postgres.connection_params(home)
    return f"postgresql://{server['user']}@{quote(server['host'], safe='')}/{postgres.DATABASE}"

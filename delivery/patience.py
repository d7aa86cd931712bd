"""So long may a question to the database take, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction


class TookTooLong(Exception):
    """The database was not done in time."""


@contextmanager
def seconds(most: float) -> Iterator[None]:
    """Every statement of the block ends after that, and what the block did is undone. Raises TookTooLong."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            set_it = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)"
            cursor.execute(set_it, [str(max(1, int(most * 1000)))])
            before = cursor.fetchone()[0]
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014":  # cancelled by the timeout
            raise TookTooLong(f"took longer than {most:g} s") from error
        raise

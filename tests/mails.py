"""What a mail says, whoever it went to."""

from __future__ import annotations

import re

LEAVE = "http://acme.localhost:8000/u/TOKEN"  # where Acme's people unsubscribe, as `for_anybody` leaves it


def for_anybody(body: str) -> str:
    """A body with a constant for the token of its recipient."""
    return re.sub(r"(?<=/u/)[\w-]+", "TOKEN", body)

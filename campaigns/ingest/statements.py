"""Statements of consent as they come in: read and checked like rows, all or none of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from campaigns import consents
from campaigns.config import gate
from campaigns.consents import Statement
from campaigns.ingest import closed
from campaigns.ingest import consents as said
from campaigns.ingest.fields import Invalid, Reader

MOST = 100  # of one person at once
NEEDED = ("channel", "granted")


def read(given: Sequence[Any], *, now: datetime, zone: tzinfo) -> list[Statement]:
    """Without `said_at` it was said now; one without an offset is local to `zone`. Raises config.gate.Invalid."""
    readers = _readers(now, zone)
    left_out: dict[str, Any] = {"topic": consents.WHOLE_CHANNEL, "said_at": now}
    found: list[Statement] = []
    problems: list[gate.Problem] = []
    for index, row in enumerate(given):
        values, wrong = closed.read(row, readers, needed=NEEDED)
        place = f"consents.{index}." if len(given) > 1 else ""
        problems += [gate.Problem(f"{place}{each.field}".rstrip("."), each.message) for each in wrong]
        if not wrong:
            found.append(Statement(**(left_out | values)))
    if problems:
        raise gate.Invalid(problems)
    return found


def _readers(now: datetime, zone: tzinfo) -> dict[str, Reader]:
    return said.READERS | {"said_at": _said_at(now, zone)}


def _said_at(now: datetime, zone: tzinfo) -> Reader:
    read_moment = said.moment_or_none(now=now, zone=zone)

    def read(given: Any) -> datetime:
        said_at = read_moment(given)
        if said_at is None:
            raise Invalid("is blank: say when, for example 2026-03-01T09:30:00Z, or leave it out")
        return datetime.fromisoformat(said_at)

    return read

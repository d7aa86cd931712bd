"""Statements of consent as they come in: read and checked like rows, all or none of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from campaigns import consents
from campaigns.config import gate
from campaigns.consents import Statement
from campaigns.ingest import closed, fields
from campaigns.ingest.consents import moment_or_none
from campaigns.ingest.fields import Invalid, Reader

MOST = 100  # of one person at once
LONGEST_TEXT = 10_000
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
    return {
        "channel": _channel,
        "topic": _topic,
        "granted": _granted,
        "said_at": _said_at(now, zone),
        "source": fields.text(200),
        "text": _text,
    }


def _channel(given: Any) -> str:
    if given not in consents.CHANNELS:
        raise Invalid(f"{fields.shown(given)} is no channel: use {', '.join(consents.CHANNELS)}")
    return str(given)


def _topic(given: Any) -> str:
    value: str = _topic_text(given)
    if value and not _TOPIC.fullmatch(value):
        raise Invalid(f"{fields.shown(given)} is not a topic: use lower-case letters, digits, - and _, as campaigns do")
    return value


def _granted(given: Any) -> bool:
    if given is None or given == "":
        raise Invalid("is required: true for a yes, false for a no")
    return fields.boolean(given)


def _said_at(now: datetime, zone: tzinfo) -> Reader:
    read_moment = moment_or_none(now=now, zone=zone)

    def read(given: Any) -> datetime:
        said_at = read_moment(given)
        if said_at is None:
            raise Invalid("is blank: say when, for example 2026-03-01T09:30:00Z, or leave it out")
        return datetime.fromisoformat(said_at)

    return read


def _text(given: Any) -> str:
    """What was shown may have several lines."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Invalid("must be text")
    value = given.strip()
    fields.refuse_controls(value.translate(_BREAKS))
    if len(value) > LONGEST_TEXT:
        raise Invalid(f"is longer than {LONGEST_TEXT:,} characters: shorten it")
    return value


_topic_text = fields.text(63)
_TOPIC = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")  # config.values.Key, as a campaign's topic is
_BREAKS = str.maketrans("\r\n\t", "   ")

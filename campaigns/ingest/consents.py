"""What a row says of consent: flags of whole channels, and entries with their proof. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from campaigns.ingest import fields
from campaigns.ingest.fields import Invalid, Reader

CHANNELS = ("email", "sms", "push")
MOST_ENTRIES = 50
LONGEST_TEXT = 10_000
AHEAD = timedelta(minutes=5)  # by how much somebody else's clock may be fast
_TOPIC = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")  # as campaigns name theirs
PROOF = ("consent_at", "consent_source", "consent_text")  # of the flags that stand beside them
_SAYING = {"consents", *PROOF}


def shown(given: Any) -> str:
    """What the person was shown: lines and all."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Invalid("must be text: what the person was shown")
    value = given.strip().replace("\r\n", "\n")
    fields.refuse_controls(value.replace("\n", " ").replace("\t", " "))
    if len(value) > LONGEST_TEXT:
        raise Invalid(f"is longer than {LONGEST_TEXT:,} characters: shorten it")
    return value


def entries(*, now: datetime, zone: tzinfo) -> Reader:
    """Reads `[{"channel": "email", "granted": true, "said_at": ..., "topic": ..., "source": ..., "text": ...}]`."""
    said_at = moment_or_none(now=now, zone=zone)

    def read(given: Any) -> list[dict[str, Any]]:
        if given is None:
            return []
        if not isinstance(given, list):
            raise Invalid('must be a list such as [{"channel": "email", "granted": true}]')
        if len(given) > MOST_ENTRIES:
            raise Invalid(f"has {len(given)} entries: keep at most {MOST_ENTRIES} to a row")
        return [_entry(each, said_at, f"{n}") for n, each in enumerate(given)]

    return read


def moment_or_none(*, now: datetime, zone: tzinfo) -> Reader:
    """Reads the instant of a statement; None and blank text are none.

    One said by a clock that is a little fast was said now: else what is said next could seem to come before it.
    """
    read_moment = fields.moment(now=now, zone=zone)

    def read(given: Any) -> str | None:
        if given is None or (isinstance(given, str) and not given.strip()):
            return None
        said_at = datetime.fromisoformat(read_moment(given))
        if said_at > now + AHEAD:
            raise Invalid(f"{fields.shown(given)} is in the future: correct the time or its offset")
        return min(said_at, now).astimezone(UTC).isoformat()

    return read


def taken(values: dict[str, Any], *, source: str) -> list[dict[str, Any]]:
    """The entries of a row, and those that its flags become where they come with a proof. They leave the row.

    Raises Invalid where a flag contradicts the newest entry of its channel.
    """
    if values.keys().isdisjoint(_SAYING):
        return []  # flags alone, as nearly always
    said: list[dict[str, Any]] = [each | {"source": each["source"] or source} for each in values.pop("consents", ())]
    proof = {name: values.pop(name) for name in PROOF if name in values}
    for channel in CHANNELS:
        flag = f"consent_{channel}"
        if flag not in values:
            continue
        newest = _newest(said, channel)
        if newest is None:
            if any(proof.values()):
                said.append(flagged(channel, values.pop(flag), proof, source=source))
        elif newest["is_granted"] is not values.pop(flag):
            raise Invalid("contradicts the newest entry of consents for its channel: leave one out", path=flag)
    return said


def flagged(channel: str, is_granted: bool, proof: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """A channel's flag as an entry."""
    return {
        "channel": channel,
        "topic": "",
        "is_granted": is_granted,
        "said_at": proof.get("consent_at"),
        "source": proof.get("consent_source") or source,
        "text": proof.get("consent_text") or "",
    }


def _entry(given: Any, said_at: Reader, place: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise Invalid('must be an object such as {"channel": "email", "granted": true}', path=place)
    readers = READERS | {"said_at": said_at}
    unknown = next((str(name) for name in given if name not in readers), None)
    if unknown is not None:
        raise Invalid(f"is not a known field: an entry has {', '.join(readers)}", path=f"{place}.{unknown[:50]}")
    values: dict[str, Any] = {}
    for name, reader in readers.items():
        try:
            values[name] = reader(given.get(name))
        except Invalid as invalid:
            raise Invalid(str(invalid), path=f"{place}.{name}") from None
    return {"is_granted": values.pop("granted"), **values}


def _newest(said: list[dict[str, Any]], channel: str) -> dict[str, Any] | None:
    """Of the channel as a whole: the last of the latest; one without an instant is said now."""
    of_channel = [each for each in reversed(said) if each["channel"] == channel and not each["topic"]]
    return max(of_channel, key=lambda each: each["said_at"] or "9", default=None)


def _channel(given: Any) -> str:
    if not isinstance(given, str) or given not in CHANNELS:
        raise Invalid(f"{fields.shown(given)} is no channel: use {', '.join(CHANNELS)}")
    return given


def _topic(given: Any) -> str:
    value = given.strip() if isinstance(given, str) else "" if given is None else given
    if not isinstance(value, str) or (value and not _TOPIC.fullmatch(value)):
        raise Invalid(f"{fields.shown(given)} is not a topic: use lower-case letters, digits, - and _, as campaigns do")
    return value


def _granted(given: Any) -> bool:
    if given is None or given == "":
        raise Invalid("is required: true or false, for a yes or a no")
    return fields.boolean(given)


READERS: dict[str, Reader] = {
    "channel": _channel,
    "topic": _topic,
    "granted": _granted,
    "source": fields.text(200),
    "text": shown,
}

"""What came back of messages, appended: whoever hears of something tells it here.

Reads    Message
Writes   Signal (one statement for a set)
Promise  the same event of the same source is one row, in whatever order, however often and by how many at once it is
         told; what names no message of this retailer leaves nothing
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tenants import prepared

LINK = "link"  # the source of what our own links tell; the others are providers' keys
_AGENT, _DETAIL, _SOURCE = 200, 300, 40  # characters that are kept


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that happened to a message.

    `event` is what its source calls it, or anything that is the same whenever the same event is told. Without `at` it
    happened now. `link` is its number, `human` per cent, `is_hard` is for a bounce.
    """

    message_id: int
    kind: str
    source: str
    event: str
    at: datetime | None = None
    link: int | None = None
    human: int | None = None
    is_hard: bool = False
    network: str = ""
    user_agent: str = ""
    detail: str = ""


def record(heard: Sequence[Heard]) -> list[Heard]:
    """Those that are new, in order; all of them are kept once this returns and its transaction is committed."""
    by_id: dict[uuid.UUID, Heard] = {}
    for each in heard:
        by_id.setdefault(event_id(each.source, each.event), each)
    if not by_id:
        return []
    # In the order of their ids: two who tell the same at once wait for one another, never in a circle.
    found = prepared.rows(_RECORD, _columns([(number, by_id[number]) for number in sorted(by_id)]))
    new = {number for (number,) in found}
    return [each for number, each in by_id.items() if number in new]


def event_id(source: str, event: str) -> uuid.UUID:
    digest = hashlib.blake2b(f"{source}\x1f{event}".encode("utf-8", "replace"), digest_size=16).digest()
    return uuid.UUID(bytes=digest)


def unnamed(detail: str, address: str) -> str:
    """A provider's words without the recipient's address: what is kept of signals outlives the person."""
    return re.sub(re.escape(address), "the recipient", detail, flags=re.IGNORECASE) if address and detail else detail


def document(kept: Any) -> dict[str, str]:
    """Headers as they were kept: Django's cursors leave jsonb as text."""
    return dict(json.loads(kept)) if isinstance(kept, str) else dict(kept)


def network(address: str) -> str:
    """The network that an address is in, cut short so that it names nobody; empty for what is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _columns(told: Sequence[tuple[uuid.UUID, Heard]]) -> list[str]:
    """As _RECORD takes them, each an array as Postgres reads it."""
    numbers, texts = prepared.numbers, prepared.texts
    return [
        numbers([number.hex for number, _ in told]),
        numbers([each.message_id for _, each in told]),
        numbers([each.at.isoformat() if each.at else None for _, each in told]),
        numbers([each.link for _, each in told]),
        numbers([each.human for _, each in told]),
        numbers([each.is_hard for _, each in told]),
        texts([str(each.kind) for _, each in told]),
        texts([text(each.source, _SOURCE) for _, each in told]),
        texts([each.network for _, each in told]),
        texts([text(each.user_agent, _AGENT) for _, each in told]),
        texts([text(each.detail, _DETAIL) for _, each in told]),
    ]


def text(told: str, most: int) -> str:
    """What Postgres takes: no zero, no half of a pair."""
    return told[:most].replace("\0", "").encode("utf-8", "replace").decode()


_RECORD = """
INSERT INTO delivery_signal
    (message_id, run_id, at, event_id, link, human, is_hard, kind, source, network, user_agent, detail)
SELECT message.id, message.run_id, coalesce(told.at, clock_timestamp()), told.event_id, told.link, told.human,
       told.is_hard, told.kind, told.source, told.network, told.user_agent, told.detail
FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::smallint[], %s::smallint[], %s::boolean[], %s::text[],
            %s::text[], %s::text[], %s::text[], %s::text[])
     AS told (event_id, message_id, at, link, human, is_hard, kind, source, network, user_agent, detail)
JOIN delivery_message message ON message.id = told.message_id
ORDER BY told.event_id
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id
"""

"""Who a batch's messages go to, each judged again in the moment before: one question for all of them.

Reads    Message, Run, Customer, Device, Consent, Suppression, PlatformSuppression
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pydantic_core import from_json

from delivery.batches import Entry, Lease
from tenants import prepared


def recheck(lease: Lease, state: str = "queued") -> list[Entry]:
    """The batch's queued messages in order, each judged again now: consent, suppression, address, expiry, run.

    Or those of another state, for who thinks of sending them again.
    """
    asked = {"run": lease.run_id, "batch": lease.batch_id, "state": state, "topic": lease.topic}
    rows = prepared.rows(_RECHECK[lease.channel], asked)
    return [_entry(row) for row in sorted(rows, key=_POSITION)]


def _entry(row: Sequence[Any]) -> Entry:
    attributes, customer_id, not_before = row[-3:]
    person = dict(zip(_PERSON, row[_BEFORE_PERSON:-3], strict=True))
    person["attributes"] = from_json(attributes or "{}", cache_strings="keys")
    return Entry._make([*row[:_BEFORE_PERSON], person, customer_id, not_before])


@dataclass(frozen=True)
class _Reached:
    """What a channel's recipients are reached by, as SQL: their address, and whether they agreed."""

    address: str
    consent: str
    more: str = ""


# A webhook goes to the retailer's own system: see campaigns.exclusions. Of several devices, the one seen last that is
# not suppressed.
_REACHED = {
    "email": _Reached("customer.email", "customer.consent_email"),
    "sms": _Reached("customer.phone", "customer.consent_sms"),
    "push": _Reached(
        "device.address",
        "customer.consent_push",
        """
LEFT JOIN LATERAL (
    SELECT d.address FROM campaigns_device d WHERE d.customer_id = customer.id
    ORDER BY EXISTS (
        SELECT FROM campaigns_suppression s WHERE s.channel = 'push' AND s.address_hash = d.address_hash
    ), d.seen_at DESC LIMIT 1
) device ON TRUE""",
    ),
    "webhook": _Reached("customer.external_id", "TRUE"),
}

_PERSON = ("external_id", "email", "phone", "first_name", "last_name", "city", "country", "timezone", "locale")
_BEFORE_PERSON = 7  # columns
_POSITION = itemgetter(1)  # Postgres would carry all that is known of everybody through its sorting
_COLUMNS = ", ".join(f"customer.{name}::text" for name in _PERSON)
# What is not anybody's own is asked once: whether the run was cancelled, and whether there are suppressions to look up.
# OFFSET 0 keeps a lookup a lookup: a join reads through all customers, where the planner knows little of the messages.
# A prepared statement must return the same types for good, also while retailers' tables are widened one by one.
_RECHECK_OF = """
SELECT message.id, message.position, message.channel::text, message.variant::text, message.attempts,
    CASE
        WHEN NOT EXISTS (SELECT FROM campaigns_run WHERE id = %(run)s AND state <> 'cancelled')
            THEN 'cancelled:the run was cancelled'
        WHEN message.expires_at <= clock_timestamp() THEN 'expired:too late to be useful'
        WHEN customer.id IS NULL THEN 'cancelled:the customer was erased'
        WHEN EXISTS (SELECT FROM campaigns_suppression) AND EXISTS (
            SELECT FROM campaigns_suppression s WHERE s.channel = message.channel AND s.address_hash = who.hash
        ) OR EXISTS (SELECT FROM public.tenants_platformsuppression) AND EXISTS (
            SELECT FROM public.tenants_platformsuppression s
            WHERE s.channel = message.channel AND s.address_hash = who.hash
        ) THEN 'cancelled:suppressed'
        WHEN NOT {consent} OR EXISTS (
            SELECT FROM campaigns_consent said
            WHERE said.channel = message.channel AND said.topic = %(topic)s AND said.topic <> ''
              AND said.customer_id = customer.id AND said.is_current AND NOT said.is_granted
        ) THEN 'cancelled:no_consent'
        WHEN coalesce({address}, '') = '' THEN 'cancelled:no_address'
        ELSE ''
    END,
    coalesce({address}, '')::text,
    {person}, customer.attributes::text, message.customer_id,
    CASE WHEN message.retry_at > clock_timestamp() THEN message.retry_at END
FROM delivery_message message
LEFT JOIN LATERAL (
    SELECT * FROM campaigns_customer known WHERE known.id = message.customer_id OFFSET 0
) customer ON TRUE{more}
CROSS JOIN LATERAL (SELECT sha256(convert_to(coalesce({address}, ''), 'UTF8')) AS hash) who
WHERE message.batch_id = %(batch)s AND message.state = %(state)s
"""
_RECHECK = {
    channel: _RECHECK_OF.format(address=by.address, consent=by.consent, more=by.more, person=_COLUMNS)
    for channel, by in _REACHED.items()
}

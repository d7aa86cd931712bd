"""One person, whole: everything known told as one document, and everything that names the person forgotten.

Reads    what campaigns.person reads, Message, OutcomeRecord
Writes   what campaigns.erasure writes, and Message, OutcomeRecord, Preflight: texts in which the person is named
Promise  the ledger keeps its rows, states and sums; nothing in it leads back to the person
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from django.db import connection, transaction

from campaigns import erasure, person
from campaigns.erasure import Erased
from campaigns.models import Customer
from delivery import identity
from delivery.models import Message
from tenants.models import Retailer

Write = Callable[[str], object]
AT_ONCE = 500  # messages in memory
ANYBODY = "(erased)"


def export(customer: Customer, retailer: Retailer, write: Write, *, now: datetime) -> None:
    """One JSON object, written piece by piece as it is read."""
    head = {"retailer": retailer.slug, "exported_at": now}
    sections = chain(head.items(), person.sections(customer), [("messages", _messages(customer, retailer))])
    for number, (name, content) in enumerate(sections):
        write("{\n" if number == 0 else ",\n")
        write(f"{_json(name)}: ")
        if isinstance(content, Iterator):
            _write_rows(write, content)
        else:
            write(_json(content))
    write("\n}\n")


@transaction.atomic
def erase(customer: Customer) -> Erased:
    """Forget the person in every table of the retailer."""
    erased = erasure.erase(customer)
    for address in filter(None, (customer.email, customer.phone)):
        pattern = re.escape(address)
        _run(_CLEAN_OUTCOMES, {"customer": customer.pk, "pattern": pattern, "anybody": ANYBODY})
        _run(_CLEAN_MESSAGES, {"customer": customer.pk, "pattern": pattern, "anybody": ANYBODY})
    for name in filter(None, (customer.external_id, customer.email, customer.phone)):
        _run(_CLEAN_PREFLIGHTS, {"name": _json(name), "anybody": _json(ANYBODY)})
    return erased


def _messages(customer: Customer, retailer: Retailer) -> Iterator[dict[str, Any]]:
    public_id = identity.public_ids(retailer)
    sent = Message.objects.filter(customer_id=customer.pk).select_related("run__campaign", "version")
    for message in sent.prefetch_related("outcomes").order_by("pk").iterator(chunk_size=AT_ONCE):
        yield {
            "id": public_id(message.pk),
            "campaign": message.run.campaign.key,
            "run": message.run_id,
            "step": message.step,
            "channel": message.channel,
            "variant": message.variant,
            "version": message.version.number if message.version else None,
            "send_at": message.send_at,
            "state": message.state,
            "reason": message.reason,
            "settled_at": message.settled_at,
            "provider": message.provider,
            "provider_message_id": message.provider_message_id,
            "outcomes": [
                {"at": each.at, "result": each.result, "detail": each.detail, "provider": each.provider}
                for each in message.outcomes.all()
            ],
        }


def _write_rows(write: Write, rows: Iterator[dict[str, Any]]) -> None:
    write("[")
    for number, row in enumerate(rows):
        write(",\n  " if number else "\n  ")
        write(_json(row))
    write("]")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    """Instants as ISO 8601, decimals as they are written."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _run(statement: str, params: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


_CLEAN_OUTCOMES = """
UPDATE delivery_outcomerecord record SET detail = regexp_replace(record.detail, %(pattern)s, %(anybody)s, 'gi')
FROM delivery_message message
WHERE message.customer_id = %(customer)s AND record.message_id = message.id AND record.detail ~* %(pattern)s
"""
_CLEAN_MESSAGES = """
UPDATE delivery_message SET reason = regexp_replace(reason, %(pattern)s, %(anybody)s, 'gi')
WHERE customer_id = %(customer)s AND reason ~* %(pattern)s
"""
_CLEAN_PREFLIGHTS = """
UPDATE delivery_preflight SET result = replace(result::text, %(name)s, %(anybody)s)::jsonb
WHERE strpos(result::text, %(name)s) > 0
"""

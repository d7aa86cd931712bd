"""One person, whole: everything known told as one document, and everything that names the person forgotten.

Reads    what campaigns.person reads, Message, OutcomeRecord, Signal
Writes   what campaigns.erasure and campaigns.importing.persons write, and Message, OutcomeRecord, Preflight, Notice:
         texts in which the person is named; Signal: what is known of the person's devices and networks
Promise  the ledger keeps its rows, states and sums; nothing in it leads back to the person
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from campaigns import erasure, person, suppressions
from campaigns.erasure import Erased
from campaigns.importing import persons
from campaigns.models import Customer
from delivery import identity, notices
from delivery.models import Message
from tenants.models import Retailer

Write = Callable[[str], object]
AT_ONCE = 500  # messages in memory
ANYBODY = "(erased)"
SIGNALLED = ("at", "kind", "source", "link", "human", "network", "user_agent", "detail")


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


def erase(customer: Customer) -> Erased:
    """Forget the person in every table and file of the retailer. Raises NotAllowed while an import may bring them anew.

    What takes long is looked for before the erasure makes others wait.
    """
    since = timezone.now() - erasure.LONGEST_CALL
    latest = persons.forget(customer)
    devices = erasure.tokens(customer)
    preflights = _naming(customer, devices)
    addresses = [*filter(None, (customer.email, customer.phone)), *devices]
    told = notices.naming(customer.external_id, addresses)
    with transaction.atomic():
        erased = erasure.erase(customer)
        persons.refuse_later(latest, customer)
        _clean_ledger(customer, addresses)
        _run(_CLEAN_SIGNALS, {"customer": customer.pk})
        _clean_preflights(customer, devices, preflights, since=since)
        notices.forget(customer.external_id, addresses, notices=told, since=since, anybody=ANYBODY)
    return erased


def _clean_ledger(customer: Customer, addresses: list[str]) -> None:
    for address in addresses:
        params = {"customer": customer.pk, "pattern": suppressions.whole(address), "anybody": ANYBODY}
        _run(_CLEAN_OUTCOMES, params)
        _run(_CLEAN_MESSAGES, params)


def _naming(customer: Customer, devices: list[str]) -> list[int]:
    """The pre-flights in which the person is named."""
    names = [_json(name) for name in [*_names(customer), *devices]]
    with connection.cursor() as cursor:
        cursor.execute(_NAMING_PREFLIGHTS, [names])
        return [row[0] for row in cursor.fetchall()]


def _clean_preflights(customer: Customer, devices: list[str], found: list[int], *, since: datetime) -> None:
    """Those found before, and those that were made since."""
    for name in [*_names(customer), *devices]:
        params = {"name": _json(name), "anybody": _json(ANYBODY), "found": found, "since": since}
        _run(_CLEAN_PREFLIGHTS, params)


def _names(customer: Customer) -> list[str]:
    return [name for name in (customer.external_id, customer.email, customer.phone) if name]


def _messages(customer: Customer, retailer: Retailer) -> Iterator[dict[str, Any]]:
    public_id = identity.public_ids(retailer)
    sent = Message.objects.filter(customer_id=customer.pk).select_related("run__campaign", "version")
    for message in sent.prefetch_related("outcomes", "signals").order_by("pk").iterator(chunk_size=AT_ONCE):
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
            "signals": [{name: getattr(each, name) for name in SIGNALLED} for each in message.signals.all()],
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
_CLEAN_SIGNALS = """
UPDATE delivery_signal signal SET network = '', user_agent = '', detail = ''
FROM delivery_message message WHERE message.customer_id = %(customer)s AND signal.message_id = message.id
"""
_CLEAN_MESSAGES = """
UPDATE delivery_message SET reason = regexp_replace(reason, %(pattern)s, %(anybody)s, 'gi')
WHERE customer_id = %(customer)s AND reason ~* %(pattern)s
"""
_NAMING_PREFLIGHTS = """
SELECT id FROM delivery_preflight
WHERE EXISTS (SELECT FROM unnest(%s::text[]) name WHERE strpos(result::text, name) > 0)
"""
_CLEAN_PREFLIGHTS = """
UPDATE delivery_preflight SET result = replace(result::text, %(name)s, %(anybody)s)::jsonb
WHERE (id = ANY(%(found)s) OR made_at >= %(since)s) AND strpos(result::text, %(name)s) > 0
"""

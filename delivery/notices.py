"""What subscriptions are told: written down in the transaction of what happened, sent by delivery.notifying.

Reads    Subscription, Message, Run, Customer, Link
Writes   Notice, and the agenda in its transaction
Promise  what happened is told to everybody who wanted to hear of it, at least once, and always under the same id; who
         was erased is named in none, not in one that is told again either
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns import suppressions
from campaigns.models import Run
from delivery import identity
from delivery.models import Subscription
from tenants import agenda, audit
from tenants.models import Retailer

AGENDA_KIND = "notice"
_CUSTOMER = '"customer": '  # in front of whom a body is about
_SPACE = uuid.UUID("6f2b7f0e-9f63-5f0f-8d8e-2f4f3f9a7c11")  # of our notices' ids
_STATES = {"running": "started", "paused": "paused", "completed": "completed", "cancelled": "cancelled",
           "failed": "failed"}  # fmt: skip


@dataclass(frozen=True)
class Happened:
    """Something that happened to a message. `name` is the same whenever the same thing is told."""

    event: str
    message_id: int
    name: str
    at: datetime
    more: dict[str, Any] = field(default_factory=dict)


def of_messages(retailer: Retailer, happened: Sequence[Happened]) -> int:
    """How many notices are new."""
    wanting = _wanting({each.event for each in happened})
    if not wanting:
        return 0
    known = _known(retailer, {each.message_id for each in happened})
    rows = [
        (each.event, _id(retailer, each.name), _body(each.event, each.at, known[each.message_id] | each.more))
        for each in happened
        if each.message_id in known
    ]
    return _write(retailer, wanting, rows)


def of_run(retailer: Retailer, run_id: int) -> int:
    """That a run is in the state in which it is; told once, but for a pause of another hour or reason."""
    wanting = _wanting({f"run.{name}" for name in _STATES.values()})  # asked first: mostly nobody wants to hear of any
    if not wanting:
        return 0
    run = Run.objects.select_related("campaign").get(pk=run_id)
    event = f"run.{_STATES.get(run.state, '')}"
    now = timezone.now()
    name = f"run/{run.pk}/{run.state}" + (f"/{run.reason}/{now:%Y%m%d%H}" if run.state == Run.State.PAUSED else "")
    told = {"run": run.pk, "campaign": run.campaign.key, "state": run.state, "reason": run.reason}
    return _write(retailer, wanting, [(event, _id(retailer, name), _body(event, now, told))])


def test(retailer: Retailer, subscription: Subscription) -> uuid.UUID:
    """One that says that it is a test; its id."""
    number = uuid.uuid4()
    body = _body("webhook.test", timezone.now(), {"webhook": subscription.key})
    _write(retailer, {"webhook.test": [subscription.pk]}, [("webhook.test", number, body)])
    audit.note("test", "webhook", subscription.key)
    return number


def naming(external_id: str, addresses: Sequence[str]) -> list[int]:
    """The notices in which somebody is named. Reads every one: it belongs before locks that others wait for."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMING, [_customer(external_id), "|".join(map(suppressions.whole, addresses)) or None])
        return [row[0] for row in cursor.fetchall()]


def forget(
    external_id: str, addresses: Sequence[str], *, notices: Sequence[int], since: datetime, anybody: str
) -> None:
    """Name nobody any more in these, and in those that were made since: they may yet be told, or told again."""
    which: dict[str, Any] = {"ids": list(notices), "since": since}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_CUSTOMER, {"name": _customer(external_id), "nobody": f"{_CUSTOMER}null", **which})
        for address in addresses:
            cursor.execute(_FORGET_ADDRESS, {"pattern": suppressions.whole(address), "anybody": anybody, **which})


def _customer(external_id: str) -> str:
    """As it stands in a body."""
    return f"{_CUSTOMER}{json.dumps(external_id, ensure_ascii=False)}"


def _wanting(events: Iterable[str]) -> dict[str, list[int]]:
    """The ids of active subscriptions by event."""
    found: dict[str, list[int]] = {}
    names = sorted(set(events))
    for pk, wanted in Subscription.objects.filter(is_active=True, events__overlap=names).values_list("pk", "events"):
        for event in set(wanted) & set(names):
            found.setdefault(event, []).append(pk)
    return found


def _write(retailer: Retailer, wanting: dict[str, list[int]], rows: Sequence[tuple[str, uuid.UUID, str]]) -> int:
    told = [(pk, number, event, body) for event, number, body in rows for pk in wanting.get(event, [])]
    if not told:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [list(column) for column in zip(*told, strict=True)])
        concerned = {row[0] for row in cursor.fetchall()}
        number = int(cursor.rowcount)
    now = timezone.now()
    resting = dict(Subscription.objects.filter(pk__in=concerned).values_list("pk", "resting_until"))
    for pk in sorted(concerned):  # others of its notices may be due in hours only
        agenda.announce(retailer, AGENDA_KIND, pk, due_at=max(now, resting.get(pk) or now), is_sooner=True)
    return number


def _known(retailer: Retailer, message_ids: set[int]) -> dict[int, dict[str, Any]]:
    names = identity.public_ids(retailer)
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [list(message_ids)])
        columns = [column.name for column in cursor.description or ()][1:]
        return {
            number: {"message": names(number), **dict(zip(columns, row, strict=True))}
            for number, *row in cursor.fetchall()
        }


def _id(retailer: Retailer, name: str) -> uuid.UUID:
    return uuid.uuid5(_SPACE, f"{retailer.schema_name}/{name}")


def _body(event: str, at: datetime, data: dict[str, Any]) -> str:
    """As Standard Webhooks has it."""
    return json.dumps({"type": event, "timestamp": at.isoformat(), "data": data}, ensure_ascii=False)


_KNOWN = """
SELECT message.id, campaign.key AS campaign, message.run_id AS run, message.step, message.variant, message.channel,
    customer.external_id AS customer
FROM delivery_message message
JOIN campaigns_run run ON run.id = message.run_id
JOIN campaigns_campaign campaign ON campaign.id = run.campaign_id
LEFT JOIN campaigns_customer customer ON customer.id = message.customer_id
WHERE message.id = ANY(%s)
"""
_WRITE = """
INSERT INTO delivery_notice (subscription_id, notice_id, event, body)
SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::text[]) ORDER BY 1, 2
ON CONFLICT (subscription_id, notice_id) DO NOTHING RETURNING subscription_id
"""
_NAMING = "SELECT id FROM delivery_notice WHERE strpos(body, %s) > 0 OR body ~* %s"
_WHICH = "(id = ANY(%(ids)s) OR created_at >= %(since)s)"
_FORGET_CUSTOMER = f"""
UPDATE delivery_notice SET body = replace(body, %(name)s, %(nobody)s) WHERE {_WHICH} AND strpos(body, %(name)s) > 0
"""
_FORGET_ADDRESS = f"""
UPDATE delivery_notice SET body = regexp_replace(body, %(pattern)s, %(anybody)s, 'gi')
WHERE {_WHICH} AND body ~* %(pattern)s
"""

"""How many tests a retailer sends in an hour, of campaigns and of providers together.

Reads    AuditEntry
Writes   AuditEntry: that tests were sent, and how many
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from campaigns.config.gate import Invalid, Problem
from tenants import audit
from tenants.accounts.models import AuditEntry

MOST = 200  # messages of a retailer
_ACTION, _KINDS = "test", ("campaign", "provider")


@transaction.atomic
def count(kind: str, key: str, messages: int, addresses: int, *, now: datetime) -> None:
    """Note them before they go, so that the bound holds for people who press at the same moment. Raises Invalid."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tests'), hashtext(current_schema()))")
    lately = AuditEntry.objects.filter(kind__in=_KINDS, action=_ACTION, at__gt=now - timedelta(hours=1))
    sent = sum((after or {}).get("messages", 0) for after in lately.values_list("after", flat=True))
    if sent + messages > MOST:
        told = f"{messages} more would be over the {MOST} tests that an hour allows ({sent} went)"
        raise Invalid([Problem("to", f"{told}: name fewer addresses, or wait a little", "too_many")])
    audit.note(_ACTION, kind, key, after={"messages": messages, "addresses": addresses})

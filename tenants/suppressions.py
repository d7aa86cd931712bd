"""The list of addresses that no retailer may write to. Only their SHA-256 is known here.

Writes   PlatformSuppression
Promise  a hash is on a channel's list once; every change is in the platform's audit trail, which holds no address
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, transaction
from django.db.models import QuerySet

from tenants import audit, context
from tenants.models import PlatformSuppression

KIND = "platform suppression"


@transaction.atomic
def put(channel: str, hashes: Collection[bytes], *, reason: str, source: str) -> int:
    """How many are new; those that stand are left as they are."""
    with context.on_platform(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO public.tenants_platformsuppression (channel, address_hash, reason, source)
            SELECT %s, hash, %s, %s FROM unnest(%s::bytea[]) hash ON CONFLICT (channel, address_hash) DO NOTHING
            """,
            [channel, reason, source[:200], list(hashes)],
        )
        added = int(cursor.rowcount)
        if added:
            audit.note("add", KIND, channel, after=_told(hashes, added) | {"reason": reason})
    return added


@transaction.atomic
def take_off(channel: str, hashes: Collection[bytes]) -> int:
    """How many were on the list."""
    with context.on_platform(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM public.tenants_platformsuppression WHERE channel = %s AND address_hash = ANY(%s)",
            [channel, list(hashes)],
        )
        removed = int(cursor.rowcount)
        if removed:
            audit.note("remove", KIND, channel, after=_told(hashes, removed))
    return removed


def beginning(prefix: str) -> QuerySet[PlatformSuppression]:
    """Those whose hash begins with these hexadecimal digits."""
    low, high = bytes.fromhex(prefix.ljust(64, "0")), bytes.fromhex(prefix.ljust(64, "f"))
    return PlatformSuppression.objects.filter(address_hash__gte=low, address_hash__lte=high)


def _told(hashes: Collection[bytes], number: int) -> dict[str, object]:
    return {"hash": next(iter(hashes)).hex()[:12]} if len(hashes) == 1 else {"addresses": number}

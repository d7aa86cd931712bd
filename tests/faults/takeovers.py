"""Who took which batch when, and from whom: written down by Postgres, beside the product.

A batch that is claimed although its lease was never ended was in the hands of somebody who died, froze or was cut
off. How long it lay there is at most the time since its last renewal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants.models import Retailer


@dataclass(frozen=True, slots=True)
class Claim:
    """`by` is the name of the process that claimed. Of a takeover, `from_whom` and how long the lease was over."""

    at: datetime
    by: str
    schema: str
    batch_id: int
    epoch: int
    overdue_s: float | None
    from_whom: str


def stand_by(retailer: Retailer) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        cursor.execute(_TRIGGER.format(schema=retailer.schema_name))


def claims(since: datetime | None = None) -> list[Claim]:
    """In order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, by, schema, batch_id, epoch, overdue_s, "
            "coalesce(lag(by) OVER (PARTITION BY schema, batch_id ORDER BY epoch), '') FROM public.fault_claim"
        )
        found = sorted((Claim(*row) for row in cursor.fetchall()), key=lambda claim: claim.at)
    return [claim for claim in found if since is None or claim.at > since]


_TABLE = """
DO $make$ BEGIN
    IF to_regclass('public.fault_claim') IS NULL THEN
        CREATE TABLE public.fault_claim (
            at timestamptz, by text, schema text, batch_id bigint, epoch integer, overdue_s float8
        );
        CREATE FUNCTION public.note_claim() RETURNS trigger LANGUAGE plpgsql AS $note$ BEGIN
            INSERT INTO public.fault_claim VALUES (
                clock_timestamp(), current_setting('application_name'), TG_TABLE_SCHEMA, NEW.id, NEW.epoch,
                extract(epoch FROM clock_timestamp() - OLD.lease_until)
            );
            RETURN NULL;
        END $note$;
    END IF;
END $make$
"""
_TRIGGER = """
CREATE TRIGGER note_claim AFTER UPDATE ON "{schema}".delivery_batch FOR EACH ROW
WHEN (NEW.epoch > OLD.epoch AND NEW.state = 'claimed') EXECUTE FUNCTION public.note_claim()
"""

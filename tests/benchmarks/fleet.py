"""Many retailers that all have something to send.

The first is made as every retailer is: provisioned, filled through the doors, its campaign launched. The others are
copies of its schema, rows and all, for set-up is not what is measured here and 350 times the first takes long.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign
from delivery import pipeline
from tenants import agenda, context, provisioning
from tenants.models import AgendaItem, Domain, Lane, Retailer
from tenants.models.retailers import generate_schema_name
from tests.benchmarks import engine, witness, workload

CUSTOMERS = 1000  # of each retailer: two full batches a run
_SAY_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Fleet:
    retailers: list[Retailer]
    provision_s: float  # of the first
    seconds: float


def ready(number: int, *, messages: int, seed: int, prepare: Callable[[Retailer], None] | None = None) -> Fleet:
    """`number` retailers whose runs wait for workers, with at least `messages` queued in all.

    `prepare` is called for the first, in its schema, once it is filled and before anything is launched.
    """
    begun = said = time.monotonic()
    token, runs = secrets.token_hex(3), -(-messages // (number * CUSTOMERS))
    call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
    provisioning_since = time.monotonic()
    first = provisioning.provision(f"bench-{token}-1", name="Bench 1").retailer
    provision_s = time.monotonic() - provisioning_since
    batches = _fill(first, runs, seed, prepare)
    retailers = [first]
    while len(retailers) < number:
        retailers.append(copy_of(first, f"bench-{token}-{len(retailers) + 1}"))
        if time.monotonic() - said > _SAY_EVERY:
            said = time.monotonic()
            print(f"    {len(retailers)} of {number} retailers", flush=True)
    for retailer in retailers:
        witness.stand_by(retailer)
        agenda.put_missing(retailer, "batch", batches)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public.tenants_agendaitem, public.tenants_lane, public.tenants_retailer")
    return Fleet(retailers, provision_s, time.monotonic() - begun)


def is_there_more(retailers: Sequence[Retailer]) -> bool:
    """Whether workers have something to do for most retailers."""
    return AgendaItem.objects.filter(kind="batch", retailer__in=list(retailers)).count() > len(retailers) / 2


def _fill(retailer: Retailer, runs: int, seed: int, prepare: Callable[[Retailer], None] | None = None) -> list[int]:
    """Customers, and runs carried forward as far as their batches. Returns the batches; nobody was told of them."""
    source = workload.load()
    engine.fill(retailer, source.source, iter(source.people(CUSTOMERS, 1, seed)))
    with context.in_retailer(retailer):
        if prepare:
            prepare(retailer)
        campaign = Campaign.objects.get(key="everybody")
        for _ in range(runs):
            run = configuration.launch(campaign, by="benchmark", now=timezone.now())
            pipeline.advance(run, now=timezone.now())
    items = AgendaItem.objects.filter(retailer=retailer)
    batches = list(items.filter(kind="batch").values_list("object_id", flat=True))
    items.delete()
    return batches


def copy_of(first: Retailer, slug: str) -> Retailer:
    """A retailer with the same rows."""
    copied = Retailer.objects.create(
        slug=slug, name=slug.title(), schema_name=generate_schema_name(slug), status=Retailer.Status.ACTIVE
    )
    Lane.objects.create(retailer=copied)
    Domain.objects.create(domain=f"{slug}.bench.localhost", tenant=copied, is_primary=True)
    with connection.cursor() as cursor:
        cursor.execute(_COPY.format(source=first.schema_name, target=copied.schema_name))
    return copied


_COPY = """
DO $copy$ DECLARE one record; BEGIN
    CREATE SCHEMA "{target}";
    FOR one IN SELECT relname AS name FROM pg_class WHERE relnamespace = '{source}'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('CREATE TABLE "{target}".%1$I (LIKE "{source}".%1$I INCLUDING ALL)', one.name);
        EXECUTE format('INSERT INTO "{target}".%1$I OVERRIDING SYSTEM VALUE TABLE "{source}".%1$I', one.name);
        EXECUTE format('ANALYZE "{target}".%1$I', one.name);
    END LOOP;
    FOR one IN SELECT table_name AS t, column_name AS c FROM information_schema.columns
               WHERE table_schema = '{target}' AND is_identity = 'YES' LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1, false) FROM %s',
                       format('"{target}".%I', one.t), one.c, one.c, format('"{target}".%I', one.t));
    END LOOP;
    FOR one IN SELECT relname AS t, conname AS name, pg_get_constraintdef(c.oid) AS words
               FROM pg_constraint c JOIN pg_class ON pg_class.oid = conrelid
               WHERE connamespace = '{source}'::regnamespace AND contype = 'f' LOOP
        EXECUTE format('ALTER TABLE "{target}".%I ADD CONSTRAINT %I %s', one.t, one.name,
                       replace(one.words, '{source}.', '{target}.'));
    END LOOP;
END $copy$
"""

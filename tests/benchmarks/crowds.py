"""Who is there when fairness is measured: many quiet retailers, a loud one, and one whose provider says nothing."""

from __future__ import annotations

import socket
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from django.test import override_settings
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign
from delivery import pipeline
from delivery.messages import BATCH_SIZE
from delivery.models import Batch
from delivery.providers import accounts
from tenants import context
from tenants.models import AgendaItem, Retailer
from tests.benchmarks import engine, fleet, workload

CUSTOMERS = 5000  # at least, of the loud retailer: ten full batches a run
RUNS = 50  # of the loud retailer, at most where it has many more queued: planning one takes a while
SLOW = 18.0  # seconds: the longest that an account may be given for a call, which this provider lets pass each time


@dataclass(frozen=True)
class Crowd:
    """The quiet ones, the loud one with its people, and the one whose provider is slow."""

    quiet: Sequence[Retailer]
    loud: Retailer
    people: int
    slow: Retailer
    slow_batches: list[int]


def gathered(options: Namespace) -> Crowd:
    source = workload.load()
    seed = options.seed or source.seed
    (first,) = engine.provision(1)
    engine.fill(first, source.source, iter(source.people(options.each, 1, seed)))
    quiet = [first, *(fleet.copy_of(first, f"{first.slug}-{n}") for n in range(2, options.quiet + 1))]
    loud, slow = (fleet.copy_of(first, f"{first.slug}-{name}") for name in ("loud", "slow"))
    people = min(max(CUSTOMERS, options.queued // RUNS), options.queued)
    engine.take_in(loud, iter(source.people(people, 1, seed)))
    engine.take_in(slow, iter(source.people(min(CUSTOMERS, people), 1, seed)))
    slow_batches = _planned(slow, 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE public.tenants_agendaitem, public.tenants_lane, public.tenants_retailer")
    return Crowd(quiet, loud, people, slow, slow_batches)


def _planned(retailer: Retailer, runs: int) -> list[int]:
    """Runs carried forward as far as their batches, of which nobody was told."""
    with context.in_retailer(retailer):
        campaign = Campaign.objects.get(key="everybody")
        for _ in range(runs):
            run = configuration.launch(campaign, by="benchmark", now=timezone.now())
            pipeline.advance(run, now=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE delivery_message, delivery_batch, campaigns_member")
    items = AgendaItem.objects.filter(retailer=retailer)
    batches = list(items.filter(kind="batch").order_by("object_id").values_list("object_id", flat=True))
    items.delete()
    return batches


@contextmanager
def silence() -> Iterator[int]:
    """A port that takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener.getsockname()[1]


def make_slow(retailer: Retailer, port: int) -> None:
    settings = {"host": "127.0.0.1", "port": port, "security": "none"}
    with context.in_retailer(retailer), override_settings(ALLOW_PRIVATE_ADDRESSES=True):
        accounts.save({"key": "slow", "channel": "email", "kind": "smtp", "settings": settings, "timeout": SLOW})


def waiting(loud: Retailer) -> list[int]:
    """Full batches of which nothing is sent."""
    with context.in_retailer(loud):
        whole = Batch.objects.filter(state=Batch.State.QUEUED, lease_until=None, epoch=0)
        return list(whole.order_by("pk").values_list("pk", flat=True))


def fill_up(crowd: Crowd, queued: int) -> None:
    """The loud one has so many messages waiting, again; while no worker is there."""
    begun, missing = time.monotonic(), queued - len(waiting(crowd.loud)) * BATCH_SIZE
    if missing > 0:
        _planned(crowd.loud, -(-missing // crowd.people))
        print(f"  {missing:,} more queued after {time.monotonic() - begun:.0f} s", flush=True)

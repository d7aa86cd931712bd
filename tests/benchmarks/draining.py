"""What fairness costs in throughput: the same queue worked off by both disciplines, and the time that each takes.

Over the same stretch of time the two do different work. Oldest first sends a loud retailer's full batches alone while
ours also sends a hundred messages here and there, each hundred a campaign of its own, to be planned, looked up and
settled by itself: that costs more than a hundred of a full batch, whoever sends them when. So a rate over a stretch
says what was sent, and not what the discipline costs. What it costs is what it takes longer for the same messages.

The queue is there at once, in one transaction: full batches of the loud retailer, and a campaign of every quiet one.
Time runs from there until the mail server has the last of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Campaign, Run
from tenants import agenda, bell, context
from tenants.models import Retailer
from tests.benchmarks.figures import NoFigures
from tests.benchmarks.sink import SinkProcess

LOOK_EVERY = 0.05  # seconds
_SLOWEST = 200  # messages/s, below which workers count as stuck
_STARTS_WITHIN = 60.0  # seconds


@dataclass(frozen=True)
class Queue:
    """`batches` of the loud retailer, and a campaign of each quiet one: `messages` in all."""

    loud: Retailer
    batches: Sequence[int]
    quiet: Sequence[Retailer]
    messages: int


def drained(queue: Queue, sink: SinkProcess, *, workers: int) -> tuple[float, list[tuple[Retailer, Run]]]:
    """Seconds until all of it is sent, by workers who stand by; and the quiet ones' runs. Raises NoFigures."""
    before, runs = sink.count(), list[tuple[Retailer, Run]]()
    with context.on_platform(), transaction.atomic():
        agenda.put_missing(queue.loud, "batch", queue.batches)
        for retailer in queue.quiet:
            with context.in_retailer(retailer):
                campaign = Campaign.objects.get(key="everybody")
                runs.append((retailer, configuration.launch(campaign, by="benchmark", now=timezone.now())))
    begun = time.monotonic()
    bell.ring(times=workers)
    while (sent := sink.count() - before) < queue.messages:
        if time.monotonic() - begun > _STARTS_WITHIN + queue.messages / _SLOWEST:
            raise NoFigures(f"Of {queue.messages:,} messages {sent:,} were sent.")
        time.sleep(LOOK_EVERY)
    if sent > queue.messages:
        raise NoFigures(f"{sent:,} messages were sent, and there were {queue.messages:,}.")
    return time.monotonic() - begun, runs

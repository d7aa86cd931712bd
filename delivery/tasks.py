"""What Celery runs: wake-ups. Doubled, late or lost, they change nothing but latency."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.db import reset_queries
from django.utils import timezone

from campaigns import recommendations
from campaigns.facts import proof
from campaigns.importing import jobs
from delivery import pipeline
from tenants import agenda, bell, changes

QUANTUM = 5.0  # seconds of work per wake-up: what a warm shutdown waits for
LANES = 8  # the most wake-ups one tick sends


@shared_task
def work(**_: Any) -> None:
    pipeline.work(seconds=QUANTUM)
    reset_queries()  # which development keeps, with all their rows


@shared_task
def tick(**_: Any) -> None:
    """Sent by celery-beat every second: wakes workers for what has come due and for what a dead worker left."""
    due = agenda.due_count(at_most=LANES)
    if due:
        bell.ring(times=due)


@shared_task
def tidy(**_: Any) -> None:
    """Sent every hour."""
    changes.forget_old()
    agenda.forget_gone()
    jobs.tidy(now=timezone.now())
    pipeline.sweep()


@shared_task
def count_popularity(**_: Any) -> None:
    """Sent every night: what sells."""
    recommendations.count_everywhere(now=timezone.now())


@shared_task
def prove_facts(**_: Any) -> None:
    """Sent every night."""
    proof.begin_everywhere(now=timezone.now())

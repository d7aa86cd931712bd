"""What the addresses of messages answered when somebody last called them. Whoever calls writes it here (delivery).

Reads    Reached
Writes   Reached, through `note`
Promise  the checks before launch read what is here and call nobody; what was learnt too long ago is as good as unknown
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from campaigns.models import Reached

FRESH = timedelta(days=1)  # not called again within
UNKNOWN_FRESH = timedelta(hours=1)  # the same, where nothing was learnt
KEPT = timedelta(days=7)
LONGEST = 2000  # characters of an address that are looked at


@dataclass(frozen=True)
class Answer:
    """`problem` says in words what is wrong; `size` is an image's, in bytes. Of what is not known neither is told."""

    url: str
    is_known: bool
    problem: str = ""
    size: int | None = None


def known(urls: Iterable[str], *, now: datetime) -> tuple[Answer, ...]:
    """What was learnt of these, in the order of their addresses."""
    rows = Reached.objects.filter(url__in=set(urls), looked_at__gt=now - KEPT).order_by("url")
    return tuple(Answer(row.url, row.is_known, row.problem, row.bytes) for row in rows)


def due(urls: Iterable[str], *, now: datetime) -> list[str]:
    """Those that are worth a call, each once, in the order given."""
    wanted = [url for url in dict.fromkeys(urls) if len(url) <= LONGEST]
    fresh = Q(looked_at__gt=now - FRESH, is_known=True) | Q(looked_at__gt=now - UNKNOWN_FRESH)
    called = set(Reached.objects.filter(fresh, url__in=wanted).values_list("url", flat=True))
    return [url for url in wanted if url not in called]


def note(answers: Iterable[Answer], *, now: datetime) -> None:
    """Put down what was learnt, in one statement; what nobody asks for any more goes."""
    rows = [
        Reached(url=each.url, is_known=each.is_known, problem=each.problem[:200], bytes=each.size, looked_at=now)
        for each in sorted(answers, key=lambda each: each.url)
    ]
    fields = ["is_known", "problem", "bytes", "looked_at"]
    Reached.objects.bulk_create(rows, update_conflicts=True, unique_fields=["url"], update_fields=fields)
    Reached.objects.filter(looked_at__lt=now - KEPT).delete()

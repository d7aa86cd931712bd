"""Whatever order providers tell in, and however often: what is true of a message in the end is the same.

`ORDERS=10000` tries as many, in minutes; some hundred are the short form.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.models import Suppression
from delivery import folding
from delivery.models import Message, RawSignal, Signal
from tenants.models import Retailer
from tests.delivery.signals import posts
from tests.delivery.signals.posts import bounced, event, signed

ORDERS = int(os.environ.get("ORDERS", "150"))
MESSAGES, REPEATED, MOST_AT_ONCE = 3, 46, 120  # of each order; of some events; posts between two folds
ROOM = 5000  # posts that are folded before they are cleared away: rows that one transaction changed pile up
Left = list[tuple[str, str, Counter[str], int]]


@pytest.mark.timeout(300 + ORDERS // 5)
def test_every_order_and_repetition_leaves_what_the_sorted_stream_leaves(at_acme: Retailer) -> None:
    posts.provider()
    chance, numbers = random.Random(11), messages((ORDERS + 1) * MESSAGES)
    groups = [numbers[start : start + MESSAGES] for start in range(0, len(numbers), MESSAGES)]
    fold(at_acme, list(stream(at_acme, groups[0])))
    mixed = [body for group in groups[1:] for body in stream(at_acme, group)]
    mixed += [body for body in chance.sample(mixed, len(mixed) // 200) for _ in range(REPEATED - 1)]
    chance.shuffle(mixed)
    told = cleared = 0
    while told < len(mixed):
        some = chance.randint(1, MOST_AT_ONCE)
        fold(at_acme, mixed[told : told + some])
        told += some
        if told - cleared > ROOM:
            clear()
            cleared = told
    clear()
    wanted, *others = left(groups)
    assert [state for state, *_ in wanted] == ["delivered", "bounced", "bounced"]
    assert [bool(suppressed) for *_, suppressed in wanted] == [True, False, True]
    assert [(group, each) for group, each in zip(groups[1:], others, strict=True) if each != wanted] == []


def stream(retailer: Retailer, group: list[int]) -> Iterator[bytes]:
    """As it happened, each told once."""
    first, second, third = (Message(pk=number) for number in group)
    whom = {number: f"p{number}@example.com" for number in group}
    documents = [
        bounced(retailer, first, f"soft {first.pk}", hard=False, recipient=whom[first.pk]),
        event(retailer, first, "delivered", f"delivered {first.pk}", recipient=whom[first.pk]),
        event(retailer, first, "opened", f"opened {first.pk}", recipient=whom[first.pk]),
        event(retailer, first, "complained", f"complained {first.pk}", recipient=whom[first.pk]),
        bounced(retailer, second, f"soft {second.pk}", hard=False, recipient=whom[second.pk]),
        bounced(retailer, third, f"hard {third.pk}", recipient=whom[third.pk]),
        event(retailer, third, "clicked", f"clicked {third.pk}", recipient=whom[third.pk]),
    ]
    return (signed(document) for document in documents)


def fold(retailer: Retailer, bodies: list[bytes]) -> None:
    RawSignal.objects.bulk_create([RawSignal(provider="mailgun", body=body) for body in bodies])
    while folding.advance(retailer, now=timezone.now()):
        pass


def clear() -> None:
    assert not RawSignal.objects.exclude(state="folded").exists()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE delivery_rawsignal")


def left(groups: list[list[int]]) -> list[Left]:
    """State, reason, signals by kind, and suppressions, of each message of each group."""
    messages = Message.objects.values_list("pk", "state", "reason")
    states = {number: (state, reason) for number, state, reason in messages}
    suppressed = Counter(Suppression.objects.values_list("address", flat=True))
    kinds: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for number, kind in Signal.objects.values_list("message_id", "kind"):
        kinds[number][kind] += 1
    return [
        [(*states[number], kinds[number], suppressed[f"p{number}@example.com"]) for number in group]
        for group in groups
    ]  # fmt: skip


def messages(number: int) -> list[int]:
    """Their numbers; each was accepted, and is a person's of its own."""
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES, [number])
        return [row[0] for row in cursor.fetchall()]


_MESSAGES = """
INSERT INTO delivery_message (run_id, batch_id, member_id, customer_id, step, channel, variant, position, send_at,
                              state, template_hash)
SELECT 1, 1, n, n, 'first', 'email', 'a', n, now(), 'accepted', repeat('0', 64) FROM generate_series(1, %s) n
RETURNING id
"""

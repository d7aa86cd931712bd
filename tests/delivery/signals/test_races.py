"""Who unsubscribes while messages go out gets none whose hand-over begins a second later.

`RACES=10000` runs as many, in minutes; a few hundred are the short form.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence

import pytest
from django.utils import timezone

from campaigns import configuration
from campaigns.models import Suppression
from delivery import pipeline, preferences
from delivery.channels.base import Envelope, Outbound, Outcome
from delivery.channels.memory import MemoryChannel
from delivery.identity import Signer
from delivery.models import Message
from tenants.models import Retailer
from tests import factories

RACES = int(os.environ.get("RACES", "200"))
A_HAND_OVER, BETWEEN = 50, 10  # messages, and people who leave between two hand-overs
NEXT = 2000  # messages that go out next: theirs are whose people leave


@pytest.mark.timeout(300 + RACES)
def test_nobody_gets_what_is_handed_over_a_second_after_they_left(
    at_acme: Retailer, outbox: MemoryChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, chance = RACES // BETWEEN * (A_HAND_OVER + BETWEEN) + 1000, random.Random(3)  # who left fills no hand-over
    factories.customers(people)
    signer, send = Signer(at_acme), outbox.send
    handed: dict[str, float] = {}
    left: dict[str, float] = {}
    first = 0  # number of a message below which none waits

    def leave(pk: int) -> None:
        recipient = preferences.unsubscribe(at_acme, signer.token(pk), now=timezone.now())
        left[recipient.address] = time.monotonic()

    def sending(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        nonlocal first
        begun = time.monotonic()
        outcomes = send(envelope, batch, seconds=seconds)
        handed.update({message.recipient: begun for message in batch})
        queued = Message.objects.filter(state="queued", pk__gte=first).order_by("pk")
        waiting = list(queued.values_list("pk", flat=True)[:NEXT])
        first = min(waiting, default=first)
        for pk in chance.sample(waiting, min(BETWEEN, len(waiting))) if len(left) < RACES else ():
            leave(pk)
        return outcomes

    monkeypatch.setattr(outbox, "send", sending)
    configuration.launch(factories.campaign(), by="test", now=timezone.now())
    pipeline.work(seconds=200 + RACES)  # it ends before, when nothing is left to do
    assert len(left) >= RACES * 0.9
    assert [each for each in left if handed.get(each, 0.0) >= left[each] + 1] == []
    assert sum(each not in handed for each in left) > len(left) / 2  # in time for most
    assert Suppression.objects.count() == len(left)
    assert len(handed) + sum(each not in handed for each in left) == people

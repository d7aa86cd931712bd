"""Providers that a test steers, and the work that is handed over to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from campaigns import audience, configuration
from campaigns.models import Campaign, Run
from delivery import messages, pipeline, reports
from delivery.channels.base import ChannelUnavailable, Envelope, Outbound, Outcome, Result
from delivery.channels.memory import MemoryChannel
from delivery.models import Provider, ProviderState
from delivery.providers import opened
from tenants.models import AgendaItem, Retailer
from tests import factories

Answer = Callable[[Sequence[Outbound]], Sequence[Outcome]]

DOWN = ChannelUnavailable("nothing listens there")
REFUSED = ChannelUnavailable("wrong password", permanent=True)


# -- what a provider answers -------------------------------------------------------------------------------------------
def each(result: Result, **more: Any) -> Answer:
    return lambda batch: [Outcome(message.key, result, "as the test says", **more) for message in batch]


def answering(
    monkeypatch: pytest.MonkeyPatch, retailer: Retailer, provider: Provider, *answers: Answer | ChannelUnavailable
) -> list[int]:
    """The account answers these in turn, then as usual. Returns the sizes of the hand-overs, which grows."""
    channel: Any = opened.channel(retailer, provider)
    usual, waiting, sizes = channel.send, list(answers), []

    def send(envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        sizes.append(len(batch))
        answer = waiting.pop(0) if waiting else None
        if isinstance(answer, ChannelUnavailable):
            raise answer
        return answer(batch) if answer else usual(envelope, batch, seconds=seconds)

    monkeypatch.setattr(channel, "send", send)
    return sizes


def sent(retailer: Retailer, provider: Provider) -> list[Outbound]:
    """What the account was given."""
    channel = opened.channel(retailer, provider)
    assert isinstance(channel, MemoryChannel)
    return channel.sent


def pause_is_over() -> None:
    """Every breaker that is open may be tried now."""
    ProviderState.objects.exclude(retry_at=None).update(retry_at=F("retry_at") - timedelta(hours=1))


# -- what is handed over -----------------------------------------------------------------------------------------------
def plan(campaign: Campaign) -> Run:
    """A run of it, with its messages."""
    run = configuration.launch(campaign, by="test", now=timezone.now())
    audience.evaluate(run)
    messages.generate(run, now=timezone.now())
    return run


def planned(people: int, **fields: Any) -> Run:
    """An e-mail for each of so many people."""
    factories.customers(people, **fields)
    return plan(factories.campaign())


def work_off(run: Run) -> reports.Report:
    """Until nothing is due now; what waits is called due, once."""
    AgendaItem.objects.update(due_at=timezone.now())
    pipeline.work(seconds=20)
    run.refresh_from_db()
    return reports.report(run)

"""Postfix dies in the midst of a batch: nothing is lost, nothing comes twice, and what nobody can know is parked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from campaigns import configuration
from campaigns.models import Run
from delivery import identity, pipeline, reports
from delivery.models import Message, ProviderState
from delivery.providers import accounts
from tenants.models import AgendaItem, Retailer
from tests import factories
from tests.benchmarks.sink import SinkProcess
from tests.channels import postfix
from tests.channels.postfix import Postfix
from tests.channels.real_servers import REFUSED
from tests.channels.tap import Moment, Tap

PEOPLE, AT = 40, 7  # the message at which it dies: the last but three of the first hand-over
AT_ONCE = 4
WAIT = 60.0  # seconds, for what a relay passes on
ROUNDS = 20


@pytest.fixture
def next_hop(tmp_path: Path) -> Iterator[SinkProcess]:
    if not postfix.is_here():
        pytest.skip(postfix.CURE)
    with SinkProcess() as sink:
        yield sink


def carry_on(run: Run) -> dict[str, int]:
    """All that waits for a time is called due, until nothing waits for one."""
    for _ in range(ROUNDS):
        Message.objects.filter(run=run).exclude(retry_at=None).update(retry_at=timezone.now())
        ProviderState.objects.exclude(opened_at=None).update(retry_at=timezone.now())
        AgendaItem.objects.update(due_at=timezone.now())
        pipeline.work(seconds=30)
        states = reports.report(run).states
        if not states.get("queued"):
            break
    return states


@contextmanager
def killed(next_hop: SinkProcess, moment: Moment, *, chunking: bool) -> Iterator[tuple[Run, Postfix]]:
    """A run whose relay died over a message; it can be started again."""
    factories.customers(PEOPLE)
    with (
        Postfix(next_hop=next_hop.port, refused=REFUSED) as relay,
        Tap(relay.port, number=AT, moment=moment, end=relay.kill) as tap,
    ):
        where = {"host": "localhost", "port": tap.port, "security": "none", "chunking": chunking}
        accounts.save({"key": "relay", "channel": "email", "kind": "smtp", "settings": where, "timeout": 10})
        run = configuration.launch(factories.campaign(), by="test", now=timezone.now())
        pipeline.work(seconds=30)
        assert tap.has_cut
        yield run, relay


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
def test_a_relay_that_dies_over_a_message_leaves_that_one_to_a_person_and_passes_on_the_others_once(
    at_acme: Retailer, next_hop: SinkProcess, settings: Settings, moment: Moment
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with killed(next_hop, moment, chunking=False) as (run, relay):
        before = reports.report(run).states
        assert before == {"accepted": AT - 1, "unknown": 1, "queued": PEOPLE - AT}
        relay.start()
        assert carry_on(run) == {"accepted": PEOPLE - 1, "unknown": 1}

        taken = PEOPLE if moment == Moment.BETWEEN_DOT_AND_ANSWER else PEOPLE - 1
        assert next_hop.wait_for(taken, seconds=WAIT) == taken
    check(at_acme, run, next_hop)
    assert Message.objects.get(run=run, state="unknown").retry_at is None


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
def test_a_relay_that_dies_over_several_at_once_leaves_those_to_a_person_and_none_comes_twice(
    at_acme: Retailer, next_hop: SinkProcess, settings: Settings, moment: Moment
) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = True
    with killed(next_hop, moment, chunking=True) as (run, relay):
        unknown = reports.report(run).states["unknown"]
        assert 1 <= unknown <= AT_ONCE
        relay.start()
        assert carry_on(run) == {"accepted": PEOPLE - unknown, "unknown": unknown}
        taken = PEOPLE - unknown + (moment == Moment.BETWEEN_DOT_AND_ANSWER)  # one of them at least, by then
        assert next_hop.wait_for(taken, seconds=WAIT) >= taken
    check(at_acme, run, next_hop)


def check(retailer: Retailer, run: Run, next_hop: SinkProcess) -> None:
    """What was accepted has arrived, and nothing twice."""
    arrived = [received.key for received in next_hop.received()]
    assert len(set(arrived)) == len(arrived)
    accepted = Message.objects.filter(run=run, state="accepted").values_list("pk", flat=True)
    assert {identity.public_id(retailer, pk) for pk in accepted} <= set(arrived)
    run.refresh_from_db()
    assert reports.report(run).balances
